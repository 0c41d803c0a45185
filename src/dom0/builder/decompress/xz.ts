import type { XenolithError } from '../../../lib/errors.ts';
import { builderError, hex } from '../errors.ts';
import { crc32, crc64 } from './crc.ts';
import { lzma2, TRUNCATED } from './lzma2.ts';
import { Output } from './output.ts';
import { undoX86Filter } from './x86-bcj.ts';

/**
 * Unpacks an .xz file (xz file format 1.1): streams of blocks, packed with LZMA2 alone or after the x86 filter, as
 * Linux packs its kernels. Check sums CRC32 and CRC64 are verified; SHA-256, which the format lets a reader skip, is.
 *
 * @param file whose data it is, for the error
 * @param guess the size to expect, in bytes
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED, KERNEL_COMPRESSION
 */
export function unxz(file: string, packed: Uint8Array, guess: number): Uint8Array {
  // LZMA2 writes up to one match past its limit before it finds out: a little more than the guess saves a regrow.
  const reader: Reader = { file, packed, at: 0, output: new Output(guess + 512) };
  do {
    stream(reader);
    // Stream padding: zeros, four at a time.
    while (reader.at + 4 <= packed.length && u32(reader, reader.at) === 0) reader.at += 4;
  } while (reader.at < packed.length);
  return reader.output.finish();
}

interface Reader {
  readonly file: string;
  readonly packed: Uint8Array;
  at: number;
  readonly output: Output;
}

const HEADER_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const FILTER_X86 = 0x04n;
const FILTER_LZMA2 = 0x21n;
const FILTER_NAMES = new Map([
  [0x03n, 'delta'],
  [0x05n, 'PowerPC'],
  [0x06n, 'IA-64'],
  [0x07n, 'ARM'],
  [0x08n, 'ARM Thumb'],
  [0x09n, 'SPARC'],
  [0x0an, 'ARM64'],
  [0x0bn, 'RISC-V'],
]);

/** Stream header, blocks, index, footer. */
function stream(reader: Reader): void {
  need(reader, 12);
  const header = reader.at;
  if (HEADER_MAGIC.some((byte, i) => reader.packed[header + i] !== byte)) throw damaged(reader, 'no stream header');
  if (crc32(reader.packed, header + 6, header + 8) !== u32(reader, header + 8)) throw damaged(reader, 'stream header');
  const check = reader.packed[header + 7] as number;
  if (reader.packed[header + 6] !== 0 || check > 15) throw damaged(reader, 'stream flags of a later format');
  reader.at += 12;

  let blocks = 0n;
  for (;;) {
    need(reader, 1);
    if (reader.packed[reader.at] === 0) break;
    block(reader, check);
    blocks++;
  }
  index(reader, blocks);

  need(reader, 12);
  if (reader.packed[reader.at + 10] !== 0x59 || reader.packed[reader.at + 11] !== 0x5a) {
    throw damaged(reader, 'no stream footer');
  }
  reader.at += 12;
}

function block(reader: Reader, check: number): void {
  const { packed, output } = reader;
  const { filters, dictionarySize } = blockHeader(reader);
  const first = output.length;
  const dataStart = reader.at;
  const end = lzma2(packed, dataStart, output, dictionarySize);
  if (typeof end === 'string') {
    if (end === TRUNCATED) throw truncated(reader);
    throw damaged(reader, end);
  }
  const unpacked = output.bytes.subarray(first, output.length);
  if (filters.length === 2) undoX86Filter(unpacked);

  reader.at = end + (-(end - dataStart) & 3);
  const size = checkSize(check);
  need(reader, size);
  verify(reader, check, unpacked);
  reader.at += size;
}

