// How fields of public/xen.h and its companions are read where a DataView's own methods do not do.

/**
 * Reads a little-endian uint64 as a number, for frame numbers, sizes and indexes: quantities that never reach 2^53.
 * A guest may store a larger one; it comes out rounded but still at least 2^53, so every range check rejects it.
 */
export function getUint53(memory: DataView, at: number): number {
  return memory.getUint32(at, true) + memory.getUint32(at + 4, true) * 0x1_0000_0000;
}

/** Stores a number below 2^53 as a little-endian uint64. */
export function setUint53(memory: DataView, at: number, value: number): void {
  memory.setUint32(at, value % 0x1_0000_0000, true);
  memory.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Stores the low half of a 64-bit value where a 32-bit guest has room for no more. */
export function setLow32(memory: DataView, at: number, value: bigint): void {
  memory.setUint32(at, Number(value & 0xffff_ffffn), true);
}

/** The bytes themselves, not a copy. */
export function bytesAt(memory: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(memory.buffer, memory.byteOffset + at, length);
}
