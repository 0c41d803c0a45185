import { EINVAL, ENOMEM } from '../../abi/errno.ts';
import { XenDomctl } from '../../abi/domctl.ts';
import { XenDomctlSetVirqHandler } from '../../abi/domctl-settings.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { addPage, unhookPage } from '../x86/mm/physmap.ts';
import { NO_FRAME } from './buddy.ts';
import { CONTINUE, type HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import { type DomctlCall, onDomain } from './domctl.ts';
import { setVirqHandler } from './virq.ts';
import { INVALID_M2P } from './frame-table.ts';

// The domctls that concern a domain's events.

/** The header has it for Xen itself alone: how the rest of a soft reset is asked for. */
export const XEN_DOMCTL_soft_reset_cont = 23;

/** XEN_DOMCTL_set_virq_handler */
export const domctlSetVirqHandler = onDomain(({ call, at, domain }) =>
  setVirqHandler(domain, new XenDomctlSetVirqHandler(call.view, at).virq),
);

/**
 * XEN_DOMCTL_soft_reset: a domain that shut down goes on with none of what it had agreed on with Xen: no port, no
 * registered memory, and shared_info out of its sight, with memory where that was. For a kernel that starts another.
 */
export const domctlSoftReset = onDomain((state) => softReset(state, false));

/** XEN_DOMCTL_soft_reset_cont: how that goes on with many ports to close. */
export const domctlSoftResetCont = onDomain((state) => softReset(state, true));

function softReset({ call, domctl, at, domain }: DomctlCall, resuming: boolean): HypercallResult {
  if (domain === call.domain || domain.vcpus.some((vcpu) => !vcpu.pausedForShutdown)) return -EINVAL;
  if (domain.controllerPauseCount === 0) return -EINVAL;
  const closed = domain.events.reset(resuming);
  if (closed === CONTINUE) {
    domctl.cmd = XEN_DOMCTL_soft_reset_cont;
    call.store(call.handle(0), at - XenDomctl.AT_u, XenDomctl.SIZE);
  }
  if (closed !== 0) return closed;
  domain.argo.reset();
  for (const vcpu of domain.vcpus) {
    vcpu.runstateArea = 0n;
    vcpu.timeArea = 0n;
    vcpu.unmapInfo();
  }
  const result = replaceSharedInfo(domain);
  if (result === 0) domain.resume();
  else domain.crash(`a soft reset failed, errno ${-result}`);
  return result;
}

/** Without this there would be a hole where the domain had seen its shared_info. */
function replaceSharedInfo(domain: Domain): number {
  const { frames } = domain.xen;
  const gfn = frames.m2p(domain.sharedInfo / PAGE_SIZE);
  if (gfn === INVALID_M2P) return 0;
  const mfn = frames.allocate(domain, 0);
  if (mfn === NO_FRAME) return -ENOMEM;
  unhookPage(domain, gfn);
  return addPage(domain, gfn, mfn);
}
