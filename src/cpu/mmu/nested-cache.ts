/** What nested paging said of guest frames, remembered for one vCPU where generated code looks too. */
import {
  NESTED_ANSWER_BITS,
  NESTED_CACHE,
  NESTED_ENTRIES,
  NESTED_ERA,
  NESTED_INDEX_BITS,
  NESTED_SPACES,
  NESTED_TAG_BITS,
} from '../emit/nested-layout.ts';
import { NESTED_READ, type NestedPaging } from '../engine.ts';
import * as state from '../state.ts';
import type { MachineMemory } from './machine-memory.ts';

export class NestedCache {
  readonly #u32: Uint32Array;
  readonly #cpu: state.VcpuState;
  #nested: NestedPaging;
  #bias = 0;
  /** The upper half of entries, but for the upper two bits of the tag. */
  #space = 0;
  /** The era that the space is of: the next one gives its number to others. */
  #era = 0;
  /** Accesses are not the guest's own doing now. */
  unrestricted = false;

  constructor(cpu: state.VcpuState, memory: MachineMemory, nested: NestedPaging) {
    this.#u32 = memory.u32;
    this.#cpu = cpu;
    this.#nested = nested;
    this.forget();
  }

  /** Differs after everything was forgotten. */
  get space(): number {
    return this.#space;
  }

  /** As NestedPaging.lookup. */
  lookup(gfn: number, intent: number): number {
    if (gfn >= FRAME_LIMIT) return 0;
    if (this.unrestricted) return this.#nested.lookupUnrestricted?.(gfn, intent) ?? this.#nested.lookup(gfn, intent);
    this.renew();
    const u32 = this.#u32;
    const at = NESTED_CACHE / 4 + ((gfn + this.#bias) & (NESTED_ENTRIES - 1)) * 2;
    const tag = gfn >>> NESTED_INDEX_BITS;
    const hi = (this.#space | (tag >>> TAG_LO_BITS)) >>> 0;
    const known = u32[at] as number;
    if ((known & intent) !== 0 && u32[at + 1] === hi && known >>> NESTED_ANSWER_BITS === (tag & TAG_LO)) {
      return known & ANSWER;
    }
    const answer = this.#nested.lookup(gfn, intent);
    if (answer < 0 || (answer & NESTED_READ) === 0) return answer;
    u32[at] = answer | (tag << NESTED_ANSWER_BITS);
    u32[at + 1] = hi;
    return answer;
  }

  /** Forgets what nested paging said of one frame. */
  forgetFrame(gfn: number): void {
    if (gfn >= FRAME_LIMIT) return;
    const at = NESTED_CACHE / 4 + ((gfn + this.#bias) & (NESTED_ENTRIES - 1)) * 2;
    // Spaces count from 1: no one's.
    this.#u32[at] = 0;
    this.#u32[at + 1] = 0;
  }

  /** From now on another answers. */
  use(nested: NestedPaging): void {
    this.#nested = nested;
    this.forget();
  }

  /** Takes a new space where its own number may be another's by now: before generated code looks. */
  renew(): void {
    if (this.#u32[NESTED_ERA / 4] !== this.#era) this.forget();
  }

  /** Forgets everything: what nested paging says has changed. */
  forget(): void {
    const u32 = this.#u32;
    let space = (u32[NESTED_SPACES / 4] as number) + 1;
    if (space >= MOST_SPACES) {
      // A guest gets there within the hour, if that is all it does. Nobody's entries may become another's.
      u32.fill(0, NESTED_CACHE / 4, NESTED_CACHE / 4 + NESTED_ENTRIES * 2);
      u32[NESTED_ERA / 4] = (u32[NESTED_ERA / 4] as number) + 1;
      space = 1;
    }
    u32[NESTED_SPACES / 4] = space;
    this.#era = u32[NESTED_ERA / 4] as number;
    this.#space = space << (NESTED_TAG_BITS - TAG_LO_BITS);
    this.#bias = Math.imul(space, SPREAD) >>> (32 - NESTED_INDEX_BITS);
    this.#cpu.setU32(state.OFFSET_NESTED_BIAS, this.#bias);
    this.#cpu.setHalves(state.OFFSET_NESTED_KEY, space << NESTED_TAG_BITS, space >>> (32 - NESTED_TAG_BITS));
  }
}

const ANSWER = (1 << NESTED_ANSWER_BITS) - 1;
const FRAME_LIMIT = 2 ** (NESTED_INDEX_BITS + NESTED_TAG_BITS);
/** Entries have 30 bits for a space. */
const MOST_SPACES = 2 ** 30;
/** So many bits of the tag are in the lower half of an entry. */
const TAG_LO_BITS = 32 - NESTED_ANSWER_BITS;
const TAG_LO = (1 << TAG_LO_BITS) - 1;
/** Consecutive spaces start far from each other: most guests have their frames from 0 on. */
const SPREAD = 0x9e3779b1;
