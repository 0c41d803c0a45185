/** Which pairs of instructions get one handler: what compilers put before a conditional branch. */
import type { Handler, HandlerTable } from './handlers.ts';
import type { FusedPair } from './main-function.ts';
import { SHAPE_BASE } from './record.ts';

const FIRST = new Set(['CMP', 'TEST']);
const SECOND = new Set(['JE', 'JNE', 'JB', 'JAE', 'JBE', 'JA', 'JS', 'JNS', 'JL', 'JGE', 'JLE', 'JG']);

export function fusedPairs(table: HandlerTable): FusedPair[] {
  const seconds = table.hot.filter(({ instruction }) => SECOND.has(instruction.mnemonic));
  const firsts = table.hot.filter((handler) => FIRST.has(handler.instruction.mnemonic) && isCommon(handler));
  return firsts.flatMap((first) => seconds.map((second) => ({ first, second })));
}

/** Registers, immediates and the simplest address; the rest is not worth its code. */
function isCommon({ operands }: Handler): boolean {
  return operands.every((operand) => {
    if (operand.type === 'memory') return operand.shape === SHAPE_BASE;
    return operand.type === 'register' || operand.type === 'immediate';
  });
}
