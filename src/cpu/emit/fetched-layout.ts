/**
 * Pages that generated code found instructions in, behind a vCPU's state block: a bit each, of the present address space
 * and of global pages. Pages may share a bit, so that what is forgotten with one may be too much.
 */
export const FETCHED_BITS = 8192;
export const FETCHED_BYTES = FETCHED_BITS / 8;
export const FETCHED_LOCAL = 0x600;
export const FETCHED_GLOBAL = FETCHED_LOCAL + FETCHED_BYTES;
export const FETCHED_LARGE_SHIFT = 9;

/** The bit of a page of 4 KiB, from bits 43:12 of its address. */
export function fetchedBit(page: number): number {
  return ((page >>> 0) ^ (page >>> Math.log2(FETCHED_BITS))) & (FETCHED_BITS - 1);
}

/** The bit of the page of 2 MiB that one of 4 KiB would be in. */
export function fetchedLargeBit(page: number): number {
  return fetchedBit(~(page >>> FETCHED_LARGE_SHIFT));
}
