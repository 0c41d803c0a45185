/** Lines of assembly at random: what hurts, what guests do all day, and any instruction there is. */
import { Assembler, AssemblyError } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import type { SeededRandom } from '../../src/lib/seeded-random.ts';
import { anyInstruction } from './any-instruction.ts';
import { pick } from './pick.ts';
import * as place from './places.ts';
import { HYPERCALLS } from './domain.ts';

export type Width = 16 | 32 | 64;

/** What lines are written with. */
export interface Writer {
  readonly random: SeededRandom;
  readonly width: Width;
  /** Guest-physical address of the code of a vCPU chosen at random, mostly the one that the line is for. */
  code(): number;
  /** At CPL 0, or it may come there. */
  readonly isKernel: boolean;
  /** What becomes a page table is where page tables are. */
  readonly isTidy: boolean;
}

/** A linear address where something is, or just does not be any more. */
export function address({ random, width, code }: Writer): bigint {
  const wide = width === 64;
  const base = wide ? pick(random, random.below(3) === 0 ? place.SCATTERED : place.ALIASES) : pick(random, NARROW);
  switch (random.below(12)) {
    case 0:
      return edge(random, wide);
    case 1:
      return wide ? place.LOW_END + BigInt(random.below(0x200000)) : BigInt(random.below(0x10000));
    case 2:
      return base + BigInt(code() + random.below(0x200) * 16);
    case 3:
      return base + BigInt(place.FIRST_TABLE + random.below(place.LAST_TABLE + 0x1000 - place.FIRST_TABLE));
    case 4:
      return base + BigInt(random.below(place.RAM_PAGES) * 4096 + 4096 - 1 - random.below(16));
    default:
      return base + BigInt(place.DATA + random.below(0x2000) * 8);
  }
}

/** Numbers for registers: addresses mostly. */
export function value(writer: Writer): bigint {
  const { random, width } = writer;
  const all = (1n << BigInt(width)) - 1n;
  switch (random.below(6)) {
    case 0:
      return BigInt(random.below(0x40)) & all;
    case 1:
      return pick(random, CONTROL) & all;
    case 2:
      return ((BigInt(random.next()) << 32n) | BigInt(random.next())) & all;
    default:
      return address(writer) & all;
  }
}

/** One line, or several that belong together, which code of the width can have. */
export function line(writer: Writer): string {
  for (;;) {
    const text = draw(writer);
    if (isCode(text, writer.width)) return text;
  }
}

const assembler = new Assembler(ALL_INSTRUCTIONS);

function isCode(source: string, width: Width): boolean {
  try {
    assembler.assemble(source, { origin: place.CODE, width });
    return true;
  } catch (error) {
    if (error instanceof AssemblyError) return false;
    throw error;
  }
}

function draw(writer: Writer): string {
  const { random, width, isKernel } = writer;
  const kind = random.below(20);
  if (kind < 9) return pick(random, COMMON)(writer);
  if (kind < 11) return pick(random, STRINGS)(writer);
  if (kind < 12) return anyInstruction(random, width);
  if (kind < 14) return pick(random, CODE_CHANGES)(writer);
  if (!isKernel || width === 16) return pick(random, COMMON)(writer);
  if (kind < 17) return pick(random, TABLES)(writer);
  if (kind < 18) return hypercall(random);
  return pick(random, width === 64 ? [...SYSTEM, ...SYSTEM_64] : SYSTEM)(writer);
}

const NARROW = [0n, 0n, 0x400000n, 0x200000n, 0xffc00000n] as const;

/** Values for control registers, MSRs, flags and descriptors. */
const CONTROL = [
  ...[0x80050033n, 0x80040033n, 0x80010033n, 0x50033n, 0x80010011n, 0x8005003bn, 0x60000011n, 0x10n],
  ...[0x240202n, 0x40202n, 0x302n, 0x6b0n, 0x3006b0n, 0x2006b0n, 0x1006a0n, 0x206a0n, 0x606b0n, 0x16b0n, 0x630n, 0x20n],
  ...[0x46n, 0xd01n, 0x1d01n, 0x501n, 0x400n, 0x403n, 0x700n, 0xd0001n, 0xd0303n, 0x155n, 0xaaffn],
  ...[BigInt(place.PML4), BigInt(place.PML4_OTHER), BigInt(place.PML4 + 1), 0x8000000000001001n, BigInt(place.PDPTES)],
  ...[BigInt(place.DIRECTORY), 0xc0000080n, 0xc0000081n, 0xc0000082n, 0xc0000100n, 0xc0000101n, 0xc0000102n],
  ...[0xc0010114n, 0xc0010117n, 0x1d9n, 0x10n, 0x277n, 0x174n, 0x8n, 0x10n, 0x1bn, 0x23n, 0x2bn, 0x30n, 0x48n, 0x50n],
] as const;

