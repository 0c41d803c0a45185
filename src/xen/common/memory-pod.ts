import { EFAULT, EINVAL, EPERM, ESRCH } from '../../abi/errno.ts';
import { XenPodTarget } from '../../abi/memory.ts';
import { isPrivileged } from '../xsm.ts';
import { type Call, CONTINUE, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { continues } from './memory.ts';

/** XENMEM_set_pod_target: how much memory a domain that populates on demand is to have. */
export function xenmemSetPodTarget(call: Call): HypercallResult {
  return withTarget(call, (domain, target) => {
    if (target.target_pages > domain.maxPages) return -EINVAL;
    return domain.p2m?.pod?.setTarget(target.target_pages) ?? -EINVAL;
  });
}

/** XENMEM_get_pod_target: pages, and how many of them wait to be touched. */
export function xenmemGetPodTarget(call: Call): HypercallResult {
  return withTarget(call, () => 0);
}

function withTarget(call: Call, operate: (domain: Domain, target: XenPodTarget) => HypercallResult): HypercallResult {
  if (continues(call)) return -EINVAL;
  const at = call.fetch(call.handle(1), XenPodTarget.SIZE);
  if (at < 0) return -EFAULT;
  const target = new XenPodTarget(call.view, at);
  const domain = call.xen.find(target.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  const pod = domain.p2m?.pod;
  if (pod === undefined) return -EINVAL;
  if (!isPrivileged(call.domain)) return -EPERM;
  const result = operate(domain, target);
  if (result === CONTINUE || result < 0) return result;
  target.tot_pages = domain.totPages;
  target.pod_cache_pages = pod.count;
  target.pod_entries = pod.entries;
  return call.store(call.handle(1), at, XenPodTarget.SIZE) ? result : -EFAULT;
}
