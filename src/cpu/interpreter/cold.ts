/** Handlers outside the big function: one wasm function each, called through the table. */
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { SystemSemantics } from '../emit/system-semantics.ts';
import type { ControlFlow } from '../emit/tier.ts';
import { LocalPool, push, Value } from '../emit/values.ts';
import type { OperandHandle } from '../instructions/define.ts';
import * as state from '../state.ts';
import { type Handler, isEmitted } from './handlers.ts';
import { emitRaise } from './main-function.ts';
import { COLD_FAULT, COLD_JUMP, COLD_NEXT } from './run-result.ts';
import * as record from './record.ts';
import { RecordOperands } from './record-operands.ts';
import { COLD_PARAMETERS, type RuntimeFunctions } from './runtime.ts';

// Parameters: (vcpu: i32, pc: i32, ipBase: i64) -> i32
const VCPU = 0;
const PC = 1;
const IP_BASE = 2;
const PARAMETERS = 3;

export function emitColdHandlers(
  module: ModuleBuilder,
  handlers: readonly Handler[],
  runtime: RuntimeFunctions,
  shortcuts: boolean,
): number[] {
  return handlers.map((handler) => {
    const index = module.declare(COLD_PARAMETERS, [op.TYPE_I32]);
    const cold = new ColdFunction(runtime, handler, shortcuts);
    cold.emit();
    module.define(index, cold.locals.locals(), cold.code);
    return index;
  });
}

class ColdFunction implements ControlFlow {
  readonly code = new Code();
  readonly locals = new LocalPool(PARAMETERS);
  readonly #handler: Handler;
  readonly #runtime: RuntimeFunctions;
  readonly #shortcuts: boolean;

  constructor(runtime: RuntimeFunctions, handler: Handler, shortcuts: boolean) {
    this.#runtime = runtime;
    this.#shortcuts = shortcuts;
    this.#handler = handler;
  }

  emit(): void {
    const { instruction, operands } = this.#handler;
    const places = { vcpu: VCPU, pc: PC, ipBase: IP_BASE, addressFunction: this.#runtime.address, ahead: 0 };
    const access = new RecordOperands(this.code, this.locals, operands, places, () => this.fault());
    const handles = operands.map((_, index) => ({ index }));
    if (isEmitted(instruction)) {
      instruction.execute(this.#semantics(access), ...handles);
      this.#return(COLD_NEXT);
      return;
    }
    const { shortcut } = instruction;
    if (shortcut !== undefined && this.#shortcuts) {
      const m = this.#semantics(access);
      m.attempt(() => {
        shortcut(m, ...handles);
        this.code.i32(COLD_NEXT);
        this.code.byte(op.OP_RETURN);
      });
    }
    this.#emitCall(access);
  }

  #semantics(access: RecordOperands): SystemSemantics {
    const tlb = this.locals.fixed(op.TYPE_I32);
    this.code.get(VCPU);
    this.code.memory(op.OP_I32_LOAD, state.OFFSET_TLB);
    this.code.set(tlb);
    const { context } = this.#handler;
    return new SystemSemantics(this.code, this.locals, { vcpu: VCPU, tlb }, this.#runtime, access, this, context);
  }

  fault(): void {
    this.#return(COLD_FAULT);
  }

  raise(vector: number, errorCode: number): void {
    emitRaise(this.code, VCPU, vector, errorCode);
    this.fault();
  }

  jump(target: Value): void {
    this.code.get(VCPU);
    push(this.code, target);
    this.code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.#return(COLD_JUMP);
  }

  jumpRelative(_handle: OperandHandle): void {
    const { operandSize } = this.#handler.context;
    this.code.get(VCPU);
    this.code.get(IP_BASE);
    this.code.get(PC);
    this.code.memory(op.OP_I64_LOAD32_S, record.RECORD_DISPLACEMENT);
    this.code.op(op.OP_I64_ADD);
    if (operandSize !== 64) {
      this.code.i64(operandSize === 32 ? 0xffffffffn : 0xffffn);
      this.code.op(op.OP_I64_AND);
    }
    this.code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.#return(COLD_JUMP);
  }

  instructionRip(): Value {
    return this.#place(false);
  }

  nextRip(): Value {
    return this.#place(true);
  }

  #place(next: boolean): Value {
    this.#pushPlace(next);
    const local = this.locals.take(op.TYPE_I64);
    this.code.set(local);
    return new Value(64, local);
  }

  again(): void {
    this.code.get(VCPU);
    this.#pushPlace(false);
    this.code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.#return(COLD_JUMP);
  }

  /** The dispatch did it before the call. */
  settle(): void {}

  // RIP of this instruction, or of the next one.
  #pushPlace(next: boolean): void {
    this.code.get(IP_BASE);
    this.code.get(PC);
    this.code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
    this.code.i32(0xfff);
    this.code.op(op.OP_I32_AND);
    if (next) {
      this.code.get(PC);
      this.code.memory(op.OP_I32_LOAD16_U, record.RECORD_PLACE);
      this.code.i32(12);
      this.code.op(op.OP_I32_SHR_U);
      this.code.op(op.OP_I32_ADD);
    }
    this.code.op(op.OP_I64_EXTEND_I32_U);
    this.code.op(op.OP_I64_ADD);
  }

  // A TypeScript function: it finds RIP, the record and the memory operand's address in the state.
  #emitCall(access: RecordOperands): void {
    const memory = this.#handler.operands.findIndex(({ type }) => type === 'memory');
    if (memory >= 0) {
      const address = access.address({ index: memory });
      this.code.get(VCPU);
      push(this.code, address);
      this.code.memory(op.OP_I64_STORE, state.OFFSET_OPERAND_ADDRESS);
    }
    this.code.get(VCPU);
    this.#pushPlace(false);
    this.code.memory(op.OP_I64_STORE, state.OFFSET_RIP);
    this.code.i32(this.#handler.id);
    this.code.get(PC);
    this.code.call(this.#runtime.system);
    this.code.byte(op.OP_RETURN);
    // Validation wants a value on the path that never comes here.
    this.code.i32(COLD_NEXT);
  }

  #return(status: number): void {
    this.code.i32(status);
    this.code.byte(op.OP_RETURN);
    if (status === COLD_NEXT) this.code.i32(COLD_NEXT);
  }
}