function edge(random: SeededRandom, wide: boolean): bigint {
  const at = pick(random, wide ? EDGES : EDGES_32);
  return BigInt.asUintN(64, at + BigInt(random.below(48)) - 32n);
}

const EDGES = [
  ...[0n, 0x200000n, 0x400000n, 0x40000000n, 0x80000000n, 0x100000000n, 0x7ffffffff000n, 0x800000000000n],
  ...[0xffff800000000000n, 0xffffffff80000000n, 1n << 62n, 1n << 63n, (1n << 62n) + 0x1000n, 1n << 52n, 0x80n << 32n],
  ...[(1n << 48n) + 0x20000n, (2n << 48n) + 0x40000n, (1n << 59n) + 0x20000n, 0xfffe800000000000n],
] as const;
const EDGES_32 = [
  0n,
  0x1000n,
  0x10000n,
  0x200000n,
  0x400000n,
  0x100000n,
  0x80000000n,
  0xfffff000n,
  0x100000000n,
] as const;

const GENERAL = ['ax', 'bx', 'cx', 'dx', 'si', 'di', 'bp'] as const;
const UPPER = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13'] as const;

/** A register of the code's width, or 32 bits of it. */
function register({ random, width }: Writer, bits: number = width): string {
  if (width === 64 && random.below(3) === 0) return pick(random, UPPER) + (bits === 64 ? '' : 'd');
  return (bits === 64 ? 'r' : bits === 32 ? 'e' : '') + pick(random, GENERAL);
}

function memory(writer: Writer): string {
  const { random, width } = writer;
  const segment = random.below(10) === 0 ? `${pick(random, ['fs', 'gs', 'es', 'ss', 'cs'])}:` : '';
  if (width === 16) {
    if (random.below(3) === 0) return `[${segment}${random.below(0x10000)}]`;
    return `[${segment}${pick(random, ['bx', 'si', 'di', 'bp', 'bx+si', 'bp+di'])}+${random.below(0x200)}]`;
  }
  const bits = width === 64 && random.below(10) === 0 ? 32 : width;
  const displacement = pick(random, [0, 0, 8, 16, -8, 1, 7, 40, -1, 0xff8, 0x1000, -0x1000, 0x7ffffff8]);
  const base = register(writer, bits);
  const far = displacement < 0 ? `${displacement}` : `+${displacement}`;
  if (random.below(4) !== 0) return `[${segment}${base}${far}]`;
  return `[${segment}${base}+${register(writer, bits)}*${pick(random, [1, 2, 4, 8])}${far}]`;
}

const SIZES = { 16: 'word', 32: 'dword', 64: 'qword' } as const;
type Template = (writer: Writer) => string;

function two(...names: readonly string[]): Template {
  return (writer) => {
    const name = pick(writer.random, names);
    const r = register(writer);
    return writer.random.below(2) === 0 ? `${name} ${r}, ${memory(writer)}` : `${name} ${memory(writer)}, ${r}`;
  };
}

