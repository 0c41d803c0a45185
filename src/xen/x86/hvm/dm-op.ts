import { CompatXenDmOpBuf } from '../../../abi/compat/dm_op.ts';
import { E2BIG, EBUSY, EFAULT, EINVAL, EOPNOTSUPP, EPERM, ESRCH } from '../../../abi/errno.ts';
import { HVMMEM_ram_ro, HVMMEM_ram_rw } from '../../../abi/hvm/hvm_op.ts';
import {
  XEN_DMOP_nr_vcpus,
  XenDmOpBuf,
  XenDmOpInjectEvent,
  XenDmOpModifiedMemory,
  XenDmOpModifiedMemoryExtent,
  XenDmOpNrVcpus,
  XenDmOpRemoteShutdown,
  XenDmOpSetMemType,
} from '../../../abi/hvm/dm_op.ts';
import type { Domid } from '../../../abi/xen.ts';
import { type Call, CONTINUE, element, type HypercallResult } from '../../common/call.ts';
import type { Domain } from '../../common/domain.ts';
import { mayServe } from '../../xsm.ts';
import { P2M_RAM_RO, P2M_RAM_RW } from '../mm/p2m.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// HYPERVISOR_dm_op: argument 0 is the domain, 1 counts the buffers of argument 2; the first buffer holds the operation, and
// its own structure after a header. What is for device models that emulate devices is not here: there are none.

/** The word that says which operation, and one that is 0. */
const HEADER_BYTES = 8;
const MAX_BUFFERS = 2;
const FRAMES_BEFORE_CONTINUE = 256;

interface Buffer {
  readonly handle: bigint;
  readonly size: number;
}

/** One operation on its way. */
interface DmCall<T> {
  readonly call: Call;
  readonly domain: Domain;
  readonly argument: T;
  /** The second buffer, where there is one. */
  readonly extra: Buffer | undefined;
  /** The structure goes back to the caller. */
  answer: boolean;
}

/** Which operation is asked for; an impossible one where that cannot be read. */
export function dmOperation(call: Call): number {
  const buffer = bufferOf(call, 0);
  if (buffer === undefined || buffer.size < HEADER_BYTES) return -1;
  const at = call.fetch(buffer.handle, HEADER_BYTES);
  if (at < 0) return -1;
  const operation = call.view.getUint32(at, true);
  call.release(at);
  return operation;
}

/** What comes before an operation that is not there: who asks, and about whom. */
export function admitDmOp(call: Call): HypercallResult {
  const refused = refuse(call);
  if (refused !== 0) return refused;
  return dmOperation(call) <= XEN_DMOP_nr_vcpus && dmOperation(call) >= 0 ? -EOPNOTSUPP : -EFAULT;
}

/** XEN_DMOP_inject_event: an exception or interrupt that a vCPU takes when it runs next. */
export const dmopInjectEvent = onDomain(XenDmOpInjectEvent, ({ domain, argument }) => {
  if (argument.pad0 !== 0 || argument.pad1 !== 0) return -EINVAL;
  const vcpu = domain.vcpu(argument.vcpuid);
  if (vcpu === undefined) return -EINVAL;
  const { vector, type, insn_len: length, error_code: errorCode, cr2 } = argument;
  return (vcpu.arch as HvmVcpu).monitor.inject({ vector, type, length, errorCode, cr2 }) ? 0 : -EBUSY;
});

/** XEN_DMOP_remote_shutdown */
export const dmopRemoteShutdown = onDomain(XenDmOpRemoteShutdown, ({ domain, argument }) => {
  domain.shutdown(argument.reason & 0xff);
  return 0;
});

/** XEN_DMOP_nr_vcpus */
export const dmopNrVcpus = onDomain(XenDmOpNrVcpus, (state) => {
  state.argument.vcpus = state.domain.maxVcpus;
  state.answer = true;
  return 0;
});

