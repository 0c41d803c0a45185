import { OFFSET_CR2, OFFSET_EVENT, type VcpuState } from '../state.ts';

/**
 * Copies bytes of guest memory page by page; `copy` does one part, and false ends it. A failure raises nothing in the
 * guest: what the walk noted of it is undone.
 */
export function copyByPages(
  registers: VcpuState,
  addressLo: number,
  addressHi: number,
  bytes: Uint8Array,
  copy: (lo: number, hi: number, part: Uint8Array) => boolean,
): boolean {
  const event = registers.u32(OFFSET_EVENT);
  const cr2 = registers.u64(OFFSET_CR2);
  let done = 0;
  let lo = addressLo >>> 0;
  let hi = addressHi >>> 0;
  while (done < bytes.length) {
    const length = Math.min(4096 - (lo & 0xfff), bytes.length - done);
    if (!copy(lo, hi, bytes.subarray(done, done + length))) {
      registers.setU32(OFFSET_EVENT, event);
      registers.setU64(OFFSET_CR2, cr2);
      return false;
    }
    done += length;
    const next = lo + length;
    if (next > 0xffffffff) hi = (hi + 1) >>> 0;
    lo = next >>> 0;
  }
  return true;
}
