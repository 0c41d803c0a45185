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

/** Control that leaves never reaches a second half. */
export function mayComeFirst({ instruction }: Handler): boolean {
  return instruction.ends !== true;
}

/** It may write memory, which may be that of the very next instruction. */
export function mayStore({ instruction: { mnemonic }, operands, accesses }: Handler): boolean {
  if (mnemonic === 'PUSH' || mnemonic === 'PUSHF') return true;
  if (mnemonic === 'LEA' || mnemonic === 'NOP') return false;
  return operands.some(({ type }, index) => type === 'memory' && accesses[index] !== 'r');
}
