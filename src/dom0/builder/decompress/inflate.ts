import type { Output } from './output.ts';

/**
 * Unpacks a DEFLATE stream (RFC 1951).
 *
 * @returns the index after its last byte, or what is wrong with the data
 */
export function inflate(input: Uint8Array, start: number, output: Output): number | string {
  const bits: Bits = { input, at: start, buffer: 0, count: 0 };
  for (;;) {
    const last = take(bits, 1);
    const type = take(bits, 2);
    const wrong = type === 0 ? stored(bits, output) : compressed(bits, output, type);
    // Zeros are read past the end, so that is what to tell first.
    if (bits.at - (bits.count >> 3) > input.length) return DEFLATE_TRUNCATED;
    if (wrong !== undefined) return wrong;
    if (last === 1) return bits.at - (bits.count >> 3);
  }
}

/** What `inflate` returns for a stream that stops in the middle. */
export const DEFLATE_TRUNCATED = 'the data ends in the middle of a block';

/** The input as a stream of bits, least significant first. */
interface Bits {
  readonly input: Uint8Array;
  at: number;
  buffer: number;
  count: number;
}

/**
 * A Huffman code as one table: an entry is symbol << 4 | length. Codes longer than FAST_BITS go through `slow`, a walk
 * of the canonical code a bit at a time.
 */
interface Huffman {
  readonly fast: Uint16Array;
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

const FAST_BITS = 10;
const LONGEST_CODE = 15;

// biome-ignore format: RFC 1951, 3.2.5, a table's row is a line
const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
// biome-ignore format: as above
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
// biome-ignore format: as above
const DISTANCE_BASE = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
// biome-ignore format: RFC 1951, 3.2.7
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LONGEST_MATCH = 258;

function stored(bits: Bits, output: Output): string | undefined {
  bits.at -= bits.count >> 3;
  bits.buffer = 0;
  bits.count = 0;
  const size = take(bits, 16);
  const complement = take(bits, 16);
  if (size !== (~complement & 0xffff)) return 'a stored block whose two sizes differ';
  output.reserve(size);
  output.bytes.set(bits.input.subarray(bits.at, bits.at + size), output.length);
  output.length += size;
  bits.at += size;
  return undefined;
}

function compressed(bits: Bits, output: Output, type: number): string | undefined {
  if (type === 3) return 'block type 3, which does not exist';
  const codes = type === 1 ? fixedCodes() : dynamicCodes(bits);
  if (codes === undefined) return 'impossible Huffman code lengths';
  for (;;) {
    output.reserve(1 << 16);
    const wrong = symbols(bits, output, codes[0], codes[1]);
    if (wrong !== CONTINUE) return wrong;
    if (bits.at - (bits.count >> 3) > bits.input.length) return DEFLATE_TRUNCATED;
  }
}

const CONTINUE = 'more output room';

/** Literals and matches until the end of the block, or until the output is nearly full. */
function symbols(bits: Bits, output: Output, literals: Huffman, distances: Huffman): string | undefined {
  const bytes = output.bytes;
  const limit = bytes.length - LONGEST_MATCH;
  let to = output.length;
  while (to < limit) {
    const symbol = decode(bits, literals);
    if (symbol < 256) {
      bytes[to++] = symbol;
      continue;
    }
    if (symbol === 256 || symbol > 285) {
      output.length = to;
      return symbol === 256 ? undefined : 'an impossible length';
    }
    const length = (LENGTH_BASE[symbol - 257] as number) + take(bits, LENGTH_EXTRA[symbol - 257] as number);
    const slot = decode(bits, distances);
    if (slot > 29) return 'an impossible distance';
    const distance = (DISTANCE_BASE[slot] as number) + take(bits, slot < 4 ? 0 : (slot >> 1) - 1);
    let from = to - distance;
    if (from < 0) return 'a distance past the start';
    for (const stop = to + length; to < stop; ) bytes[to++] = bytes[from++] as number;
  }
  output.length = to;
  return CONTINUE;
}

function dynamicCodes(bits: Bits): [Huffman, Huffman] | undefined {
  const literalCount = take(bits, 5) + 257;
  const distanceCount = take(bits, 5) + 1;
  const lengthCount = take(bits, 4) + 4;
  const lengthLengths = new Uint8Array(19);
  for (let i = 0; i < lengthCount; i++) lengthLengths[CODE_LENGTH_ORDER[i] as number] = take(bits, 3);
  const lengthCode = huffman(lengthLengths);
  if (lengthCode === undefined) return undefined;

  const lengths = new Uint8Array(literalCount + distanceCount);
  for (let i = 0; i < lengths.length; ) {
    const symbol = decode(bits, lengthCode);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol > 18 || (symbol === 16 && i === 0)) return undefined;
    const value = symbol === 16 ? (lengths[i - 1] as number) : 0;
    const times = symbol === 16 ? 3 + take(bits, 2) : symbol === 17 ? 3 + take(bits, 3) : 11 + take(bits, 7);
    if (i + times > lengths.length) return undefined;
    lengths.fill(value, i, i + times);
    i += times;
  }
  const literals = huffman(lengths.subarray(0, literalCount));
  const distances = huffman(lengths.subarray(literalCount));
  return literals === undefined || distances === undefined ? undefined : [literals, distances];
}

