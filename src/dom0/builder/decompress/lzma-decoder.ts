import { assert } from '../../../lib/assert.ts';
import type { Output } from './output.ts';
import {
  AT,
  CODE,
  decodeBit,
  decodeDirect,
  decodeNodes,
  decodeReverse,
  decodeTree,
  PROBABILITY_HALF,
  startRange,
} from './range-decoder.ts';

/** The most bytes one match copies: a run may write so many past the limit it is given. */
export const LONGEST_MATCH = 273;

/** How a run ended: at the limit, at an end marker, or on data no encoder writes. */
export type LzmaEnd = 'limit' | 'marker' | 'corrupt';

/**
 * LZMA's packet decoder (Igor Pavlov's LZMA specification), the part that .lzma files and LZMA2 share. The output is
 * its own dictionary, so it is never copied.
 */
export class LzmaDecoder {
  readonly #rc = new Int32Array(3);
  readonly #input: Uint8Array;
  readonly #output: Output;
  #probs = new Uint16Array(0);
  #lc = 0;
  #lpMask = 0;
  #pbMask = 0;
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  #dictionaryStart = 0;
  #dictionarySize: number;

  /** @param dictionarySize in bytes: no match reaches back further */
  constructor(input: Uint8Array, output: Output, dictionarySize: number) {
    this.#input = input;
    this.#output = output;
    this.#dictionarySize = dictionarySize;
  }

  /** Index of the next input byte. */
  get at(): number {
    return this.#rc[AT] as number;
  }

  /** Whether the range coder has nothing left over, as at the end of every well-formed run. */
  get drained(): boolean {
    return this.#rc[CODE] === 0;
  }

  /** Forgets what was written: matches may not reach before here, and positions count from here. */
  resetDictionary(): void {
    this.#dictionaryStart = this.#output.length;
  }

