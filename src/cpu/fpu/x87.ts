/**
 * The x87 instructions, D8 to DF. What the processor does around them, in this order:
 *
 * 1. CR0.EM or CR0.TS: #NM.
 * 2. `x87Operand`: the form, or #UD.
 * 3. `waits` and `unit.state.pending`: #MF (CR0.NE = 1) or FERR#. WAIT (9B) and the MMX instructions look at `pending` too.
 * 4. The memory operand. Reads: all of it into unit.operand, from offset 0. Writes: probe all of it, so that a fault
 *    comes before anything has changed.
 * 5. `execute`.
 * 6. With X87_STORE, the operand goes from unit.operand to memory. Without it (an unmasked exception) nothing is written.
 */
import { type Access, x87Form } from './x87-forms.ts';
import type { X87Unit } from './x87-unit.ts';

/** Done; EFLAGS are in unit.eflags if the instruction is FCOMI or one of its kin, FNSTSW AX's word in unit.ax. */
export const X87_DONE = 0;
/** Done, and the memory operand is to be written. */
export const X87_STORE = 1;
/** Nothing done: an exception is pending from an earlier instruction. */
export const X87_PENDING = 2;
/** Nothing done: there is no such instruction. */
export const X87_UNDEFINED = 3;

export interface X87Operand {
  readonly name: string;
  readonly access: Access;
  readonly bytes: number;
  readonly waits: boolean;
}

/** What an instruction does with memory before or after it, or undefined: #UD. */
export function x87Operand(opcode: number, modrm: number, operandSize16: boolean): X87Operand | undefined {
  const form = x87Form(opcode, modrm);
  if (form === undefined) return undefined;
  const { name, access, waits } = form;
  return { name, access, bytes: operandSize16 ? form.bytes16 : form.bytes, waits };
}

/** Executes one instruction and returns X87_*. See X87Unit for what goes in and comes out. */
export function execute(unit: X87Unit, opcode: number, modrm: number): number {
  const form = x87Form(opcode, modrm);
  if (form === undefined) return X87_UNDEFINED;
  const { state } = unit;
  if (form.waits && state.pending) return X87_PENDING;
  unit.begin();
  if (form.control) {
    form.run(unit, modrm & 7);
  } else {
    state.fop = ((opcode & 7) << 8) | modrm;
    state.fip = unit.ip;
    state.fcs = unit.cs;
    if (form.access !== 'none') {
      state.fdp = unit.dataPointer;
      state.fds = unit.ds;
    }
    form.run(unit, modrm & 7);
    unit.complete();
  }
  return unit.stored ? X87_STORE : X87_DONE;
}
