/**
 * XSAVEOPT and XRSTOR as a kernel's task switch uses them, emitted: both components, in 64-bit code, with 64-bit pointers
 * where the x87 unit is in use. What they are is said in fpu/xsave.ts.
 */
import * as op from '../emit/opcodes.ts';
import type { SystemSemantics } from '../emit/system-semantics.ts';
import type { Value } from '../emit/values.ts';
import {
  IMAGE_FCW,
  IMAGE_FDP,
  IMAGE_FIP,
  IMAGE_FOP,
  IMAGE_FSW,
  IMAGE_FTW,
  IMAGE_MXCSR,
  IMAGE_ST,
  IMAGE_XMM,
  MXCSR_MASK,
} from '../fpu/fxsave.ts';
import {
  CONTROL_FCS,
  CONTROL_FDP,
  CONTROL_FIP,
  CONTROL_FSW,
  FCW_FIXED,
  FCW_INITIAL,
  FCW_WRITABLE,
  FOP_BITS,
  FSW_B,
  FSW_ES,
  FSW_EXCEPTIONS,
  FSW_TOP,
  FSW_TOP_SHIFT,
} from '../fpu/x87-state.ts';
import { HEADER_XCOMP_BV, HEADER_XSTATE_BV, XCR0_SSE, XCR0_X87, XSAVE_ALIGNMENT, XSAVE_BYTES } from '../fpu/xsave.ts';
import * as state from '../state.ts';
import type { OperandHandle } from './define.ts';

const BOTH = XCR0_X87 | XCR0_SSE;
const XMM_BYTES = 256;
const CONTROL_BYTES = 28;
const SLOT_SHIFT = 4;
const SLOT_BYTES = 1 << SLOT_SHIFT;

export function saveOptimizedShortcut(m: SystemSemantics, memory: OperandHandle): void {
  const image = findImage(m, memory, true);
  const inUse = m.variable(m.const(32, 0));
  m.if(m.ne(x87InUse(m), m.const(32, 0)), () => {
    if (isWide(m)) saveX87(m, image);
    else m.giveUp();
    m.set(inUse, m.const(32, XCR0_X87));
  });
  m.if(anyXmm(m), () => {
    m.set(inUse, m.or(m.get(inUse), m.const(32, XCR0_SSE)));
    m.copyBlock(m.add(image, m.const(32, IMAGE_XMM)), stateAt(m, state.OFFSET_XMM), m.const(32, XMM_BYTES));
  });
  m.storeHost(image, IMAGE_MXCSR, m.loadState(state.OFFSET_MXCSR, 32));
  m.storeHost(image, IMAGE_MXCSR + 4, m.const(32, MXCSR_MASK));
  const kept = m.and(m.loadHost(image, HEADER_XSTATE_BV, 32), m.const(32, ~BOTH));
  m.storeHost(image, HEADER_XSTATE_BV, m.or(kept, m.get(inUse)));
}

export function restoreShortcut(m: SystemSemantics, memory: OperandHandle): void {
  const image = findImage(m, memory, false);
  const present = m.loadHost(image, HEADER_XSTATE_BV, 64);
  m.require(m.isZero(m.and(present, m.const(64, ~BigInt(BOTH)))));
  const reserved = m.or(m.loadHost(image, HEADER_XCOMP_BV, 64), m.loadHost(image, HEADER_XCOMP_BV + 8, 64));
  m.require(m.isZero(reserved));
  const mxcsr = m.loadHost(image, IMAGE_MXCSR, 32);
  m.requireClear(m.and(mxcsr, m.const(32, ~MXCSR_MASK)));
  m.if(
    m.bit(present, 0),
    () => {
      if (isWide(m)) restoreX87(m, image);
      else m.giveUp();
    },
    () => initialiseX87(m),
  );
  m.storeState(state.OFFSET_MXCSR, mxcsr);
  const to = stateAt(m, state.OFFSET_XMM);
  m.if(
    m.not(m.bit(present, 1)),
    () => m.fillBlock(to, m.const(64, 0), m.const(32, XMM_BYTES)),
    () => m.copyBlock(to, m.add(image, m.const(32, IMAGE_XMM)), m.const(32, XMM_BYTES)),
  );
}

function findImage(m: SystemSemantics, memory: OperandHandle, isWrite: boolean): Value {
  m.requirePlain64();
  m.require(m.and(m.loadState(state.OFFSET_CR4, 32), m.const(32, state.CR4_OSXSAVE)));
  m.requireClear(m.and(m.loadState(state.OFFSET_CR0, 32), m.const(32, state.CR0_TS)));
  const requested = m.and(m.loadState(state.OFFSET_XCR0, 32), m.readGpr(state.RAX, 32));
  m.requireBits(requested, BOTH, BOTH);
  const address = m.address(memory);
  m.require(m.isZero(m.and(address, m.const(64, XSAVE_ALIGNMENT - 1))));
  // It may be in two pages that are next to each other in machine memory too.
  const tlb = m.loadState(state.OFFSET_TLB, 32);
  const first = m.hostOf(tlb, address, XSAVE_ALIGNMENT, isWrite);
  const rest = XSAVE_BYTES - XSAVE_ALIGNMENT;
  const last = m.hostOf(tlb, m.add(address, m.const(64, rest)), XSAVE_ALIGNMENT, isWrite);
  m.require(m.eq(m.sub(last, first), m.const(32, rest)));
  return first;
}

// Pointers without selectors: REX.W.
function isWide(m: SystemSemantics): boolean {
  return m.context.operandSize === 64;
}

