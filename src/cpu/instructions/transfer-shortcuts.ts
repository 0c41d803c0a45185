/**
 * SYSCALL, SYSRET, IRET and POPF as kernels for 64-bit code use them, emitted: what system/fast-system-calls.ts and
 * system/long-return.ts do where nothing faults, and 64-bit code goes on in 64-bit code.
 */
import { segmentAt, type SystemSemantics } from '../emit/system-semantics.ts';
import { RFLAGS_REST } from '../emit/flags.ts';
import type { Value } from '../emit/values.ts';
import * as state from '../state.ts';
import { CODE_64, DATA, FLAT_LIMIT, SYSRET_FLAGS, USER } from '../system/fast-system-calls.ts';
import { UNPRIVILEGED } from '../system/flags.ts';

const FRAME_BYTES = 40;
/** Attributes of a present, accessed code segment for 64-bit code that is not conforming, under those that matter. */
const CODE_MASK = state.ATTRIBUTE_P | state.ATTRIBUTE_S | state.ATTRIBUTE_L | state.ATTRIBUTE_DB | 0xd;
const CODE_WANTED = state.ATTRIBUTE_P | state.ATTRIBUTE_S | state.ATTRIBUTE_L | 0x9;
/** Of a present, accessed, writable data segment. */
const STACK_MASK = state.ATTRIBUTE_P | state.ATTRIBUTE_S | 0xb;
const STACK_WANTED = state.ATTRIBUTE_P | state.ATTRIBUTE_S | 0x3;
const POPPED_FLAGS = UNPRIVILEGED | state.FLAG_IF | state.FLAG_IOPL;
const IRET_FLAGS = POPPED_FLAGS | state.FLAG_RF;

export function systemCallShortcut(m: SystemSemantics): void {
  m.requirePlain64();
  requireSystemCalls(m);
  const flags = m.rflags();
  const selector = m.and(m.zext(m.loadState(state.OFFSET_STAR + 4, 16), 32), m.const(32, 0xfffc));
  const after = m.and(flags, m.not(m.or(m.loadState(state.OFFSET_SFMASK, 32), m.const(32, state.FLAG_RF))));
  m.writeGpr(state.RCX, m.control.nextRip());
  m.writeGpr(state.R11, m.and(flags, m.const(32, ~state.FLAG_RF)));
  flatSegment(m, state.CS, selector, CODE_64);
  flatSegment(m, state.SS, m.and(m.add(selector, m.const(32, 8)), m.const(32, 0xffff)), DATA);
  m.setStatusFlags(after);
  m.enterLevel(0, after);
  m.control.jump(m.loadState(state.OFFSET_LSTAR, 64));
}

export function systemReturnShortcut(m: SystemSemantics): void {
  if (m.context.operandSize !== 64) {
    m.giveUp();
    return;
  }
  m.requirePlain64();
  requireSystemCalls(m);
  m.requireCpl0();
  const rip = m.readGpr(state.RCX, 64);
  m.requireCanonical(rip);
  const after = m.and(m.readGpr(state.R11, 32), m.const(32, SYSRET_FLAGS));
  m.requireBits(after, state.FLAG_TF | state.FLAG_AC, 0);
  m.requireNoWindow(m.loadState(state.OFFSET_RFLAGS_REST, 32), after);
  const selector = m.zext(m.loadState(state.OFFSET_STAR + 6, 16), 32);
  const outer = (by: number): Value =>
    m.or(m.and(m.add(selector, m.const(32, by)), m.const(32, 0xffff)), m.const(32, 3));
  flatSegment(m, state.CS, outer(16), CODE_64 | USER);
  flatSegment(m, state.SS, outer(8), DATA | USER);
  m.setStatusFlags(after);
  m.enterLevel(3, after);
  m.control.jump(rip);
}

