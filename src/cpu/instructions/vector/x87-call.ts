/** From an instruction's record to the x87 unit and back: what `fpu/x87.ts` asks of the processor around it. */
import { readStatusFlags, writeStatusFlags } from '../../emit/flags.ts';
import type { VectorState } from '../../fpu/fxsave.ts';
import { execute, X87_STORE, type X87Operand, x87Operand } from '../../fpu/x87.ts';
import { X87State } from '../../fpu/x87-state.ts';
import { X87Unit } from '../../fpu/x87-unit.ts';
import * as state from '../../state.ts';
import type { SystemCpu } from '../../system/system-cpu.ts';
import { SYSTEM_FAULT, SYSTEM_NEXT, type SystemOperands, type SystemResult } from '../define.ts';

/**
 * The function of the instruction with this opcode byte and ModRM byte. `stackOperand` is the index of the operand whose
 * register number goes into the low bits of ModRM.
 */
export function x87Call(
  opcode: number,
  modRm: number,
  stackOperand = -1,
): (cpu: SystemCpu, operands: SystemOperands) => SystemResult {
  const form = x87Operand(opcode, modRm, false) as X87Operand;
  const form16 = x87Operand(opcode, modRm, true) as X87Operand;
  const usesFlags = /^FU?COMI|^FCMOV/.test(form.name);
  return (cpu, operands) => {
    const unit = unitOf(cpu);
    if (form.waits && unit.state.pending) return cpu.raise(state.EXCEPTION_MF);
    unit.operandSize16 = operands.size === 16;
    if (!passOperand(cpu, unit, unit.operandSize16 ? form16 : form, operands)) return SYSTEM_FAULT;
    unit.realMode = !cpu.isProtected || cpu.isVm86;
    unit.ip = cpu.state.rip;
    unit.cs = cpu.state.segmentSelector(state.CS);
    if (usesFlags) unit.eflags = readStatusFlags(cpu.state);
    const register = stackOperand < 0 ? 0 : operands.register(stackOperand);
    const outcome = execute(unit, opcode, modRm | register);
    if (usesFlags) writeStatusFlags(cpu.state, unit.eflags);
    if (outcome !== X87_STORE) return SYSTEM_NEXT;
    const { bytes } = unit.operandSize16 ? form16 : form;
    for (let i = 0; i < bytes; i++) cpu.buffer[i] = unit.operand.getUint8(i);
    return cpu.write(operands.addressLo, operands.addressHi, bytes) ? SYSTEM_NEXT : SYSTEM_FAULT;
  };
}

/** FNSTSW AX: the only one that writes a general register. */
export function storeStatusInAx(cpu: SystemCpu): SystemResult {
  cpu.state.setU16(state.OFFSET_GPR, unitOf(cpu).state.fsw);
  return SYSTEM_NEXT;
}

/** WAIT: a pending exception, and nothing else. */
export function waitForX87(cpu: SystemCpu): SystemResult {
  return unitOf(cpu).state.pending ? cpu.raise(state.EXCEPTION_MF) : SYSTEM_NEXT;
}

/** The x87 unit over a processor's state block. */
export function unitOf(cpu: SystemCpu): X87Unit {
  const known = units.get(cpu);
  if (known !== undefined) return known;
  const unit = new X87Unit(new X87State(cpu.state.view, state.OFFSET_X87, state.OFFSET_X87_CONTROL));
  units.set(cpu, unit);
  return unit;
}

/** What FXSAVE and XSAVE move. */
export function vectorStateOf(cpu: SystemCpu): VectorState {
  return {
    x87: unitOf(cpu).state,
    view: cpu.state.view,
    xmmAt: state.OFFSET_XMM,
    mxcsrAt: state.OFFSET_MXCSR,
  };
}

const units = new WeakMap<SystemCpu, X87Unit>();

/** Reads or checks the memory operand. FDP is the linear address: the same as the offset where segments are flat. */
function passOperand(cpu: SystemCpu, unit: X87Unit, form: X87Operand, operands: SystemOperands): boolean {
  if (form.access === 'none') return true;
  const { addressLo, addressHi } = operands;
  unit.dataPointer = (BigInt(addressHi) << 32n) | BigInt(addressLo);
  unit.ds = cpu.state.segmentSelector(state.DS);
  if (form.access === 'write') return cpu.checkWritable(addressLo, addressHi, form.bytes);
  if (!cpu.read(addressLo, addressHi, form.bytes)) return false;
  for (let i = 0; i < form.bytes; i++) unit.operand.setUint8(i, cpu.buffer[i] as number);
  return true;
}
