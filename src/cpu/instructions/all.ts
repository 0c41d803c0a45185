/** Every instruction of the processor: what engines, assembler, disassembler and tests are made from. */
import type { Instruction } from './define.ts';
import { INTEGER_INSTRUCTIONS } from './integer-families.ts';
import { SYSTEM_INSTRUCTIONS } from './system-families.ts';
import { VECTOR_INSTRUCTIONS } from './vector-families.ts';

export const ALL_INSTRUCTIONS: readonly Instruction[] = [
  ...INTEGER_INSTRUCTIONS,
  ...VECTOR_INSTRUCTIONS,
  ...SYSTEM_INSTRUCTIONS,
];
