/**
 * Flags that a region puts off. Where the interpreter stores a result and an aux word (emit/flags.ts), a region keeps
 * what they follow from: a kind and two operands, which are values it has anyway. OFFSET_FLAGS_KIND says what the two
 * words in the state are; 0 is the interpreter's pair. `settleFlags` turns any kind into the pair, by the same
 * definitions that the interpreter has.
 */
import { Code } from '../emit/code.ts';
import { FlagSemantics } from '../emit/flag-semantics.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import type { ControlFlow, Runtime } from '../emit/tier.ts';
import { type Bits, LocalPool, Value } from '../emit/values.ts';
import { productOverflows } from '../instructions/multiply-divide.ts';
import { shiftArithmetic, shiftLeft, shiftRight } from '../instructions/shift.ts';
import { OFFSET_FLAGS_AUX, OFFSET_FLAGS_KIND } from '../state.ts';

/** The words are aux and result, as the interpreter keeps them. */
export const FLAGS_PAIR = 0;
/** First operand, result. */
export const FLAGS_ADD = 1;
export const FLAGS_SUB = 2;
/** Nothing, result. */
export const FLAGS_LOGIC = 3;
/** CF before, result. */
export const FLAGS_INC = 4;
export const FLAGS_DEC = 5;
/** Of a kind, what is FLAGS_INC & FLAGS_DEC for both of these alone. */
export const FLAGS_STEP_MASK = 0xe;
/** Both factors. */
export const FLAGS_PRODUCT = 6;
/** The operand, nothing; the count is in bits 13:8 of the kind. */
export const FLAGS_SHL = 7;
export const FLAGS_SHR = 8;
export const FLAGS_SAR = 9;
/** CF, PF and ZF of a comparison of floats, nothing. */
export const FLAGS_ORDER = 10;
const KINDS = 16;
export const FLAGS_COUNT_SHIFT = 8;

/** The kind of an operation on operands of a width: bits 3:0 the operation, 5:4 the width. */
export function flagsKind(operation: number, bits: Bits): number {
  return operation | (Math.log2(bits / 8) << 4);
}

const { TYPE_I32, TYPE_I64 } = op;
const VCPU = 0;
const KIND = 1;
const FIRST = 2;
const SECOND = 3;

/** (vcpu, kind, first: i64, second: i64): stores the pair, and FLAGS_PAIR as its kind. */
export function emitSettleFlags(module: ModuleBuilder, runtime: Runtime): number {
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I64], []);
  const code = new Code();
  const locals = new LocalPool(4);
  const leave = code.block();
  const sizes: readonly Bits[] = [8, 16, 32, 64];
  const labels = Array.from({ length: sizes.length * KINDS }, () => code.block()).reverse();
  code.get(KIND);
  code.i32(sizes.length * KINDS - 1);
  code.op(op.OP_I32_AND);
  code.brTable(labels, leave);
  for (const bits of sizes) {
    for (let operation = 0; operation < KINDS; operation++) {
      code.end();
      const m = new FlagSemantics(code, locals, { vcpu: VCPU, tlb: VCPU }, runtime, NO_CONTROL);
      settle(m, operation, bits);
      locals.releaseAll();
      code.br(leave);
    }
  }
  code.end();
  code.get(VCPU);
  code.i32(FLAGS_PAIR);
  code.memory(op.OP_I32_STORE, OFFSET_FLAGS_KIND);
  module.define(index, locals.locals(), code);
  return index;
}

function settle(m: FlagSemantics, operation: number, bits: Bits): void {
  const a = m.trunc(new Value(64, FIRST), bits);
  const b = m.trunc(new Value(64, SECOND), bits);
  const count = (): Value => m.shr(new Value(32, KIND), FLAGS_COUNT_SHIFT);
  switch (operation) {
    case FLAGS_ADD:
      m.flagsOfAdd(a, m.sub(b, a), b);
      break;
    case FLAGS_SUB:
      m.flagsOfSub(a, m.sub(a, b), b);
      break;
    case FLAGS_LOGIC:
      m.flagsOfLogic(b);
      break;
    case FLAGS_INC:
    case FLAGS_DEC:
      m.storeState(OFFSET_FLAGS_AUX, m.shl(new Value(64, FIRST), 63));
      m.flagsOfStep(b, operation === FLAGS_INC ? 1 : -1);
      break;
    case FLAGS_PRODUCT: {
      const low = m.mul(a, b);
      m.flagsOfProduct(a, b, low, () => productOverflows(m, a, b, low));
      break;
    }
    case FLAGS_SHL:
    case FLAGS_SHR:
    case FLAGS_SAR: {
      const shifted = [shiftLeft, shiftRight, shiftArithmetic][operation - FLAGS_SHL] as typeof shiftLeft;
      const { result, out } = shifted(m, a, count());
      m.flagsOfShift('other', a, count(), result, out);
      break;
    }
    case FLAGS_ORDER:
      m.flagsOfOrder(m.trunc(new Value(64, FIRST), 32));
      break;
    default:
  }
}

/** Flags alone never transfer control. */
const NO_CONTROL = {} as ControlFlow;
