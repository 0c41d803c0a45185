import { CompatVcpuRunstateInfo, CompatVcpuSetSingleshotTimer } from '../../abi/compat/vcpu.ts';
import { EFAULT, EINVAL, ENOENT, ENXIO } from '../../abi/errno.ts';
import { SHUTDOWN_poweroff } from '../../abi/sched.ts';
import {
  VcpuRegisterRunstateMemoryArea,
  VcpuRegisterTimeMemoryArea,
  VcpuRegisterVcpuInfo,
  VcpuRunstateInfo,
  VcpuSetPeriodicTimer,
  VcpuSetSingleshotTimer,
} from '../../abi/vcpu.ts';
import { VcpuInfo, VIRQ_TIMER } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { initialiseFromGuest } from '../x86/hvm/vcpu-context.ts';
import { guestFrame } from '../x86/mm/physmap.ts';
import { updateSystemTime } from '../x86/time.ts';
import type { Call, HypercallResult } from './call.ts';
import { selectAll } from './event-2l.ts';
import { sendVcpuVirq } from './virq.ts';
import { type Vcpu, VPF_down } from './vcpu.ts';

// HYPERVISOR_vcpu_op: argument 0 is the operation, 1 the vCPU of the caller's domain, 2 points at its structure.

const MIN_PERIOD_NS = 1_000_000n;
/** STIME_DELTA_MAX: about 30 years. */
const MAX_PERIOD_NS = (1n << 60n) - 1n;

type VcpuOperation = (call: Call, vcpu: Vcpu) => HypercallResult;

/** Looks the vCPU of argument 1 up for an operation; -ENOENT where the caller's domain has none of that number. */
function onVcpu(operation: VcpuOperation): (call: Call) => HypercallResult {
  return (call) => {
    const vcpu = call.domain.vcpu(call.u32(1));
    return vcpu === undefined ? -ENOENT : operation(call, vcpu);
  };
}

/** VCPUOP_initialise: registers to start from. */
export const vcpuopInitialise = onVcpu((call, vcpu) => (vcpu.hasDummyInfo ? -EINVAL : initialiseFromGuest(call, vcpu)));

/** VCPUOP_up */
export const vcpuopUp = onVcpu((_call, vcpu) => {
  if (!vcpu.initialised) return -EINVAL;
  vcpu.up();
  return 0;
});

/** VCPUOP_down: the last one that goes down powers the domain off. */
export const vcpuopDown = onVcpu((call, vcpu) => {
  const others = call.domain.vcpus.some((other) => other !== vcpu && (other.pauseFlags & VPF_down) === 0);
  if (others) vcpu.down();
  else call.domain.shutdown(SHUTDOWN_poweroff);
  return 0;
});

/** VCPUOP_is_up */
export const vcpuopIsUp = onVcpu((_call, vcpu) => ((vcpu.pauseFlags & VPF_down) === 0 ? 1 : 0));

/** VCPUOP_get_runstate_info */
export const vcpuopGetRunstateInfo = onVcpu((call, vcpu) => (writeRunstate(call, vcpu, call.handle(2)) ? 0 : -EFAULT));

/** VCPUOP_register_runstate_memory_area: where Xen keeps the runstate from now on. */
export const vcpuopRegisterRunstateMemoryArea = onVcpu((call, vcpu) => {
  const address = fetchPointer(call, VcpuRegisterRunstateMemoryArea.SIZE);
  if (address === undefined) return -EFAULT;
  vcpu.runstateArea = address;
  // A bad address is no error here: the area may be mapped later.
  if (address !== 0n) writeRunstate(call, vcpu, address);
  return 0;
});

/** VCPUOP_register_vcpu_time_memory_area: where Xen keeps the pvclock data from now on, besides vcpu_info. */
export const vcpuopRegisterVcpuTimeMemoryArea = onVcpu((call, vcpu) => {
  const address = fetchPointer(call, VcpuRegisterTimeMemoryArea.SIZE);
  if (address === undefined) return -EFAULT;
  vcpu.timeArea = address;
  updateSystemTime(vcpu);
  return 0;
});

/** VCPUOP_set_periodic_timer */
export const vcpuopSetPeriodicTimer = onVcpu((call, vcpu) => {
  const at = call.fetch(call.handle(2), VcpuSetPeriodicTimer.SIZE);
  if (at < 0) return -EFAULT;
  const period = new VcpuSetPeriodicTimer(call.view, at).period_ns;
  if (period < MIN_PERIOD_NS || period > MAX_PERIOD_NS) return -EINVAL;
  vcpu.setPeriod(Number(period));
  return 0;
});

