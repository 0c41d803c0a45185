import { CompatMulticallEntry } from '../../abi/compat/xen.ts';
import { EFAULT, EINVAL } from '../../abi/errno.ts';
import { MulticallEntry } from '../../abi/xen.ts';
import { Call, CONTINUE, element, type HypercallResult } from './call.ts';

/** Calls of a multicall made before others have their turn. */
const CALLS_BEFORE_CONTINUE = 64;
/** Each of them may itself be long: no more are begun after so much time. */
const SHARE_NS = 500_000;

/**
 * HYPERVISOR_multicall: argument 0 points at an array of calls, argument 1 is its length. Each call's result goes into
 * its entry. A multicall among the calls is refused.
 */
export function multicall(call: Call): HypercallResult {
  if (call.inMulticall) return -EINVAL;
  const list = call.handle(0);
  const count = call.u32(1);
  const structure = call.compat ? CompatMulticallEntry : MulticallEntry;
  const inner = new Call(call.xen, call.vcpu, call.guest);
  inner.inMulticall = true;
  const startNs = call.xen.now();

  for (let index = 0; index < count; index++) {
    const pointer = element(list, index, structure.SIZE);
    const shareIsOver = index === CALLS_BEFORE_CONTINUE || call.xen.now() - startNs > SHARE_NS;
    if (index > 0 && shareIsOver) return goOn(call, pointer, count - index);
    const at = call.fetch(pointer, structure.SIZE);
    if (at < 0) return -EFAULT;
    const entry = new structure(call.view, at);
    inner.begin(entry.op, call.compat);
    for (let argument = 0; argument < 6; argument++) inner.args[argument] = entry.args(argument);

    const result = call.xen.dispatch(inner);
    if (result === CONTINUE) {
      // The rest of that call waits in its entry.
      for (let argument = 0; argument < 6; argument++) entry.set_args(argument, inner.args[argument] as bigint);
      return call.store(pointer, at, structure.SIZE) ? goOn(call, pointer, count - index) : -EFAULT;
    }
    entry.result = BigInt(result);
    if (!call.store(pointer, at, structure.SIZE)) return -EFAULT;
    call.release(at);
    // A domain that shut itself down or blocked goes on from here when it is resumed.
    if (!call.vcpu.runnable && index + 1 < count) {
      return goOn(call, element(pointer, 1, structure.SIZE), count - index - 1);
    }
  }
  return 0;
}

function goOn(call: Call, list: bigint, count: number): HypercallResult {
  call.args[0] = list;
  call.args[1] = BigInt(count);
  return CONTINUE;
}
