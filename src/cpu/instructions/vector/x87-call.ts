/** Instructions that TypeScript does, from their records to the x87 unit and back: what `fpu/x87.ts` asks for. */
import type { VectorState } from '../../fpu/fxsave.ts';
import { execute, X87_STORE, type X87Operand, x87Operand } from '../../fpu/x87.ts';
import { unitOf } from '../../fpu/x87-slow.ts';
import type { X87Unit } from '../../fpu/x87-unit.ts';
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
  return (cpu, operands) => {
    const unit = unitOf(cpu.state);
    if (form.waits && unit.state.pending) return cpu.raise(state.EXCEPTION_MF);
    unit.operandSize16 = operands.size === 16;
    if (!passOperand(cpu, unit, unit.operandSize16 ? form16 : form, operands)) return SYSTEM_FAULT;
    unit.realMode = !cpu.isProtected || cpu.isVm86;
    unit.ip = cpu.state.rip;
    unit.cs = cpu.state.segmentSelector(state.CS);
    const register = stackOperand < 0 ? 0 : operands.register(stackOperand);
    const outcome = execute(unit, opcode, modRm | register);
    if (outcome !== X87_STORE) return SYSTEM_NEXT;
    const { bytes } = unit.operandSize16 ? form16 : form;
    for (let i = 0; i < bytes; i++) cpu.buffer[i] = unit.operand.getUint8(i);
    return cpu.write(operands.addressLo, operands.addressHi, bytes) ? SYSTEM_NEXT : SYSTEM_FAULT;
  };
}

/** What FXSAVE and XSAVE move. */
export function vectorStateOf(cpu: SystemCpu): VectorState {
  return {
    x87: unitOf(cpu.state).state,
    view: cpu.state.view,
    xmmAt: state.OFFSET_XMM,
    mxcsrAt: state.OFFSET_MXCSR,
  };
}

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