const COMMON: readonly Template[] = [
  two('mov', 'add', 'and', 'or', 'xor', 'cmp', 'sub', 'adc'),
  two('mov'),
  two('mov'),
  (w) => `mov ${register(w)}, ${value(w)}`,
  (w) => `mov ${register(w)}, ${value(w)}`,
  (w) => `add ${register(w)}, ${pick(w.random, [1, 8, 64, 4096, 4095, -8])}`,
  (w) => `lea ${register(w)}, ${memory(w)}`,
  (w) => `push ${register(w)}`,
  (w) => `pop ${register(w)}`,
  (w) => `push ${SIZES[w.width]} ${memory(w)}`,
  (w) => `pop ${SIZES[w.width]} ${memory(w)}`,
  (w) => `lock xadd ${memory(w)}, ${register(w)}`,
  (w) => `bts ${memory(w)}, ${register(w)}`,
  (w) => `cmpxchg ${memory(w)}, ${register(w)}`,
  (w) => `xchg ${memory(w)}, ${register(w)}`,
  (w) => `inc ${pick(w.random, ['byte', SIZES[w.width]])} ${memory(w)}`,
  (w) => `mov byte ${memory(w)}, ${w.random.below(256)}`,
  (w) => `movzx e${pick(w.random, GENERAL)}, byte ${memory(w)}`,
  (w) => `movups ${pick(w.random, ['xmm1', 'xmm2'])}, ${memory(w)}`,
  (w) => `movups ${memory(w)}, ${pick(w.random, ['xmm1', 'xmm2'])}`,
  (w) => `${pick(w.random, ['paddd', 'addps', 'movdqa', 'pxor'])} xmm1, ${memory(w)}`,
  (w) => `fld ${pick(w.random, ['dword', 'qword', 'tword'])} ${memory(w)}`,
  (w) => `fstp ${pick(w.random, ['dword', 'qword', 'tword'])} ${memory(w)}`,
  (w) => `${pick(w.random, ['fxsave', 'fxrstor', 'fnstenv', 'fldenv', 'fnsave', 'frstor'])} ${memory(w)}`,
  (w) => `${pick(w.random, ['xsave', 'xrstor', 'xsaveopt', 'cmpxchg8b', 'clflush'])} ${memory(w)}`,
  (w) => `${pick(w.random, ['pushf', 'popf', 'nop', 'pause', 'cpuid', 'rdtsc', 'emms', 'cld', 'std', 'int3'])}`,
  (w) => `j${pick(w.random, ['z', 'nz', 'c', 's', 'o', 'p', 'l'])} $+${pick(w.random, [16, 32, 48, 18])}`,
  (w) => `${pick(w.random, ['jmp', 'call'])} ${register(w)}`,
  (w) => `${pick(w.random, ['jmp', 'call'])} ${SIZES[w.width]} ${memory(w)}`,
  (w) => `mov ${register(w)}, ${w.code() + w.random.below(64) * 16}\n${pick(w.random, ['jmp', 'call'])} ${register(w)}`,
  (w) => `div ${register(w)}`,
  (w) => `int ${pick(w.random, [0x30, 0x80, 3, 14])}`,
  (w) => `mov ${pick(w.random, ['ds', 'es', 'fs', 'gs', 'ss'])}, ${pick(w.random, ['ax', 'bx', 'cx'])}`,
  () => 'ret',
];

const STRINGS: readonly Template[] = [
  (w) => `${again(w)}${pick(w.random, ['movs', 'stos', 'lods', 'cmps', 'scas'])}${pick(w.random, ['b', 'd', 'w'])}`,
  (w) =>
    `mov ${counter(w)}, ${pick(w.random, COUNTS)}\n${again(w)}${pick(w.random, ['movs', 'stos'])}${pick(w.random, ['b', 'd'])}`,
  (w) => `lea ${destination(w)}, [${source(w)}+${pick(w.random, [1, 2, 8, 63, 64, 4096])}]\n${again(w)}movsb`,
  (w) => `${again(w)}${pick(w.random, ['insb', 'outsb', 'insd', 'outsd'])}`,
  (w) => `mov ${source(w)}, ${address(w) & mask(w)}\nmov ${destination(w)}, ${address(w) & mask(w)}\n${again(w)}movsb`,
];
const COUNTS = [0, 1, 7, 8, 63, 64, 100, 511, 4096, 4097, 8192, 0x10000, 0x7fffffff] as const;

function mask({ width }: Writer): bigint {
  return (1n << BigInt(width)) - 1n;
}
function again({ random, width }: Writer): string {
  const size = width === 64 && random.below(4) === 0 ? 'a32 ' : '';
  const segment = random.below(6) === 0 ? `${pick(random, ['fs', 'gs', 'es'])} ` : '';
  return `${segment}${size}${pick(random, ['rep ', 'rep ', 'repne ', ''])}`;
}
const named =
  (name: string): Template =>
  ({ width }) =>
    (width === 64 ? 'r' : width === 32 ? 'e' : '') + name;
const counter: Template = (w) => (w.width === 64 ? 'ecx' : named('cx')(w));
const source = named('si');
const destination = named('di');

