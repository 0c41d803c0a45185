/** RDTSC, RDTSCP, and MOV from control and segment registers, emitted. */
import { segmentAt, type SystemSemantics } from '../emit/system-semantics.ts';
import * as state from '../state.ts';
import type { OperandHandle } from './define.ts';

export function readTimeStampShortcut(m: SystemSemantics): void {
  const isDisabled = m.and(m.loadState(state.OFFSET_CR4, 32), m.const(32, state.CR4_TSD));
  m.if(isDisabled, () => m.requireCpl0());
  const counter = m.readTsc();
  m.writeGpr(state.RAX, m.trunc(counter, 32));
  m.writeGpr(state.RDX, m.trunc(m.shr(counter, 32), 32));
}

export function readTimeStampAndProcessorShortcut(m: SystemSemantics): void {
  readTimeStampShortcut(m);
  m.writeGpr(state.RCX, m.loadState(state.OFFSET_TSC_AUX, 32));
}

/** CR0, CR2, CR3 and CR4 in 64-bit code. */
export function moveFromControlShortcut(m: SystemSemantics, to: OperandHandle, from: OperandHandle): void {
  m.requirePlain64();
  m.requireCpl0();
  const number = m.registerNumber(from);
  m.require(m.and(m.shl(m.const(32, 1), number), m.const(32, 0b11101)));
  // There is no CR1.
  const place = m.sub(number, m.zext(m.ne(number, m.const(32, 0)), 32));
  m.code.get(m.vcpu);
  const at = m.add(m.pop(32), m.shl(place, 3));
  m.write(to, m.loadHost(at, state.OFFSET_CR0, 64));
}

/** To a register. */
export function moveFromSegmentShortcut(m: SystemSemantics, to: OperandHandle, from: OperandHandle): void {
  if (m.isMemory(to)) {
    m.giveUp();
    return;
  }
  const number = m.and(m.registerNumber(from), m.const(32, 7));
  m.require(m.belowOrEqual(number, m.const(32, state.GS)));
  m.code.get(m.vcpu);
  const at = m.add(m.pop(32), m.mul(number, m.const(32, state.SEGMENT_SIZE)));
  m.write(to, m.zext(m.loadHost(at, segmentAt(0) + state.SEGMENT_SELECTOR, 16), m.bits(to)));
}
