import {
  HvmMemmapTableEntry,
  HvmModlistEntry,
  HvmStartInfo,
  XEN_HVM_START_MAGIC_VALUE,
} from '../../abi/arch-x86/hvm/start_info.ts';

/** A file handed to the kernel in memory, as it is. */
export interface PvhModule {
  readonly fileName: string;
  readonly bytes: Uint8Array;
  readonly commandLine?: string;
}

/** A line of the memory map: XENMEM_memory_map and hvm_start_info tell the same. */
export interface MemoryMapEntry {
  readonly addr: number;
  readonly size: number;
  /** XEN_HVM_MEMMAP_TYPE_*, which are E820's */
  readonly type: number;
}

// hvm_start_info has room for this many modules, each with a command line of so many bytes (libxc, xg_dom_x86.c).
export const HVMLOADER_MODULE_MAX_COUNT = 2;
export const MAX_GUEST_CMDLINE = 1024;

/** Bytes of the start info with all that hangs on it. */
export function startInfoSize(commandLine: Uint8Array | undefined, memmapEntries: number): number {
  return startInfoLayout(commandLine, memmapEntries).size;
}

/**
 * The start info page, for its place in memory.
 *
 * @param moduleGpas where each module lies
 */
export function startInfoBytes(
  gpa: number,
  commandLine: Uint8Array | undefined,
  modules: readonly PvhModule[],
  moduleGpas: readonly number[],
  memmap: readonly MemoryMapEntry[],
  rsdpGpa: number,
): Uint8Array {
  const layout = startInfoLayout(commandLine, memmap.length);
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  const info = new HvmStartInfo(view, 0);
  info.magic = XEN_HVM_START_MAGIC_VALUE;
  info.version = 1;
  info.nr_modules = modules.length;
  info.rsdp_paddr = rsdpGpa;
  info.memmap_paddr = gpa + layout.memmap;
  info.memmap_entries = memmap.length;
  if (commandLine !== undefined) {
    info.cmdline_paddr = gpa + HvmStartInfo.SIZE;
    bytes.set(commandLine, HvmStartInfo.SIZE);
  }
  if (modules.length > 0) info.modlist_paddr = gpa + layout.modlist;
  for (const [i, module] of modules.entries()) {
    const entry = new HvmModlistEntry(view, layout.modlist + i * HvmModlistEntry.SIZE);
    entry.paddr = moduleGpas[i] as number;
    entry.size = module.bytes.length;
    if (module.commandLine === undefined) continue;
    const at = layout.moduleCommandLines + i * MAX_GUEST_CMDLINE;
    bytes.set(cString(module.commandLine), at);
    entry.cmdline_paddr = gpa + at;
  }
  for (const [i, { addr, size, type }] of memmap.entries()) {
    const entry = new HvmMemmapTableEntry(view, layout.memmap + i * HvmMemmapTableEntry.SIZE);
    entry.addr = addr;
    entry.size = size;
    entry.type = type;
  }
  return bytes;
}

/** UTF-8 with a NUL at its end. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

interface StartInfoLayout {
  readonly modlist: number;
  readonly moduleCommandLines: number;
  readonly memmap: number;
  readonly size: number;
}

/** Offsets as libxc lays them: start info, command line, module list, module command lines, memory map. */
function startInfoLayout(commandLine: Uint8Array | undefined, memmapEntries: number): StartInfoLayout {
  const modlist = HvmStartInfo.SIZE + (commandLine === undefined ? 0 : roundUp(commandLine.length, 8));
  const moduleCommandLines = modlist + HVMLOADER_MODULE_MAX_COUNT * HvmModlistEntry.SIZE;
  const memmap = moduleCommandLines + HVMLOADER_MODULE_MAX_COUNT * MAX_GUEST_CMDLINE;
  return { modlist, moduleCommandLines, memmap, size: memmap + memmapEntries * HvmMemmapTableEntry.SIZE };
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
