import { EFAULT, EINVAL } from '../../abi/errno.ts';
import { type Call, CONTINUE, type HypercallResult, STEPS_BEFORE_CONTINUE } from './call.ts';

const MOST_OPERATIONS = 0x7fffffff;
/** Structures that are brought in together, as Xen does for 32-bit callers. */
const OPERATIONS_AT_ONCE = 32;
/** The share of one among the calls of a multicall, of which many come before others have their turn. */
const STEPS_IN_MULTICALL = 64;

/**
 * Runs one of HYPERVISOR_grant_table_op's operations on each structure of its array: argument 1 points at it,
 * argument 2 is its length. Each structure has a status of its own; the call fails only where the array cannot be read
 * or written. It does a fair share at a time.
 *
 * @param operate does it for the structure at an offset of `call.view`
 */
export function forEachOperation(call: Call, size: number, operate: (call: Call, at: number) => void): HypercallResult {
  const count = call.u32(2);
  if (count > MOST_OPERATIONS) return -EINVAL;
  const share = Math.min(count, call.inMulticall ? STEPS_IN_MULTICALL : STEPS_BEFORE_CONTINUE);
  let lo = call.u32(1);
  let hi = call.upper(1);
  for (let done = 0; done < share; ) {
    let some = Math.min(share - done, OPERATIONS_AT_ONCE);
    let at = call.fetchAt(lo, hi, some * size);
    if (at < 0 && some > 1) {
      // Somewhere in there the array ends being readable: what comes before is done.
      call.release(0);
      some = 1;
      at = call.fetchAt(lo, hi, size);
    }
    if (at < 0) return -EFAULT;
    for (let index = 0; index < some; index++) operate(call, at + index * size);
    if (!call.storeAt(lo, hi, at, some * size)) return -EFAULT;
    call.release(at);
    done += some;
    const next = lo + some * size;
    lo = next >>> 0;
    if (next > 0xffffffff) hi = (hi + 1) >>> 0;
  }
  if (share === count) return 0;
  call.setArgument(1, lo, hi);
  call.setArgument(2, count - share, 0);
  return CONTINUE;
}