  /** Takes the properties byte, (pb * 5 + lp) * 9 + lc, and resets the state; false when it is out of range. */
  setProperties(properties: number): boolean {
    if (properties >= 9 * 5 * 5) return false;
    this.#lc = properties % 9;
    const lp = Math.trunc(properties / 9) % 5;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << Math.trunc(properties / 45)) - 1;
    this.#probs = new Uint16Array(LITERAL + (0x300 << (this.#lc + lp)));
    this.resetState();
    return true;
  }

  /** All probabilities back to one half, the repeat distances to the nearest. */
  resetState(): void {
    this.#probs.fill(PROBABILITY_HALF);
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
  }

  /** Starts the range coder at an input index; false when the stream does not open with a 0. */
  start(at: number): boolean {
    return startRange(this.#rc, this.#input, at);
  }

  /**
   * Decodes until the output is `limit` bytes long or a little longer (LONGEST_MATCH at most, for which there must be
   * room).
   */
  run(limit: number): LzmaEnd {
    const rc = this.#rc;
    const input = this.#input;
    const probs = this.#probs;
    const bytes = this.#output.bytes;
    assert(limit + LONGEST_MATCH <= bytes.length, 'a run has room for its limit and one match more');
    let position = this.#output.length;
    while (position < limit) {
      const posState = (position - this.#dictionaryStart) & this.#pbMask;
      const state = this.#state;
      if (decodeBit(rc, input, probs, IS_MATCH + (state << 4) + posState) === 0) {
        bytes[position] = this.#literal(bytes, position);
        position++;
        this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      const length = decodeBit(rc, input, probs, IS_REP + state) === 0 ? this.#match(posState) : this.#repeat(posState);
      const distance = this.#rep0 + 1;
      if (this.#rep0 === -1) {
        this.#output.length = position;
        return 'marker';
      }
      if (distance > position - this.#dictionaryStart || distance > this.#dictionarySize || distance <= 0) {
        return 'corrupt';
      }
      copyMatch(bytes, position, distance, length);
      position += length;
    }
    this.#output.length = position;
    return 'limit';
  }

  #literal(bytes: Uint8Array, position: number): number {
    const first = position === this.#dictionaryStart;
    const before = first ? 0 : (bytes[position - 1] as number);
    const context = (((position - this.#dictionaryStart) & this.#lpMask) << this.#lc) + (before >>> (8 - this.#lc));
    const base = LITERAL + 0x300 * context;
    if (this.#state < 7) return decodeNodes(this.#rc, this.#input, this.#probs, base, 1, 0x100) & 0xff;
    return this.#literalAfterMatch(base, bytes[position - this.#rep0 - 1] as number);
  }

  /** After a match, the byte that would have continued it predicts the literal, until the first bit that differs. */
  #literalAfterMatch(base: number, predicted: number): number {
    const rc = this.#rc;
    const input = this.#input;
    const probs = this.#probs;
    let node = 1;
    for (let rest = predicted << 1; node < 0x100; rest <<= 1) {
      const expected = rest & 0x100;
      const bit = decodeBit(rc, input, probs, base + 0x100 + expected + node);
      node = (node << 1) | bit;
      if (bit !== expected >>> 8) return decodeNodes(rc, input, probs, base, node, 0x100) & 0xff;
    }
    return node & 0xff;
  }

  #match(posState: number): number {
    const rc = this.#rc;
    const input = this.#input;
    const probs = this.#probs;
    this.#rep3 = this.#rep2;
    this.#rep2 = this.#rep1;
    this.#rep1 = this.#rep0;
    const length = this.#length(LENGTH, posState);
    this.#state = this.#state < 7 ? 7 : 10;
    const slot = decodeTree(rc, input, probs, POS_SLOT + (Math.min(length - 2, 3) << 6), 6);
    if (slot < 4) {
      this.#rep0 = slot;
      return length;
    }
    const direct = (slot >>> 1) - 1;
    const high = (2 | (slot & 1)) << direct;
    if (slot < 14) {
      this.#rep0 = high + decodeReverse(rc, input, probs, POS_SPECIAL + high - slot, direct);
    } else {
      const middle = decodeDirect(rc, input, direct - 4) << 4;
      this.#rep0 = (high + middle + decodeReverse(rc, input, probs, ALIGN, 4)) | 0;
    }
    return length;
  }

  #repeat(posState: number): number {
    const rc = this.#rc;
    const input = this.#input;
    const probs = this.#probs;
    const state = this.#state;
    if (decodeBit(rc, input, probs, IS_REP_G0 + state) === 0) {
      if (decodeBit(rc, input, probs, IS_REP0_LONG + (state << 4) + posState) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else {
      const distance = this.#pickRepeat(state);
      this.#rep1 = this.#rep0;
      this.#rep0 = distance;
    }
    this.#state = state < 7 ? 8 : 11;
    return this.#length(REPEAT_LENGTH, posState);
  }

  #pickRepeat(state: number): number {
    if (decodeBit(this.#rc, this.#input, this.#probs, IS_REP_G1 + state) === 0) return this.#rep1;
    let distance = this.#rep2;
    if (decodeBit(this.#rc, this.#input, this.#probs, IS_REP_G2 + state) !== 0) {
      distance = this.#rep3;
      this.#rep3 = this.#rep2;
    }
    this.#rep2 = this.#rep1;
    return distance;
  }

  #length(base: number, posState: number): number {
    const rc = this.#rc;
    const input = this.#input;
    const probs = this.#probs;
    if (decodeBit(rc, input, probs, base) === 0) {
      return 2 + decodeTree(rc, input, probs, base + LENGTH_LOW + (posState << 3), 3);
    }
    if (decodeBit(rc, input, probs, base + 1) === 0) {
      return 10 + decodeTree(rc, input, probs, base + LENGTH_MIDDLE + (posState << 3), 3);
    }
    return 18 + decodeTree(rc, input, probs, base + LENGTH_HIGH, 8);
  }
}

/** Copies within the output; source and target overlap when a run repeats. */
export function copyMatch(bytes: Uint8Array, position: number, distance: number, length: number): void {
  let from = position - distance;
  if (length > 48 && distance >= length) {
    bytes.copyWithin(position, from, from + length);
    return;
  }
  for (let to = position, end = position + length; to < end; ) bytes[to++] = bytes[from++] as number;
}

// Where each group of probabilities starts in the one array.
const IS_MATCH = 0;
const IS_REP = IS_MATCH + (12 << 4);
const IS_REP_G0 = IS_REP + 12;
const IS_REP_G1 = IS_REP_G0 + 12;
const IS_REP_G2 = IS_REP_G1 + 12;
const IS_REP0_LONG = IS_REP_G2 + 12;
const POS_SLOT = IS_REP0_LONG + (12 << 4);
const POS_SPECIAL = POS_SLOT + (4 << 6);
const ALIGN = POS_SPECIAL + 128;
const LENGTH = ALIGN + 16;
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + (16 << 3);
const LENGTH_HIGH = LENGTH_MIDDLE + (16 << 3);
const REPEAT_LENGTH = LENGTH + LENGTH_HIGH + 256;
const LITERAL = REPEAT_LENGTH + LENGTH_HIGH + 256;
