/** The jump cache of one vCPU, which look-ups in generated code probe: from RIP and mode to a record. */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY_SIZE, JUMP_CACHE_SIZE, VCPU_JUMP_CACHE } from './layout.ts';

/** Past so many fills a flush clears everything. */
const FILLS_REMEMBERED = 4096;
/** Of those, in global pages. */
const GLOBAL_FILLS_REMEMBERED = 4096;
/** Upper half of a tag that no RIP makes: its mode bits are in no mode. */
const NO_JUMP = 0x7fff7fff;

export class JumpCache {
  readonly #memory: MachineMemory;
  readonly #address: number;
  /** Entries (as indices of `u32`) filled since the last flush; a flush costs what was filled. */
  readonly #filled = new Uint32Array(FILLS_REMEMBERED);
  #fills = FILLS_REMEMBERED;
  readonly #filledGlobal = new Uint32Array(GLOBAL_FILLS_REMEMBERED);
  #globalFills = 0;

  /** `vcpu` is the address of the vCPU's area. */
  constructor(memory: MachineMemory, vcpu: number) {
    this.#memory = memory;
    this.#address = vcpu + VCPU_JUMP_CACHE;
    this.flush();
  }

  flush(): void {
    const { u8, u32 } = this.#memory;
    if (this.#fills >= FILLS_REMEMBERED || this.#globalFills >= GLOBAL_FILLS_REMEMBERED) {
      u8.fill(0xff, this.#address, this.#address + JUMP_CACHE_SIZE);
    } else {
      for (let i = 0; i < this.#fills; i++) u32[(this.#filled[i] as number) + 1] = NO_JUMP;
      for (let i = 0; i < this.#globalFills; i++) u32[(this.#filledGlobal[i] as number) + 1] = NO_JUMP;
    }
    this.#fills = 0;
    this.#globalFills = 0;
  }

  /** Forgets what is not in global pages: another address space. */
  flushLocal(): void {
    if (this.#fills >= FILLS_REMEMBERED) {
      this.flush();
      return;
    }
    const { u32 } = this.#memory;
    for (let i = 0; i < this.#fills; i++) u32[(this.#filled[i] as number) + 1] = NO_JUMP;
    this.#fills = 0;
  }

  /** The record of a RIP, 0 where it is not remembered. */
  find(ripLo: number, ripHi: number, modeTagHi: number): number {
    const { u32 } = this.#memory;
    const at = this.#entry(ripLo);
    return u32[at] === ripLo && u32[at + 1] === (ripHi ^ modeTagHi) >>> 0 ? (u32[at + 2] as number) : 0;
  }

  /** `modeTagHi` is the upper half of OFFSET_MODE_TAG; the lower is zero. */
  insert(ripLo: number, ripHi: number, modeTagHi: number, pc: number, isGlobal: boolean): void {
    const { u32 } = this.#memory;
    const at = this.#entry(ripLo);
    if (!isGlobal) {
      if (this.#fills < FILLS_REMEMBERED) this.#filled[this.#fills++] = at;
    } else if (this.#globalFills < GLOBAL_FILLS_REMEMBERED) {
      this.#filledGlobal[this.#globalFills++] = at;
    }
    u32[at] = ripLo;
    u32[at + 1] = ripHi ^ modeTagHi;
    u32[at + 2] = pc;
  }

  /** Index into `u32`. */
  #entry(ripLo: number): number {
    return (this.#address + (ripLo & (JUMP_CACHE_ENTRIES - 1)) * JUMP_CACHE_ENTRY_SIZE) / 4;
  }
}
