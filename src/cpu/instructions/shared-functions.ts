/** Functions of the generated module that handlers and regions share, made from definitions as handlers are. */
import type { Semantics } from '../emit/semantics.ts';
import type { Value } from '../emit/values.ts';
import { FLOAT_FUNCTIONS } from './vector/float-operations.ts';
import { X87_FUNCTIONS } from './x87/functions.ts';

/** (vcpu: i32, operands) -> result, of integer or vector types. */
export interface SharedFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly result: number;
  emit(m: Semantics, operands: readonly Value[]): Value;
}

export const SHARED_FUNCTIONS: readonly SharedFunction[] = [...FLOAT_FUNCTIONS, ...X87_FUNCTIONS];
