/**
 * LZMA's range decoder (Igor Pavlov's LZMA specification, "Range Decoder"). Its three registers live in an Int32Array
 * and the functions are free, so that V8 keeps them in machine registers inside each loop: a kernel of 66 MB takes
 * 100 million of these bits.
 */
export type RangeRegisters = Int32Array;

export const RANGE = 0;
export const CODE = 1;
/** index of the next input byte */
export const AT = 2;

/** A probability is of a 0 bit, in 11 bits; it starts at one half. */
export const PROBABILITY_HALF = 1024;

/**
 * Starts on the five bytes every LZMA stream opens with. Reading past the input gives zeros: callers compare `AT` with
 * their end once a run is over.
 *
 * @returns false when the first byte is not the 0 it has to be
 */
export function startRange(rc: RangeRegisters, input: Uint8Array, at: number): boolean {
  rc[RANGE] = -1;
  rc[CODE] =
    ((input[at + 1] ?? 0) << 24) | ((input[at + 2] ?? 0) << 16) | ((input[at + 3] ?? 0) << 8) | (input[at + 4] ?? 0);
  rc[AT] = at + 5;
  return input[at] === 0;
}

/** One bit with an adaptive probability. */
export function decodeBit(rc: RangeRegisters, input: Uint8Array, probs: Uint16Array, index: number): number {
  const range = rc[RANGE] as number;
  const code = rc[CODE] as number;
  const p = probs[index] as number;
  const bound = Math.imul(range >>> 11, p);
  if (code >>> 0 < bound >>> 0) {
    probs[index] = p + ((2048 - p) >> 5);
    if (bound >>> 24 !== 0) {
      rc[RANGE] = bound;
    } else {
      rc[RANGE] = bound << 8;
      shiftIn(rc, input, code);
    }
    return 0;
  }
  probs[index] = p - (p >> 5);
  const rest = (range - bound) | 0;
  if (rest >>> 24 !== 0) {
    rc[RANGE] = rest;
    rc[CODE] = code - bound;
  } else {
    rc[RANGE] = rest << 8;
    shiftIn(rc, input, (code - bound) | 0);
  }
  return 1;
}

/**
 * So many bits, most significant first, each with the probability its predecessors lead to.
 *
 * @param base where the tree's probabilities start; node n is at base + n, the root is 1
 */
export function decodeTree(rc: RangeRegisters, input: Uint8Array, probs: Uint16Array, base: number, bits: number) {
  return decodeNodes(rc, input, probs, base, 1, 1 << bits) - (1 << bits);
}

/** Walks a tree from a node until the node number reaches `stop`; the literal coder starts in the middle. */
export function decodeNodes(
  rc: RangeRegisters,
  input: Uint8Array,
  probs: Uint16Array,
  base: number,
  from: number,
  stop: number,
): number {
  let range = rc[RANGE] as number;
  let code = rc[CODE] as number;
  let at = rc[AT] as number;
  let node = from;
  while (node < stop) {
    const index = base + node;
    const p = probs[index] as number;
    const bound = Math.imul(range >>> 11, p);
    if (code >>> 0 < bound >>> 0) {
      probs[index] = p + ((2048 - p) >> 5);
      range = bound;
      node <<= 1;
    } else {
      probs[index] = p - (p >> 5);
      range = (range - bound) | 0;
      code = (code - bound) | 0;
      node = (node << 1) | 1;
    }
    if (range >>> 24 === 0) {
      range <<= 8;
      code = (code << 8) | (input[at++] as number);
    }
  }
  rc[RANGE] = range;
  rc[CODE] = code;
  rc[AT] = at;
  return node;
}

/** A tree read least significant bit first. */
export function decodeReverse(rc: RangeRegisters, input: Uint8Array, probs: Uint16Array, base: number, bits: number) {
  let node = 1;
  let value = 0;
  for (let i = 0; i < bits; i++) {
    const bit = decodeBit(rc, input, probs, base + node);
    node = (node << 1) | bit;
    value |= bit << i;
  }
  return value;
}

/** So many bits that are 0 or 1 evenly, most significant first. */
export function decodeDirect(rc: RangeRegisters, input: Uint8Array, bits: number): number {
  let range = rc[RANGE] as number;
  let code = rc[CODE] as number;
  let at = rc[AT] as number;
  let value = 0;
  for (let i = 0; i < bits; i++) {
    range >>>= 1;
    const one = code >>> 0 >= range >>> 0 ? 1 : 0;
    if (one) code = (code - range) | 0;
    value = (value << 1) | one;
    if (range >>> 24 === 0) {
      range <<= 8;
      code = (code << 8) | (input[at++] as number);
    }
  }
  rc[RANGE] = range;
  rc[CODE] = code;
  rc[AT] = at;
  return value;
}

function shiftIn(rc: RangeRegisters, input: Uint8Array, code: number): void {
  const at = rc[AT] as number;
  rc[CODE] = (code << 8) | (input[at] as number);
  rc[AT] = at + 1;
}
