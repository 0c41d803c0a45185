import type { XenolithError } from '../../../lib/errors.ts';
import { builderError } from '../errors.ts';
import { crc32Bzip2 } from './crc.ts';
import { Output } from './output.ts';

/**
 * Unpacks a bzip2 file: run lengths, Burrows-Wheeler blocks, move to front, run lengths again, Huffman codes. Block and
 * stream CRCs are verified.
 *
 * @param file whose data it is, for the error
 * @param guess the size to expect, in bytes
 * @throws XenolithError KERNEL_CORRUPT, KERNEL_TRUNCATED
 */
export function unbzip2(file: string, packed: Uint8Array, guess: number): Uint8Array {
  const bits: Bits = { file, packed, at: 0, buffer: 0, count: 0 };
  const output = new Output(guess);
  do {
    stream(bits, output);
    // A stream ends on a byte; another may follow.
    bits.at -= bits.count >> 3;
    bits.count = 0;
  } while (packed[bits.at] === 0x42 && packed[bits.at + 1] === 0x5a);
  return output.finish();
}

/** The input as a stream of bits, most significant first. */
interface Bits {
  readonly file: string;
  readonly packed: Uint8Array;
  at: number;
  buffer: number;
  count: number;
}

/** Codes by length: symbols in the order of their codes, and for each length where its codes end and symbols start. */
interface Huffman {
  readonly limits: Int32Array;
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
}

const GROUP = 50;
const LONGEST_CODE = 20;
const RUN_A = 0;
const RUN_B = 1;

function stream(bits: Bits, output: Output): void {
  const level = take(bits, 24) === 0x425a68 ? take(bits, 8) - 0x30 : 0;
  if (level < 1 || level > 9) throw damaged(bits, 'no bzip2 header');
  const links = new Uint32Array(level * 100_000);
  let combined = 0;
  for (;;) {
    const high = take(bits, 24);
    const low = take(bits, 24);
    const crc = take32(bits);
    if (high === 0x177245 && low === 0x385090) {
      if (crc !== combined >>> 0) throw damaged(bits, 'the CRC of the whole stream');
      return;
    }
    if (high !== 0x314159 || low !== 0x265359) throw damaged(bits, 'no block where one has to start');
    const first = output.length;
    block(bits, links, output);
    if (crc32Bzip2(output.bytes, first, output.length) !== crc) throw damaged(bits, 'the CRC of a block');
    combined = ((combined << 1) | (combined >>> 31)) ^ crc;
  }
}

function block(bits: Bits, links: Uint32Array, output: Output): void {
  if (take(bits, 1) !== 0) throw damaged(bits, 'a randomised block, which no bzip2 since 1996 writes');
  const origin = take(bits, 24);
  const counts = new Uint32Array(256);
  const size = readSymbols(bits, links, counts);
  if (origin >= size) throw damaged(bits, 'an impossible origin');

  // The inverse Burrows-Wheeler transform: link each byte, in the low 8 bits, to the one that follows it.
  let sum = 0;
  for (let i = 0; i < 256; i++) {
    const count = counts[i] as number;
    counts[i] = sum;
    sum += count;
  }
  for (let i = 0; i < size; i++) {
    const byte = (links[i] as number) & 0xff;
    const place = counts[byte] as number;
    counts[byte] = place + 1;
    links[place] = (links[place] as number) | (i << 8);
  }
  unrun(links, size, (links[origin] as number) >>> 8, output);
}

/** Writes the block's bytes; after four equal ones a byte tells how many more there are. */
function unrun(links: Uint32Array, size: number, start: number, output: Output): void {
  let link = start;
  let equal = 0;
  let before = -1;
  for (let i = 0; i < size; i++) {
    const entry = links[link] as number;
    const byte = entry & 0xff;
    link = entry >>> 8;
    if (equal === 4) {
      output.reserve(byte);
      output.bytes.fill(before, output.length, output.length + byte);
      output.length += byte;
      equal = 0;
      before = -1;
      continue;
    }
    equal = byte === before ? equal + 1 : 1;
    before = byte;
    if (output.length === output.bytes.length) output.reserve(1);
    output.bytes[output.length++] = byte;
  }
}

