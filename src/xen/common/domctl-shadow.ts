import {
  XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY,
  XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL,
  XEN_DOMCTL_SHADOW_OP_CLEAN,
  XEN_DOMCTL_SHADOW_OP_ENABLE,
  XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY,
  XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION,
  XEN_DOMCTL_SHADOW_OP_OFF,
  XEN_DOMCTL_SHADOW_OP_PEEK,
  XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION,
  XenDomctlShadowOp,
} from '../../abi/domctl-state.ts';
import { EFAULT, EINVAL } from '../../abi/errno.ts';
import { LogDirty } from '../x86/mm/log-dirty.ts';
import { P2M_ADDRESS_BITS, type P2m } from '../x86/mm/p2m.ts';
import { element, type HypercallResult } from './call.ts';
import { type DomctlCall, onDomain } from './domctl.ts';
import type { Domain } from './domain.ts';

const MIB = 2 ** 20;
const MAX_PAGES = 2 ** (P2M_ADDRESS_BITS - 12);
const chunk = new Uint8Array(4096);

/** XEN_DOMCTL_shadow_op: which pages a domain writes (log-dirty mode), and the memory its p2m may take. */
export const domctlShadowOp = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlShadowOp(call.view, at);
  const { p2m, hvm } = domain;
  if (domain === call.domain || domain.dying || domain.vcpus.length === 0) return -EINVAL;
  if (p2m === undefined || hvm === undefined) return -EINVAL;
  switch (argument.op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE:
      return (argument.mode & XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY) !== 0 ? enable(p2m) : -EINVAL;
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
      return enable(p2m);
    case XEN_DOMCTL_SHADOW_OP_OFF:
      p2m.logDirty = undefined;
      p2m.logDirtyChanged();
      return 0;
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
      if ((argument.mode & ~XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL) !== 0) return -EINVAL;
      if ((argument.mode & XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL) !== 0) markWrittenByXen(domain);
      return tell(state, argument, p2m);
    case XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION:
      hvm.pagingPoolBytes = argument.mb * MIB;
      state.answer = true;
      return 0;
    case XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION:
      argument.mb = Math.floor(hvm.pagingPoolBytes / MIB);
      state.answer = true;
      return 0;
    default:
      return -EINVAL;
  }
});

function enable(p2m: P2m): HypercallResult {
  if (p2m.logDirty !== undefined) return -EINVAL;
  p2m.logDirty = new LogDirty();
  p2m.logDirtyChanged();
  return 0;
}

/** The bitmap, where there is room for one, and how much is in it; CLEAN begins a new round. */
function tell(state: DomctlCall, argument: XenDomctlShadowOp, p2m: P2m): HypercallResult {
  const { call } = state;
  const log = p2m.logDirty ?? new LogDirty();
  argument.pages = Math.min(argument.pages, MAX_PAGES);
  const bytes = Math.ceil(argument.pages / 8);
  for (let done = 0; argument.dirty_bitmap !== 0n && done < bytes; done += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, bytes - done));
    log.read(done * 8, part);
    if (!call.guest.write(element(argument.dirty_bitmap, done, 1), part)) return -EFAULT;
  }
  argument.stats.fault_count = log.faults;
  argument.stats.dirty_count = log.dirty;
  state.answer = true;
  if (argument.op !== XEN_DOMCTL_SHADOW_OP_CLEAN) return 0;
  log.forEach((gfn) => {
    log.clean(gfn);
    p2m.cleaned(gfn);
  });
  log.faults = 0;
  return 0;
}

/** What Xen itself writes to without the processor's knowing, in the last round of a save. */
function markWrittenByXen(domain: Domain): void {
  for (const vcpu of domain.vcpus) {
    if (vcpu.infoMfn !== 0) domain.frameWritten(domain.xen.frames.m2p(vcpu.infoMfn));
  }
}
