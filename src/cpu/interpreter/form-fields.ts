import type { Form } from '../instructions/define.ts';
import { type OperandKind, translationTable } from '../instructions/operands.ts';

/** What of a form decides how its records are written: worked out once, for it is asked at each. */
export interface FormFields {
  /** The operands that a field of the encoding gives a register to, in their order. */
  readonly registers: readonly OperandKind[];
  /** The register that an implicit memory operand is at, or -1. */
  readonly implicitBase: number;
  /** The index is OFFSET_IMPLICIT_INDEX. */
  readonly isTable: boolean;
  /** An address in the instruction itself. */
  readonly hasOffset: boolean;
  readonly hasRelative: boolean;
  readonly hasSecondImmediate: boolean;
  /** Its immediate has as many bits as the operand. */
  readonly hasWideImmediate: boolean;
}

export function fieldsOf({ operands }: Form): FormFields {
  const kinds = operands.map(({ kind }) => kind);
  const has = (field: OperandKind['field']) => kinds.some((kind) => kind.field === field);
  return {
    registers: kinds.filter(({ field }) => field === 'rm' || field === 'reg' || field === 'opcode'),
    implicitBase: kinds.find(({ field }) => field === 'implicit')?.fixed ?? -1,
    isTable: kinds.includes(translationTable),
    hasOffset: has('offset'),
    hasRelative: has('relative'),
    hasSecondImmediate: has('second-immediate'),
    hasWideImmediate: kinds.some(({ encoded }) => encoded === 'v'),
  };
}
