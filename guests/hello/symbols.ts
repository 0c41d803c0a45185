/** Names of Xen's headers that the kernel's source uses. */
import * as event_channel from '../../src/abi/event_channel.ts';
import * as hvm_op from '../../src/abi/hvm/hvm_op.ts';
import * as params from '../../src/abi/hvm/params.ts';
import { XS_READ } from '../../src/abi/io/xs_wire.ts';
import * as memory from '../../src/abi/memory.ts';
import { SCHEDOP_block, SCHEDOP_shutdown, SCHEDOP_yield, SHUTDOWN_poweroff } from '../../src/abi/sched.ts';
import { VCPUOP_set_singleshot_timer, VCPUOP_stop_periodic_timer } from '../../src/abi/vcpu.ts';
import * as xen from '../../src/abi/xen.ts';

export const SYMBOLS: Readonly<Record<string, number>> = {
  HYPERVISOR_memory_op: xen.__HYPERVISOR_memory_op,
  HYPERVISOR_console_io: xen.__HYPERVISOR_console_io,
  HYPERVISOR_vcpu_op: xen.__HYPERVISOR_vcpu_op,
  HYPERVISOR_sched_op: xen.__HYPERVISOR_sched_op,
  HYPERVISOR_event_channel_op: xen.__HYPERVISOR_event_channel_op,
  HYPERVISOR_hvm_op: xen.__HYPERVISOR_hvm_op,
  CONSOLEIO_write: xen.CONSOLEIO_write,
  DOMID_SELF: xen.DOMID_SELF,
  VIRQ_TIMER: xen.VIRQ_TIMER,
  XENMEM_add_to_physmap: memory.XENMEM_add_to_physmap,
  XENMAPSPACE_shared_info: memory.XENMAPSPACE_shared_info,
  EVTCHNOP_send: event_channel.EVTCHNOP_send,
  EVTCHNOP_bind_virq: event_channel.EVTCHNOP_bind_virq,
  EVTCHNOP_unmask: event_channel.EVTCHNOP_unmask,
  HVMOP_set_param: hvm_op.HVMOP_set_param,
  HVMOP_get_param: hvm_op.HVMOP_get_param,
  HVM_PARAM_CALLBACK_IRQ: params.HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_STORE_PFN: params.HVM_PARAM_STORE_PFN,
  HVM_PARAM_STORE_EVTCHN: params.HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN: params.HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_CONSOLE_EVTCHN: params.HVM_PARAM_CONSOLE_EVTCHN,
  SCHEDOP_yield,
  SCHEDOP_block,
  SCHEDOP_shutdown,
  SHUTDOWN_poweroff,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  XS_READ,
};
