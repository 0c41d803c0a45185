/** Operands of system instructions: general registers and memory of the widths that such instructions have. */
import type { SystemOperands } from '../instructions/define.ts';
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/** An r/m16 that is read; -1 after a fault. */
export function readRm16(cpu: SystemCpu, operands: SystemOperands, index: number): number {
  if (!operands.isMemory(index)) return cpu.state.gprLo(operands.register(index)) & 0xffff;
  return cpu.read(operands.addressLo, operands.addressHi, 2) ? cpu.data.getUint16(0, true) : -1;
}

/** Operand 0 of kind rm16v: a register of operand size, or a word of memory. False after a fault. */
export function writeRm16v(cpu: SystemCpu, operands: SystemOperands, value: bigint): boolean {
  if (operands.isMemory(0)) {
    cpu.data.setUint16(0, Number(value & 0xffffn), true);
    return cpu.write(operands.addressLo, operands.addressHi, 2);
  }
  writeGpr(cpu, operands.register(0), value, operands.size);
  return true;
}

/** Writes a general register: 16 bits leave the rest, 32 bits clear the upper half. */
export function writeGpr(cpu: SystemCpu, register: number, value: bigint, bits: number): void {
  if (bits === 16) cpu.state.setU16(state.OFFSET_GPR + register * 8, Number(value & 0xffffn));
  else cpu.state.setGpr(register, BigInt.asUintN(bits, value));
}