/** Writes into code: that of the vCPU itself, just ahead of it, or another's. */
const CODE_CHANGES: readonly Template[] = [
  (w) =>
    `mov byte [${w.code() + w.random.below(0x400)}], ${pick(w.random, [0x90, 0xf4, 0xc3, 0x48, 0x89, 0xf3, 0xeb])}`,
  (w) => `inc byte [${w.code() + w.random.below(0x400)}]`,
  // A line further on, which nothing was decoded of yet, and a way there.
  (w) => {
    const far = 64 + w.random.below(24) * 16;
    return `mov ${pick(w.random, ['byte', 'dword'])} [$+${far + w.random.below(8)}], ${w.random.below(128)}\n${pick(w.random, ['jmp', 'call', 'jz', 'jnz'])} $+${far - 16}`;
  },
  (w) => `mov dword [$+${pick(w.random, [16, 17, 32, 40])}], ${w.random.next()}`,
  (w) => `xor byte [${w.code() + w.random.below(64) * 16}], ${pick(w.random, [1, 2, 8, 0x80])}`,
  (w) =>
    `mov ${destination(w)}, ${w.code() + w.random.below(0x300)}\nmov ${source(w)}, ${w.code() + w.random.below(0x300)}\nmov ${counter(w)}, 16\nrep movsb`,
];

/** Changes of page tables, with and without what a kernel does behind them. */
const TABLES: readonly Template[] = [
  (w) => {
    const at = entryAt(w);
    const bits = [1, 2, 4, 0x80, 0x100, 0x20, 0x40, 3, ...(w.isTidy && !isLastLevel(at) ? [] : [0x1000, 0x3000])];
    return `xor dword [${at}], ${pick(w.random, bits)}`;
  },
  (w) => {
    const at = entryAt(w);
    return `mov dword [${at}], ${entryValue(w.random, w.isTidy, isLastLevel(at))}`;
  },
  (w) => `mov dword [${entryAt(w) + 4}], ${pick(w.random, [0, 0x80000000, 1, 0xff, 0x100000])}`,
  (w) => `invlpg ${memory(w)}`,
  (w) => `invlpg ${memory(w)}`,
  (w) => {
    const r = register(w);
    return `mov ${r}, cr3\nmov cr3, ${r}`;
  },
  (w) => {
    const page = w.random.below(place.RAM_PAGES);
    return `xor dword [${place.PT + page * 8}], ${pick(w.random, [1, 2, 4, 0x1000])}\ninvlpg [${page * 4096}]`;
  },
];

function entryAt({ random, width }: Writer): number {
  const table = place.FIRST_TABLE + random.below((place.LAST_TABLE - place.FIRST_TABLE) / 4096 + 1) * 4096;
  const index = pick(random, [0, 1, 2, 3, 255, 256, 510, 511, random.below(512), (place.DATA >> 12) + random.below(8)]);
  return width === 64 ? table + index * 8 : (table + index * 4) & ~3;
}

export function isLastLevel(address: number): boolean {
  const table = address & ~0xfff;
  return table === place.PT || table === place.PT_ALIAS || table === place.PT_ENDS || table === place.PT_32;
}

/** An entry of a page table, its lower half. */
export function entryValue(random: SeededRandom, isTidy: boolean, isLastLevel: boolean): number {
  if (isTidy && !isLastLevel)
    return (
      place.FIRST_TABLE + random.below(11) * 4096 + pick(random, [0x67, 7, 0x63, 0x65, 0x61, 0, 0xe3, 0xe7, 0x1067])
    );
  const bits = pick(random, [7, 0x67, 0x63, 0x65, 0xe7, 0xe3, 0x61, 0, 0x167, 0x67, 0x1e7, 0x1067, 0x2067, 0x27]);
  switch (random.below(5)) {
    case 0:
      return (pick(random, place.FAR_FRAMES) * 4096 + bits) >>> 0;
    case 1:
      return (random.below(0x100000) * 4096 + bits) >>> 0;
    case 2:
      return place.FIRST_TABLE + random.below(11) * 4096 + (bits & 0xfff);
    default:
      return random.below(place.RAM_PAGES) * 4096 + bits;
  }
}

