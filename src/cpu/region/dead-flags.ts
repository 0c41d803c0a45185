/** Which instructions of a block set flags that nobody sees. */
import { isEmitted, SETS_ALL_FLAGS } from '../interpreter/handlers.ts';
import type { RegionInstruction } from './region-operands.ts';

/** What they leave of the flags is as dead as what they set. */
const SETS_SOME = new Set(['INC', 'DEC', 'ROL', 'ROR', 'SHL', 'SHR', 'SAR', 'BT', 'BTS', 'BTR', 'BTC', 'CLC', 'STC']);
/** They have to do with no flag. */
const SETS_NONE = new Set(['MOV', 'MOVZX', 'MOVSX', 'MOVSXD', 'LEA', 'NOT', 'BSWAP', 'NOP', 'XCHG', 'CBW', 'CWD']);

/**
 * Whether the flags of an instruction are dead: another sets them all before one reads them, and before control can
 * leave with them, by a fault or otherwise.
 */
export function flagsAreDead(instructions: readonly RegionInstruction[], index: number): boolean {
  for (let i = index + 1; i < instructions.length; i++) {
    const { handler } = instructions[i] as RegionInstruction;
    const { mnemonic } = handler.instruction;
    if (!isEmitted(handler.instruction) || accessesMemory(handler)) return false;
    if (SETS_ALL_FLAGS.has(mnemonic)) return true;
    if (!SETS_SOME.has(mnemonic) && !SETS_NONE.has(mnemonic)) return false;
  }
  return false;
}

function accessesMemory({ operands, accesses }: RegionInstruction['handler']): boolean {
  return operands.some(({ type }, index) => type === 'memory' && accesses[index] !== 'address');
}