let fixed: [Huffman, Huffman] | undefined;

function fixedCodes(): [Huffman, Huffman] | undefined {
  if (fixed === undefined) {
    const lengths = new Uint8Array(288).fill(8).fill(9, 144, 256).fill(7, 256, 280);
    const literals = huffman(lengths);
    const distances = huffman(new Uint8Array(32).fill(5));
    if (literals !== undefined && distances !== undefined) fixed = [literals, distances];
  }
  return fixed;
}

/** RFC 1951, 3.2.2; undefined when the lengths promise more codes than there are. */
function huffman(lengths: Uint8Array): Huffman | undefined {
  const counts = new Uint16Array(LONGEST_CODE + 1);
  for (const length of lengths) counts[length] = (counts[length] as number) + 1;
  counts[0] = 0;
  const next = new Uint16Array(LONGEST_CODE + 2);
  const offsets = new Uint16Array(LONGEST_CODE + 2);
  let code = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    next[length] = code;
    code += counts[length] as number;
    if (code > 1 << length) return undefined;
    code <<= 1;
    offsets[length + 1] = (offsets[length] as number) + (counts[length] as number);
  }
  const fast = new Uint16Array(1 << FAST_BITS);
  const symbols = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number;
    if (length === 0) continue;
    const own = next[length] as number;
    next[length] = own + 1;
    const place = offsets[length] as number;
    offsets[length] = place + 1;
    symbols[place] = symbol;
    if (length > FAST_BITS) continue;
    for (let i = reversed(own, length); i < fast.length; i += 1 << length) fast[i] = (symbol << 4) | length;
  }
  return { fast, counts, symbols };
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) result |= ((code >> i) & 1) << (length - 1 - i);
  return result;
}

const NO_SYMBOL = 0xffff;

function decode(bits: Bits, code: Huffman): number {
  refill(bits);
  const entry = code.fast[bits.buffer & ((1 << FAST_BITS) - 1)] as number;
  if (entry !== 0) {
    const length = entry & 15;
    bits.buffer >>>= length;
    bits.count -= length;
    return entry >> 4;
  }
  return decodeLong(bits, code);
}

function decodeLong(bits: Bits, code: Huffman): number {
  let value = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length <= LONGEST_CODE; length++) {
    value |= (bits.buffer >>> (length - 1)) & 1;
    const count = code.counts[length] as number;
    if (value - first < count) {
      bits.buffer >>>= length;
      bits.count -= length;
      return code.symbols[index + value - first] as number;
    }
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return NO_SYMBOL;
}

/** The next so many bits, 16 at most. */
function take(bits: Bits, count: number): number {
  refill(bits);
  const value = bits.buffer & ((1 << count) - 1);
  bits.buffer >>>= count;
  bits.count -= count;
  return value;
}

/** At least 16 bits in the buffer, 30 at most so that it stays a small integer. Past the end come zeros. */
function refill(bits: Bits): void {
  while (bits.count < 16) {
    bits.buffer |= (bits.at < bits.input.length ? (bits.input[bits.at] as number) : 0) << bits.count;
    bits.at++;
    bits.count += 8;
  }
}
