import type { XenolithError } from '../../../lib/errors.ts';
import { builderError } from '../errors.ts';
import { crc32 } from './crc.ts';
import { DEFLATE_TRUNCATED, inflate } from './inflate.ts';
import { Output } from './output.ts';

/** Whether the bytes open as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks a gzip file (RFC 1952): one member or several, CRC and size verified. What follows a member without being
 * one is ignored, as gzip does.
 *
 * @param file whose data it is, for the error
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED
 */
export function gunzip(file: string, packed: Uint8Array): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const sizeAtEnd = packed.length >= 4 ? view.getUint32(packed.length - 4, true) : 0;
  // The last four bytes are the size, if nothing follows; DEFLATE packs at most 1032 times. One match more of room.
  const output = new Output(Math.min(sizeAtEnd, packed.length * 1032) + (1 << 16));
  let at = 0;
  do {
    const first = output.length;
    const data = skipHeader(file, packed, at);
    const end = inflate(packed, data, output);
    if (typeof end === 'string') {
      if (end === DEFLATE_TRUNCATED) throw truncated(file, output.length);
      throw builderError('KERNEL_CORRUPT', file, `gzip: ${end}, after ${output.length} unpacked bytes`);
    }
    if (end + 8 > packed.length) throw truncated(file, output.length);
    if (crc32(output.bytes, first, output.length) !== view.getUint32(end, true)) {
      throw builderError('KERNEL_CORRUPT', file, 'gzip: the CRC32 of the unpacked data differs from the stored one');
    }
    if ((output.length - first) >>> 0 !== view.getUint32(end + 4, true)) {
      throw builderError('KERNEL_CORRUPT', file, 'gzip: the unpacked size differs from the stored one');
    }
    at = end + 8;
  } while (isGzip(packed.subarray(at)));
  return output.finish();
}

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

function skipHeader(file: string, packed: Uint8Array, start: number): number {
  if (start + 18 > packed.length) throw truncated(file, 0);
  if (packed[start + 2] !== 8) throw builderError('KERNEL_CORRUPT', file, 'gzip: a method other than DEFLATE');
  const flags = packed[start + 3] as number;
  let at = start + 10;
  if (flags & FEXTRA) at += 2 + ((packed[at] as number) | ((packed[at + 1] as number) << 8));
  if (flags & FNAME) at = pastString(packed, at);
  if (flags & FCOMMENT) at = pastString(packed, at);
  if (flags & FHCRC) at += 2;
  return at;
}

function pastString(packed: Uint8Array, start: number): number {
  const end = packed.indexOf(0, start);
  return end < 0 ? packed.length : end + 1;
}

function truncated(file: string, unpacked: number): XenolithError {
  return builderError('KERNEL_TRUNCATED', file, `gzip: the data ends early, after ${unpacked} unpacked bytes`);
}
