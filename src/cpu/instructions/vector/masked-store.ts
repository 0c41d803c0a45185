/** MASKMOVDQU and MASKMOVQ: some bytes to [rDI]. */
import type { Semantics } from '../../emit/semantics.ts';
import type { Value } from '../../emit/values.ts';
import type { OperandHandle } from '../define.ts';

/**
 * Writes what `merge` makes of the bytes that are there, if `any` is true. All of them must be writable: which bytes
 * fault under a mask is the processor's choice (SDM vol. 2B, MASKMOVDQU).
 */
export function storeMasked(m: Semantics, destination: OperandHandle, any: Value, merge: (old: Value) => Value): void {
  const address = m.address(destination);
  const bits = m.bits(destination);
  m.if(any, () => {
    m.checkWritable(address, bits);
    m.store(address, merge(m.load(address, bits)));
  });
}
