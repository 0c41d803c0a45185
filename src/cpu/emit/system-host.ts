/** Where bytes that the processor accesses for itself are in machine memory: tables, task state, frames on stacks. */
import { OFFSET_TLB } from '../state.ts';
import { Code } from './code.ts';
import { GuestAccess } from './guest-access.ts';
import type { ModuleBuilder } from './module.ts';
import * as op from './opcodes.ts';
import type { ControlFlow, Runtime } from './tier.ts';
import { LocalPool, Value } from './values.ts';

const { TYPE_I32, TYPE_I64 } = op;

// Parameters
const VCPU = 0;
const TLB = 1;
const ADDRESS = 2;
const BYTES = 3;
const PARAMETERS = [TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I32] as const;

/**
 * (vcpu, tlb, address: i64, bytes) -> machine address of bytes that may be read, or written, with the rights of a TLB,
 * which is given by its address; 0 where they are in two pages, or TypeScript must look.
 */
export function emitSystemHost(module: ModuleBuilder, runtime: Runtime, refill: number, isWrite: boolean): number {
  const index = module.declare(PARAMETERS, [TYPE_I32]);
  const code = new Code();
  const locals = new LocalPool(PARAMETERS.length);
  code.get(ADDRESS);
  code.op(op.OP_I32_WRAP_I64);
  code.i32(0xfff);
  code.op(op.OP_I32_AND);
  code.get(BYTES);
  code.op(op.OP_I32_ADD);
  code.i32(4096);
  code.op(op.OP_I32_GT_U);
  code.unlikely();
  code.if();
  code.i32(0);
  code.byte(op.OP_RETURN);
  code.end();
  const access = new GuestAccess(code, locals, { vcpu: VCPU, tlb: TLB }, runtime, NO_CONTROL);
  const host = access.fastHost(new Value(64, ADDRESS), isWrite);
  access.push(host);
  code.likely();
  code.if();
  access.push(host);
  code.byte(op.OP_RETURN);
  code.end();
  emitRefill(code, refill, locals.fixed(TYPE_I32), isWrite);
  module.define(index, locals.locals(), code);
  return index;
}

// It goes by the TLB in use.
function emitRefill(code: Code, refill: number, inUse: number, isWrite: boolean): void {
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, OFFSET_TLB);
  code.set(inUse);
  code.get(VCPU);
  code.get(TLB);
  code.memory(op.OP_I32_STORE, OFFSET_TLB);
  code.get(VCPU);
  code.get(ADDRESS);
  code.i32(isWrite ? 1 : 0);
  code.call(refill);
  code.get(VCPU);
  code.get(inUse);
  code.memory(op.OP_I32_STORE, OFFSET_TLB);
}

function never(): never {
  throw new Error('a look-up in a TLB does not leave');
}

const NO_CONTROL: ControlFlow = {
  fault: never,
  jump: never,
  jumpRelative: never,
  instructionRip: never,
  nextRip: never,
  raise: never,
  again: never,
  settle: never,
};