/** Huffman codes, zero runs and move to front; fills the block and counts its bytes. */
function readSymbols(bits: Bits, block: Uint32Array, counts: Uint32Array): number {
  const front = usedBytes(bits);
  const endOfBlock = front.length + 1;
  const tableCount = take(bits, 3);
  if (tableCount < 2 || tableCount > 6) throw damaged(bits, 'an impossible number of Huffman codes');
  const selectors = readSelectors(bits, tableCount);
  const tables = Array.from({ length: tableCount }, () => readCode(bits, front.length + 2));

  let size = 0;
  let run = 0;
  let weight = 1;
  for (let group = 0; ; group++) {
    const table = tables[selectors[group] ?? -1];
    if (table === undefined) throw damaged(bits, 'more symbols than selectors');
    for (let i = 0; i < GROUP; i++) {
      const symbol = decode(bits, table);
      if (symbol <= RUN_B) {
        run += symbol === RUN_A ? weight : weight * 2;
        weight *= 2;
        if (run > block.length) throw damaged(bits, 'a run longer than a block');
        continue;
      }
      if (run > 0) {
        const byte = front[0] as number;
        if (size + run > block.length) throw damaged(bits, 'a block longer than its level allows');
        block.fill(byte, size, size + run);
        counts[byte] = (counts[byte] as number) + run;
        size += run;
        run = 0;
        weight = 1;
      }
      if (symbol === endOfBlock) return size;
      if (size === block.length) throw damaged(bits, 'a block longer than its level allows');
      const byte = front[symbol - 1] as number;
      front.copyWithin(1, 0, symbol - 1);
      front[0] = byte;
      counts[byte] = (counts[byte] as number) + 1;
      block[size++] = byte;
    }
  }
}

function usedBytes(bits: Bits): Uint8Array {
  const groups = take(bits, 16);
  const used: number[] = [];
  for (let group = 0; group < 16; group++) {
    if ((groups & (0x8000 >> group)) === 0) continue;
    const map = take(bits, 16);
    for (let i = 0; i < 16; i++) if (map & (0x8000 >> i)) used.push(group * 16 + i);
  }
  if (used.length === 0) throw damaged(bits, 'a block that uses no byte');
  return Uint8Array.from(used);
}

/** Which code each group of 50 symbols uses, move to front in unary. */
function readSelectors(bits: Bits, tables: number): number[] {
  const count = take(bits, 15);
  const front = Array.from({ length: tables }, (_, i) => i);
  return Array.from({ length: count }, () => {
    let place = 0;
    while (take(bits, 1) === 1) place++;
    const table = front[place];
    if (table === undefined) throw damaged(bits, 'an impossible selector');
    front.splice(place, 1);
    front.unshift(table);
    return table;
  });
}

/** Code lengths, each as steps from the one before; then the canonical code. */
function readCode(bits: Bits, alphabet: number): Huffman {
  const lengths = new Uint8Array(alphabet);
  let length = take(bits, 5);
  for (let symbol = 0; symbol < alphabet; symbol++) {
    while (take(bits, 1) === 1) length += take(bits, 1) === 0 ? 1 : -1;
    if (length < 1 || length > LONGEST_CODE) throw damaged(bits, 'an impossible code length');
    lengths[symbol] = length;
  }
  const limits = new Int32Array(LONGEST_CODE + 1).fill(-1);
  const offsets = new Int32Array(LONGEST_CODE + 1);
  const symbols = new Uint16Array(alphabet);
  let code = 0;
  let placed = 0;
  for (let bitsLong = 1; bitsLong <= LONGEST_CODE; bitsLong++) {
    offsets[bitsLong] = placed - code;
    for (let symbol = 0; symbol < alphabet; symbol++) {
      if (lengths[symbol] !== bitsLong) continue;
      symbols[placed++] = symbol;
      code++;
    }
    limits[bitsLong] = code - 1;
    code <<= 1;
  }
  return { limits, offsets, symbols };
}

function decode(bits: Bits, table: Huffman): number {
  let code = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    code = (code << 1) | take(bits, 1);
    if (code <= (table.limits[length] as number)) {
      const symbol = table.symbols[code + (table.offsets[length] as number)];
      if (symbol !== undefined) return symbol;
    }
  }
  throw damaged(bits, 'a code that stands for nothing');
}

/** The next so many bits, 24 at most. */
function take(bits: Bits, count: number): number {
  while (bits.count < count) {
    const byte = bits.packed[bits.at++];
    if (byte === undefined) throw builderError('KERNEL_TRUNCATED', bits.file, 'bzip2: the data ends early');
    bits.buffer = ((bits.buffer & 0x7fffff) << 8) | byte;
    bits.count += 8;
  }
  bits.count -= count;
  return (bits.buffer >>> bits.count) & ((1 << count) - 1);
}

function take32(bits: Bits): number {
  const high = take(bits, 16);
  return ((high << 16) | take(bits, 16)) >>> 0;
}

function damaged(bits: Bits, what: string): XenolithError {
  return builderError('KERNEL_CORRUPT', bits.file, `bzip2: ${what}: wrong near byte ${bits.at} of the packed data`);
}
