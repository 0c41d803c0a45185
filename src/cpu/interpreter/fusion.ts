/** Which pairs of instructions get one handler: those that follow one another most often (hot-handlers.ts). */
import type { Handler, HandlerTable } from './handlers.ts';
import type { FusedPair } from './main-function.ts';

/** The pairs by the keys of their halves that this table has in the big function. */
export function fusedPairs(table: HandlerTable, keys: readonly (readonly [string, string])[]): FusedPair[] {
  const hot = new Map(table.hot.map((handler) => [handler.key, handler]));
  return keys.flatMap(([firstKey, secondKey]) => {
    const first = hot.get(firstKey);
    const second = hot.get(secondKey);
    return first !== undefined && second !== undefined && mayComeFirst(first) ? [{ first, second }] : [];
  });
}

/**
 * A store may change the very next instruction, which must then not run from the record that is already at hand; and
 * control that leaves never reaches a second half.
 */
export function mayComeFirst({ instruction, operands, accesses }: Handler): boolean {
  if (instruction.ends === true || instruction.mnemonic === 'PUSH') return false;
  return !operands.some(
    ({ type }, index) => type === 'memory' && (accesses[index] === 'w' || accesses[index] === 'rw'),
  );
}
