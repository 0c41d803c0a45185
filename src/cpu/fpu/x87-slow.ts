/** The x87 instructions that generated code has begun and leaves to TypeScript, with nothing changed yet. */
import * as state from '../state.ts';
import { execute, X87_PENDING, X87_STORE, x87Operand } from './x87.ts';
import { X87State } from './x87-state.ts';
import { X87Unit } from './x87-unit.ts';

/** Done; done but nothing to be written to memory, of what stores; else the vector of an exception. */
export const X87_SLOW_DONE = 0;
export const X87_SLOW_NOT_STORED = 32;

/** Where generated code leaves the operand, and finds what is to be written. */
export const X87_SLOW_OPERAND = state.OFFSET_VECTOR_A;
export const X87_SLOW_RESULT = state.OFFSET_VECTOR_RESULT;

/** The largest operand. */
const F80_BYTES = 10;
/** CF, PF and ZF: what FCMOVcc looks at, and what FCOMI sets. */
const CONDITIONS = state.FLAG_CF | state.FLAG_PF | state.FLAG_ZF;

/**
 * Executes the instruction of these 11 bits of an opcode: three of the first byte and ModRM. The operand of FCMOVcc says
 * whether its condition holds, and the result of FCOMI and its kin is CF, PF and ZF at their places. Where instruction
 * and operand are, generated code will say.
 */
export function x87Slow(cpu: state.VcpuState, fop: number): number {
  const unit = unitOf(cpu);
  const opcode = 0xd8 | (fop >> 8);
  const modRm = fop & 0xff;
  const isMove = modRm >= 0xc0 && modRm < 0xe0 && (opcode === 0xda || opcode === 0xdb);
  for (let i = 0; i < F80_BYTES; i++) unit.operand.setUint8(i, cpu.view.getUint8(X87_SLOW_OPERAND + i));
  // FCMOVcc of opcode DB moves if what it looks at is clear.
  const holds = cpu.u32(X87_SLOW_OPERAND) !== 0;
  unit.eflags = isMove && holds === (opcode === 0xda) ? CONDITIONS : 0;
  switch (execute(unit, opcode, modRm)) {
    case X87_PENDING:
      return state.EXCEPTION_MF;
    case X87_STORE:
      for (let i = 0; i < F80_BYTES; i++) cpu.view.setUint8(X87_SLOW_RESULT + i, unit.operand.getUint8(i));
      return X87_SLOW_DONE;
    default:
      if (x87Operand(opcode, modRm, false)?.access === 'write') return X87_SLOW_NOT_STORED;
      cpu.setU32(X87_SLOW_RESULT, unit.eflags & CONDITIONS);
      return X87_SLOW_DONE;
  }
}

const units = new WeakMap<state.VcpuState, X87Unit>();

/** The x87 unit over a vCPU's state block. */
export function unitOf(cpu: state.VcpuState): X87Unit {
  const known = units.get(cpu);
  if (known !== undefined) return known;
  const unit = new X87Unit(new X87State(cpu.view, state.OFFSET_X87, state.OFFSET_X87_CONTROL));
  units.set(cpu, unit);
  return unit;
}
