/** Where things are in the engine's part of machine memory (below ENGINE_RESERVED_BYTES). */
import { ENGINE_RESERVED_BYTES } from '../engine.ts';
import { CODE_PAGE_IDS, CODE_PAGE_IDS_SIZE } from '../emit/nested-layout.ts';
import { TLB_AREA_SIZE } from '../emit/tlb-layout.ts';
import { FETCH_STAMP_SHIFT } from '../state.ts';

const MIB = 1024 * 1024;

/** A vCPU's area: its state block, its TLBs. */
export const VCPU_TLBS = 0x1000;
export const VCPU_AREA_SIZE = VCPU_TLBS + TLB_AREA_SIZE;

/**
 * Entries of 16 bytes: i64 tag (RIP xor OFFSET_MODE_TAG); i64, its low JUMP_RECORD_BITS the record's address by 16, the
 * others the stamp that it holds for. The index is `tag ^ (tag >> JUMP_CACHE_FOLD)`: functions start at multiples of
 * 16, and many pages have one at the same place.
 */
export const JUMP_CACHE = 31 * MIB + MIB / 8;
export const JUMP_CACHE_ENTRIES = 1 << 15;
export const JUMP_CACHE_ENTRY_SIZE = 16;
export const JUMP_CACHE_FOLD = 8;
export const JUMP_RECORD_BITS = FETCH_STAMP_SHIFT;
export const JUMP_RECORD_SHIFT = 4;

/**
 * Where calls that the interpreter did lead back to, by the stack's top behind the call: what a processor's return stack
 * is, for whoever's stamp and mode it is. i64 return address xor OFFSET_MODE_TAG, i64 OFFSET_FETCH_LOCAL, i32 the record
 * behind the call's, HANDLER_END, which is linked to the record of the return address.
 */
export const RETURNS = 31 * MIB + 0x1000;
export const RETURNS_COUNT = 64;
export const RETURN_SIZE = 32;
export const RETURN_STAMP = 8;
export const RETURN_RECORD = 16;

/** Regions that can be installed at a time, and how often each was entered (u32) that does not follow calls yet. */
export const MAX_REGIONS = 1 << 14;
export const REGION_COUNTS = JUMP_CACHE + JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_SIZE;

/**
 * Where control last went to a record by a jump inside a region, by bits of the record's address: entries as the jump
 * cache's (region/page-guards.ts).
 */
export const PASSED_PAGES = REGION_COUNTS + MAX_REGIONS * 4;
export const PASSED_PAGES_ENTRIES = 1 << 12;

/** The jump cache once more, with regions in place of records (find-region.ts). */
export const REGION_JUMPS = PASSED_PAGES + PASSED_PAGES_ENTRIES * JUMP_CACHE_ENTRY_SIZE;
export const REGION_JUMPS_ENTRIES = 1 << 12;

export const VCPU_AREAS = 1 * MIB;
export const MAX_VCPUS = 128;

/**
 * How often look-ups came to a record (u16), by bits of its address: what is hot. Few enough to stay in a processor's
 * nearest caches, for every look-up counts.
 */
export const HOT_COUNTERS_COUNT = 1 << 14;
export const HOT_COUNTERS = 32 * MIB - HOT_COUNTERS_COUNT * 2;

/**
 * Hash of decoded instructions (code-hash.ts), entries of 8 bytes. It grows, but what a kernel executes as it boots fits
 * at once, and so loosely that many pages in one place of it do not hold each other up.
 */
export const CODE_HASH = 32 * MIB;
export const CODE_HASH_FIRST_ENTRIES = 1 << 20;
export const CODE_HASH_ENTRIES = 1 << 21;

/** Records, in segments that are filled and emptied in turn. CODE_LINES and CODE_PAGE_IDS are between the hash and them. */
export const RECORDS = CODE_PAGE_IDS + CODE_PAGE_IDS_SIZE;
export const RECORDS_END = ENGINE_RESERVED_BYTES;
export const RECORD_SEGMENTS = 8;

/** Counters (u64) of regions, where they are asked for (region/region-profile.ts): up to the end of the engine's memory. */
export const REGION_PROFILE = ENGINE_RESERVED_BYTES - 8 * MIB;

/** Counters (u32) of a build that profiles: a square of pairs of handlers, then one for each handler. */
export const PROFILE = ENGINE_RESERVED_BYTES - 17 * MIB;
export const PROFILE_SIDE = 2048;
export const PROFILE_SINGLES = PROFILE_SIDE * PROFILE_SIDE * 4;
