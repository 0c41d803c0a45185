/** The functions that execute x87 instructions; how they are told what to do is in operation.ts. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { X87_SLOW_OPERAND } from '../../fpu/x87-slow.ts';
import { OFFSET_X87_CONTROL } from '../../state.ts';
import { VECTOR_X87 } from '../../system/vector-slow.ts';
import { product, quotient, sum } from './arithmetic.ts';
import { compare, examine } from './compare.ts';
import { roundToIntegral, storeInteger } from './integer.ts';
import { HOLDS_BACK, HOW_FOP, HOW_FOP_SHIFT, X87_EXPONENT, X87_RESULT, X87_RESULT_EXPONENT } from './operation.ts';
import { extract, remainder, scale } from './remainder.ts';
import { squareRoot } from './root.ts';
import {
  changeSign,
  conditionalMove,
  exchange,
  free,
  load,
  loadControl,
  moveTop,
  storeFloat,
  storeRegister,
} from './transfer.ts';
import { type Given, X87Function } from './unit.ts';

type Body = (x: X87Function) => void;

const BODIES = {
  x87Sum: sum,
  x87Product: product,
  x87Quotient: quotient,
  x87Root: squareRoot,
  x87Integral: roundToIntegral,
  x87Remainder: remainder,
  x87Scale: scale,
  x87Extract: extract,
  x87Compare: compare,
  x87Examine: examine,
  x87Load: load,
  x87StoreFloat: storeFloat,
  x87StoreInteger: storeInteger,
  x87StoreRegister: storeRegister,
  x87Exchange: exchange,
  x87ConditionalMove: conditionalMove,
  x87ChangeSign: changeSign,
  x87Free: free,
  x87MoveTop: moveTop,
  x87LoadControl: loadControl,
} satisfies Readonly<Record<string, Body>>;

export type X87FunctionName = keyof typeof BODIES;

export const X87_FUNCTIONS = Object.entries(BODIES).map(([name, body]) => ({
  name,
  parameters: [op.TYPE_I32, op.TYPE_I32, op.TYPE_I64, op.TYPE_I64],
  result: op.TYPE_I64,
  emit: (m: Semantics, [how, control, operand]: readonly Value[]): Value =>
    emitFunction(m, { how, control, operand } as Given, body),
}));

/** What an instruction has done: the control words after it, and what is to be written to memory. */
export interface Done {
  readonly control: Value;
  readonly result: Value;
  readonly signExponent: Value;
}

/** Calls the function of an instruction. The upper 16 bits of an m80 operand are in X87_EXPONENT. */
export function callX87(m: Semantics, name: X87FunctionName, { how, control, operand }: Given): Value {
  m.callShared(name, [how, control, operand]);
  return m.pop(64);
}

/** The same in place, as far as it is plain, and the call where it is not. */
export function inlineX87(m: Semantics, name: X87FunctionName, given: Given): Done {
  const { code } = m;
  const after = m.variable(m.const(64, 0));
  const result = m.variable(m.const(64, 0));
  const signExponent = m.variable(m.const(32, 0));
  const out = code.block();
  const slow = code.block();
  const x = new X87Function(m, given, {
    slow,
    done: (control) => {
      m.set(after, control);
      code.br(out);
    },
    result: (value, upper) => {
      m.set(result, value);
      if (upper !== undefined) m.set(signExponent, upper);
    },
  });
  const body: Body = BODIES[name];
  body(x);
  code.end();
  if (given.signExponent !== undefined) m.storeState(X87_EXPONENT, m.trunc(given.signExponent, 16));
  m.set(after, callX87(m, name, given));
  m.set(result, m.loadState(X87_RESULT, 64));
  m.set(signExponent, m.zext(m.loadState(X87_RESULT_EXPONENT, 16), 32));
  code.end();
  return { control: m.get(after), result: m.get(result), signExponent: m.get(signExponent) };
}

function emitFunction(m: Semantics, given: Given, body: Body): Value {
  const { code } = m;
  const slow = code.block();
  const x = new X87Function(m, given, {
    slow,
    done: (control) => {
      m.push(control);
      code.byte(op.OP_RETURN);
    },
    result: (value, signExponent) => {
      m.storeState(X87_RESULT, value);
      if (signExponent !== undefined) m.storeState(X87_RESULT_EXPONENT, m.trunc(signExponent, 16));
    },
  });
  body(x);
  code.end();
  return callTypeScript(m, given);
}

function callTypeScript(m: Semantics, { how, control, operand }: Given): Value {
  m.storeState(OFFSET_X87_CONTROL, control);
  m.storeState(X87_SLOW_OPERAND, operand);
  m.push(m.or(m.and(m.shr(how, HOW_FOP_SHIFT), m.const(32, HOW_FOP)), m.const(32, VECTOR_X87)));
  m.code.call(m.runtime.vectorSlow);
  const status = m.pop(32);
  const after = m.variable(m.loadState(OFFSET_X87_CONTROL, 64));
  m.if(m.ne(status, m.const(32, 0)), () => m.set(after, m.or(m.get(after), m.const(64, HOLDS_BACK))));
  return m.get(after);
}
