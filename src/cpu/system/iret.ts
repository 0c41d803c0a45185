/** IRET (SDM vol. 2A, IRET/IRETD/IRETQ). */
import { SYSTEM_FAULT, SYSTEM_JUMP, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import { checkReturnCode, checkTarget, dropInnerSegments, isLongCode, loadCode } from './code-segments.ts';
import {
  type Descriptor,
  isNull,
  loadHidden,
  loadRealMode,
  markAccessed,
  readDescriptor,
  readStackDescriptor,
  VM86_SEGMENT,
} from './descriptors.ts';
import { finishTaskSwitch } from './far-transfer.ts';
import { changeableFlags, changeFlags } from './flags.ts';
import { returnLong } from './long-return.ts';
import { dropStack, readStack, setStackPointer } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';
import { switchTask } from './task-switch.ts';

/** What was on the stack, zero-extended. */
interface Frame {
  readonly rip: bigint;
  readonly cs: number;
  readonly rflags: number;
  readonly rsp: bigint;
  readonly ss: number;
}

export function interruptReturn(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const result = dispatch(cpu, operands);
  if (result !== SYSTEM_JUMP) return result;
  cpu.nmiBlocked = false;
  if (cpu.nmiPending) cpu.hooks.stop();
  return result;
}

function dispatch(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.isProtected) return returnReal(cpu, operands, changeableFlags(cpu, operands.size));
  if (cpu.isVm86) {
    if (cpu.iopl < 3) return cpu.generalProtection();
    return returnReal(cpu, operands, changeableFlags(cpu, operands.size));
  }
  if ((cpu.rflags & state.FLAG_NT) !== 0) {
    return cpu.isLongMode ? cpu.generalProtection() : returnToTask(cpu, operands);
  }
  return cpu.state.is64Bit && operands.size === 64 ? returnLong(cpu) : returnProtected(cpu, operands);
}

// Real and virtual-8086 mode: IP, CS, FLAGS.
function returnReal(cpu: SystemCpu, operands: SystemOperands, mask: number): SystemResult {
  const bytes = operands.size / 8;
  if (!readStack(cpu, 0, bytes * 3)) return SYSTEM_FAULT;
  const { rip, cs, rflags } = parseFrame(cpu, operands.size);
  if (rip > BigInt(cpu.state.segmentLimit(state.CS))) return cpu.generalProtection();
  dropStack(cpu, bytes * 3);
  cpu.state.rip = rip;
  loadRealMode(cpu, state.CS, cs);
  changeFlags(cpu, rflags, mask);
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

// NT: this task was called by another one.
function returnToTask(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!cpu.readSystem(cpu.state.segmentBase(state.TR), 2)) return SYSTEM_FAULT;
  const link = cpu.data.getUint16(0, true);
  const { rip } = cpu.state;
  cpu.advance(operands.length);
  return finishTaskSwitch(cpu, switchTask(cpu, link, 'return'), rip);
}

function returnProtected(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  const { size } = operands;
  const bytes = size / 8;
  const always = cpu.state.is64Bit;
  if (!readStack(cpu, 0, bytes * (always ? 5 : 3))) return SYSTEM_FAULT;
  let frame = parseFrame(cpu, size);
  const toVm86 = size === 32 && (frame.rflags & state.FLAG_VM) !== 0 && cpu.cpl === 0;
  if (toVm86 && !cpu.isLongMode) return returnToVm86(cpu, frame);
  if (isNull(frame.cs)) return cpu.generalProtection();
  const code = readDescriptor(cpu, frame.cs);
  if (code === undefined || !checkReturnCode(cpu, frame.cs, code)) return SYSTEM_FAULT;
  const isOuter = (frame.cs & 3) > cpu.cpl;
  if (isOuter && !always) {
    if (!readStack(cpu, 0, bytes * 5)) return SYSTEM_FAULT;
    frame = parseFrame(cpu, size);
  }
  return finish(cpu, frame, code, isOuter || always, isOuter, size);
}