/** The filter chain, which has to be LZMA2 or x86 before LZMA2. */
function blockHeader(reader: Reader): { filters: bigint[]; dictionarySize: number } {
  const start = reader.at;
  const size = ((reader.packed[start] as number) + 1) * 4;
  need(reader, size);
  const crcAt = start + size - 4;
  if (crc32(reader.packed, start, crcAt) !== u32(reader, crcAt)) throw damaged(reader, 'block header');
  const flags = reader.packed[start + 1] as number;
  reader.at = start + 2;
  if (flags & 0x40) varint(reader);
  if (flags & 0x80) varint(reader);

  const filters: bigint[] = [];
  let dictionarySize = 0;
  for (let i = 0; i <= (flags & 3); i++) {
    const id = varint(reader);
    const propertiesSize = Number(varint(reader));
    const properties = reader.packed.subarray(reader.at, reader.at + propertiesSize);
    reader.at += propertiesSize;
    if (id === FILTER_LZMA2) dictionarySize = lzma2Dictionary(reader, properties);
    // Its one property is a start offset, which nobody sets and Linux does not take either.
    else if (id === FILTER_X86 && properties.some((byte) => byte !== 0)) throw damaged(reader, 'x86 filter offset');
    else if (id !== FILTER_X86) throw unknownFilter(reader, id);
    filters.push(id);
  }
  const order = filters.map((id) => (id === FILTER_LZMA2 ? 'LZMA2' : 'x86')).join(', ');
  if (order !== 'LZMA2' && order !== 'x86, LZMA2') {
    throw builderError('KERNEL_COMPRESSION', reader.file, `xz filters ${order}: expected LZMA2, or x86 and LZMA2`);
  }
  reader.at = start + size;
  return { filters, dictionarySize };
}

/** 2 or 3 times a power of two, in six bits. */
function lzma2Dictionary(reader: Reader, properties: Uint8Array): number {
  const bits = properties[0];
  if (properties.length !== 1 || bits === undefined || bits > 40) throw damaged(reader, 'LZMA2 dictionary size');
  return bits === 40 ? 0xffffffff : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
}

function index(reader: Reader, blocks: bigint): void {
  const start = reader.at++;
  if (varint(reader) !== blocks) throw damaged(reader, 'index: another number of blocks');
  for (let i = 0n; i < blocks * 2n; i++) varint(reader);
  reader.at += -(reader.at - start) & 3;
  need(reader, 4);
  if (crc32(reader.packed, start, reader.at) !== u32(reader, reader.at)) throw damaged(reader, 'index');
  reader.at += 4;
}

function verify(reader: Reader, check: number, unpacked: Uint8Array): void {
  if (check === 1 && crc32(unpacked) !== u32(reader, reader.at)) throw damaged(reader, 'CRC32 of the unpacked data');
  if (check === 4) {
    const stored = BigInt(u32(reader, reader.at)) | (BigInt(u32(reader, reader.at + 4)) << 32n);
    if (crc64(unpacked) !== stored) throw damaged(reader, 'CRC64 of the unpacked data');
  }
}

/** Bytes a check takes: none for 0, then three ids a size, 4, 8, 16, 32, 64. */
function checkSize(check: number): number {
  return check === 0 ? 0 : 4 << Math.trunc((check - 1) / 3);
}

/** Seven bits a byte, least significant first, nine bytes at most. */
function varint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 63n; shift += 7n) {
    need(reader, 1);
    const byte = reader.packed[reader.at++] as number;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw damaged(reader, 'a number of more than 63 bits');
}

function u32(reader: Reader, at: number): number {
  const { packed } = reader;
  const low = (packed[at] as number) | ((packed[at + 1] as number) << 8) | ((packed[at + 2] as number) << 16);
  return (low | ((packed[at + 3] as number) << 24)) >>> 0;
}

function need(reader: Reader, bytes: number): void {
  if (reader.at + bytes > reader.packed.length) throw truncated(reader);
}

function truncated(reader: Reader): XenolithError {
  const at = reader.output.length;
  return builderError('KERNEL_TRUNCATED', reader.file, `xz: the data ends early, after ${at} unpacked bytes`);
}

function damaged(reader: Reader, what: string): XenolithError {
  return builderError('KERNEL_CORRUPT', reader.file, `xz: ${what}: wrong at byte ${hex(reader.at)} of the packed data`);
}

function unknownFilter(reader: Reader, id: bigint): XenolithError {
  const name = FILTER_NAMES.get(id) ?? `number ${hex(id)}`;
  return builderError(
    'KERNEL_COMPRESSION',
    reader.file,
    `xz with the filter ${name}: a kernel for x86 is packed with LZMA2, or with x86 and LZMA2`,
  );
}
