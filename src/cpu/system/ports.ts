/** IN, OUT, INS, OUTS: I/O privilege and the permission bitmap (SDM vol. 1, chapter 19). */
import {
  SYSTEM_FAULT,
  SYSTEM_JUMP,
  SYSTEM_NEXT,
  type SystemOperands,
  type SystemResult,
} from '../instructions/define.ts';
import * as state from '../state.ts';
import { segmentLinear } from './segment-access.ts';
import type { SystemCpu } from './system-cpu.ts';

/** Offset of the bitmap's own offset in a 32- or 64-bit TSS. */
const IO_MAP_BASE = 0x66;
/** Type bit 3 of a TSS: not the 16-bit one, which has no bitmap. */
const TSS_32 = 8;

/** IN from a port, of 1, 2 or 4 bytes. */
export function input(cpu: SystemCpu, operands: SystemOperands, port: number, bytes: number): SystemResult {
  if (!mayAccess(cpu, port, bytes)) return SYSTEM_FAULT;
  const value = cpu.intercepts.readPort(port, bytes);
  const { state: registers } = cpu;
  const at = state.OFFSET_GPR + state.RAX * 8;
  if (bytes === 1) registers.view.setUint8(at, value);
  else if (bytes === 2) registers.setU16(at, value);
  else registers.setHalves(at, value, 0);
  return finish(cpu, operands);
}

export function output(cpu: SystemCpu, operands: SystemOperands, port: number, bytes: number): SystemResult {
  if (!mayAccess(cpu, port, bytes)) return SYSTEM_FAULT;
  const value = cpu.state.gprLo(state.RAX);
  cpu.intercepts.writePort(port, bytes, bytes === 4 ? value : value & ((1 << (8 * bytes)) - 1));
  return finish(cpu, operands);
}

/** INS: one element to ES:rDI; with REP the instruction runs again until rCX is zero. */
export function inputString(cpu: SystemCpu, operands: SystemOperands, bytes: number): SystemResult {
  const port = cpu.state.gprLo(state.RDX) & 0xffff;
  if (!mayAccess(cpu, port, bytes)) return SYSTEM_FAULT;
  if (isExhausted(cpu, operands)) return SYSTEM_NEXT;
  // The destination is at ES:rDI whatever the prefixes say, and no memory operand of the record.
  const to = segmentLinear(cpu, state.ES, readRegister(cpu, state.RDI, operands.addressSize), bytes, true);
  if (to === undefined) return SYSTEM_FAULT;
  const [lo, hi] = [Number(to & 0xffffffffn), Number(to >> 32n)];
  // A device must not be read for a destination that faults.
  if (!cpu.checkWritable(lo, hi, bytes)) return SYSTEM_FAULT;
  cpu.data.setUint32(0, cpu.intercepts.readPort(port, bytes), true);
  if (!cpu.write(lo, hi, bytes)) return SYSTEM_FAULT;
  return step(cpu, operands, state.RDI, bytes);
}

/** OUTS: one element from DS:rSI or what overrides DS. */
export function outputString(cpu: SystemCpu, operands: SystemOperands, bytes: number): SystemResult {
  const port = cpu.state.gprLo(state.RDX) & 0xffff;
  if (!mayAccess(cpu, port, bytes)) return SYSTEM_FAULT;
  if (isExhausted(cpu, operands)) return SYSTEM_NEXT;
  if (!cpu.read(operands.addressLo, operands.addressHi, bytes)) return SYSTEM_FAULT;
  const { data } = cpu;
  const value = bytes === 1 ? data.getUint8(0) : bytes === 2 ? data.getUint16(0, true) : data.getUint32(0, true);
  cpu.intercepts.writePort(port, bytes, value);
  return step(cpu, operands, state.RSI, bytes);
}

/** #GP(0) unless IOPL or the bitmap of the TSS allows all bytes of the port; false after raising. */
export function mayAccess(cpu: SystemCpu, port: number, bytes: number): boolean {
  if (!cpu.isProtected || (cpu.cpl <= cpu.iopl && !cpu.isVm86)) return true;
  const allowed = bitmapAllows(cpu, port, bytes);
  if (allowed === false) cpu.generalProtection();
  return allowed === true;
}

// Undefined after a fault while reading the bitmap.
function bitmapAllows(cpu: SystemCpu, port: number, bytes: number): boolean | undefined {
  const { state: registers } = cpu;
  const limit = registers.segmentLimit(state.TR);
  const base = registers.segmentBase(state.TR);
  if ((registers.segmentAttributes(state.TR) & TSS_32) === 0 || limit < IO_MAP_BASE + 1) return false;
  if (!cpu.readSystem(base + BigInt(IO_MAP_BASE), 2)) return undefined;
  const at = cpu.data.getUint16(0, true) + (port >>> 3);
  // Two bytes are read always: that is why the bitmap ends with a byte of ones.
  if (at + 1 > limit) return false;
  if (!cpu.readSystem(base + BigInt(at), 2)) return undefined;
  return ((cpu.data.getUint16(0, true) >>> (port & 7)) & ((1 << bytes) - 1)) === 0;
}

// The device may have asked to leave: the next instruction is looked up, not run into.
function finish(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  cpu.advance(operands.length);
  return SYSTEM_JUMP;
}

function isExhausted(cpu: SystemCpu, operands: SystemOperands): boolean {
  return operands.repeat !== '' && readRegister(cpu, state.RCX, operands.addressSize) === 0n;
}

function step(cpu: SystemCpu, operands: SystemOperands, index: number, bytes: number): SystemResult {
  const width = operands.addressSize;
  const down = (cpu.state.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_DF) !== 0;
  writeRegister(cpu, index, readRegister(cpu, index, width) + BigInt(down ? -bytes : bytes), width);
  if (operands.repeat === '') return finish(cpu, operands);
  const left = readRegister(cpu, state.RCX, width) - 1n;
  writeRegister(cpu, state.RCX, left, width);
  return left === 0n ? finish(cpu, operands) : SYSTEM_JUMP;
}

function readRegister(cpu: SystemCpu, register: number, width: number): bigint {
  return BigInt.asUintN(width, cpu.state.gpr(register));
}

function writeRegister(cpu: SystemCpu, register: number, value: bigint, width: number): void {
  if (width === 16) cpu.state.setU16(state.OFFSET_GPR + register * 8, Number(value & 0xffffn));
  else cpu.state.setGpr(register, BigInt.asUintN(width, value));
}
