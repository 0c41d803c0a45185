/** The functions of floating point that all handlers and regions share. */
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { Semantics } from '../emit/semantics.ts';
import type { ControlFlow, HandlerContext, OperandAccess, Runtime } from '../emit/tier.ts';
import { type Bits, LocalPool, Value } from '../emit/values.ts';
import { SHARED_FUNCTIONS, type SharedFunction } from '../instructions/shared-functions.ts';
import { emitRaise } from './main-function.ts';

const VCPU = 0;
const BITS: Readonly<Record<number, Bits>> = { [op.TYPE_I32]: 32, [op.TYPE_I64]: 64, [op.TYPE_V128]: 128 };

/** By name, for `Runtime.floats`. */
export function emitFloatFunctions(module: ModuleBuilder, runtime: Runtime): ReadonlyMap<string, number> {
  return new Map(SHARED_FUNCTIONS.map((shared) => [shared.name, emitFloatFunction(module, runtime, shared)]));
}

function emitFloatFunction(module: ModuleBuilder, runtime: Runtime, shared: SharedFunction): number {
  const index = module.declare(shared.parameters, [shared.result]);
  const code = new Code();
  const locals = new LocalPool(shared.parameters.length);
  const places = { vcpu: VCPU, tlb: VCPU };
  const m = new Semantics(code, locals, places, runtime, NO_OPERANDS, new Leaving(code), CONTEXT);
  const operands = shared.parameters.slice(1).map((type, i) => new Value(BITS[type] as Bits, i + 1));
  m.push(shared.emit(m, operands));
  module.define(index, locals.locals(), code);
  return index;
}

/** Comes back with what was raised in the state, and a result that nobody looks at. */
class Leaving implements ControlFlow {
  readonly #code: Code;

  constructor(code: Code) {
    this.#code = code;
  }

  fault(): void {
    this.#code.get(VCPU + 1);
    this.#code.byte(op.OP_RETURN);
  }
  raise(vector: number, errorCode: number): void {
    emitRaise(this.#code, VCPU, vector, errorCode);
    this.fault();
  }
  jump = hasNone;
  jumpRelative = hasNone;
  instructionRip = hasNone;
  nextRip = hasNone;
  again = hasNone;
  settle(): void {}
}

function hasNone(): never {
  throw new Error('a function of floating-point arithmetic has its parameters, and neither operands nor jumps');
}

const NO_OPERANDS: OperandAccess = {
  bits: hasNone,
  isMemory: hasNone,
  readRegister: hasNone,
  writeRegister: hasNone,
  immediate: hasNone,
  isImmediate: hasNone,
  address: hasNone,
  isUnsegmented: hasNone,
  registerNumber: hasNone,
};
const CONTEXT: HandlerContext = { operandSize: 64, addressSize: 64, stackSize: 64, repeat: '' };
