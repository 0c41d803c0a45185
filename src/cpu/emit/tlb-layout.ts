/**
 * The TLB as wasm code and TypeScript share it. A TLB is a read and a write table of direct-mapped entries:
 * i64 tag (linear address of the page, or TLB_INVALID_TAG), u32 addend (host address of the page minus the low half
 * of its linear address), u32 unused. What is in the read table may be read without another check, and so for writes.
 */
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_SIZE = 16;
export const TLB_ENTRY_ADDEND = 8;
export const TLB_WRITE_OFFSET = TLB_ENTRIES * TLB_ENTRY_SIZE;
/** A read and a write table. */
export const TLB_SIZE = 2 * TLB_WRITE_OFFSET;
/** `(address >> 8) & TLB_INDEX_MASK` is the offset of an address's entry in a table. */
export const TLB_INDEX_MASK = (TLB_ENTRIES - 1) * TLB_ENTRY_SIZE;
/** Bytes an invalid tag is filled with: its low bits are not zero, so no page has it. */
export const TLB_INVALID_BYTE = 0xff;

/** TLBs of one vCPU, by what the code that uses them may touch. */
export const TLB_SUPERVISOR = 0;
/** Supervisor with RFLAGS.AC set: SMAP lets it at user pages. */
export const TLB_SUPERVISOR_AC = 1;
export const TLB_USER = 2;
/** Never filled: every access takes the slow way (alignment checking). */
export const TLB_NONE = 3;
export const TLB_COUNT = 4;
