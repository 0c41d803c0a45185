/**
 * What generated code knows of machine frames, and counters that all vCPUs share, at fixed places in the engine's part
 * of machine memory, between the vCPUs' areas and the code (interpreter/layout.ts).
 */
const MIB = 1024 * 1024;

/** A byte each machine frame of 4 GiB: not zero where code was translated from it, so that writes must be told. */
export const FRAMES_WITH_CODE = 28 * MIB;

/**
 * For each machine frame of 4 GiB a bit (of u64) for each 64 bytes of it from which code was translated, in which case
 * its byte of FRAMES_WITH_CODE is set too: the bytes beside may be written without telling anybody.
 */
export const CODE_LINES = 48 * MIB;
export const CODE_LINES_SIZE = 8 * MIB;
export const CODE_LINE_SHIFT = 6;

/** For each machine frame of 4 GiB a u32: the id of the page of code that it holds (interpreter/code-pages.ts) plus 1, or 0. */
export const CODE_PAGE_IDS = CODE_LINES + CODE_LINES_SIZE;
export const CODE_PAGE_IDS_SIZE = 4 * MIB;

/**
 * What nested paging said of guest frames, a cache that all vCPUs share: i64 entries, direct-mapped by the guest frame
 * number plus a bias that each space has. Bits 23:0 are NestedPaging.lookup's answer, bits 33:24 the frame number's
 * bits 27:18, bits 63:34 the space. Only what may be read is in it.
 */
export const NESTED_CACHE = 29 * MIB;
export const NESTED_ENTRIES = 1 << 18;
export const NESTED_ANSWER_BITS = 24;
/** Guest frame numbers have so many bits; those above the index are in the entry. */
export const NESTED_INDEX_BITS = 18;
export const NESTED_TAG_BITS = 10;
/** u32: how many spaces were given out. A vCPU takes a new one to forget what it knows. */
export const NESTED_SPACES = 31 * MIB;
/** u32: how often the numbers of spaces began anew. */
export const NESTED_ERA = NESTED_SPACES + 24;

/** f64: the last stamp that mmu/fetch-cache.ts gave out. */
export const FETCH_STAMPS = NESTED_SPACES + 8;

/** u32: number of entries of the hash of decoded instructions, less 1 (interpreter/code-hash.ts). */
export const CODE_HASH_MASK = NESTED_SPACES + 16;
