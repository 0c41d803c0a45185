/** PUSHF, POPF, and which flags code may change at its privilege. */
import {
  SYSTEM_FAULT,
  SYSTEM_JUMP,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
} from '../instructions/define.ts';
import { FLAGS_STATUS } from '../state.ts';
import * as state from '../state.ts';
import { dropStack, readStack, writeBelowStack } from './stack.ts';
import type { SystemCpu } from './system-cpu.ts';

/** Bits that any code may set. */
export const UNPRIVILEGED =
  FLAGS_STATUS | state.FLAG_TF | state.FLAG_DF | state.FLAG_NT | state.FLAG_AC | state.FLAG_ID;
/** What changes how the code that follows is fetched or accesses memory. */
const MODE_FLAGS = state.FLAG_TF | state.FLAG_AC | state.FLAG_VM;

/** RFLAGS bits that POPF and IRET may change here: IF by IOPL, IOPL at CPL 0 only, the upper half not with 16 bits. */
export function changeableFlags(cpu: SystemCpu, operandSize: number): number {
  let mask = UNPRIVILEGED;
  if (cpu.cpl <= cpu.iopl) mask |= state.FLAG_IF;
  if (cpu.cpl === 0) mask |= state.FLAG_IOPL;
  return operandSize === 16 ? mask & 0xffff : mask;
}

/** Sets the flags of `mask` and clears RF, which every instruction does. */
export function changeFlags(cpu: SystemCpu, value: number, mask: number): void {
  cpu.rflags = (cpu.rflags & ~mask & ~state.FLAG_RF) | (value & mask);
}

export function pushFlags(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (cpu.isVm86 && cpu.iopl < 3) return cpu.generalProtection();
  cpu.data.setBigUint64(0, BigInt((cpu.rflags & ~(state.FLAG_RF | state.FLAG_VM)) >>> 0), true);
  if (!writeBelowStack(cpu, operands.size / 8)) return SYSTEM_FAULT;
  dropStack(cpu, -operands.size / 8);
  return SYSTEM_NEXT;
}

export function popFlags(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (cpu.isVm86 && cpu.iopl < 3) return cpu.generalProtection();
  if (!readStack(cpu, 0, operands.size / 8)) return SYSTEM_FAULT;
  const value = operands.size === 16 ? cpu.data.getUint16(0, true) : cpu.data.getUint32(0, true);
  const before = cpu.rflags;
  dropStack(cpu, operands.size / 8);
  changeFlags(cpu, value, changeableFlags(cpu, operands.size));
  // Where this opened an interrupt window it must be seen before the next instruction (engine.ts, exactBudget).
  const isStopped = cpu.state.u32(state.OFFSET_STOP) !== 0;
  if (((before ^ cpu.rflags) & MODE_FLAGS) === 0 && !isStopped) return SYSTEM_NEXT;
  cpu.advance(operands.length);
  return SYSTEM_JUMP;
}
