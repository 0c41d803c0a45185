/** The functions that execute x87 instructions; how they are told what to do is in operation.ts. */
import * as op from '../../emit/opcodes.ts';
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import { product, quotient, sum } from './arithmetic.ts';
import { compare, examine } from './compare.ts';
import { roundToIntegral, storeInteger } from './integer.ts';
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
import { X87Function } from './unit.ts';

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
} satisfies Readonly<Record<string, (x: X87Function) => void>>;

export type X87FunctionName = keyof typeof BODIES;

export const X87_FUNCTIONS = Object.entries(BODIES).map(([name, body]) => ({
  name,
  parameters: [op.TYPE_I32, op.TYPE_I32, op.TYPE_I64, op.TYPE_I64, op.TYPE_I64],
  result: op.TYPE_I32,
  emit: (m: Semantics, parameters: readonly Value[]): Value => X87Function.emit(m, parameters, body),
}));
