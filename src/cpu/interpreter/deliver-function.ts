/**
 * Exceptions and interrupts of 64-bit code, delivered in generated code: what system/long-delivery.ts does where the
 * handler is 64-bit code at CPL 0 and nothing faults on the way. Page faults above all: a process is made of them.
 */
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { segmentAt, SystemSemantics } from '../emit/system-semantics.ts';
import type { ControlFlow, OperandAccess } from '../emit/tier.ts';
import { LocalPool, type Value } from '../emit/values.ts';
import { codeSegment } from '../instructions/transfer-shortcuts.ts';
import { EVENT_HAS_ERROR } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import { TYPE_INTERRUPT_GATE } from '../system/descriptors.ts';
import * as record from './record.ts';
import { RUN_EVENT } from './run-result.ts';
import type { RuntimeFunctions } from './runtime.ts';

const { TYPE_I32 } = op;
// Parameters
const VCPU = 0;
const BUDGET = 1;

/** Where a TSS has RSP0 and IST1 (SDM vol. 3A, figure 8-11). */
const TSS_RSP0 = 4;
const TSS_IST1 = 36;
const FRAME_BYTES = 40;
const GATE_TYPE_MASK = 0x1e;
const GATE_P = 0x80;
/** These are more than a frame on a stack, or no faults. */
const OTHERS = [
  state.EXCEPTION_DB,
  state.EXCEPTION_NMI,
  state.EXCEPTION_BP,
  state.EXCEPTION_OF,
  state.EXCEPTION_DF,
].reduce((all, vector) => all | (1 << vector), 0);
const CLEARED = state.FLAG_TF | state.FLAG_NT | state.FLAG_RF | state.FLAG_VM;

/**
 * (vcpu, budget) -> RUN_*: as `run`, which it calls, but exceptions that need no TypeScript are delivered, and it goes
 * on. Each counts as the instruction that it comes instead of.
 */
