/** The general-purpose instructions (SDM vol. 1, 5.1), without those that only a kernel executes. */
import { ADC, ADD, CMP, DEC, INC, NEG, SBB, SUB } from './arithmetic.ts';
import { BITS } from './bit.ts';
import { BOUND } from './bound.ts';
import { CONTROL_FLOW } from './control-flow.ts';
import { DECIMAL } from './decimal.ts';
import type { Instruction } from './define.ts';
import { FLAGS } from './flag.ts';
import { AND, NOT, OR, TEST, XOR } from './logic.ts';
import { BSWAP, CBW, CWD, LEA, MOV, MOVSX, MOVSXD, MOVZX, XCHG, XLAT } from './move.ts';
import { MULTIPLY_DIVIDE } from './multiply-divide.ts';
import { SHIFTS } from './shift.ts';
import { STACK } from './stack.ts';
import { STRINGS } from './string.ts';

export const INTEGER_INSTRUCTIONS: readonly Instruction[] = [
  ...[ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG],
  ...[AND, OR, XOR, NOT, TEST],
  ...[MOV, MOVZX, MOVSX, MOVSXD, LEA, XCHG, BSWAP, CBW, CWD, XLAT],
  ...MULTIPLY_DIVIDE,
  ...SHIFTS,
  ...BITS,
  ...STACK,
  ...CONTROL_FLOW,
  ...STRINGS,
  ...FLAGS,
  ...DECIMAL,
  BOUND,
];
