/** Far JMP, CALL and RET (SDM vol. 2A, JMP, CALL; vol. 2B, RET; vol. 3A, 5.8). */
import { SYSTEM_FAULT, SYSTEM_JUMP, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { throughGate } from './call-gate.ts';
import {
  checkCode,
  checkCodePresent,
  checkReturnCode,
  checkTarget,
  dropInnerSegments,
  isLongCode,
  loadCode,
} from './code-segments.ts';
import {
  type Descriptor,
  dplOf,
  isConforming,
  isNull,
  isPresent,
  isSegment,
  loadHidden,
  loadRealMode,
  markAccessed,
  readDescriptor,
  readStackDescriptor,
  TYPE_CALL_GATE,
  TYPE_CALL_GATE_16,
  TYPE_TASK_GATE,
  TYPE_TSS_AVAILABLE,
  TYPE_TSS_AVAILABLE_16,
  typeOf,
} from './descriptors.ts';
import { deliverNow } from './software-interrupts.ts';
import { dropStack, readStack, setStackPointer, writeBelowStack } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';
import { switchTask, type TaskSwitch } from './task-switch.ts';

export type TransferKind = 'jump' | 'call';

/** JMP ptr16:z, CALL ptr16:z */
export function farDirect(cpu: SystemCpu, operands: SystemOperands, kind: TransferKind): SystemResult {
  const offset = BigInt.asUintN(operands.size, BigInt(operands.immediate));
  return transfer(cpu, operands, operands.immediate2 & 0xffff, offset, kind);
}

/** JMP m16:v, CALL m16:v: offset, then selector */
export function farIndirect(cpu: SystemCpu, operands: SystemOperands, kind: TransferKind): SystemResult {
  const bytes = operands.size / 8;
  if (!cpu.read(operands.addressLo, operands.addressHi, bytes + 2)) return SYSTEM_FAULT;
  const selector = cpu.data.getUint16(bytes, true);
  const offset = BigInt.asUintN(operands.size, cpu.data.getBigUint64(0, true));
  return transfer(cpu, operands, selector, offset, kind);
}

/** RET far; `release` bytes of parameters are dropped from both stacks. */
export function farReturn(cpu: SystemCpu, operands: SystemOperands, release: number): SystemResult {
  const bytes = operands.size / 8;
  if (!readStack(cpu, 0, bytes * 2)) return SYSTEM_FAULT;
  const rip = BigInt.asUintN(operands.size, cpu.data.getBigUint64(0, true));
  const selector = cpu.data.getUint16(bytes, true);
  if (!cpu.isProtected || cpu.isVm86) {
    if (rip > BigInt(cpu.state.segmentLimit(state.CS))) return cpu.generalProtection();
    dropStack(cpu, bytes * 2 + release);
    return enterReal(cpu, selector, rip);
  }
  if (isNull(selector)) return cpu.generalProtection();
  const code = readDescriptor(cpu, selector);
  if (code === undefined || !checkReturnCode(cpu, selector, code)) return SYSTEM_FAULT;
  if ((selector & 3) > cpu.cpl) return returnOutward(cpu, operands, selector, code, rip, release);
  if (!checkTarget(cpu, code, rip) || !markAccessed(cpu, code)) return SYSTEM_FAULT;
  dropStack(cpu, bytes * 2 + release);
  loadCode(cpu, selector, code);
  cpu.hooks.modeChanged();
  return cpu.jump(rip);
}

/** What a far transfer or IRET makes of a task switch; `rip` is the instruction's own. */
export function finishTaskSwitch(cpu: SystemCpu, result: TaskSwitch, rip: bigint): SystemResult {
  switch (result) {
    case 'done':
      return SYSTEM_JUMP;
    case 'new task faults':
      return deliverNow(cpu);
    case 'old task faults':
      cpu.state.rip = rip;
      return SYSTEM_FAULT;
  }
}

function transfer(
  cpu: SystemCpu,
  operands: SystemOperands,
  selector: number,
  offset: bigint,
  kind: TransferKind,
): SystemResult {
  if (!cpu.isProtected || cpu.isVm86) {
    if (offset > BigInt(cpu.state.segmentLimit(state.CS))) return cpu.generalProtection();
    if (kind === 'call' && !pushReturn(cpu, operands)) return SYSTEM_FAULT;
    return enterReal(cpu, selector, offset);
  }
  if (isNull(selector)) return cpu.generalProtection();
  const descriptor = readDescriptor(cpu, selector);
  if (descriptor === undefined) return SYSTEM_FAULT;
  if (isSegment(descriptor)) return toCode(cpu, operands, descriptor, offset, kind);
  if (!isReachable(cpu, descriptor)) return cpu.generalProtection(selector & 0xfffc);
  switch (typeOf(descriptor)) {
    case TYPE_CALL_GATE:
      return throughGate(cpu, operands, selector, kind);
    case TYPE_CALL_GATE_16:
      if (cpu.isLongMode) return cpu.generalProtection(selector & 0xfffc);
      return throughGate(cpu, operands, selector, kind);
    case TYPE_TASK_GATE:
    case TYPE_TSS_AVAILABLE:
    case TYPE_TSS_AVAILABLE_16:
      if (cpu.isLongMode) return cpu.generalProtection(selector & 0xfffc);
      return toTask(cpu, operands, descriptor, kind);
    default:
      return cpu.generalProtection(selector & 0xfffc);
  }
}

// Gates and TSSs: both CPL and RPL count.
function isReachable(cpu: SystemCpu, descriptor: Descriptor): boolean {
  return dplOf(descriptor) >= cpu.cpl && dplOf(descriptor) >= (descriptor.selector & 3);
}

function toCode(
  cpu: SystemCpu,
  operands: SystemOperands,
  code: Descriptor,
  offset: bigint,
  kind: TransferKind,
): SystemResult {
  const { selector } = code;
  if (!checkCode(cpu, code)) return SYSTEM_FAULT;
  const dpl = dplOf(code);
  const isAllowed = isConforming(code) ? dpl <= cpu.cpl : dpl === cpu.cpl && (selector & 3) <= cpu.cpl;
  if (!isAllowed) return cpu.generalProtection(selector & 0xfffc);
  if (!checkCodePresent(cpu, code) || !checkTarget(cpu, code, offset)) return SYSTEM_FAULT;
  if (!markAccessed(cpu, code)) return SYSTEM_FAULT;
  if (kind === 'call' && !pushReturn(cpu, operands)) return SYSTEM_FAULT;
  loadCode(cpu, (selector & 0xfffc) | cpu.cpl, code);
  cpu.hooks.modeChanged();
  return cpu.jump(offset);
}

function toTask(cpu: SystemCpu, operands: SystemOperands, descriptor: Descriptor, kind: TransferKind): SystemResult {
  if (!isPresent(descriptor)) return cpu.raise(state.EXCEPTION_NP, descriptor.selector & 0xfffc);
  const isGate = typeOf(descriptor) === TYPE_TASK_GATE;
  const selector = isGate ? descriptor.lo >>> 16 : descriptor.selector;
  const { rip } = cpu.state;
  cpu.advance(operands.length);
  return finishTaskSwitch(cpu, switchTask(cpu, selector, kind), rip);
}

// CS and the next RIP, each as wide as the operand.
function pushReturn(cpu: SystemCpu, operands: SystemOperands): boolean {
  const bytes = operands.size / 8;
  cpu.data.setBigUint64(0, cpu.nextRip(operands.length), true);
  cpu.data.setBigUint64(bytes, BigInt(cpu.state.segmentSelector(state.CS)), true);
  if (!writeBelowStack(cpu, bytes * 2)) return false;
  dropStack(cpu, -bytes * 2);
  return true;
}

function enterReal(cpu: SystemCpu, selector: number, offset: bigint): SystemResult {
  loadRealMode(cpu, state.CS, selector);
  cpu.hooks.modeChanged();
  return cpu.jump(offset);
}

function returnOutward(
  cpu: SystemCpu,
  operands: SystemOperands,
  selector: number,
  code: Descriptor,
  rip: bigint,
  release: number,
): SystemResult {
  const { state: registers, data } = cpu;
  const bytes = operands.size / 8;
  if (!readStack(cpu, bytes * 2 + release, bytes * 2)) return SYSTEM_FAULT;
  const pointer = BigInt.asUintN(operands.size, data.getBigUint64(0, true));
  const ss = data.getUint16(bytes, true);
  const level = selector & 3;
  let stack: Descriptor | undefined;
  if (isNull(ss)) {
    if (!isLongCode(cpu, code) || level === 3 || (ss & 3) !== level) return cpu.generalProtection();
  } else {
    stack = readStackDescriptor(cpu, ss, level, state.EXCEPTION_GP);
    if (stack === undefined) return SYSTEM_FAULT;
  }
  if (!checkTarget(cpu, code, rip) || !markAccessed(cpu, code)) return SYSTEM_FAULT;
  if (stack !== undefined && !markAccessed(cpu, stack)) return SYSTEM_FAULT;
  loadCode(cpu, selector, code);
  if (stack === undefined) registers.setSegment(state.SS, ss, level << 5, 0, 0n);
  else loadHidden(cpu, state.SS, ss, stack);
  setStackPointer(cpu, pointer + BigInt(release));
  dropInnerSegments(cpu);
  cpu.hooks.modeChanged();
  return cpu.jump(rip);
}
