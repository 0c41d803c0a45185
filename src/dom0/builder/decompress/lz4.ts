import type { XenolithError } from '../../../lib/errors.ts';
import { builderError } from '../errors.ts';
import { Output } from './output.ts';

/**
 * Unpacks LZ4's legacy frame, the one Linux packs its kernels with (lz4 -l): the magic, then blocks of a 32-bit packed
 * size and its data, 8 MiB each unpacked at most, to the end of the file. Frames may follow one another.
 *
 * @param file whose data it is, for the error
 * @param guess the size to expect, in bytes
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED, KERNEL_COMPRESSION
 */
export function unlz4Legacy(file: string, packed: Uint8Array, guess: number): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.length < 4) throw truncated(file, 0);
  if (view.getUint32(0, true) !== LEGACY_MAGIC) {
    throw builderError('KERNEL_COMPRESSION', file, 'an lz4 frame that is not the legacy one: pack it with lz4 -l');
  }
  const output = new Output(guess);
  for (let at = 4; at < packed.length; ) {
    if (at + 4 > packed.length) throw truncated(file, output.length);
    const size = view.getUint32(at, true);
    at += 4;
    if (size === LEGACY_MAGIC) continue;
    if (at + size > packed.length) throw truncated(file, output.length);
    // In the room there is first, so that a good guess never makes the output grow.
    const room = Math.min(LEGACY_BLOCK, output.bytes.length - output.length);
    let end = decodeLz4Block(packed, at, at + size, output.bytes, output.length, output.length + room);
    if (end === FULL && room < LEGACY_BLOCK) {
      output.reserve(LEGACY_BLOCK);
      end = decodeLz4Block(packed, at, at + size, output.bytes, output.length, output.length + LEGACY_BLOCK);
    }
    if (end < 0) throw damaged(file, output.length);
    output.length = end;
    at += size;
  }
  return output.finish();
}

const LEGACY_MAGIC = 0x184c2102;
const LEGACY_BLOCK = 8 << 20;

const FULL = -1;
const DAMAGED = -2;

/**
 * Unpacks one block (LZ4 block format): token, literals, match, again and again, the last without a match.
 *
 * @param limit the output index not to pass
 * @returns the output index after the block, or FULL or DAMAGED
 */
export function decodeLz4Block(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  outputStart: number,
  limit: number,
): number {
  let at = start;
  let to = outputStart;
  while (at < end) {
    const token = input[at++] as number;
    let literals = token >>> 4;
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) more = at < end ? (input[at++] as number) : 0;
    }
    if (at + literals > end) return DAMAGED;
    if (to + literals > limit) return FULL;
    if (literals > 64) output.set(input.subarray(at, at + literals), to);
    else for (let i = 0; i < literals; i++) output[to + i] = input[at + i] as number;
    at += literals;
    to += literals;
    if (at === end) return to;

    if (at + 2 > end) return DAMAGED;
    const distance = (input[at] as number) | ((input[at + 1] as number) << 8);
    at += 2;
    let from = to - distance;
    if (distance === 0 || from < 0) return DAMAGED;
    let length = token & 15;
    if (length === 15) {
      for (let more = 255; more === 255; length += more) more = at < end ? (input[at++] as number) : 0;
    }
    length += 4;
    const stop = to + length;
    if (stop > limit) return FULL;
    if (length > 64 && distance >= length) {
      output.copyWithin(to, from, from + length);
      to = stop;
    } else {
      while (to < stop) output[to++] = output[from++] as number;
    }
  }
  return DAMAGED;
}

function truncated(file: string, unpacked: number): XenolithError {
  return builderError('KERNEL_TRUNCATED', file, `lz4: the data ends early, after ${unpacked} unpacked bytes`);
}

function damaged(file: string, unpacked: number): XenolithError {
  return builderError('KERNEL_CORRUPT', file, `lz4: a damaged block after ${unpacked} unpacked bytes`);
}
