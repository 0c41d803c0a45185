import { EINVAL, ENOSYS } from '../../abi/errno.ts';
import { VMASST_CMD_disable, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag } from '../../abi/xen.ts';
import type { Call, HypercallResult } from './call.ts';

/** Assists that mean something to a guest with a p2m; the others concern PV page tables and segments. */
const HVM_ASSISTS = 1 << VMASST_TYPE_runstate_update_flag;

/** HYPERVISOR_vm_assist: argument 0 switches VMASST_TYPE_* of argument 1 on or off. */
export function vmAssist(call: Call): HypercallResult {
  const type = call.u32(1);
  if (type >= 32 || (HVM_ASSISTS & (1 << type)) === 0) return -EINVAL;
  switch (call.u32(0)) {
    case VMASST_CMD_enable:
      call.domain.vmAssist |= 1 << type;
      return 0;
    case VMASST_CMD_disable:
      call.domain.vmAssist &= ~(1 << type);
      return 0;
    default:
      return -ENOSYS;
  }
}
