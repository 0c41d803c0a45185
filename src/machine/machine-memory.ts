import { ENGINE_RESERVED_BYTES } from '../cpu/engine.ts';
import { XenolithError } from '../lib/errors.ts';
import { DomainError } from '../dom0/toolstack/errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What a WebAssembly memory is counted in. */
const WASM_PAGE = 64 * KIB;
/** Guest memory is populated by extents of 2 MiB: room that is not a whole one of them is of little use. */
const SUPERPAGE = 2 * MIB;
/** Wasm's addresses have 32 bits. */
const MOST_BYTES = 4096 * MIB - WASM_PAGE;

/** Xen's own pages, and dom0's: shared info, grant tables, what allocation by superpages leaves over. */
const XEN_AND_DOM0_BYTES = 16 * MIB;
/** What dom0's services, V8 and its compilers take of the host beyond the machine's memory. */
const PROCESS_BYTES = 128 * MIB;

/** A machine's memory: who has which part of it. Frame numbers count from address 0. */
export interface MachineMemoryMap {
  readonly engine: { readonly address: number; readonly bytes: number };
  /** Xen hands out all of this as frames. */
  readonly frames: { readonly address: number; readonly bytes: number };
  readonly totalBytes: number;
}

/** Lays out a machine for guests that take `guestKib` in all. */
export function memoryMap(guestKib: number): MachineMemoryMap {
  const forGuests = roundUp(guestKib * KIB, SUPERPAGE);
  const frames = { address: ENGINE_RESERVED_BYTES, bytes: XEN_AND_DOM0_BYTES + forGuests };
  return {
    engine: { address: 0, bytes: ENGINE_RESERVED_BYTES },
    frames,
    totalBytes: roundUp(frames.address + frames.bytes, WASM_PAGE),
  };
}

/**
 * Takes the memory from the host, all at once: it never grows, so that views of it stay good. The host gives a page
 * only when it is first written.
 *
 * @param availableKib what the host has left
 * @throws DomainError about `memory` where that is more than the host, or any machine of this kind, has
 */
export function allocateMemory(map: MachineMemoryMap, guestKib: number, availableKib: number): WebAssembly.Memory {
  const hostBytes = availableKib * KIB - PROCESS_BYTES;
  const limit = Math.min(MOST_BYTES, hostBytes);
  if (map.totalBytes > limit) {
    const has =
      limit === hostBytes
        ? `the host has ${mib(availableKib * KIB)} MiB left`
        : `a machine has ${mib(MOST_BYTES)} MiB in all`;
    throw tooMuch(guestKib, has, limit);
  }
  try {
    const pages = map.totalBytes / WASM_PAGE;
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new XenolithError(
      'MACHINE_MEMORY',
      `the host refuses ${mib(map.totalBytes)} MiB of memory for the machine (${error.message}): expected no limit on address space, for example ulimit -v unlimited`,
    );
  }
}

function tooMuch(guestKib: number, has: string, limit: number): DomainError {
  const most = Math.floor((limit - ENGINE_RESERVED_BYTES - XEN_AND_DOM0_BYTES - SUPERPAGE) / MIB);
  const advice = most >= 1 ? `expected at most ${most}, for example memory = ${most}` : 'too little for any guest';
  return new DomainError('DOMAIN_MEMORY', `memory = ${mib(guestKib * KIB)}: ${has}: ${advice}`, 'memory');
}

function mib(bytes: number): number {
  return Math.floor(bytes / MIB);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
