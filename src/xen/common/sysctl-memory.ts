import { CompatXenSysctlPageOfflineOp } from '../../abi/compat/sysctl.ts';
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../../abi/errno.ts';
import * as abi from '../../abi/sysctl-topology.ts';
import { DOMID_XEN } from '../../abi/xen.ts';
import type { Call, HypercallResult } from './call.ts';
import type { Domain } from './domain.ts';
import type { Hypervisor } from './hypervisor.ts';
import { withSysctl } from './sysctl.ts';

/**
 * XEN_SYSCTL_page_offline_op: frames of the machine that are to be used no more, as after memory errors. What a domain
 * has goes out of use when it is freed. A frame that cannot be told of ends the call, with the status of those before.
 */
export function sysctlPageOfflineOp(call: Call): HypercallResult {
  return withSysctl(call, (at) => {
    const structure = call.compat ? CompatXenSysctlPageOfflineOp : abi.XenSysctlPageOfflineOp;
    const { cmd, start, end, status: handle } = new structure(call.view, at);
    const count = end - start + 1;
    if (count < 1) return -EINVAL;
    if (count > call.xen.memory.frameCount) return -ENOMEM;
    const status = new Uint32Array(count).fill(abi.PG_OFFLINE_INVALID);
    let result = 0;
    for (let index = 0; index < count && result === 0; index++) {
      const told = OPERATIONS[cmd]?.(call.xen, start + index) ?? { result: -EINVAL };
      result = told.result;
      if (told.status !== undefined) status[index] = told.status;
    }
    return call.guest.write(handle, new Uint8Array(status.buffer)) ? result : -EFAULT;
  });
}

/** What comes of one frame; without a status there is no such frame. */
interface Told {
  readonly result: number;
  readonly status?: number;
}

const OPERATIONS: Readonly<Record<number, (xen: Hypervisor, mfn: number) => Told>> = {
  [abi.sysctl_page_offline]: offline,
  [abi.sysctl_page_online]: online,
  [abi.sysctl_query_page_offline]: query,
};

function offline(xen: Hypervisor, mfn: number): Told {
  const { frames } = xen;
  if (mfn >= xen.memory.frameCount) return { result: -EINVAL };
  if (!frames.isConventional(mfn)) {
    const xenPage = abi.PG_OFFLINE_XENPAGE | abi.PG_OFFLINE_FAILED | (DOMID_XEN << abi.PG_OFFLINE_OWNER_SHIFT);
    return { result: -EPERM, status: xenPage >>> 0 };
  }
  if (frames.offline(mfn) === 'offlined') return { result: 0, status: abi.PG_OFFLINE_OFFLINED };
  const owner = frames.owner(mfn);
  const pod = (owner as Domain | undefined)?.p2m?.pod;
  if (pod?.replace(mfn) === true) return { result: 0, status: abi.PG_OFFLINE_OFFLINED };
  const who = (owner?.id ?? DOMID_XEN) << abi.PG_OFFLINE_OWNER_SHIFT;
  return { result: 0, status: (abi.PG_OFFLINE_OWNED | abi.PG_OFFLINE_PENDING | who) >>> 0 };
}

function online({ memory, frames }: Hypervisor, mfn: number): Told {
  if (mfn >= memory.frameCount) return { result: -EINVAL };
  const isUndone = frames.isConventional(mfn) && frames.online(mfn);
  return { result: 0, status: isUndone ? abi.PG_ONLINE_ONLINED : 0 };
}

function query({ frames }: Hypervisor, mfn: number): Told {
  if (!frames.isConventional(mfn)) return { result: -EINVAL };
  return { result: 0, status: STATUS[frames.offlineState(mfn)] };
}

const STATUS = {
  online: 0,
  pending: abi.PG_OFFLINE_STATUS_OFFLINE_PENDING,
  offlined: abi.PG_OFFLINE_STATUS_OFFLINED,
} as const;
