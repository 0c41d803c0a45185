import { XenDomctlAuditP2m, XenDomctlSetAccessRequired } from '../../../abi/domctl-debug.ts';
import {
  XEN_DOMCTL_PFINFO_NOTAB,
  XEN_DOMCTL_PFINFO_XTAB,
  XenDomctlGetpageframeinfo3,
  XenDomctlHypercallInit,
} from '../../../abi/domctl-state.ts';
import { E2BIG, EFAULT, EINVAL, EPERM } from '../../../abi/errno.ts';
import { onDomain } from '../../common/domctl.ts';
import { fillHypercallFrame } from '../hvm/hypercall-page.ts';
import { auditP2m } from './audit.ts';
import { guestFrame } from './physmap.ts';

const MAX_PAGE_INFOS = 1024;

/** XEN_DOMCTL_getpageframeinfo3: which guest frames are there. Nothing is a page table of Xen's behind a p2m. */
export const domctlGetpageframeinfo3 = onDomain(({ call, at, domain }) => {
  const { num, array } = new XenDomctlGetpageframeinfo3(call.view, at);
  if (num > MAX_PAGE_INFOS) return -E2BIG;
  for (let index = 0; index < num; index++) {
    const gfn = call.fetchLong(array, index);
    if (gfn === undefined) return -EFAULT;
    const mfn = guestFrame(domain, gfn);
    const isMemory = mfn !== 0 && !domain.xen.frames.isXen(mfn);
    if (!call.storeLong(array, index, isMemory ? XEN_DOMCTL_PFINFO_NOTAB : XEN_DOMCTL_PFINFO_XTAB)) return -EFAULT;
  }
  return 0;
});

/** XEN_DOMCTL_hypercall_init: fills a page of the domain's with the stubs that make hypercalls. */
export const domctlHypercallInit = onDomain(({ call, at, domain }) => {
  const mfn = guestFrame(domain, new XenDomctlHypercallInit(call.view, at).gmfn);
  if (domain.hvm === undefined || mfn === 0) return -EINVAL;
  if (domain.xen.frames.isXen(mfn)) return -EPERM;
  fillHypercallFrame(domain.xen, mfn);
  return 0;
});

/** XEN_DOMCTL_set_access_required: a mem access violation that nobody listens for crashes the domain. */
export const domctlSetAccessRequired = onDomain(({ call, at, domain }) => {
  if (domain === call.domain) return -EPERM;
  if (domain.hvm === undefined) return -EINVAL;
  domain.hvm.accessRequired = new XenDomctlSetAccessRequired(call.view, at).access_required !== 0;
  return 0;
});

/** XEN_DOMCTL_audit_p2m */
export const domctlAuditP2m = onDomain((state) => {
  const { call, at, domain } = state;
  if (domain === call.domain) return -EPERM;
  const { orphans, m2pBad, p2mBad } = auditP2m(domain);
  const answer = new XenDomctlAuditP2m(call.view, at);
  answer.orphans = BigInt(orphans);
  answer.m2p_bad = BigInt(m2pBad);
  answer.p2m_bad = BigInt(p2mBad);
  state.answer = true;
  return 0;
});
