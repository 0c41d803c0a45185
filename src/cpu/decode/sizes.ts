/** Operand sizes of forms: which there are, and which one it is without prefixes. */
import type { Form } from '../instructions/define.ts';
import type { Width } from '../instructions/operands.ts';
import type { CodeWidth } from './encoder.ts';
import type { Candidate } from './table.ts';

/** Bits of a width, once the operand size is known; 0 where it has none. */
export function kindBits(width: Width, operandSize: 16 | 32 | 64): number {
  switch (width) {
    case 'v':
      return operandSize;
    case 'z':
      return operandSize === 16 ? 16 : 32;
    case 'y':
      return operandSize === 64 ? 64 : 32;
    case 'none':
      return 0;
    default:
      return width;
  }
}

/** The operand size of a form in code of a width when no prefix says otherwise. */
export function defaultOperandSize(form: Form, width: CodeWidth): 16 | 32 | 64 {
  if (width === 64) return form.default64 || form.force64 ? 64 : 32;
  return width;
}

/** Whether the operand size makes a difference to a form. */
export function hasOperandSize({ instruction, form }: Candidate): boolean {
  return (
    instruction.depends?.includes('operandSize') === true ||
    form.operands.some(({ kind }) => isSized(kind.width) || isSized(kind.memoryWidth))
  );
}

/** The operand sizes a form can have in code of a width, the default one first. */
export function operandSizes(row: Candidate, width: CodeWidth): readonly (16 | 32 | 64)[] {
  const { form, encoding } = row;
  if (encoding.w === 1) return [64];
  const usual = defaultOperandSize(form, width);
  if (!hasOperandSize(row)) return [usual];
  const noSmall = encoding.prefix === '66' || encoding.prefix === 'NP';
  if (width !== 64) return noSmall ? [usual] : width === 32 ? [32, 16] : [16, 32];
  if (form.force64) return [64];
  const others = form.default64 ? ([16] as const) : encoding.w === 0 ? ([16] as const) : ([16, 64] as const);
  return [usual, ...others.filter((size) => !(noSmall && size === 16))];
}

export function isSized(width: Width): boolean {
  return width === 'v' || width === 'z' || width === 'y';
}
