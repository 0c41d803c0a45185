import { CompatXenMemAccessOp } from '../../abi/compat/memory-tools.ts';
import { EFAULT, EINVAL, ENODEV, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts';
import {
  XENMEM_access_default,
  XENMEM_access_op_get_access,
  XENMEM_access_op_set_access,
  XENMEM_access_op_set_access_multi,
  XenMemAccessOp,
} from '../../abi/memory-tools.ts';
import type { P2m } from '../x86/mm/p2m.ts';
import { mayServe } from '../xsm.ts';
import { type Call, element, type HypercallResult, STEPS_BEFORE_CONTINUE } from './call.ts';
import { continueFrom, MEMOP_CMD_MASK, startExtent } from './memory.ts';

const DEFAULT_PFN = 0xffffffffffffffffn;
/** Continuations begin at multiples of this: their low bits are the operation's. */
const STRIDE = MEMOP_CMD_MASK + 1;

interface AccessCall {
  readonly call: Call;
  readonly argument: XenMemAccessOp | CompatXenMemAccessOp;
  readonly p2m: P2m;
  /** Frames that an earlier part of the call has done. */
  readonly start: number;
}

/** XENMEM_access_op: what a guest may do with its frames besides what its page tables say, for who listens to it. */
export function xenmemAccessOp(call: Call): HypercallResult {
  const structure = call.compat ? CompatXenMemAccessOp : XenMemAccessOp;
  const at = call.fetch(call.handle(1), structure.SIZE);
  if (at < 0) return -EFAULT;
  const argument = new structure(call.view, at);
  const domain = call.xen.find(argument.domid, call.domain);
  if (domain === undefined) return -ESRCH;
  if (domain === call.domain) return -EPERM;
  if (domain.dying || domain.p2m === undefined) return -EINVAL;
  if (!mayServe(call.domain, domain)) return -EPERM;
  if (domain.hvm?.monitor.ring === undefined) return -ENODEV;

  const state = { call, argument, p2m: domain.p2m, start: startExtent(call) * STRIDE };
  switch (argument.op) {
    case XENMEM_access_op_set_access:
      return setAccess(state);
    case XENMEM_access_op_set_access_multi:
      return setAccessOfList(state);
    case XENMEM_access_op_get_access:
      return state.start === 0 ? getAccess(state, at, structure.SIZE) : -ENOSYS;
    default:
      return -ENOSYS;
  }
}

function setAccess({ call, argument, p2m, start }: AccessCall): HypercallResult {
  const access = accessOf(argument.access, p2m);
  if (argument.pfn === DEFAULT_PFN) {
    if (access === undefined) return -EINVAL;
    p2m.defaultAccess = access;
    return 0;
  }
  const last = argument.pfn + BigInt(argument.nr) - 1n;
  if (argument.nr < start || last < argument.pfn || last > BigInt(p2m.maximumGfn)) return -EINVAL;
  if (access === undefined) return -EINVAL;
  for (let index = start; index < argument.nr; index++) {
    if (index === start + STEPS_BEFORE_CONTINUE) return continueFrom(call, index / STRIDE);
    restrict(p2m, Number(argument.pfn) + index, access);
  }
  return 0;
}

function setAccessOfList({ call, argument, p2m, start }: AccessCall): HypercallResult {
  for (let index = start; index < argument.nr; index++) {
    if (index === start + STEPS_BEFORE_CONTINUE) return continueFrom(call, index / STRIDE);
    const gfn = call.fetch(element(argument.pfn_list, index, 8), 8);
    const wanted = call.fetch(element(argument.access_list, index, 1), 1);
    if (gfn < 0 || wanted < 0) return -EFAULT;
    const access = accessOf(call.view.getUint8(wanted), p2m);
    if (access === undefined) return -EINVAL;
    restrict(p2m, Number(call.view.getBigUint64(gfn, true)), access);
    call.release(gfn);
  }
  return 0;
}

function getAccess({ call, argument, p2m }: AccessCall, at: number, size: number): HypercallResult {
  if (argument.pfn === DEFAULT_PFN) argument.access = p2m.defaultAccess;
  else if (argument.pfn > BigInt(p2m.maximumGfn)) return -EINVAL;
  else {
    const access = p2m.access(Number(argument.pfn));
    if (access === undefined) return -ESRCH;
    argument.access = access;
  }
  return call.store(call.handle(1), at, size) ? 0 : -EFAULT;
}

/** A restriction is of memory: what is populated on demand gets its memory now. Holes have none, and are passed over. */
function restrict(p2m: P2m, gfn: number, access: number): void {
  p2m.mfn(gfn);
  p2m.setAccess(gfn, access);
}

function accessOf(wanted: number, p2m: P2m): number | undefined {
  if (wanted === XENMEM_access_default) return p2m.defaultAccess;
  return wanted >= 0 && wanted < XENMEM_access_default ? wanted : undefined;
}
