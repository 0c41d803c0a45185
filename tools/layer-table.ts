/** What a layer's code may reach beyond itself. */
export interface Layer {
  readonly folder: string;
  /** folders (ending in a slash) or files; a leading 'type ' allows `import type` alone */
  readonly imports: readonly string[];
  /** core: neither Node nor DOM; node: node: modules allowed; web: DOM types */
  readonly world: 'core' | 'node' | 'web';
  /** npm packages it may import */
  readonly packages?: readonly string[];
}

const LIB = ['src/lib/'];
const DOM0 = ['src/lib/', 'src/abi/', 'src/libs/'];
const EVERYTHING = ['src/', 'guests/'];

/**
 * Who may import whom (docs/ARCHITECTURE.md). A layer may always import itself. A file belongs to the layer with the
 * longest folder that holds it. Tests may import whatever they test with; the host's tests too.
 */
export const LAYERS: readonly Layer[] = [
  { folder: 'src/lib/', imports: [], world: 'core' },
  { folder: 'src/abi/', imports: LIB, world: 'core' },
  { folder: 'src/cpu/', imports: LIB, world: 'core' },
  { folder: 'src/devices/', imports: LIB, world: 'core' },
  { folder: 'src/kvm/', imports: [...LIB, 'src/cpu/engine.ts', 'src/cpu/state.ts'], world: 'core' },
  {
    folder: 'src/xen/',
    imports: [
      ...LIB,
      'src/abi/',
      'src/cpu/engine.ts',
      'src/cpu/state.ts',
      // How the state block holds the flags and the FPU; for saving a vCPU.
      'src/cpu/emit/flags.ts',
      'src/cpu/fpu/fxsave.ts',
      'src/cpu/fpu/x87-state.ts',
      'type src/cpu/mmu/',
      'src/devices/chipset/',
    ],
    world: 'core',
  },
  { folder: 'src/libs/', imports: [...LIB, 'src/abi/'], world: 'core' },
  { folder: 'src/dom0/xenstored/', imports: DOM0, world: 'core' },
  { folder: 'src/dom0/console/', imports: DOM0, world: 'core' },
  { folder: 'src/dom0/backends/', imports: DOM0, world: 'core' },
  { folder: 'src/dom0/device-model/', imports: [...DOM0, 'src/devices/'], world: 'core' },
  { folder: 'src/dom0/builder/', imports: DOM0, world: 'core', packages: ['zstddec'] },
  { folder: 'src/dom0/migration/', imports: DOM0, world: 'core' },
  {
    folder: 'src/dom0/toolstack/',
    imports: [...DOM0, 'src/dom0/builder/', 'src/dom0/migration/'],
    world: 'core',
  },
  { folder: 'src/dom0/xl/', imports: [...DOM0, 'src/dom0/toolstack/'], world: 'core' },
  { folder: 'src/host/', imports: LIB, world: 'node' },
  { folder: 'src/host/web/', imports: LIB, world: 'web' },
  { folder: 'src/machine/', imports: EVERYTHING, world: 'node' },
  { folder: 'web/', imports: EVERYTHING, world: 'web' },
  { folder: 'guests/', imports: ['src/lib/', 'src/abi/', 'src/cpu/'], world: 'core' },
  {
    folder: 'tools/',
    // The suite that is measured is what is looked into.
    imports: [...EVERYTHING, 'bench/'],
    world: 'node',
    packages: ['wabt'],
  },
  { folder: 'bench/', imports: EVERYTHING, world: 'node', packages: ['playwright-core'] },
];

/** Folders inside one layer whose files never import each other's. */
export const STRANGERS: readonly (readonly [string, string])[] = [
  ['src/cpu/interpreter/', 'src/cpu/jit/'],
  ['src/host/node/', 'src/host/web/'],
];

/** The parts of these folders know nothing of one another: each is a service of its own. */
export const SIBLINGS_APART: readonly string[] = ['src/dom0/backends/'];