export function interruptReturnShortcut(m: SystemSemantics): void {
  if (m.context.operandSize !== 64) {
    m.giveUp();
    return;
  }
  m.requirePlain64();
  m.requireCpl0();
  m.requireClear(m.loadState(state.OFFSET_NMI_BLOCKED, 32));
  const before = m.loadState(state.OFFSET_RFLAGS_REST, 32);
  m.requireClear(m.and(before, m.const(32, state.FLAG_NT)));
  const frame = m.hostOf(m.loadState(state.OFFSET_TLB, 32), m.readGpr(state.RSP, 64), FRAME_BYTES, false);
  const rip = m.loadHost(frame, 0, 64);
  const flags = m.loadHost(frame, 16, 32);
  m.requireCanonical(rip);
  m.requireClear(m.and(flags, m.const(32, state.FLAG_TF)));
  const rest = m.or(m.and(before, m.const(32, ~(IRET_FLAGS | state.FLAG_RF))), m.and(flags, m.const(32, IRET_FLAGS)));
  m.requireNoWindow(before, rest);
  const code = m.zext(m.loadHost(frame, 8, 16), 32);
  const stack = m.zext(m.loadHost(frame, 32, 16), 32);
  const rsp = m.loadHost(frame, 24, 64);
  const level = m.and(code, m.const(32, 3));
  const loadCode = codeSegment(m, code, level);
  const return_ = (to: 0 | 3): void => {
    const loadStack = stackSegment(m, stack, level, to);
    if (to === 3) {
      m.requireClear(m.and(flags, m.const(32, state.FLAG_AC)));
      for (const segment of [state.ES, state.DS, state.FS, state.GS]) requireKept(m, segment);
    }
    loadCode();
    loadStack();
    m.writeGpr(state.RSP, rsp);
    m.setStatusFlags(flags);
    m.enterLevel(to, rest);
    m.control.jump(rip);
  };
  m.if(m.isZero(level), () => return_(0));
  m.requireBits(level, 3, 3);
  return_(3);
}

/** POPFQ at CPL 0, where neither the mode nor what memory may be accessed goes by what changes. */
export function popFlagsShortcut(m: SystemSemantics): void {
  if (m.context.operandSize !== 64) {
    m.giveUp();
    return;
  }
  m.requirePlain64();
  m.requireCpl0();
  m.requireClear(m.loadState(state.OFFSET_STOP, 32));
  const rsp = m.readGpr(state.RSP, 64);
  const flags = m.loadHost(m.hostOf(m.loadState(state.OFFSET_TLB, 32), rsp, 8, false), 0, 32);
  const before = m.loadState(state.OFFSET_RFLAGS_REST, 32);
  const rest = m.or(m.and(before, m.const(32, ~(IRET_FLAGS | state.FLAG_RF))), m.and(flags, m.const(32, POPPED_FLAGS)));
  m.requireBits(m.xor(before, rest), state.FLAG_TF | state.FLAG_AC, 0);
  m.requireNoWindow(before, rest);
  m.writeGpr(state.RSP, m.add(rsp, m.const(64, 8)));
  m.setStatusFlags(flags);
  m.storeState(state.OFFSET_RFLAGS_REST, m.and(rest, m.const(32, RFLAGS_REST)));
}

function requireSystemCalls(m: SystemSemantics): void {
  m.requireBits(m.loadState(state.OFFSET_EFER, 32), state.EFER_SCE, state.EFER_SCE);
}

function flatSegment(m: SystemSemantics, segment: number, selector: Value, attributes: number): void {
  m.setSegment(segment, selector, m.const(32, attributes), m.const(32, FLAT_LIMIT));
}

/** Requires code for 64-bit mode at a level; returns what loads CS with it. */
export function codeSegment(m: SystemSemantics, selector: Value, level: Value): () => void {
  m.require(m.and(selector, m.const(32, 0xfffc)));
  const descriptor = m.descriptor(selector);
  const attributes = m.attributesOf(descriptor);
  m.requireBits(attributes, CODE_MASK, CODE_WANTED);
  m.require(m.eq(dplOf(m, attributes), level));
  const limit = m.limitOf(descriptor);
  return () => m.setSegment(state.CS, selector, attributes, limit);
}

// As `codeSegment` for SS. Null is allowed below CPL 3.
function stackSegment(m: SystemSemantics, selector: Value, level: Value, to: 0 | 3): () => void {
  m.require(m.eq(m.and(selector, m.const(32, 3)), level));
  const attributes = m.variable(m.const(32, 0));
  const limit = m.variable(m.const(32, 0));
  const load = (): void => {
    const descriptor = m.descriptor(selector);
    const found = m.attributesOf(descriptor);
    m.requireBits(found, STACK_MASK, STACK_WANTED);
    m.require(m.eq(dplOf(m, found), level));
    m.set(attributes, found);
    m.set(limit, m.limitOf(descriptor));
  };
  const index = m.and(selector, m.const(32, 0xfffc));
  if (to === 0) {
    m.if(m.ne(index, m.const(32, 0)), load);
  } else {
    m.require(index);
    load();
  }
  return () => m.setSegment(state.SS, selector, m.get(attributes), m.get(limit));
}

// On the way to CPL 3 a data segment that it may not use becomes null.
function requireKept(m: SystemSemantics, segment: number): void {
  const attributes = m.zext(m.loadState(segmentAt(segment) + state.SEGMENT_ATTRIBUTES, 16), 32);
  const isUser = m.eq(dplOf(m, attributes), m.const(32, 3));
  m.require(m.or(m.not(m.bit(attributes, 7)), isUser));
}

function dplOf(m: SystemSemantics, attributes: Value): Value {
  return m.and(m.shr(attributes, 5), m.const(32, 3));
}
