/** MOV and POP to segment registers, MOV from them, and the far pointer loads. */
import {
  SYSTEM_FAULT,
  SYSTEM_JUMP,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
} from '../instructions/define.ts';
import * as state from '../state.ts';
import { loadDataSegment } from './descriptors.ts';
import { readRm16, writeGpr, writeRm16v } from './operand-access.ts';
import { dropStack, readStack } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';

export function moveFromSegment(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const segment = operands.register(1) & 7;
  if (segment > state.GS) return cpu.invalidOpcode();
  const selector = cpu.state.segmentSelector(segment);
  return writeRm16v(cpu, operands, BigInt(selector)) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

export function moveToSegment(cpu: SystemCpu, operands: SystemOperands, segment: number): SystemResult {
  const selector = readRm16(cpu, operands, 1);
  if (selector < 0 || !loadDataSegment(cpu, segment, selector)) return SYSTEM_FAULT;
  return afterLoad(cpu, operands, segment);
}

export function popSegment(cpu: SystemCpu, operands: SystemOperands, segment: number): SystemResult {
  const bytes = operands.size / 8;
  if (!readStack(cpu, 0, bytes)) return SYSTEM_FAULT;
  const selector = cpu.data.getUint16(0, true);
  // RSP moves by the width of the stack that was popped from, not of one POP SS brings.
  const pointer = cpu.state.gpr(state.RSP);
  dropStack(cpu, bytes);
  if (!loadDataSegment(cpu, segment, selector)) {
    cpu.state.setGpr(state.RSP, pointer);
    return SYSTEM_FAULT;
  }
  return afterLoad(cpu, operands, segment);
}

/** LDS, LES, LFS, LGS, LSS: offset, then selector. */
export function loadFarPointer(cpu: SystemCpu, operands: SystemOperands, segment: number): SystemResult {
  const bytes = operands.size / 8;
  if (!cpu.read(operands.addressLo, operands.addressHi, bytes + 2)) return SYSTEM_FAULT;
  const selector = cpu.data.getUint16(bytes, true);
  const offset = BigInt.asUintN(operands.size, cpu.data.getBigUint64(0, true));
  if (!loadDataSegment(cpu, segment, selector)) return SYSTEM_FAULT;
  writeGpr(cpu, operands.register(0), offset, operands.size);
  return SYSTEM_NEXT;
}

// SDM vol. 2B, MOV: after SS interrupts and single-step traps wait until the next instruction is done.
function afterLoad(cpu: SystemCpu, operands: SystemOperands, segment: number): SystemResult {
  if (segment !== state.SS) return SYSTEM_NEXT;
  const next = cpu.nextRip(operands.length);
  cpu.state.setU64(state.OFFSET_SHADOW_RIP, next);
  cpu.trapInhibited = true;
  if (cpu.state.is64Bit) return SYSTEM_NEXT;
  // The width of the stack may be another one: what follows is decoded again.
  cpu.state.rip = next;
  return SYSTEM_JUMP;
}
