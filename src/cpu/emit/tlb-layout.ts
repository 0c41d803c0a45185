/**
 * The TLB as wasm code and TypeScript share it. A TLB is a read and a write table of direct-mapped entries:
 * i64 tag (linear address of the page, or TLB_INVALID_TAG), u32 addend (host address of the page minus the low half
 * of its linear address), u32 TLB_ENTRY_* bits (read table only). What is in the read table may be read without another
 * check, and so for writes. An entry of the write table is of the same page as its entry of the read table, or invalid.
 */
export const TLB_ENTRIES = 1024;
export const TLB_ENTRY_SIZE = 16;
export const TLB_ENTRY_ADDEND = 8;
export const TLB_ENTRY_STATE = 12;
export const TLB_WRITE_OFFSET = TLB_ENTRIES * TLB_ENTRY_SIZE;
/** A read and a write table. */
export const TLB_SIZE = 2 * TLB_WRITE_OFFSET;
/**
 * `(address >> TLB_INDEX_SHIFT) & TLB_INDEX_MASK` is the offset of an address's entry in a table. Folding upper bits in
 * would keep arrays a power of two apart from displacing each other (stream took 0.6 of the time), but its three
 * instructions at every access make all other programs a tenth slower.
 */
export const TLB_INDEX_MASK = (TLB_ENTRIES - 1) * TLB_ENTRY_SIZE;
export const TLB_INDEX_SHIFT = 12 - Math.log2(TLB_ENTRY_SIZE);
/** Bytes an invalid tag is filled with: its low bits are not zero, so no page has it. */
export const TLB_INVALID_BYTE = 0xff;
/** In the low half of a write table's tag: the page holds translated code, and may be written beside it (CODE_LINES). */
export const TLB_BESIDE_CODE = 1;

/** TLBs of one vCPU, by what the code that uses them may touch. */
export const TLB_SUPERVISOR = 0;
/** Supervisor with RFLAGS.AC set: SMAP lets it at user pages. */
export const TLB_SUPERVISOR_AC = 1;
export const TLB_USER = 2;
/** TLBs that are filled. */
export const TLB_FILLED_COUNT = 3;
/** Never filled: every access takes the slow way (alignment checking). */
export const TLB_NONE = 3;
export const TLB_COUNT = 4;

/** The entry's page is global (SDM vol. 3A, 4.10.2.4): a change of the address space leaves it. */
export const TLB_ENTRY_GLOBAL = 1;
/** The entry's place is in the list of places that local, or global, entries were put into: see TLB_LISTS. */
export const TLB_ENTRY_LISTED_LOCAL = 2;
export const TLB_ENTRY_LISTED_GLOBAL = 4;

/** Behind the tables: what makes a flush cost what was filled. Lengths (u32) of the two lists, local then global. */
export const TLB_LIST_LENGTHS = TLB_COUNT * TLB_SIZE;
/** u32 each, local and global: not zero where any of TLB_MARKS is set. */
export const TLB_MARKED = TLB_LIST_LENGTHS + 8;
/** TLB * TLB_ENTRIES + index of an entry, u16 each; no place is in one list twice. */
export const TLB_LISTS = TLB_LIST_LENGTHS + 0x40;
export const TLB_LIST_SIZE = TLB_FILLED_COUNT * TLB_ENTRIES * 2;
/**
 * Marks, a byte each, of the larger pages of which parts were cached: by bits 31:21 of the address for 2 and 4 MiB,
 * then by bits 38:30 for 1 GiB. Those of local pages, then those of global ones.
 */
export const TLB_MARKS = TLB_LISTS + 2 * TLB_LIST_SIZE;
export const TLB_MARKS_LARGE = 2048;
export const TLB_MARKS_HUGE = 512;
export const TLB_MARKS_SIZE = TLB_MARKS_LARGE + TLB_MARKS_HUGE;

/** All that one vCPU has. */
export const TLB_AREA_SIZE = Math.ceil((TLB_MARKS + 2 * TLB_MARKS_SIZE) / 4096) * 4096;

/** Number of an address's entry in a table, from the address's low half. */
export function tlbIndex(lo: number): number {
  return tlbEntryOffset(lo) / TLB_ENTRY_SIZE;
}

/** Offset of an address's entry in a table, from the address's low half. */
export function tlbEntryOffset(lo: number): number {
  return (lo >>> TLB_INDEX_SHIFT) & TLB_INDEX_MASK;
}