const SYSTEM: readonly Template[] = [
  (w) =>
    `mov ${register(w)}, ${value(w)}\nmov ${pick(w.random, w.isTidy ? ['cr0', 'cr4'] : ['cr0', 'cr3', 'cr4', 'cr4'])}, ${register(w)}`,
  (w) => {
    const r = register(w);
    const root =
      w.width === 64 ? pick(w.random, [place.PML4, place.PML4_OTHER]) : pick(w.random, [place.DIRECTORY, place.PDPTES]);
    return `mov ${r}, ${root + w.random.below(3)}\nmov cr3, ${r}`;
  },
  (w) => {
    const r = register(w);
    const [name, bit] = pick(w.random, TOGGLED);
    return `mov ${r}, ${name}\nxor ${w.width === 64 ? r.replace(/^r([a-z])/, 'e$1').replace(/^(r\d+)$/, '$1d') : r}, ${bit}\nmov ${name}, ${r}`;
  },
  (w) => `mov ${register(w)}, ${value(w)}\nmov ${pick(w.random, ['dr0', 'dr1', 'dr3', 'dr6', 'dr7'])}, ${register(w)}`,
  (w) => `mov ecx, ${pick(w.random, CONTROL) & 0xffffffffn}\n${pick(w.random, ['rdmsr', 'wrmsr'])}`,
  (w) => `${pick(w.random, ['lgdt', 'lidt', 'sgdt', 'sidt'])} ${memory(w)}`,
  (w) =>
    `${pick(w.random, ['sti', 'cli', 'clts', 'stac', 'clac', 'invd', 'wbinvd', 'swapgs', 'iret', 'hlt', 'sysret'])}`,
  (w) => `${pick(w.random, ['stac', 'clac'])}`,
  (w) => `${pick(w.random, ['ltr', 'lldt', 'lmsw'])} ${pick(w.random, ['ax', 'bx', 'dx'])}`,
  () => 'in eax, dx',
  () => 'out dx, eax',
  (w) => `push ${pick(w.random, [0x102, 0x40002, 0x2, 0x202, 0x400, 0x40302, 0x10002])}\npopf`,
  () => 'retf',
  (w) => `${pick(w.random, ['jmp', 'call'])} far ${memory(w)}`,
];
const TOGGLED = [
  ['cr0', 1 << 16],
  ['cr0', 1 << 3],
  ['cr0', 1 << 2],
  ['cr0', 1 << 18],
  ['cr4', 1 << 21],
  ['cr4', 1 << 20],
  ['cr4', 1 << 7],
  ['cr4', 1 << 17],
  ['cr4', 1 << 4],
  ['cr4', 1 << 9],
] as const;

const SYSTEM_64: readonly Template[] = [
  (w) => `invpcid ${register(w)}, ${memory(w)}`,
  () => `mov rax, ${place.VMCB}\nvmrun`,
  () => `mov rax, ${place.VMCB}\nvmrun`,
  () => `add qword [${place.VMCB + 0x578}], 16\nmov rax, ${place.VMCB}\nvmrun`,
  (w) => `${pick(w.random, ['vmload', 'vmsave', 'stgi', 'clgi', 'invlpga', 'vmmcall', 'syscall', 'sysenter'])}`,
  (w) => `mov dword [${place.VMCB + w.random.below(0x34) * 4}], ${w.random.next()}`,
  (w) =>
    `mov dword [${place.NESTED_TABLES + w.random.below(4) * 4096 + w.random.below(16) * 8}], ${entryValue(w.random, w.isTidy, false)}`,
  (w) =>
    `mov dword [${place.NESTED_TABLES + 0x3000 + w.random.below(512) * 8}], ${entryValue(w.random, w.isTidy, true)}`,
  (w) => `cmpxchg16b ${memory(w)}`,
  (w) => `${pick(w.random, ['wrfsbase', 'wrgsbase', 'rdgsbase'])} ${register(w)}`,
  (w) => `mov cr8, ${register(w)}`,
];

/** Asks the hypervisor for a change of the guest's physical memory, or another. */
function hypercall(random: SeededRandom): string {
  const operation = random.below(HYPERCALLS.length);
  const [a, b] = [random.below(place.RAM_PAGES), random.below(place.RAM_PAGES)];
  const frame = random.below(3) === 0 ? (place.DATA >> 12) + random.below(16) : a;
  return `mov eax, ${operation + frame * 16 + b * 0x4000}\nvmcall`;
}
