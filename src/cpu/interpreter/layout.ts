/** Where things are in the engine's part of machine memory (below ENGINE_RESERVED_BYTES). */
import { ENGINE_RESERVED_BYTES } from '../engine.ts';
import { TLB_AREA_SIZE } from '../emit/tlb-layout.ts';

const MIB = 1024 * 1024;

/** A vCPU's area: its state block, its jump cache, its TLBs. */
export const VCPU_JUMP_CACHE = 0x1000;
/** Entries of 16 bytes: i64 tag (RIP xor the mode's tag), u32 record. */
export const JUMP_CACHE_ENTRIES = 4096;
export const JUMP_CACHE_ENTRY_SIZE = 16;
export const JUMP_CACHE_SIZE = JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_SIZE;
export const VCPU_TLBS = VCPU_JUMP_CACHE + JUMP_CACHE_SIZE;
export const VCPU_AREA_SIZE = VCPU_TLBS + TLB_AREA_SIZE;

export const VCPU_AREAS = 1 * MIB;
export const MAX_VCPUS = 128;

/** Hash of decoded instructions: entries of 16 bytes, u32 physical address, u32 mode, u32 record. */
export const CODE_HASH = 32 * MIB;
export const CODE_HASH_ENTRIES = 1 << 19;
export const CODE_HASH_SIZE = CODE_HASH_ENTRIES * 16;

/** Records, bump-allocated and thrown away all at once. */
export const RECORDS = CODE_HASH + CODE_HASH_SIZE;
export const RECORDS_END = ENGINE_RESERVED_BYTES - 17 * MIB;

/** Counters (u32) of a build that profiles: a square of pairs of handlers, then one for each handler. */
export const PROFILE = RECORDS_END;
export const PROFILE_SIDE = 2048;
export const PROFILE_SINGLES = PROFILE_SIDE * PROFILE_SIDE * 4;