function saveX87(m: SystemSemantics, image: Value): void {
  // FCW, FSW, FTW and FOP are next to one another here and there.
  m.storeHost(image, 0, m.loadState(state.OFFSET_X87_CONTROL, 64));
  m.storeHost(image, IMAGE_FIP, m.loadState(state.OFFSET_X87_CONTROL + CONTROL_FIP, 64));
  m.storeHost(image, IMAGE_FDP, m.loadState(state.OFFSET_X87_CONTROL + CONTROL_FDP, 64));
  eachRegister(m, image, m.loadState(state.OFFSET_X87_CONTROL + CONTROL_FSW, 16), (slot, saved) => {
    m.storeHost(saved, IMAGE_ST, m.loadHost(slot, state.OFFSET_X87, 64));
    m.storeHost(saved, IMAGE_ST + 8, m.zext(m.loadHost(slot, state.OFFSET_X87 + 8, 16), 64));
  });
}

// With all exceptions masked, so that none is pending, and words as XSAVEOPT leaves them.
function restoreX87(m: SystemSemantics, image: Value): void {
  const control = m.loadHost(image, IMAGE_FCW, 16);
  m.require(m.eq(m.and(control, m.const(16, ~FCW_WRITABLE | FSW_EXCEPTIONS)), m.const(16, FCW_FIXED | FSW_EXCEPTIONS)));
  const status = m.loadHost(image, IMAGE_FSW, 16);
  m.requireClear(m.zext(m.and(status, m.const(16, FSW_ES | FSW_B)), 32));
  m.requireClear(m.zext(m.and(m.loadHost(image, IMAGE_FTW, 16), m.const(16, 0xff00)), 32));
  m.requireClear(m.zext(m.and(m.loadHost(image, IMAGE_FOP, 16), m.const(16, ~FOP_BITS)), 32));
  m.storeState(state.OFFSET_X87_CONTROL, m.loadHost(image, 0, 64));
  m.storeState(state.OFFSET_X87_CONTROL + CONTROL_FIP, m.loadHost(image, IMAGE_FIP, 64));
  m.storeState(state.OFFSET_X87_CONTROL + CONTROL_FDP, m.loadHost(image, IMAGE_FDP, 64));
  m.storeState(state.OFFSET_X87_CONTROL + CONTROL_FCS, m.const(32, 0));
  eachRegister(m, image, status, (slot, saved) => {
    m.storeHost(slot, state.OFFSET_X87, m.loadHost(saved, IMAGE_ST, 64));
    m.storeHost(slot, state.OFFSET_X87 + 8, m.loadHost(saved, IMAGE_ST + 8, 16));
  });
}

// ST to ST(7), by what is to be added to places in the state and in the image.
function eachRegister(
  m: SystemSemantics,
  image: Value,
  status: Value,
  body: (slot: Value, saved: Value) => void,
): void {
  const top = m.shr(m.and(m.zext(status, 32), m.const(32, FSW_TOP)), FSW_TOP_SHIFT - SLOT_SHIFT);
  for (let i = 0; i < 8; i++) {
    const offset = m.and(m.add(top, m.const(32, i * SLOT_BYTES)), m.const(32, 7 * SLOT_BYTES));
    m.code.get(m.vcpu);
    body(m.add(m.pop(32), offset), m.add(image, m.const(32, i * SLOT_BYTES)));
  }
}

// Not zero unless the unit is in its initial configuration.
function x87InUse(m: SystemSemantics): Value {
  const control = m.xor(m.loadState(state.OFFSET_X87_CONTROL, 64), m.const(64, FCW_INITIAL));
  const pointers = [8, 16].map((at) => m.loadState(state.OFFSET_X87_CONTROL + at, 64));
  const selectors = m.zext(m.loadState(state.OFFSET_X87_CONTROL + CONTROL_BYTES - 4, 32), 64);
  let all = [...pointers, selectors].reduce((some, more) => m.or(some, more), control);
  for (let slot = state.OFFSET_X87; slot < state.OFFSET_X87_CONTROL; slot += SLOT_BYTES) {
    all = m.or(m.or(all, m.loadState(slot, 64)), m.zext(m.loadState(slot + 8, 16), 64));
  }
  return m.zext(m.ne(all, m.const(64, 0)), 32);
}

function initialiseX87(m: SystemSemantics): void {
  m.storeState(state.OFFSET_X87_CONTROL, m.const(64, FCW_INITIAL));
  for (const at of [8, 16]) m.storeState(state.OFFSET_X87_CONTROL + at, m.const(64, 0));
  m.storeState(state.OFFSET_X87_CONTROL + CONTROL_BYTES - 4, m.const(32, 0));
  for (let slot = state.OFFSET_X87; slot < state.OFFSET_X87_CONTROL; slot += SLOT_BYTES) {
    m.storeState(slot, m.const(64, 0));
    m.storeState(slot + 8, m.const(16, 0));
  }
}

function anyXmm(m: SystemSemantics): Value {
  let all = m.loadState(state.OFFSET_XMM, 128);
  for (let at = SLOT_BYTES; at < XMM_BYTES; at += SLOT_BYTES) {
    all = m.vector(op.OP_V128_OR, 128, [all, m.loadState(state.OFFSET_XMM + at, 128)]);
  }
  return m.vector(op.OP_V128_ANY_TRUE, 1, [all]);
}

function stateAt(m: SystemSemantics, offset: number): Value {
  m.code.get(m.vcpu);
  return m.add(m.pop(32), m.const(32, offset));
}
