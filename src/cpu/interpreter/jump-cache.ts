/**
 * Where jumps lead: from RIP, mode and address space to a record. Generated code probes it (jump-probe.ts). All vCPUs
 * share it: an entry holds for whoever's stamp it carries (mmu/fetch-cache.ts).
 */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { OFFSET_FETCH_GLOBAL, OFFSET_FETCH_LOCAL, OFFSET_MODE_TAG } from '../state.ts';
import {
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY_SIZE,
  JUMP_CACHE_FOLD,
  JUMP_RECORD_BITS,
  JUMP_RECORD_SHIFT,
} from './layout.ts';

export class JumpCache {
  readonly #u32: Uint32Array;
  readonly #vcpu: number;

  /** `vcpu` is the address of the vCPU's area. */
  constructor(memory: MachineMemory, vcpu: number) {
    this.#u32 = memory.u32;
    this.#vcpu = vcpu;
  }

  /** The record of a RIP, 0 where it is not remembered. `modeTagHi` is the upper half of OFFSET_MODE_TAG. */
  find(ripLo: number, ripHi: number, modeTagHi: number): number {
    const u32 = this.#u32;
    const tagLo = this.#tagLo(ripLo);
    const at = entryOf(tagLo);
    if (u32[at] !== tagLo || u32[at + 1] !== (ripHi ^ modeTagHi) >>> 0) return 0;
    const lo = u32[at + 2] as number;
    const hi = u32[at + 3] as number;
    if (!this.#hasStamp(lo, hi, OFFSET_FETCH_LOCAL) && !this.#hasStamp(lo, hi, OFFSET_FETCH_GLOBAL)) return 0;
    return (lo & RECORD) << JUMP_RECORD_SHIFT;
  }

  insert(ripLo: number, ripHi: number, modeTagHi: number, pc: number, isGlobal: boolean): void {
    const u32 = this.#u32;
    const tagLo = this.#tagLo(ripLo);
    const at = entryOf(tagLo);
    const offset = isGlobal ? OFFSET_FETCH_GLOBAL : OFFSET_FETCH_LOCAL;
    u32[at] = tagLo;
    u32[at + 1] = ripHi ^ modeTagHi;
    u32[at + 2] = this.#half(offset) | (pc >>> JUMP_RECORD_SHIFT);
    u32[at + 3] = this.#half(offset + 4);
  }

  #tagLo(ripLo: number): number {
    return (ripLo ^ this.#half(OFFSET_MODE_TAG)) >>> 0;
  }

  #hasStamp(lo: number, hi: number, offset: number): boolean {
    return (lo & ~RECORD) >>> 0 === this.#half(offset) && hi === this.#half(offset + 4);
  }

  #half(offset: number): number {
    return this.#u32[(this.#vcpu + offset) / 4] as number;
  }
}

const RECORD = (1 << JUMP_RECORD_BITS) - 1;

// Index into `u32`.
function entryOf(tagLo: number): number {
  const index = (tagLo ^ (tagLo >>> JUMP_CACHE_FOLD)) & (JUMP_CACHE_ENTRIES - 1);
  return (JUMP_CACHE + index * JUMP_CACHE_ENTRY_SIZE) / 4;
}
