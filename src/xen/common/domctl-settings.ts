import { XenDomctlNodeaffinity } from '../../abi/domctl-sched.ts';
import {
  XEN_DOMCTL_SENDTRIGGER_NMI,
  XEN_DOMCTL_SENDTRIGGER_POWER,
  XEN_DOMCTL_SENDTRIGGER_SLEEP,
  XenDomctlAddressSize,
  XenDomctlSendtrigger,
  XenDomctlSetdebugging,
  XenDomctlSetTarget,
  XenDomctlSetdomainhandle,
  XenDomctlSettimeoffset,
  XenDomctlSubscribe,
} from '../../abi/domctl-settings.ts';
import { XenDomctlTscInfo } from '../../abi/domctl-state.ts';
import { EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, ESRCH } from '../../abi/errno.ts';
import type { XenctlBitmap } from '../../abi/xen.ts';
import { TSC_KHZ, updateWallclock } from '../x86/time.ts';
import type { Call } from './call.ts';
import { type DomctlCall, onDomain } from './domctl.ts';

/** XEN_DOMCTL_setdomainhandle: a new UUID. */
export const domctlSetdomainhandle = onDomain(({ call, at, domain }) => {
  domain.handle = new XenDomctlSetdomainhandle(call.view, at).handle.slice();
  return 0;
});

/** XEN_DOMCTL_settimeoffset: the domain's wall clock differs from UTC by so many seconds. */
export const domctlSettimeoffset = onDomain(({ call, at, domain }) => {
  domain.timeOffsetSeconds = Number(new XenDomctlSettimeoffset(call.view, at).time_offset_seconds);
  updateWallclock(domain);
  return 0;
});

/** XEN_DOMCTL_subscribe: a port to raise when the domain suspends, instead of VIRQ_DOM_EXC. */
export const domctlSubscribe = onDomain(({ call, at, domain }) => {
  domain.suspendPort = new XenDomctlSubscribe(call.view, at).port;
  return 0;
});

/** XEN_DOMCTL_settscinfo: mode and incarnation show in CPUID; whatever the mode, the TSC is native at 1 GHz. */
export const domctlSettscinfo = onDomain(({ call, at, domain }) => {
  const info = new XenDomctlTscInfo(call.view, at);
  if (domain === call.domain || info.tsc_mode > 2) return -EINVAL;
  if (domain.hvm === undefined) return 0;
  domain.hvm.tscMode = info.tsc_mode;
  domain.hvm.tscIncarnation = info.incarnation;
  return 0;
});

/** XEN_DOMCTL_gettscinfo */
export const domctlGettscinfo = onDomain((state) => {
  const { call, at, domain } = state;
  const info = new XenDomctlTscInfo(call.view, at);
  info.tsc_mode = domain.hvm?.tscMode ?? 0;
  info.gtsc_khz = TSC_KHZ;
  info.incarnation = domain.hvm?.tscIncarnation ?? 0;
  info.elapsed_nsec = BigInt(call.xen.now());
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_set_address_size: PV guests alone choose one. */
export const domctlSetAddressSize = onDomain(({ call, at, domain }) => {
  if (domain.hvm !== undefined) return -EOPNOTSUPP;
  return new XenDomctlAddressSize(call.view, at).size === 64 ? 0 : -EINVAL;
});

/** XEN_DOMCTL_get_address_size */
export const domctlGetAddressSize = onDomain((state) => {
  new XenDomctlAddressSize(state.call.view, state.at).size = 64;
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_sendtrigger: an NMI; a PVH guest has no buttons for power and sleep, and nobody notices them. */
export const domctlSendtrigger = onDomain(({ call, at, domain }) => {
  const { trigger, vcpu: id } = new XenDomctlSendtrigger(call.view, at);
  switch (trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI: {
      const vcpu = domain.vcpu(id);
      if (vcpu === undefined) return -ESRCH;
      vcpu.arch.raiseNmi();
      return 0;
    }
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
      return domain.hvm === undefined ? -EINVAL : 0;
    default:
      return -ENOSYS;
  }
});

/** XEN_DOMCTL_setdebugging: a debugger is attached; `xl list` shows it. */
export const domctlSetdebugging = onDomain(({ call, at, domain }) => {
  if (domain === call.domain) return -EINVAL;
  domain.debuggerAttached = new XenDomctlSetdebugging(call.view, at).enable !== 0;
  return 0;
});

/** XEN_DOMCTL_set_target: the domain serves another from now on, and may do for it what its device model may. */
export const domctlSetTarget = onDomain(({ call, at, domain }) => {
  const target = call.xen.domains.get(new XenDomctlSetTarget(call.view, at).target);
  if (target === undefined) return -ESRCH;
  if (target === domain) return -EINVAL;
  if (target.hvm === undefined) return -EOPNOTSUPP;
  if (domain.target !== undefined) return -EINVAL;
  domain.target = target;
  return 0;
});

/** XEN_DOMCTL_setnodeaffinity: there is one node, so that only an empty map is wrong. */
export const domctlSetnodeaffinity = onDomain(({ call, at }) => {
  const { nodemap } = new XenDomctlNodeaffinity(call.view, at);
  return check(call, nodemap);
});

/** XEN_DOMCTL_getnodeaffinity */
export const domctlGetnodeaffinity = onDomain((state) => {
  fillOne(state, new XenDomctlNodeaffinity(state.call.view, state.at).nodemap);
  return 0;
});

/** A bitmap that has at least its lowest bit, the one thing we have. */
function check(call: Call, map: XenctlBitmap): number {
  if (map.nr_bits === 0) return -EINVAL;
  const at = call.fetch(map.bitmap, 1);
  if (at < 0) return -EFAULT;
  return (call.view.getUint8(at) & 1) !== 0 ? 0 : -EINVAL;
}

/** Sets bit 0 of a caller's bitmap and clears the rest; false where it cannot be written. */
function fillOne({ call }: DomctlCall, map: XenctlBitmap): boolean {
  const bytes = new Uint8Array(Math.min(Math.ceil(map.nr_bits / 8), 4096));
  if (bytes.length > 0) bytes[0] = 1;
  return call.guest.write(map.bitmap, bytes);
}
