import { CompatXenMemoryExchange } from '../../abi/compat/memory.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../../abi/errno.ts';
import { XenMemoryExchange } from '../../abi/memory.ts';
import { isPrivileged, mayControl } from '../xsm.ts';
import type { Call, HypercallResult } from './call.ts';
import { CTLDOM_MAX_ORDER, continues, DOMU_MAX_ORDER } from './memory.ts';

/**
 * XENMEM_exchange: frames for others of another size. A domain behind a p2m cannot do that: its frames cannot be taken
 * out of it one by one, so that after everything that can be wrong with the arguments the answer is -EINVAL, as Xen's.
 */
export function xenmemExchange(call: Call): HypercallResult {
  if (continues(call)) return -EINVAL;
  const structure = call.compat ? CompatXenMemoryExchange : XenMemoryExchange;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const exchange = new structure(call.view, at);
  const result = check(call, exchange);
  // How far it came is told even where it came nowhere.
  return result < 0 && !call.store(call.handle(1), at, structure.SIZE) ? -EFAULT : result;
}

function check(call: Call, exchange: XenMemoryExchange | CompatXenMemoryExchange): HypercallResult {
  const { in: given, out: wanted, nr_exchanged: done } = exchange;
  const maxOrder = isPrivileged(call.domain) ? CTLDOM_MAX_ORDER : DOMU_MAX_ORDER;
  if (Math.max(given.extent_order, wanted.extent_order) > maxOrder) return -EPERM;
  const pages = given.nr_extents * 2 ** given.extent_order;
  if (done > given.nr_extents || given.domid !== wanted.domid) return -EINVAL;
  if (pages >= 2 ** 64 || pages !== wanted.nr_extents * 2 ** wanted.extent_order) return -EINVAL;
  if (done === given.nr_extents) return 0;
  const domain = call.xen.find(given.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (!mayControl(call.domain, domain)) return -EPERM;
  return call.fetchLong(given.extent_start, done) === undefined ? -EFAULT : -EINVAL;
}
