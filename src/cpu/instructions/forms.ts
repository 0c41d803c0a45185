/** Rows that several instructions share. */
import { type Form, form, LOCK, NO64 } from './define.ts';
import { AL, imm8, imm8sx, immz, r, rAX, reg, reg8, rm, rm8, rw } from './operands.ts';

/** The ten encodings of the eight classic two-operand instructions, from the first opcode and the group's digit. */
export function binaryForms(opcode: number, digit: string): Form[] {
  const hex = (offset: number): string => (opcode + offset).toString(16).toUpperCase().padStart(2, '0');
  return [
    form(`${hex(0)} /r`, [rw(rm8), r(reg8)], LOCK),
    form(`${hex(1)} /r`, [rw(rm), r(reg)], LOCK),
    form(`${hex(2)} /r`, [rw(reg8), r(rm8)]),
    form(`${hex(3)} /r`, [rw(reg), r(rm)]),
    form(`${hex(4)} ib`, [rw(AL), r(imm8)]),
    form(`${hex(5)} iz`, [rw(rAX), r(immz)]),
    form(`80 ${digit} ib`, [rw(rm8), r(imm8)], LOCK),
    form(`82 ${digit} ib`, [rw(rm8), r(imm8)], LOCK, NO64),
    form(`81 ${digit} iz`, [rw(rm), r(immz)], LOCK),
    form(`83 ${digit} ib`, [rw(rm), r(imm8sx)], LOCK),
  ];
}
