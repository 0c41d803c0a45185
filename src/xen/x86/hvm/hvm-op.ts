import { EFAULT, EINVAL, ENOENT, EOPNOTSUPP, ESRCH, EPERM } from '../../../abi/errno.ts';
import { XenHvmEvtchnUpcallVector, XenHvmGetMemType, XenHvmGetTime, XenHvmParam } from '../../../abi/hvm/hvm_op.ts';
import { HVM_NR_PARAMS } from '../../../abi/hvm/params.ts';
import { type Call, CONTINUE, type HypercallResult } from '../../common/call.ts';
import { mayControl } from '../../xsm.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// HYPERVISOR_hvm_op: argument 0 is the operation, 1 points at its structure, which has one layout for all callers.

const HVMMEM_ram_rw = 0;
const HVMMEM_ram_ro = 1;
const HVMMEM_mmio_dm = 2;
/** By P2M_*: what a device model may do with it. */
const MEM_TYPES: readonly number[] = [
  HVMMEM_mmio_dm,
  HVMMEM_ram_rw,
  HVMMEM_ram_ro,
  HVMMEM_ram_rw,
  HVMMEM_ram_ro,
  HVMMEM_mmio_dm,
  HVMMEM_ram_rw,
];
/** Vectors below are exceptions. */
const FIRST_EXTERNAL_VECTOR = 0x10;

/** HVMOP_set_param */
export function hvmopSetParam(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), XenHvmParam.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenHvmParam(call.view, at);
  if (argument.index >= HVM_NR_PARAMS) return -EINVAL;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain.hvm === undefined) return -EINVAL;
  if (!mayControl(call.domain, domain)) return -EPERM;
  return domain.hvm.setParam(call.domain, argument.index, argument.value, call.compat);
}

/** HVMOP_get_param */
export function hvmopGetParam(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), XenHvmParam.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenHvmParam(call.view, at);
  if (argument.index >= HVM_NR_PARAMS) return -EINVAL;
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain.hvm === undefined) return -EINVAL;
  if (!mayControl(call.domain, domain)) return -EPERM;
  const value = domain.hvm.getParam(call.domain, argument.index);
  if (typeof value === 'number') return value;
  argument.value = value;
  return call.store(call.handle(1), at, XenHvmParam.SIZE) ? 0 : -EFAULT;
}

/** HVMOP_flush_tlbs: forgets the translations of all vCPUs of the caller's domain. */
export function hvmopFlushTlbs(call: Call): HypercallResult {
  if (call.domain.hvm === undefined || call.handle(1) !== 0n) return -EINVAL;
  for (const vcpu of call.domain.hvm.vcpus) vcpu.engine.flushTlb();
  return 0;
}

/** HVMOP_pagetable_dying: a hint for shadow paging, which there is not. */
export function hvmopPagetableDying(): HypercallResult {
  return -EINVAL;
}

/** HVMOP_get_time */
export function hvmopGetTime(call: Call): HypercallResult {
  const at = call.room(XenHvmGetTime.SIZE);
  new XenHvmGetTime(call.view, at).now = BigInt(call.xen.now());
  return call.store(call.handle(1), at, XenHvmGetTime.SIZE) ? 0 : -EFAULT;
}

/** HVMOP_get_mem_type */
export function hvmopGetMemType(call: Call): HypercallResult {
  const at = call.fetch(call.handle(1), XenHvmGetMemType.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenHvmGetMemType(call.view, at);
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (!mayControl(call.domain, domain)) return -EPERM;
  if (domain.p2m === undefined) return -EINVAL;
  argument.mem_type = MEM_TYPES[domain.p2m.peekType(Number(argument.pfn))] as number;
  return call.store(call.handle(1), at, XenHvmGetMemType.SIZE) ? 0 : -EFAULT;
}

/** HVMOP_set_evtchn_upcall_vector: a vCPU's events come by this vector of its local APIC from now on. */
export function hvmopSetEvtchnUpcallVector(call: Call): HypercallResult {
  if (call.domain.hvm === undefined) return -EINVAL;
  const at = call.fetch(call.handle(1), XenHvmEvtchnUpcallVector.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new XenHvmEvtchnUpcallVector(call.view, at);
  if (argument.vector < FIRST_EXTERNAL_VECTOR) return -EINVAL;
  const vcpu = call.domain.vcpu(argument.vcpu);
  if (vcpu === undefined) return -ENOENT;
  const hvm = vcpu.arch as HvmVcpu;
  if (hvm.upcallVector === 0) call.xen.log(`${vcpu.name}: upcall vector ${argument.vector.toString(16)}`);
  hvm.upcallVector = argument.vector;
  // As in Xen the vector is raised once whether or not something is pending: the guest looks, and nothing is lost.
  hvm.raiseUpcall();
  return 0;
}

/** HVMOP_guest_request_vm_event: a word to whoever listens to the guest. */
export function hvmopGuestRequestVmEvent(call: Call): HypercallResult {
  if (call.handle(1) !== 0n) return -EINVAL;
  if (call.domain.hvm === undefined) return 0;
  return (call.vcpu.arch as HvmVcpu).monitor.guestRequest() ? 0 : CONTINUE;
}

/** HVMOP_altp2m: alternate views of memory are not there. */
export function hvmopAltp2m(): HypercallResult {
  return -EOPNOTSUPP;
}