/** XEN_DMOP_modified_memory: the log-dirty mode of the domain is told of writes that it did not see; the last extent first. */
export const dmopModifiedMemory = onDomain(XenDmOpModifiedMemory, (state) => {
  const { call, domain, argument, extra } = state;
  if (extra === undefined) return -EINVAL;
  if (domain.p2m?.logDirty === undefined) return 0;
  if (Math.floor(extra.size / XenDmOpModifiedMemoryExtent.SIZE) < argument.nr_extents) return -EINVAL;
  let left = FRAMES_BEFORE_CONTINUE;
  while (argument.nr_extents > 0) {
    const index = argument.nr_extents - 1;
    const at = call.fetch(
      element(extra.handle, index, XenDmOpModifiedMemoryExtent.SIZE),
      XenDmOpModifiedMemoryExtent.SIZE,
    );
    if (at < 0) return -EFAULT;
    const extent = new XenDmOpModifiedMemoryExtent(call.view, at);
    const { nr, pad } = extent;
    const first = Number(extent.first_pfn);
    call.release(at);
    if (pad !== 0 || nr === 0 || first + nr - 1 > domain.p2m.maximumGfn || argument.opaque >= nr) return -EINVAL;
    const start = first + argument.opaque;
    const count = Math.min(nr - argument.opaque, left);
    for (let gfn = start; gfn < start + count; gfn++) domain.p2m.markDirty(gfn);
    left -= count;
    argument.opaque += count;
    if (argument.opaque === nr) {
      argument.nr_extents = index;
      argument.opaque = 0;
    }
    if (left > 0 || argument.nr_extents === 0) continue;
    state.answer = true;
    return CONTINUE;
  }
  return 0;
});

/** XEN_DMOP_set_mem_type: memory that the guest may write, or only read. */
export const dmopSetMemType = onDomain(XenDmOpSetMemType, (state) => {
  const { domain, argument } = state;
  const { p2m } = domain;
  const first = Number(argument.first_pfn);
  if (p2m === undefined || argument.pad !== 0) return -EINVAL;
  if (argument.nr === 0 || first + argument.nr - 1 > p2m.maximumGfn) return -EINVAL;
  if (argument.mem_type > HVMMEM_ram_ro) return -EINVAL;
  const type = argument.mem_type === HVMMEM_ram_rw ? P2M_RAM_RW : P2M_RAM_RO;
  const count = Math.min(argument.nr, FRAMES_BEFORE_CONTINUE);
  state.answer = true;
  for (let gfn = first; gfn < first + count; gfn++) {
    const before = p2m.type(gfn);
    if (before !== P2M_RAM_RW && before !== P2M_RAM_RO) return -EINVAL;
    if (before !== type) p2m.set(gfn, p2m.mfn(gfn), type);
  }
  argument.first_pfn = BigInt(first + count);
  argument.nr -= count;
  return argument.nr > 0 ? CONTINUE : 0;
});

function onDomain<T>(
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  operation: (state: DmCall<T>) => HypercallResult,
): (call: Call) => HypercallResult {
  return (call) => {
    const refused = refuse(call);
    if (refused !== 0) return refused;
    const domain = call.xen.find(call.u32(0) as Domid, call.domain);
    const buffer = bufferOf(call, 0);
    if (domain === undefined || buffer === undefined) return -EFAULT;
    if (buffer.size < HEADER_BYTES + structure.SIZE) return -EFAULT;
    const at = call.fetch(buffer.handle, HEADER_BYTES + structure.SIZE);
    if (at < 0) return -EFAULT;
    if (call.view.getUint32(at + 4, true) !== 0) return -EINVAL;
    const argument = new structure(call.view, at + HEADER_BYTES);
    const state = { call, domain, argument, extra: bufferOf(call, 1), answer: false };
    const result = operation(state);
    if (!state.answer || (result < 0 && result !== CONTINUE)) return result;
    return call.store(buffer.handle, at, HEADER_BYTES + structure.SIZE) ? result : -EFAULT;
  };
}

function refuse(call: Call): number {
  const count = call.u32(1);
  if (count > MAX_BUFFERS) return -E2BIG;
  for (let index = 0; index < count; index++) if (bufferOf(call, index) === undefined) return -EFAULT;
  const domain = call.xen.find(call.u32(0) as Domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain === call.domain) return -EPERM;
  if (domain.hvm === undefined) return -EINVAL;
  return mayServe(call.domain, domain) ? 0 : -EPERM;
}

/** Where a buffer is; undefined where there are not so many, or its description cannot be read. */
function bufferOf(call: Call, index: number): Buffer | undefined {
  if (index >= Math.min(call.u32(1), MAX_BUFFERS)) return undefined;
  const structure = call.compat ? CompatXenDmOpBuf : XenDmOpBuf;
  const at = call.fetch(element(call.handle(2), index, structure.SIZE), structure.SIZE);
  if (at < 0) return undefined;
  const { h, size } = new structure(call.view, at);
  call.release(at);
  return { handle: BigInt(h), size: Number(size) };
}
