import type { XenolithError } from '../../../lib/errors.ts';
import { builderError } from '../errors.ts';
import { adler32, crc32 } from './crc.ts';
import { copyMatch } from './lzma-decoder.ts';
import { Output } from './output.ts';

/**
 * Unpacks an lzop file: a header, then blocks with their sizes and check sums, each packed with LZO1X or stored.
 *
 * @param file whose data it is, for the error
 * @param guess the size to expect, in bytes
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED
 */
export function unlzop(file: string, packed: Uint8Array, guess: number): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const output = new Output(guess);
  try {
    let { at, flags } = header(file, view);
    for (;;) {
      const size = view.getUint32(at);
      if (size === 0) return output.finish();
      at = block(file, view, packed, at, flags, output);
    }
  } catch (error) {
    // A DataView past its end is how every short field shows.
    if (error instanceof RangeError) {
      throw builderError('KERNEL_TRUNCATED', file, `lzo: the data ends early, after ${output.length} unpacked bytes`);
    }
    throw error;
  }
}

const MAGIC = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a];

// lzop's flags: which check sums a block carries (D of the unpacked, C of the packed data), what the header has.
const F_ADLER32_D = 0x1;
const F_ADLER32_C = 0x2;
const F_H_EXTRA_FIELD = 0x40;
const F_CRC32_D = 0x100;
const F_CRC32_C = 0x200;
const F_H_FILTER = 0x800;

/** lzop never writes larger blocks. */
const LARGEST_BLOCK = 64 << 20;

function header(file: string, view: DataView): { at: number; flags: number } {
  if (MAGIC.some((byte, i) => view.getUint8(i) !== byte)) throw damaged(file, 'no lzop header');
  // Since 0.94 the header also names the version needed, a level and the time's upper half.
  const newer = view.getUint16(9) >= 0x0940;
  const method = view.getUint8(newer ? 15 : 13);
  if (method < 1 || method > 3) throw damaged(file, `method ${method}, known are 1 to 3, all LZO1X`);
  let at = newer ? 17 : 14;
  const flags = view.getUint32(at);
  if (flags & F_H_FILTER) throw damaged(file, 'a filter, which kernels are not packed with');
  at += newer ? 16 : 12;
  at += 1 + view.getUint8(at) + 4;
  if (flags & F_H_EXTRA_FIELD) at += 4 + view.getUint32(at) + 4;
  return { at, flags };
}

/** @returns where the next block starts */
function block(file: string, view: DataView, packed: Uint8Array, start: number, flags: number, output: Output): number {
  const unpackedSize = view.getUint32(start);
  const packedSize = view.getUint32(start + 4);
  if (unpackedSize > LARGEST_BLOCK || packedSize > unpackedSize) throw damaged(file, 'impossible block sizes');
  const stored = packedSize === unpackedSize;
  const sums = start + 8;
  const sumsUnpacked = (flags & F_ADLER32_D ? 4 : 0) + (flags & F_CRC32_D ? 4 : 0);
  const sumsPacked = stored ? 0 : (flags & F_ADLER32_C ? 4 : 0) + (flags & F_CRC32_C ? 4 : 0);
  const data = sums + sumsUnpacked + sumsPacked;
  if (data + packedSize > packed.length) throw new RangeError('block');

  output.reserve(unpackedSize);
  const first = output.length;
  const end = first + unpackedSize;
  if (stored) output.bytes.set(packed.subarray(data, data + packedSize), first);
  else if (!lzo1x(packed.subarray(data, data + packedSize), output.bytes, first, end)) {
    throw damaged(file, `a damaged block after ${first} unpacked bytes`);
  }
  output.length = end;
  const adlerWrong = flags & F_ADLER32_D && adler32(output.bytes, first, end) !== view.getUint32(sums);
  const crcAt = sums + (flags & F_ADLER32_D ? 4 : 0);
  const crcWrong = flags & F_CRC32_D && crc32(output.bytes, first, end) !== view.getUint32(crcAt);
  if (adlerWrong || crcWrong) throw damaged(file, `the check sum of the block after ${first} unpacked bytes`);
  return data + packedSize;
}

/**
 * One LZO1X block, as Linux documents the stream (Documentation/staging/lzo.rst). An instruction's meaning depends on
 * `state`, how many literals the one before left: 0, 1 to 3, or 4 for a run of them.
 *
 * @returns whether it unpacked to exactly the range
 */
function lzo1x(input: Uint8Array, output: Uint8Array, start: number, end: number): boolean {
  const cursor = { at: 0 };
  let to = start;
  let state = 0;
  let literals = 0;
  if ((input[0] ?? 0) > 17) {
    literals = (input[cursor.at++] as number) - 17;
    state = Math.min(literals, 4);
  }
  for (;;) {
    if (literals > 0) {
      if (to + literals > end || cursor.at + literals > input.length) return false;
      output.set(input.subarray(cursor.at, cursor.at + literals), to);
      cursor.at += literals;
      to += literals;
      literals = 0;
    }
    const code = input[cursor.at++];
    if (code === undefined) return false;
    if (code < 16 && state === 0) {
      literals = 3 + (code !== 0 ? code : longLength(input, cursor, 15));
      state = 4;
      continue;
    }
    const match = instruction(input, cursor, code, state);
    if (match.length === 0) return to === end;
    if (to + match.length > end || match.distance > to - start) return false;
    copyMatch(output, to, match.distance, match.length);
    to += match.length;
    literals = state = match.literals;
  }
}

/** Length 0 is the end of the stream. */
interface Match {
  length: number;
  distance: number;
  literals: number;
}

function instruction(input: Uint8Array, cursor: { at: number }, code: number, state: number): Match {
  if (code >= 64) {
    const high = input[cursor.at++] ?? 0;
    const length = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
    return { length, distance: (high << 3) + ((code >> 2) & 7) + 1, literals: code & 3 };
  }
  if (code < 16) {
    const distance = ((input[cursor.at++] ?? 0) << 2) + (code >> 2);
    const run = state === 4;
    return { length: run ? 3 : 2, distance: distance + (run ? 2049 : 1), literals: code & 3 };
  }
  const near = code >= 32;
  const short = code & (near ? 31 : 7);
  const length = 2 + (short !== 0 ? short : longLength(input, cursor, near ? 31 : 7));
  const low = input[cursor.at++] ?? 0;
  const word = low | ((input[cursor.at++] ?? 0) << 8);
  if (near) return { length, distance: (word >> 2) + 1, literals: low & 3 };
  const distance = ((code & 8) << 11) + (word >> 2);
  return distance === 0
    ? { length: 0, distance, literals: 0 }
    : { length, distance: distance + 16384, literals: low & 3 };
}

/** 255 for every zero byte, then the byte that is none. */
function longLength(input: Uint8Array, cursor: { at: number }, base: number): number {
  let length = base;
  while (input[cursor.at] === 0) {
    length += 255;
    cursor.at++;
  }
  return length + (input[cursor.at++] ?? 0);
}

function damaged(file: string, what: string): XenolithError {
  return builderError('KERNEL_CORRUPT', file, `lzo: ${what}`);
}
