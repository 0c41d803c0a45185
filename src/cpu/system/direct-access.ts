/** Memory that a TLB already has, for accesses made by TypeScript. */
import {
  TLB_ENTRY_ADDEND,
  tlbEntryOffset,
  TLB_SIZE,
  TLB_SUPERVISOR,
  TLB_SUPERVISOR_AC,
  TLB_USER,
} from '../emit/tlb-layout.ts';
import type { Privilege } from '../mmu/walk.ts';

const TLB_OF_PRIVILEGE = [TLB_SUPERVISOR, TLB_SUPERVISOR_AC, TLB_USER] as const;

export class DirectAccess {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly #tlbs: number;

  constructor(memory: ArrayBufferLike, tlbs: number) {
    this.u8 = new Uint8Array(memory);
    this.u32 = new Uint32Array(memory);
    this.#tlbs = tlbs;
  }

  /** Machine address of bytes in one page; 0 if the TLB does not have it. `table`: 0 for reads, or TLB_WRITE_OFFSET. */
  find(lo: number, hi: number, bytes: number, privilege: Privilege, table: number): number {
    if ((lo & 0xfff) + bytes > 4096) return 0;
    const offset = (TLB_OF_PRIVILEGE[privilege] as number) * TLB_SIZE + table + tlbEntryOffset(lo);
    const entry = (this.#tlbs + offset) >>> 2;
    const { u32 } = this;
    if (u32[entry] !== (lo & 0xfffff000) >>> 0 || u32[entry + 1] !== hi >>> 0) return 0;
    return (lo + (u32[entry + TLB_ENTRY_ADDEND / 4] as number)) >>> 0;
  }
}
