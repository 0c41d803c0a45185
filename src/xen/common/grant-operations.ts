import { EFAULT, EINVAL } from '../../abi/errno.ts';
import { type Call, CONTINUE, element, type HypercallResult, STEPS_BEFORE_CONTINUE } from './call.ts';

const MOST_OPERATIONS = 0x7fffffff;

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
  const array = call.handle(1);
  for (let index = 0; index < count; index++) {
    if (index === STEPS_BEFORE_CONTINUE) {
      call.args[1] = element(array, index, size);
      call.args[2] = BigInt(count - index);
      return CONTINUE;
    }
    const pointer = element(array, index, size);
    const at = call.fetch(pointer, size);
    if (at < 0) return -EFAULT;
    operate(call, at);
    if (!call.store(pointer, at, size)) return -EFAULT;
    call.release(at);
  }
  return 0;
}