function finish(
  cpu: SystemCpu,
  frame: Frame,
  code: Descriptor,
  loadsStack: boolean,
  isOuter: boolean,
  size: number,
): SystemResult {
  const { state: registers } = cpu;
  let stack: Descriptor | undefined;
  if (loadsStack) {
    const level = frame.cs & 3;
    if (isNull(frame.ss)) {
      if (!isLongCode(cpu, code) || level === 3 || (frame.ss & 3) !== level) return cpu.generalProtection();
    } else {
      stack = readStackDescriptor(cpu, frame.ss, level, state.EXCEPTION_GP);
      if (stack === undefined) return SYSTEM_FAULT;
    }
  }
  if (!checkTarget(cpu, code, frame.rip)) return SYSTEM_FAULT;
  if (!markAccessed(cpu, code) || (stack !== undefined && !markAccessed(cpu, stack))) return SYSTEM_FAULT;
  const mask = changeableFlags(cpu, size) | (size === 16 ? 0 : state.FLAG_RF);
  if (!loadsStack) dropStack(cpu, (size / 8) * 3);
  loadCode(cpu, frame.cs, code);
  if (loadsStack) {
    if (stack === undefined) registers.setSegment(state.SS, frame.ss, (frame.ss & 3) << 5, 0, 0n);
    else loadHidden(cpu, state.SS, frame.ss, stack);
    setStackPointer(cpu, frame.rsp);
  }
  registers.rip = frame.rip;
  changeFlags(cpu, frame.rflags, mask);
  if (isOuter) dropInnerSegments(cpu);
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

// EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS
function returnToVm86(cpu: SystemCpu, frame: Frame): SystemResult {
  if (!readStack(cpu, 0, 36)) return SYSTEM_FAULT;
  const { state: registers, data } = cpu;
  if (frame.rip > 0xffffn) return cpu.generalProtection();
  const esp = data.getUint32(12, true);
  const selectors = [
    [state.CS, frame.cs],
    [state.SS, data.getUint16(16, true)],
    [state.ES, data.getUint16(20, true)],
    [state.DS, data.getUint16(24, true)],
    [state.FS, data.getUint16(28, true)],
    [state.GS, data.getUint16(32, true)],
  ] as const;
  const mask = changeableFlags(cpu, 32) | state.FLAG_RF | state.FLAG_VM | state.FLAG_VIF | state.FLAG_VIP;
  for (const [segment, selector] of selectors) {
    registers.setSegment(segment, selector, VM86_SEGMENT, 0xffff, BigInt(selector) << 4n);
  }
  registers.setGprHalves(state.RSP, esp, 0);
  registers.rip = frame.rip;
  changeFlags(cpu, frame.rflags, mask);
  cpu.cpl = 3;
  cpu.hooks.modeChanged();
  return SYSTEM_JUMP;
}

// The fields past the third mean something only where they were read.
function parseFrame(cpu: SystemCpu, size: number): Frame {
  const { data } = cpu;
  if (size === 64) {
    return {
      rip: data.getBigUint64(0, true),
      cs: data.getUint16(8, true),
      rflags: data.getUint32(16, true),
      rsp: data.getBigUint64(24, true),
      ss: data.getUint16(32, true),
    };
  }
  if (size === 32) {
    return {
      rip: BigInt(data.getUint32(0, true)),
      cs: data.getUint16(4, true),
      rflags: data.getUint32(8, true),
      rsp: BigInt(data.getUint32(12, true)),
      ss: data.getUint16(16, true),
    };
  }
  return {
    rip: BigInt(data.getUint16(0, true)),
    cs: data.getUint16(2, true),
    rflags: data.getUint16(4, true),
    rsp: BigInt(data.getUint16(6, true)),
    ss: data.getUint16(8, true),
  };
}
