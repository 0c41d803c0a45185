/** XSAVE, XSAVEOPT, XRSTOR, XGETBV, XSETBV: x87 and SSE, the components this processor has (SDM vol. 1, chapter 13). */
import { WATCH_GO } from '../engine.ts';
import type { VectorState } from '../fpu/fxsave.ts';
import { X87State } from '../fpu/x87-state.ts';
import { componentsInUse, XSAVE_ALIGNMENT, XSAVE_BYTES, xcr0IsValid, xrstor, xsave, xsaveopt } from '../fpu/xsave.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

export function saveExtended(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  return store(cpu, operands, xsave);
}

export function saveExtendedOptimized(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  return store(cpu, operands, xsaveopt);
}

export function restoreExtended(cpu: SystemCpu, operands: SystemOperands): SystemResult {
  if (!mayUse(cpu, operands)) return SYSTEM_FAULT;
  const { addressLo, addressHi } = operands;
  const host = cpu.hostForRead(addressLo, addressHi, XSAVE_BYTES);
  if (host === 0 && !cpu.read(addressLo, addressHi, XSAVE_BYTES)) return SYSTEM_FAULT;
  const image = host === 0 ? cpu.data : cpu.machine;
  const { state: registers } = cpu;
  const requested = registers.gprLo(state.RAX);
  const format = { wide: operands.size === 64, mode64: registers.is64Bit };
  const isValid = xrstor(vectorState(cpu), image, host, requested, registers.u32(state.OFFSET_XCR0), format);
  return isValid ? SYSTEM_NEXT : cpu.generalProtection();
}

export function readExtendedControl(cpu: SystemCpu): SystemResult {
  const { state: registers } = cpu;
  if (!isEnabled(cpu)) return cpu.invalidOpcode();
  const xcr0 = registers.u32(state.OFFSET_XCR0);
  switch (registers.gprLo(state.RCX)) {
    case 0:
      registers.setGprHalves(state.RAX, xcr0, 0);
      break;
    case 1:
      registers.setGprHalves(state.RAX, xcr0 & componentsInUse(vectorState(cpu), registers.is64Bit), 0);
      break;
    default:
      return cpu.generalProtection();
  }
  registers.setGprHalves(state.RDX, 0, 0);
  return SYSTEM_NEXT;
}

export function writeExtendedControl(cpu: SystemCpu): SystemResult {
  const { state: registers } = cpu;
  if (!isEnabled(cpu)) return cpu.invalidOpcode();
  if (!cpu.isPrivileged()) return SYSTEM_FAULT;
  const value = BigInt(registers.gprLo(state.RAX)) | (BigInt(registers.gprLo(state.RDX)) << 32n);
  if (registers.gprLo(state.RCX) !== 0 || !xcr0IsValid(value)) return cpu.generalProtection();
  const left = cpu.watched(cpu.watch?.writesControl('xcr0', registers.gprLo(state.RAX), 0) ?? WATCH_GO);
  if (left !== undefined) return left;
  registers.setU64(state.OFFSET_XCR0, value);
  return SYSTEM_NEXT;
}

// What is not saved stays as it is in memory, so an image that is not written in place is read first.
function store(cpu: SystemCpu, operands: SystemOperands, save: typeof xsave): SystemResult {
  if (!mayUse(cpu, operands)) return SYSTEM_FAULT;
  const { addressLo, addressHi } = operands;
  const host = cpu.hostForWrite(addressLo, addressHi, XSAVE_BYTES);
  if (host === 0) {
    if (!cpu.checkWritable(addressLo, addressHi, XSAVE_BYTES)) return SYSTEM_FAULT;
    if (!cpu.read(addressLo, addressHi, XSAVE_BYTES)) return SYSTEM_FAULT;
  }
  const image = host === 0 ? cpu.data : cpu.machine;
  const { state: registers } = cpu;
  const format = { wide: operands.size === 64, mode64: registers.is64Bit };
  save(vectorState(cpu), image, host, registers.gprLo(state.RAX), registers.u32(state.OFFSET_XCR0), format);
  if (host !== 0) return SYSTEM_NEXT;
  return cpu.write(addressLo, addressHi, XSAVE_BYTES) ? SYSTEM_NEXT : SYSTEM_FAULT;
}

function mayUse(cpu: SystemCpu, operands: SystemOperands): boolean {
  if (!isEnabled(cpu)) {
    cpu.invalidOpcode();
    return false;
  }
  if ((cpu.state.u32(state.OFFSET_CR0) & state.CR0_TS) !== 0) {
    cpu.raise(state.EXCEPTION_NM);
    return false;
  }
  if ((operands.addressLo & (XSAVE_ALIGNMENT - 1)) === 0) return true;
  cpu.generalProtection();
  return false;
}

function isEnabled(cpu: SystemCpu): boolean {
  return (cpu.state.u32(state.OFFSET_CR4) & state.CR4_OSXSAVE) !== 0;
}

const vectorStates = new WeakMap<SystemCpu, VectorState>();

function vectorState(cpu: SystemCpu): VectorState {
  const known = vectorStates.get(cpu);
  if (known !== undefined) return known;
  const { view } = cpu.state;
  const x87 = new X87State(view, state.OFFSET_X87, state.OFFSET_X87_CONTROL);
  const made = { x87, view, xmmAt: state.OFFSET_XMM, mxcsrAt: state.OFFSET_MXCSR };
  vectorStates.set(cpu, made);
  return made;
}