/** VCPUOP_stop_periodic_timer */
export const vcpuopStopPeriodicTimer = onVcpu((_call, vcpu) => {
  vcpu.setPeriod(0);
  return 0;
});

/**
 * VCPUOP_set_singleshot_timer: VIRQ_TIMER once. A time that has passed raises it at once, whether or not
 * VCPU_SSHOTTMR_future is given, which the header lets Xen ignore and which 4.17 does.
 */
export const vcpuopSetSingleshotTimer = onVcpu((call, vcpu) => {
  if (vcpu !== call.vcpu) return -EINVAL;
  const structure = call.compat ? CompatVcpuSetSingleshotTimer : VcpuSetSingleshotTimer;
  const at = call.fetchArgument(2, structure.SIZE);
  if (at < 0) return -EFAULT;
  const { timeout_abs_nsLo: lo, timeout_abs_nsHi: hi } = new structure(call.view, at);
  // Signed, and exact as far as it is a time that comes.
  const timeoutNs = lo + (hi | 0) * 0x1_0000_0000;
  const nowNs = call.xen.now();
  if (timeoutNs < nowNs) {
    call.xen.timers.stop(vcpu.singleshotTimer);
    sendVcpuVirq(vcpu, VIRQ_TIMER);
  } else {
    vcpu.setSingleshot(timeoutNs, nowNs);
  }
  return 0;
});

/** VCPUOP_stop_singleshot_timer */
export const vcpuopStopSingleshotTimer = onVcpu((call, vcpu) => {
  if (vcpu !== call.vcpu) return -EINVAL;
  call.xen.timers.stop(vcpu.singleshotTimer);
  return 0;
});

/** VCPUOP_register_vcpu_info: moves vcpu_info to a place of the guest's choice, once. */
export const vcpuopRegisterVcpuInfo = onVcpu((call, vcpu) => {
  const at = call.fetch(call.handle(2), VcpuRegisterVcpuInfo.SIZE);
  if (at < 0) return -EFAULT;
  const { mfn: gfn, offset } = new VcpuRegisterVcpuInfo(call.view, at);
  const result = mapVcpuInfo(call, vcpu, gfn, offset);
  updateSystemTime(vcpu);
  return result;
});

/** VCPUOP_send_nmi */
export const vcpuopSendNmi = onVcpu((call, vcpu) => {
  if (call.handle(2) !== 0n) return -EINVAL;
  vcpu.arch.raiseNmi();
  return 0;
});

/** VCPUOP_get_physid: only dom0's pinned vCPUs have one, and dom0's is not pinned. */
export const vcpuopGetPhysid = onVcpu(() => -EINVAL);

/** Copies a vCPU's runstate to a guest address in its caller's layout. */
function writeRunstate(call: Call, vcpu: Vcpu, address: bigint): boolean {
  const size = call.compat ? CompatVcpuRunstateInfo.SIZE : VcpuRunstateInfo.SIZE;
  const at = call.room(size);
  vcpu.runstate.describe(call.view, at, call.xen.now(), call.compat);
  return call.store(address, at, size);
}

/** The pointer in a structure that holds nothing else: a union with a uint64, so that 32-bit code passes 8 bytes too. */
function fetchPointer(call: Call, size: number): bigint | undefined {
  const at = call.fetch(call.handle(2), size);
  if (at < 0) return undefined;
  return call.compat ? BigInt(call.view.getUint32(at, true)) : call.view.getBigUint64(at, true);
}

function mapVcpuInfo(call: Call, vcpu: Vcpu, gfn: number, offset: number): number {
  const { domain } = vcpu;
  const alignment = domain.has32bitSharedInfo ? 4 : 8;
  if (offset > PAGE_SIZE - VcpuInfo.SIZE || offset % alignment !== 0) return -ENXIO;
  if (vcpu.infoMfn !== 0) return -EINVAL;
  if (vcpu !== call.vcpu && (vcpu.pauseFlags & VPF_down) === 0) return -EINVAL;
  const mfn = guestFrame(domain, gfn);
  if (mfn === 0 || !call.xen.frames.get(mfn, domain)) return -EINVAL;
  vcpu.mapInfo(mfn, offset);
  // Something may have been marked while nobody looked: let the guest look at everything once.
  selectAll(vcpu);
  vcpu.markEventsPending();
  return 0;
}
