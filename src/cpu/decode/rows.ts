/** Instructions as rows: one for each form, with its encoding parsed. Disassembler and assembler go by these. */
import type { Instruction } from '../instructions/define.ts';
import { parseEncoding } from './encoding.ts';
import type { Candidate } from './table.ts';

export function rowsOf(instructions: readonly Instruction[]): Candidate[] {
  return instructions.flatMap((instruction) =>
    instruction.forms.map((form) => ({ instruction, form, encoding: parseEncoding(form) })),
  );
}
