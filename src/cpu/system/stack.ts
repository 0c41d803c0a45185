/** The stack as system instructions use it: with the width, base and limit that SS says. */
import { segmentLinear } from './segment-access.ts';
import type { SystemCpu } from './system-cpu.ts';
import * as state from '../state.ts';

/** Width of the stack pointer in bits: RSP in 64-bit code, else ESP or SP by SS.B. */
export function stackSize(cpu: SystemCpu): 16 | 32 | 64 {
  if (cpu.state.is64Bit) return 64;
  return (cpu.state.segmentAttributes(state.SS) & state.ATTRIBUTE_DB) !== 0 ? 32 : 16;
}

/** The stack pointer as an offset in SS. */
export function stackPointer(cpu: SystemCpu): bigint {
  return BigInt.asUintN(stackSize(cpu), cpu.state.gpr(state.RSP));
}

/** Sets as much of RSP as the stack is wide: a 16-bit stack leaves the upper bits, a 32-bit one clears the upper half. */
export function setStackPointer(cpu: SystemCpu, value: bigint): void {
  switch (stackSize(cpu)) {
    case 16:
      cpu.state.setU16(state.OFFSET_GPR + state.RSP * 8, Number(value & 0xffffn));
      return;
    case 32:
      cpu.state.setGpr(state.RSP, BigInt.asUintN(32, value));
      return;
    default:
      cpu.state.setGpr(state.RSP, BigInt.asUintN(64, value));
  }
}

/** Reads `bytes` that are `offset` bytes above the top of the stack into `cpu.buffer`; false after raising. */
export function readStack(cpu: SystemCpu, offset: number, bytes: number): boolean {
  const at = BigInt.asUintN(stackSize(cpu), stackPointer(cpu) + BigInt(offset));
  const address = segmentLinear(cpu, state.SS, at, bytes, false);
  return address !== undefined && cpu.read(...halves(address), bytes);
}

/** Writes `bytes` of `cpu.buffer` just below the top of the stack; RSP does not move. False after raising. */
export function writeBelowStack(cpu: SystemCpu, bytes: number): boolean {
  const at = BigInt.asUintN(stackSize(cpu), stackPointer(cpu) - BigInt(bytes));
  const address = segmentLinear(cpu, state.SS, at, bytes, true);
  return address !== undefined && cpu.write(...halves(address), bytes);
}

/** Moves the stack pointer up, or down for a negative number. */
export function dropStack(cpu: SystemCpu, bytes: number): void {
  setStackPointer(cpu, stackPointer(cpu) + BigInt(bytes));
}

function halves(address: bigint): [lo: number, hi: number] {
  return [Number(address & 0xffffffffn), Number((address >> 32n) & 0xffffffffn)];
}
