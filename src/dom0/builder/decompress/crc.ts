/**
 * CRC-32 (ISO-HDLC, reflected 0xedb88320) of a range, as gzip, xz and lzop use it.
 *
 * @param end one past the last byte
 * @param crc the result for the bytes before, to go on from
 */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, crc = 0): number {
  let c = ~crc;
  let at = start;
  for (const last = end - 7; at < last; at += 8) {
    const low = c ^ word(bytes, at);
    const high = word(bytes, at + 4);
    c =
      at32(CRC32, 0x700 | (low & 0xff)) ^
      at32(CRC32, 0x600 | ((low >>> 8) & 0xff)) ^
      at32(CRC32, 0x500 | ((low >>> 16) & 0xff)) ^
      at32(CRC32, 0x400 | (low >>> 24)) ^
      at32(CRC32, 0x300 | (high & 0xff)) ^
      at32(CRC32, 0x200 | ((high >>> 8) & 0xff)) ^
      at32(CRC32, 0x100 | ((high >>> 16) & 0xff)) ^
      at32(CRC32, high >>> 24);
  }
  for (; at < end; at++) c = (c >>> 8) ^ at32(CRC32, (c ^ (bytes[at] as number)) & 0xff);
  return ~c >>> 0;
}

/** CRC-64 (ECMA-182 reflected, 0xc96c5795d7870f42) of a range, as xz uses it. */
export function crc64(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  let low = -1;
  let high = -1;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const x = low ^ word(bytes, at);
    const a = 0x300 | (x & 0xff);
    const b = 0x200 | ((x >>> 8) & 0xff);
    const c = 0x100 | ((x >>> 16) & 0xff);
    const d = x >>> 24;
    low = high ^ at32(CRC64_LOW, a) ^ at32(CRC64_LOW, b) ^ at32(CRC64_LOW, c) ^ at32(CRC64_LOW, d);
    high = at32(CRC64_HIGH, a) ^ at32(CRC64_HIGH, b) ^ at32(CRC64_HIGH, c) ^ at32(CRC64_HIGH, d);
  }
  for (; at < end; at++) {
    const index = (low ^ (bytes[at] as number)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ at32(CRC64_LOW, index);
    high = (high >>> 8) ^ at32(CRC64_HIGH, index);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}

/** CRC-32 most significant bit first (polynomial 0x04c11db7), as bzip2 uses it. */
export function crc32Bzip2(bytes: Uint8Array, start: number, end: number): number {
  let c = -1;
  for (let at = start; at < end; at++) c = (c << 8) ^ at32(CRC32_BZIP2, (c >>> 24) ^ (bytes[at] as number));
  return ~c >>> 0;
}

/** Adler-32 (RFC 1950), as lzop uses it. */
export function adler32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let a = 1;
  let b = 0;
  for (let at = start; at < end; ) {
    // 5552 is the most bytes whose sums still fit 32 bits (RFC 1950's reference code).
    for (const stop = Math.min(at + 5552, end); at < stop; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

function at32(table: Int32Array, index: number): number {
  return table[index] as number;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

// Row n of a table is the effect of a byte followed by n zero bytes ("slicing").
const CRC32 = slices32(8);
const [CRC64_LOW, CRC64_HIGH] = slices64(4);
const CRC32_BZIP2 = forwardTable();

function slices32(rows: number): Int32Array {
  const table = new Int32Array(rows * 256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[i] = c;
  }
  for (let i = 256; i < table.length; i++) {
    const before = at32(table, i - 256);
    table[i] = (before >>> 8) ^ at32(table, before & 0xff);
  }
  return table;
}

function slices64(rows: number): [Int32Array, Int32Array] {
  const low = new Int32Array(rows * 256);
  const high = new Int32Array(rows * 256);
  for (let i = 0; i < 256; i++) {
    let l = i;
    let h = 0;
    for (let bit = 0; bit < 8; bit++) {
      const out = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (out) {
        l ^= 0xd7870f42;
        h ^= 0xc96c5795;
      }
    }
    low[i] = l;
    high[i] = h;
  }
  for (let i = 256; i < low.length; i++) {
    const l = at32(low, i - 256);
    const h = at32(high, i - 256);
    low[i] = ((l >>> 8) | (h << 24)) ^ at32(low, l & 0xff);
    high[i] = (h >>> 8) ^ at32(high, l & 0xff);
  }
  return [low, high];
}

function forwardTable(): Int32Array {
  const table = new Int32Array(256);
  for (let i = 0; i < 256; i++) {
    let c = i << 24;
    for (let bit = 0; bit < 8; bit++) c = c < 0 ? (c << 1) ^ 0x04c11db7 : c << 1;
    table[i] = c;
  }
  return table;
}
