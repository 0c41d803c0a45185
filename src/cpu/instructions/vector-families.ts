/** The vector and floating-point instructions: MMX, SSE to SSE4.2, x87, and the instructions that save their state. */
import type { Instruction } from './define.ts';
import { MMX_MOVES } from './vector/mmx-move.ts';
import { PACKED_ARITHMETIC } from './vector/packed-arithmetic.ts';
import { PACKED_ARRANGEMENTS } from './vector/packed-arrange.ts';
import { PACKED_ELEMENTS } from './vector/packed-element.ts';
import { PACKED_SHIFTS } from './vector/packed-shift.ts';
import { SAVED_STATE } from './vector/save-state.ts';
import { SSE_ARITHMETIC } from './vector/sse-arithmetic.ts';
import { SSE_COMPARISONS } from './vector/sse-compare.ts';
import { SSE_CONVERSIONS } from './vector/sse-convert.ts';
import { SSE_MOVES } from './vector/sse-move.ts';
import { STRINGS_AND_SUMS } from './vector/string-and-sum.ts';
import { X87 } from './vector/x87.ts';

export const VECTOR_INSTRUCTIONS: readonly Instruction[] = [
  ...SSE_MOVES,
  ...MMX_MOVES,
  ...PACKED_ARITHMETIC,
  ...PACKED_ARRANGEMENTS,
  ...PACKED_SHIFTS,
  ...PACKED_ELEMENTS,
  ...STRINGS_AND_SUMS,
  ...SSE_ARITHMETIC,
  ...SSE_COMPARISONS,
  ...SSE_CONVERSIONS,
  ...X87,
  ...SAVED_STATE,
];
