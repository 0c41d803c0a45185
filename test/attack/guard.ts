/** What must hold whatever a guest does: what a processor remembers leads nowhere that its domain may not go. */
import { NESTED_ANSWER_BITS, NESTED_CACHE, NESTED_ENTRIES } from '../../src/cpu/emit/nested-layout.ts';
import {
  TLB_BESIDE_CODE,
  TLB_ENTRIES,
  TLB_ENTRY_ADDEND,
  TLB_ENTRY_SIZE,
  TLB_FILLED_COUNT,
  TLB_COUNT,
  TLB_SIZE,
  TLB_WRITE_OFFSET,
} from '../../src/cpu/emit/tlb-layout.ts';
import { type EngineVcpu, NESTED_READ, NESTED_WRITE, PAGE_SIZE } from '../../src/cpu/engine.ts';
import { VCPU_AREA_SIZE, VCPU_AREAS, VCPU_TLBS } from '../../src/cpu/interpreter/layout.ts';
import * as state from '../../src/cpu/state.ts';
import type { Domain } from './domain.ts';
import { CANARY } from './frames.ts';
import { RAM_PAGES } from './places.ts';

/** Engine memory below the vCPUs' areas, and areas of vCPUs that there are not: nothing ever writes there. */
const UNUSED = [
  [0, VCPU_AREAS],
  [VCPU_AREAS + 8 * VCPU_AREA_SIZE, VCPU_AREAS + 16 * VCPU_AREA_SIZE],
] as const;

const INVALID = 0xffffffff;

export class Guard {
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #rights: Uint8Array;

  constructor(memory: WebAssembly.Memory) {
    this.#u8 = new Uint8Array(memory.buffer);
    this.#u32 = new Uint32Array(memory.buffer);
    this.#rights = new Uint8Array(memory.buffer.byteLength / PAGE_SIZE);
    for (const [start, end] of UNUSED) this.#u8.fill(CANARY, start, end);
  }

  /** The engine's memory that nobody uses was written. */
  trampled(): string | undefined {
    for (const [start, end] of UNUSED) {
      const at = this.#u32.subarray(start / 4, end / 4).findIndex((word) => word !== CANARY * 0x01010101);
      if (at >= 0) return `engine memory at ${(start + at * 4).toString(16)} was written`;
    }
    return undefined;
  }

  /** A TLB of a vCPU of the domain leads to what the domain does not have. */
  astray(domain: Domain): string | undefined {
    this.#rights.fill(0);
    domain.forEachFrame((mfn, rights) => {
      this.#rights[mfn] = rights;
    });
    for (const vcpu of domain.vcpus) {
      const wrong = this.#wrongEntry(vcpu) ?? this.#wrongAnswer(vcpu, domain);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #wrongEntry({ state: { base } }: EngineVcpu): string | undefined {
    const u32 = this.#u32;
    for (let table = 0; table < TLB_COUNT; table++) {
      for (const isWrite of [false, true]) {
        const first = base + VCPU_TLBS + table * TLB_SIZE + (isWrite ? TLB_WRITE_OFFSET : 0);
        const wanted = isWrite ? NESTED_READ | NESTED_WRITE : NESTED_READ;
        for (let at = first; at < first + TLB_ENTRIES * TLB_ENTRY_SIZE; at += TLB_ENTRY_SIZE) {
          const tag = u32[at / 4] as number;
          if (tag === INVALID) continue;
          const page = ((tag & ~TLB_BESIDE_CODE) + (u32[(at + TLB_ENTRY_ADDEND) / 4] as number)) >>> 0;
          const rights = table < TLB_FILLED_COUNT && page % PAGE_SIZE === 0 ? (this.#rights[page / PAGE_SIZE] ?? 0) : 0;
          if ((rights & wanted) === wanted) continue;
          const address = `${(u32[at / 4 + 1] as number).toString(16)}:${tag.toString(16)}`;
          return `TLB ${table} leads ${isWrite ? 'writes' : 'reads'} of ${address} to ${page.toString(16)}`;
        }
      }
    }
    return undefined;
  }

  // Of its guest's guest, it is not by the domain's frames alone.
  #wrongAnswer({ state: registers }: EngineVcpu, domain: Domain): string | undefined {
    if ((registers.u32(state.OFFSET_SVM) & state.SVM_GUEST_MODE) !== 0) return undefined;
    const bias = registers.u32(state.OFFSET_NESTED_BIAS);
    const key = [registers.u32(state.OFFSET_NESTED_KEY), registers.u32(state.OFFSET_NESTED_KEY + 4)] as const;
    for (let gfn = 0; gfn < RAM_PAGES; gfn++) {
      const at = NESTED_CACHE / 4 + ((gfn + bias) & (NESTED_ENTRIES - 1)) * 2;
      const [lo, hi] = [this.#u32[at] as number, this.#u32[at + 1] as number];
      // The key is in the bits above the answer and the frame number's.
      const space = hi >>> 2;
      const own = ((key[0] >>> 10) | (key[1] << 22)) >>> 0;
      if (space !== (own & 0x3fffffff) || lo >>> NESTED_ANSWER_BITS !== 0 || (hi & 3) !== 0) continue;
      const answer = lo & ((1 << NESTED_ANSWER_BITS) - 1);
      const now = domain.lookupUnrestricted(gfn);
      if (Math.floor(answer / 8) !== Math.floor(now / 8))
        return `guest frame ${gfn.toString(16)} is remembered as ${answer.toString(16)}, and is ${now.toString(16)}`;
    }
    return undefined;
  }
}

/** Registers in which nothing of what nobody may read is. */
export function leakedRegister({ state: registers }: EngineVcpu): string | undefined {
  const canary = BigInt(CANARY) * 0x0101010101010101n;
  for (let number = 0; number < 16; number++) {
    if (registers.gpr(number) === canary) return `register ${number} has what nobody may read`;
    if (registers.u64(state.OFFSET_XMM + number * 16) === canary) return `XMM${number} has what nobody may read`;
  }
  return undefined;
}
