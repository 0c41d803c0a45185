/** Every instruction of the processor: what engines, assembler, disassembler and tests are made from. */
import type { Instruction } from './define.ts';
import { INTEGER_INSTRUCTIONS } from './integer-families.ts';

export const ALL_INSTRUCTIONS: readonly Instruction[] = [...INTEGER_INSTRUCTIONS];
