/** A block of a region, and its name: where its code is, and in which copy of it. */
import type { RegionInstruction } from './region-operands.ts';

export interface Block {
  /** Its name: context and offset. */
  readonly key: number;
  /** Of its first instruction, from the page of the region's entry on. */
  readonly offset: number;
  readonly instructions: RegionInstruction[];
  /** Keys of where control goes on, in the region or out of it; NOWHERE where it does not. */
  next: number;
  taken: number;
  /** Where a return at its end is expected to lead. */
  returns: number;
  /** It is one of several turns of a loop of one block: see unroll.ts. */
  readonly isLoop: boolean;
}

export const NOWHERE = -1;

export function keyOf(context: number, offset: number): number {
  return context * SPAN + offset + SPAN / 2;
}

/** The key of a block's copy in another context. */
export function inContext(key: number, context: number): number {
  return keyOf(context, offsetOf(key));
}

/** Offset of what a key names. */
export function offsetOf(key: number): number {
  return (key % SPAN) - SPAN / 2;
}

/** Whose code a block is: 0 that of the entry, others that of a call that the region follows, or of a loop's turn. */
export function contextOf(key: number): number {
  return Math.floor(key / SPAN);
}

/** Targets of direct jumps are within 2 GiB; so are, for all that matters, those of calls from calls. */
const SPAN = 2 ** 40;
