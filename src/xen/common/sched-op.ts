import { CompatSchedPoll } from '../../abi/compat/sched.ts';
import { EBUSY, EFAULT, EINVAL, ENOSPC, EPERM, ESRCH } from '../../abi/errno.ts';
import { SchedPinOverride, SchedPoll, SchedRemoteShutdown, SchedShutdown, SchedWatchdog } from '../../abi/sched.ts';
import { hasCpu } from '../sched/cpu-mask.ts';
import { isPrivileged, mayServe } from '../xsm.ts';
import { type Call, element, type HypercallResult } from './call.ts';
import { type Domain, NR_DOMAIN_WATCHDOG_TIMERS } from './domain.ts';
import { VPF_blocked } from './vcpu.ts';

// HYPERVISOR_sched_op: argument 0 is the operation, 1 points at its structure; and set_timer_op.

const MAX_POLLED_PORTS = 128;
/** A timeout further away than 2^50 ns, 13 days, is one that a guest's clock wrapped around. */
const HUGE_TIMEOUT_NS = 2n ** 50n;
const HUGE_TIMEOUT_INSTEAD_NS = 100_000_000;

/** SCHEDOP_yield: others first. */
export function schedopYield(call: Call): HypercallResult {
  call.xen.scheduler.yield(call.vcpu);
  return 0;
}

/** SCHEDOP_block: until an event. */
export function schedopBlock(call: Call): HypercallResult {
  call.vcpu.block();
  return 0;
}

/** SCHEDOP_shutdown */
export function schedopShutdown(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), SchedShutdown.SIZE);
  if (at < 0) return -EFAULT;
  call.domain.shutdown(new SchedShutdown(call.view, at).reason & 0xff);
  return 0;
}

/** SCHEDOP_shutdown_code: the reason, should the domain shut down by itself later. */
export function schedopShutdownCode(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), SchedShutdown.SIZE);
  if (at < 0) return -EFAULT;
  call.domain.shutdownCode ??= new SchedShutdown(call.view, at).reason & 0xff;
  return 0;
}

/** SCHEDOP_poll: blocks until one of some ports is pending, masked or not, or a time has come. */
export function schedopPoll(call: Call): HypercallResult {
  const structure = call.compat ? CompatSchedPoll : SchedPoll;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const { nr_ports: count, ports, timeout } = new structure(call.view, at);
  if (count > MAX_POLLED_PORTS) return -EINVAL;
  const { vcpu, domain } = call;
  if (vcpu.arch.needsDelivery()) return 0;

  let port = 0;
  for (let index = 0; index < count; index++) {
    const element4 = call.fetch(element(ports, index, 4), 4);
    if (element4 < 0) return -EFAULT;
    port = call.view.getUint32(element4, true);
    call.release(element4);
    const pending = domain.events.poll(port);
    if (typeof pending === 'number') return pending;
    if (pending) return 0;
  }

  vcpu.polling = true;
  vcpu.pollPort = count === 1 ? port : 0;
  domain.events.pollers.add(vcpu);
  if (timeout !== 0n) call.xen.timers.set(vcpu.pollTimer, Number(BigInt.asIntN(64, timeout)));
  vcpu.pauseFlags |= VPF_blocked;
  vcpu.sleep();
  return 0;
}

/** SCHEDOP_remote_shutdown */
export function schedopRemoteShutdown(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), SchedRemoteShutdown.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new SchedRemoteShutdown(call.view, at);
  const domain = call.xen.domains.get(argument.domain_id);
  if (domain === undefined) return -ESRCH;
  if (domain === call.domain || !mayServe(call.domain, domain)) return -EPERM;
  domain.shutdown(argument.reason & 0xff);
  return 0;
}

/** SCHEDOP_watchdog: id 0 makes a new timer and returns its id; a timeout of 0 s ends one. */
export function schedopWatchdog(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), SchedWatchdog.SIZE);
  if (at < 0) return -EFAULT;
  const { id, timeout } = new SchedWatchdog(call.view, at);
  return setWatchdog(call.domain, id, timeout);
}

/** SCHEDOP_pin_override: pins the calling vCPU of dom0 to a pCPU until it is undone, whatever its hard affinity. */
export function schedopPinOverride(call: Call): HypercallResult {
  if (!isPrivileged(call.domain)) return -EPERM;
  const at = call.fetch(call.handle(1), SchedPinOverride.SIZE);
  if (at < 0) return -EFAULT;
  const { pcpu } = new SchedPinOverride(call.view, at);
  const { placement } = call.vcpu;
  if (pcpu < 0) {
    if (placement.overridden === undefined) return -EINVAL;
    placement.hard = placement.overridden;
    placement.overridden = undefined;
  } else {
    if (placement.overridden !== undefined) return -EBUSY;
    if (!hasCpu(call.domain.cpupool.cpus, pcpu)) return -EINVAL;
    placement.overridden = placement.hard;
    placement.hard = 1 << pcpu;
  }
  call.xen.scheduler.affinityChanged(call.vcpu);
  return 0;
}

/** set_timer_op: VIRQ_TIMER at an absolute time; 0 cancels. */
export function setTimerOp(call: Call): HypercallResult {
  const { xen, vcpu } = call;
  const timeout = BigInt.asIntN(64, call.compat ? compatTimeout(call) : call.handle(0));
  const now = xen.now();
  if (timeout === 0n) xen.timers.stop(vcpu.singleshotTimer);
  else if (timeout < 0n || timeout - BigInt(now) >= HUGE_TIMEOUT_NS) {
    vcpu.setSingleshot(now + HUGE_TIMEOUT_INSTEAD_NS, now);
  } else vcpu.setSingleshot(Number(timeout), now);
  return 0;
}

/** 32-bit code passes the 64-bit time as two arguments, low half first. */
function compatTimeout(call: Call): bigint {
  return BigInt(call.u32(0)) | (BigInt(call.u32(1)) << 32n);
}

function setWatchdog(domain: Domain, id: number, seconds: number): number {
  const { timers } = domain.xen;
  if (id > NR_DOMAIN_WATCHDOG_TIMERS) return -EINVAL;
  const free = domain.watchdogs.findIndex((_, index) => (domain.watchdogsInUse & (1 << index)) === 0);
  const index = id === 0 ? free : id - 1;
  const timer = domain.watchdogs[index];
  if (timer === undefined) return -ENOSPC;
  const bit = 1 << index;
  if (id !== 0 && (domain.watchdogsInUse & bit) === 0) return -EINVAL;
  if (id !== 0 && seconds === 0) {
    timers.stop(timer);
    domain.watchdogsInUse &= ~bit;
    return 0;
  }
  domain.watchdogsInUse |= bit;
  timers.set(timer, domain.xen.now() + seconds * 1e9);
  return id === 0 ? index + 1 : 0;
}