export function emitRunAndDeliver(module: ModuleBuilder, run: number, runtime: RuntimeFunctions): number {
  const deliver = emitDeliver(module, runtime);
  const index = module.declare([TYPE_I32, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  const RESULT = 2;
  const again = code.loop();
  code.get(VCPU);
  code.get(BUDGET);
  code.call(run);
  code.tee(RESULT);
  code.i32(RUN_EVENT);
  code.op(op.OP_I32_EQ);
  code.if();
  code.get(VCPU);
  code.call(deliver);
  code.if();
  code.get(VCPU);
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, state.OFFSET_BUDGET);
  code.i32(1);
  code.op(op.OP_I32_SUB);
  code.tee(BUDGET);
  code.memory(op.OP_I32_STORE, state.OFFSET_BUDGET);
  code.br(again);
  code.end();
  code.end();
  code.end();
  code.get(RESULT);
  module.define(index, [{ type: TYPE_I32, count: 1 }], code);
  return index;
}

/** (vcpu) -> 1 once the exception in OFFSET_EVENT is delivered, 0 where nothing was done. */
function emitDeliver(module: ModuleBuilder, runtime: RuntimeFunctions): number {
  return emitAttempt(module, runtime, (m) => {
    const event = m.loadState(state.OFFSET_EVENT, 32);
    m.requireBits(event, ~(0xff | EVENT_HAS_ERROR), 0);
    const vector = vectorOf(m, event);
    m.require(m.below(vector, m.const(32, 32)));
    const left = m.or(m.loadState(state.OFFSET_EXCEPTION_EXITS, 32), m.const(32, OTHERS));
    m.requireClear(m.and(m.shl(m.const(32, 1), vector), left));
    const hasError = m.bit(event, Math.log2(EVENT_HAS_ERROR));
    emitDelivery(m, vector, hasError, () => faultingRip(m), state.FLAG_RF);
  });
}

/**
 * The same, between runs, for an external interrupt: OFFSET_EVENT is its vector + 1. No exit of a guest's guest is
 * looked for.
 */
export function emitInterrupt(module: ModuleBuilder, runtime: RuntimeFunctions): number {
  return emitAttempt(module, runtime, (m) => {
    const vector = vectorOf(m, m.loadState(state.OFFSET_EVENT, 32));
    emitDelivery(m, vector, undefined, () => m.loadState(state.OFFSET_RIP, 64), 0);
  });
}

function emitAttempt(module: ModuleBuilder, runtime: RuntimeFunctions, deliver: (m: SystemSemantics) => void): number {
  const index = module.declare([TYPE_I32], [TYPE_I32]);
  const code = new Code();
  const locals = new LocalPool(1);
  const tlb = locals.fixed(TYPE_I32);
  const m = new SystemSemantics(code, locals, { vcpu: VCPU, tlb }, runtime, NO_OPERANDS, NO_CONTROL, CONTEXT);
  m.attempt(() => {
    m.requirePlain64();
    deliver(m);
    code.i32(1);
    code.byte(op.OP_RETURN);
  });
  code.i32(0);
  module.define(index, locals.locals(), code);
  return index;
}

// `flags` are pushed besides those there are.
function emitDelivery(
  m: SystemSemantics,
  vector: Value,
  hasError: Value | undefined,
  returnRip: () => Value,
  flags: number,
): void {
  const gate = readGate(m, vector);
  m.requireCanonical(gate.rip);
  const selector = m.and(gate.selector, m.const(32, 0xfffc));
  const loadCode = codeSegment(m, selector, m.const(32, 0));
  const cpl = m.loadState(state.OFFSET_CPL, 32);
  const rsp = m.readGpr(state.RSP, 64);
  const error = hasError === undefined ? m.const(32, 0) : m.shl(m.zext(hasError, 32), 3);
  const bytes = m.add(error, m.const(32, FRAME_BYTES));
  const top = m.and(stackPointer(m, gate.ist, cpl, rsp), m.const(64, ~0xfn));
  const start = m.sub(top, m.zext(bytes, 64));
  m.requireCanonical(start);
  const frame = m.supervisorHost(start, bytes, true);
  if (hasError !== undefined) {
    m.if(hasError, () => m.storeHost(frame, 0, m.zext(m.loadState(state.OFFSET_EVENT_DATA, 32), 64)));
  }
  const host = m.add(frame, error);
  m.storeHost(host, 0, returnRip());
  m.storeHost(host, 8, selectorOf(m, state.CS));
  m.storeHost(host, 16, m.zext(m.or(m.rflags(), m.const(32, flags)), 64));
  m.storeHost(host, 24, rsp);
  m.storeHost(host, 32, selectorOf(m, state.SS));
  m.if(m.ne(cpl, m.const(32, 0)), () => m.setSegment(state.SS, m.const(32, 0), m.const(32, 0), m.const(32, 0)));
  loadCode();
  m.writeGpr(state.RSP, start);
  m.storeState(state.OFFSET_RIP, gate.rip);
  m.storeState(state.OFFSET_EVENT, m.const(32, 0));
  const rest = m.loadState(state.OFFSET_RFLAGS_REST, 32);
  const masked = m.select(gate.isInterrupt, m.const(32, state.FLAG_IF), m.const(32, 0));
  m.enterLevel(0, m.and(rest, m.not(m.or(masked, m.const(32, CLEARED)))));
}

function vectorOf(m: SystemSemantics, event: Value): Value {
  return m.sub(m.and(event, m.const(32, 0xff)), m.const(32, 1));
}

interface Gate {
  readonly rip: Value;
  readonly selector: Value;
  readonly ist: Value;
  readonly isInterrupt: Value;
}

// A present interrupt or trap gate. DPL matters to software alone.
function readGate(m: SystemSemantics, vector: Value): Gate {
  const offset = m.shl(vector, 4);
  const last = m.add(offset, m.const(32, 15));
  m.require(m.belowOrEqual(last, m.loadState(state.OFFSET_IDTR + 8, 32)));
  const address = m.add(m.loadState(state.OFFSET_IDTR, 64), m.zext(offset, 64));
  const host = m.supervisorHost(address, 16, false);
  const low = m.loadHost(host, 0, 32);
  const middle = m.loadHost(host, 4, 32);
  const wanted = ((TYPE_INTERRUPT_GATE & GATE_TYPE_MASK) | GATE_P) << 8;
  m.requireBits(middle, (GATE_TYPE_MASK | GATE_P) << 8, wanted);
  const rip = m.or(m.and(low, m.const(32, 0xffff)), m.and(middle, m.const(32, 0xffff0000)));
  return {
    rip: m.or(m.zext(rip, 64), m.shl(m.zext(m.loadHost(host, 8, 32), 64), 32)),
    selector: m.shr(low, 16),
    ist: m.and(middle, m.const(32, 7)),
    isInterrupt: m.not(m.bit(middle, 8)),
  };
}

// The stack that is interrupted, or one of the TSS.
function stackPointer(m: SystemSemantics, ist: Value, cpl: Value, rsp: Value): Value {
  const pointer = m.variable(rsp);
  m.if(m.or(ist, cpl), () => {
    const interrupt = m.add(m.shl(ist, 3), m.const(32, TSS_IST1 - 8));
    const offset = m.select(ist, interrupt, m.const(32, TSS_RSP0));
    const last = m.add(offset, m.const(32, 7));
    m.require(m.belowOrEqual(last, m.loadState(segmentAt(state.TR) + state.SEGMENT_LIMIT, 32)));
    const base = m.loadState(segmentAt(state.TR) + state.SEGMENT_BASE, 64);
    const host = m.supervisorHost(m.add(base, m.zext(offset, 64)), 8, false);
    m.set(pointer, m.loadHost(host, 0, 64));
  });
  const found = m.get(pointer);
  m.requireCanonical(found);
  return found;
}

// Of the instruction that faulted; where its fetch did, the state has it.
function faultingRip(m: SystemSemantics): Value {
  const rip = m.variable(m.loadState(state.OFFSET_RIP, 64));
  const pc = m.loadState(state.OFFSET_PC, 32);
  m.if(pc, () => {
    const place = m.and(m.zext(m.loadHost(pc, record.RECORD_PLACE, 16), 32), m.const(32, 0xfff));
    m.set(rip, m.add(m.loadState(state.OFFSET_IP_BASE, 64), m.zext(place, 64)));
  });
  return m.get(rip);
}

function selectorOf(m: SystemSemantics, segment: number): Value {
  return m.zext(m.loadState(segmentAt(segment) + state.SEGMENT_SELECTOR, 16), 64);
}

function never(): never {
  throw new Error('delivery has no operands, and leaves by what it requires alone');
}
const NO_OPERANDS: OperandAccess = {
  bits: never,
  isMemory: never,
  readRegister: never,
  writeRegister: never,
  immediate: never,
  isImmediate: never,
  address: never,
  isUnsegmented: never,
  registerNumber: never,
};
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
const CONTEXT = { operandSize: 64, addressSize: 64, stackSize: 64, repeat: '' } as const;
