// biome-ignore-all format: an operation is a line

import { CompatGnttabCopy, CompatGnttabSetupTable } from '../abi/compat/grant_table.ts';
import { CompatGnttabGetStatusFrames } from '../abi/compat/grant_table-v2.ts';
import {
  CompatXenAddToPhysmap,
  CompatXenAddToPhysmapBatch,
  CompatXenForeignMemoryMap,
  CompatXenMemoryExchange,
  CompatXenMemoryMap,
  CompatXenMemoryReservation,
  CompatXenRemoveFromPhysmap,
} from '../abi/compat/memory.ts';
import { CompatXenMemAccessOp, CompatXenReservedDeviceMemoryMap } from '../abi/compat/memory-tools.ts';
import { CompatSchedPoll } from '../abi/compat/sched.ts';
import { CompatVcpuRunstateInfo, CompatVcpuSetSingleshotTimer } from '../abi/compat/vcpu.ts';
import { CompatXenPlatformParameters } from '../abi/compat/version.ts';
import { CompatMulticallEntry } from '../abi/compat/xen.ts';
import { ENOSYS } from '../abi/errno.ts';
import * as argo from '../abi/argo.ts';
import * as evtchn from '../abi/event_channel.ts';
import * as gnttab from '../abi/grant_table.ts';
import { GnttabGetStatusFrames } from '../abi/grant_table-v2.ts';
import * as dmAbi from '../abi/hvm/dm_op.ts';
import * as hvm from '../abi/hvm/hvm_op.ts';
import * as hypfs from '../abi/hypfs.ts';
import { VcpuHvmContext } from '../abi/hvm/hvm_vcpu.ts';
import * as mem from '../abi/memory.ts';
import * as memTools from '../abi/memory-tools.ts';
import * as sched from '../abi/sched.ts';
import * as vcpu from '../abi/vcpu.ts';
import * as version from '../abi/version.ts';
import * as xen from '../abi/xen.ts';
import * as physmap from './common/add-to-physmap.ts';
import * as argoOp from './common/argo.ts';
import type { Call, HypercallResult } from './common/call.ts';
import { mmuextOp, platformOp, xenpmuOp } from './common/absent-host.ts';
import { consoleioRead, consoleioWrite } from './common/console-io.ts';
import * as evtchnOp from './common/event-channel-op.ts';
import { gnttabCopy } from './common/grant-copy.ts';
import * as grantMap from './common/grant-map.ts';
import * as gnttabOp from './common/grant-table-op.ts';
import { gnttabTransfer } from './common/grant-transfer.ts';
import * as grantVersion from './common/grant-version.ts';
import { hypfsGetVersion, hypfsRead, hypfsUnknown, hypfsWriteContents } from './common/hypfs-op.ts';
import * as memory from './common/memory.ts';
import { xenmemAccessOp } from './common/memory-access.ts';
import { xenmemExchange } from './common/memory-exchange.ts';
import { xenmemMachineMemoryMap, xenmemMemoryMap, xenmemSetMemoryMap } from './common/memory-map.ts';
import { xenmemGetPodTarget, xenmemSetPodTarget } from './common/memory-pod.ts';
import {
  xenmemAcquireResource,
  xenmemGetVnumainfo,
  xenmemReservedDeviceMemoryMap,
} from './common/memory-resource.ts';
import { multicall } from './common/multicall.ts';
import * as schedOp from './common/sched-op.ts';
import * as vcpuOp from './common/vcpu-op.ts';
import * as versionOp from './common/version.ts';
import { vmAssist } from './common/vm-assist.ts';
import {
  absent,
  arrayAt,
  at,
  full,
  type HypercallRow,
  type Operation,
  operation as op,
  operations,
  partly,
  single,
} from './hypercall-row.ts';
import { DOMCTL, SYSCTL } from './hypercalls-tools.ts';
import { hvmopXentrace } from './trace/guest-records.ts';
import { recordHypercall, recordHypercallReturn } from './trace/hypercall-records.ts';
import * as dm from './x86/hvm/dm-op.ts';
import * as hvmOp from './x86/hvm/hvm-op.ts';

const PV_ONLY = absent('PV guests only');
const byFirst = (call: Call) => call.u32(0);

const EVENT_CHANNEL_OP = operations(xen.__HYPERVISOR_event_channel_op, 'event_channel_op', byFirst, [
  op(evtchn.EVTCHNOP_bind_interdomain, 'EVTCHNOP_bind_interdomain', full(evtchnOp.evtchnBindInterdomain), at(1, evtchn.EvtchnBindInterdomain)),
  op(evtchn.EVTCHNOP_bind_virq, 'EVTCHNOP_bind_virq', full(evtchnOp.evtchnBindVirq), at(1, evtchn.EvtchnBindVirq)),
  op(evtchn.EVTCHNOP_bind_pirq, 'EVTCHNOP_bind_pirq', full(evtchnOp.evtchnBindPirq, 'no interrupt is behind any'), at(1, evtchn.EvtchnBindPirq)),
  op(evtchn.EVTCHNOP_close, 'EVTCHNOP_close', full(evtchnOp.evtchnClose), at(1, evtchn.EvtchnClose)),
  op(evtchn.EVTCHNOP_send, 'EVTCHNOP_send', full(evtchnOp.evtchnSend), at(1, evtchn.EvtchnSend)),
  op(evtchn.EVTCHNOP_status, 'EVTCHNOP_status', full(evtchnOp.evtchnStatus), at(1, evtchn.EvtchnStatus)),
  op(evtchn.EVTCHNOP_alloc_unbound, 'EVTCHNOP_alloc_unbound', full(evtchnOp.evtchnAllocUnbound), at(1, evtchn.EvtchnAllocUnbound)),
  op(evtchn.EVTCHNOP_bind_ipi, 'EVTCHNOP_bind_ipi', full(evtchnOp.evtchnBindIpi), at(1, evtchn.EvtchnBindIpi)),
  op(evtchn.EVTCHNOP_bind_vcpu, 'EVTCHNOP_bind_vcpu', full(evtchnOp.evtchnBindVcpu), at(1, evtchn.EvtchnBindVcpu)),
  op(evtchn.EVTCHNOP_unmask, 'EVTCHNOP_unmask', full(evtchnOp.evtchnUnmask), at(1, evtchn.EvtchnUnmask)),
  op(evtchn.EVTCHNOP_reset, 'EVTCHNOP_reset', full(evtchnOp.evtchnReset), at(1, evtchn.EvtchnReset)),
  op(evtchn.EVTCHNOP_init_control, 'EVTCHNOP_init_control', full(evtchnOp.evtchnInitControl), at(1, evtchn.EvtchnInitControl)),
  op(evtchn.EVTCHNOP_expand_array, 'EVTCHNOP_expand_array', full(evtchnOp.evtchnExpandArray), at(1, evtchn.EvtchnExpandArray)),
  op(evtchn.EVTCHNOP_set_priority, 'EVTCHNOP_set_priority', full(evtchnOp.evtchnSetPriority), at(1, evtchn.EvtchnSetPriority)),
  op(evtchnOp.EVTCHNOP_reset_cont, 'EVTCHNOP_reset_cont', full(evtchnOp.evtchnResetCont, "Xen's own continuation"), at(1, evtchn.EvtchnReset)),
]);

const GRANT_TABLE_OP = operations(xen.__HYPERVISOR_grant_table_op, 'grant_table_op', byFirst, [
  op(gnttab.GNTTABOP_map_grant_ref, 'GNTTABOP_map_grant_ref', full(grantMap.gnttabMapGrantRef, 'host mappings'), arrayAt(1, 2, gnttab.GnttabMapGrantRef)),
  op(gnttab.GNTTABOP_unmap_grant_ref, 'GNTTABOP_unmap_grant_ref', full(grantMap.gnttabUnmapGrantRef), arrayAt(1, 2, gnttab.GnttabUnmapGrantRef)),
  op(gnttab.GNTTABOP_setup_table, 'GNTTABOP_setup_table', full(gnttabOp.gnttabSetupTable), arrayAt(1, 2, gnttab.GnttabSetupTable, CompatGnttabSetupTable)),
  op(gnttab.GNTTABOP_dump_table, 'GNTTABOP_dump_table', absent('ENOSYS, as in Xen')),
  op(gnttab.GNTTABOP_transfer, 'GNTTABOP_transfer', full(gnttabOp.untranslatedOnly(gnttabTransfer), 'translated callers: ENOSYS, as in Xen'), arrayAt(1, 2, gnttab.GnttabTransfer)),
  op(gnttab.GNTTABOP_copy, 'GNTTABOP_copy', full(gnttabCopy), arrayAt(1, 2, gnttab.GnttabCopy, CompatGnttabCopy)),
  op(gnttab.GNTTABOP_query_size, 'GNTTABOP_query_size', full(gnttabOp.gnttabQuerySize), arrayAt(1, 2, gnttab.GnttabQuerySize)),
  op(gnttab.GNTTABOP_unmap_and_replace, 'GNTTABOP_unmap_and_replace', absent('PV page tables; translated callers: ENOSYS, as in Xen')),
  op(gnttab.GNTTABOP_set_version, 'GNTTABOP_set_version', full(grantVersion.gnttabSetVersion), at(1, gnttab.GnttabSetVersion)),
  op(gnttab.GNTTABOP_get_status_frames, 'GNTTABOP_get_status_frames', full(gnttabOp.untranslatedOnly(gnttabOp.gnttabGetStatusFrames), 'translated callers: ENOSYS, as in Xen; they map status frames by XENMEM_add_to_physmap'), at(1, GnttabGetStatusFrames, CompatGnttabGetStatusFrames)),
  op(gnttab.GNTTABOP_get_version, 'GNTTABOP_get_version', full(grantVersion.gnttabGetVersion), at(1, gnttab.GnttabGetVersion)),
  op(gnttab.GNTTABOP_swap_grant_ref, 'GNTTABOP_swap_grant_ref', full(grantVersion.gnttabSwapGrantRef), arrayAt(1, 2, gnttab.GnttabSwapGrantRef)),
  op(gnttab.GNTTABOP_cache_flush, 'GNTTABOP_cache_flush', full(gnttabOp.untranslatedOnly(gnttabOp.gnttabCacheFlush), 'translated callers: ENOSYS, as in Xen'), arrayAt(1, 2, gnttab.GnttabCacheFlush)),
]);

const RESERVATION = at(1, mem.XenMemoryReservation, CompatXenMemoryReservation);
const MEMORY_OP = operations(xen.__HYPERVISOR_memory_op, 'memory_op', (call) => call.u32(0) & memory.MEMOP_CMD_MASK, [
  op(mem.XENMEM_increase_reservation, 'XENMEM_increase_reservation', full(memory.xenmemIncreaseReservation), RESERVATION),
  op(mem.XENMEM_decrease_reservation, 'XENMEM_decrease_reservation', full(memory.xenmemDecreaseReservation), RESERVATION),
  op(mem.XENMEM_maximum_ram_page, 'XENMEM_maximum_ram_page', full(memory.xenmemMaximumRamPage)),
  op(mem.XENMEM_current_reservation, 'XENMEM_current_reservation', full(memory.xenmemCurrentReservation), at(1, mem.XenMemoryDomain)),
  op(mem.XENMEM_maximum_reservation, 'XENMEM_maximum_reservation', full(memory.xenmemMaximumReservation), at(1, mem.XenMemoryDomain)),
  op(mem.XENMEM_machphys_mfn_list, 'XENMEM_machphys_mfn_list', PV_ONLY),
  op(mem.XENMEM_populate_physmap, 'XENMEM_populate_physmap', full(memory.xenmemPopulatePhysmap, 'one NUMA node'), RESERVATION),
  op(mem.XENMEM_add_to_physmap, 'XENMEM_add_to_physmap', full(physmap.xenmemAddToPhysmap), at(1, mem.XenAddToPhysmap, CompatXenAddToPhysmap)),
  op(mem.XENMEM_memory_map, 'XENMEM_memory_map', full(xenmemMemoryMap), at(1, mem.XenMemoryMap, CompatXenMemoryMap)),
  op(mem.XENMEM_machine_memory_map, 'XENMEM_machine_memory_map', full(xenmemMachineMemoryMap), at(1, mem.XenMemoryMap, CompatXenMemoryMap)),
  op(mem.XENMEM_exchange, 'XENMEM_exchange', full(xenmemExchange, 'impossible behind a p2m: EINVAL'), at(1, mem.XenMemoryExchange, CompatXenMemoryExchange)),
  op(mem.XENMEM_machphys_mapping, 'XENMEM_machphys_mapping', PV_ONLY),
  op(mem.XENMEM_set_memory_map, 'XENMEM_set_memory_map', full(xenmemSetMemoryMap), at(1, mem.XenForeignMemoryMap, CompatXenForeignMemoryMap)),
  op(mem.XENMEM_maximum_gpfn, 'XENMEM_maximum_gpfn', full(memory.xenmemMaximumGpfn), at(1, mem.XenMemoryDomain)),
  op(mem.XENMEM_remove_from_physmap, 'XENMEM_remove_from_physmap', full(physmap.xenmemRemoveFromPhysmap), at(1, mem.XenRemoveFromPhysmap, CompatXenRemoveFromPhysmap)),
  op(mem.XENMEM_set_pod_target, 'XENMEM_set_pod_target', full(xenmemSetPodTarget), at(1, mem.XenPodTarget)),
  op(mem.XENMEM_get_pod_target, 'XENMEM_get_pod_target', full(xenmemGetPodTarget), at(1, mem.XenPodTarget)),
  op(memTools.XENMEM_get_sharing_freed_pages, 'XENMEM_get_sharing_freed_pages', full(() => 0, 'no page sharing: 0')),
  op(memTools.XENMEM_get_sharing_shared_pages, 'XENMEM_get_sharing_shared_pages', full(() => 0, 'no page sharing: 0')),
  op(memTools.XENMEM_paging_op, 'XENMEM_paging_op', absent('no paging to disk, as in Debian')),
  op(memTools.XENMEM_access_op, 'XENMEM_access_op', full(xenmemAccessOp), at(1, memTools.XenMemAccessOp, CompatXenMemAccessOp)),
  op(memTools.XENMEM_sharing_op, 'XENMEM_sharing_op', absent('no page sharing, as in Debian')),
  op(mem.XENMEM_add_to_physmap_batch, 'XENMEM_add_to_physmap_batch', full(physmap.xenmemAddToPhysmapBatch), at(1, mem.XenAddToPhysmapBatch, CompatXenAddToPhysmapBatch)),
  op(memTools.XENMEM_claim_pages, 'XENMEM_claim_pages', full(memory.xenmemClaimPages), RESERVATION),
  op(mem.XENMEM_machphys_compat_mfn_list, 'XENMEM_machphys_compat_mfn_list', PV_ONLY),
  op(memTools.XENMEM_get_vnumainfo, 'XENMEM_get_vnumainfo', full(xenmemGetVnumainfo, 'no domain has virtual nodes: EOPNOTSUPP'), at(1, memTools.XenVnumaTopologyInfo)),
  op(memTools.XENMEM_reserved_device_memory_map, 'XENMEM_reserved_device_memory_map', full(xenmemReservedDeviceMemoryMap, 'no devices of the host: none'), at(1, memTools.XenReservedDeviceMemoryMap, CompatXenReservedDeviceMemoryMap)),
  op(memTools.XENMEM_acquire_resource, 'XENMEM_acquire_resource', partly(xenmemAcquireResource, 'grant tables; there are no ioreq servers and no vmtrace'), at(1, memTools.XenMemAcquireResource)),
]);

const VCPU_OP = operations(xen.__HYPERVISOR_vcpu_op, 'vcpu_op', byFirst, [
  op(vcpu.VCPUOP_initialise, 'VCPUOP_initialise', full(vcpuOp.vcpuopInitialise), at(2, VcpuHvmContext)),
  op(vcpu.VCPUOP_up, 'VCPUOP_up', full(vcpuOp.vcpuopUp), { plain: ['', 'vcpu'] }),
  op(vcpu.VCPUOP_down, 'VCPUOP_down', full(vcpuOp.vcpuopDown), { plain: ['', 'vcpu'] }),
  op(vcpu.VCPUOP_is_up, 'VCPUOP_is_up', full(vcpuOp.vcpuopIsUp), { plain: ['', 'vcpu'] }),
  op(vcpu.VCPUOP_get_runstate_info, 'VCPUOP_get_runstate_info', full(vcpuOp.vcpuopGetRunstateInfo), at(2, vcpu.VcpuRunstateInfo, CompatVcpuRunstateInfo)),
  op(vcpu.VCPUOP_register_runstate_memory_area, 'VCPUOP_register_runstate_memory_area', full(vcpuOp.vcpuopRegisterRunstateMemoryArea), at(2, vcpu.VcpuRegisterRunstateMemoryArea)),
  op(vcpu.VCPUOP_set_periodic_timer, 'VCPUOP_set_periodic_timer', full(vcpuOp.vcpuopSetPeriodicTimer), at(2, vcpu.VcpuSetPeriodicTimer)),
  op(vcpu.VCPUOP_stop_periodic_timer, 'VCPUOP_stop_periodic_timer', full(vcpuOp.vcpuopStopPeriodicTimer), {
    plain: ['', 'vcpu'],
  }),
  op(vcpu.VCPUOP_set_singleshot_timer, 'VCPUOP_set_singleshot_timer', full(vcpuOp.vcpuopSetSingleshotTimer, 'VCPU_SSHOTTMR_future is ignored, as in 4.17'), at(2, vcpu.VcpuSetSingleshotTimer, CompatVcpuSetSingleshotTimer)),
  op(vcpu.VCPUOP_stop_singleshot_timer, 'VCPUOP_stop_singleshot_timer', full(vcpuOp.vcpuopStopSingleshotTimer), {
    plain: ['', 'vcpu'],
  }),
  op(vcpu.VCPUOP_register_vcpu_info, 'VCPUOP_register_vcpu_info', full(vcpuOp.vcpuopRegisterVcpuInfo), at(2, vcpu.VcpuRegisterVcpuInfo)),
  op(vcpu.VCPUOP_send_nmi, 'VCPUOP_send_nmi', full(vcpuOp.vcpuopSendNmi), { plain: ['', 'vcpu'] }),
  op(vcpu.VCPUOP_get_physid, 'VCPUOP_get_physid', full(vcpuOp.vcpuopGetPhysid, 'no vCPU is pinned: EINVAL'), {
    plain: ['', 'vcpu'],
  }),
  op(vcpu.VCPUOP_register_vcpu_time_memory_area, 'VCPUOP_register_vcpu_time_memory_area', full(vcpuOp.vcpuopRegisterVcpuTimeMemoryArea), at(2, vcpu.VcpuRegisterTimeMemoryArea)),
]);

const SCHED_OP = operations(xen.__HYPERVISOR_sched_op, 'sched_op', byFirst, [
  op(sched.SCHEDOP_yield, 'SCHEDOP_yield', full(schedOp.schedopYield)),
  op(sched.SCHEDOP_block, 'SCHEDOP_block', full(schedOp.schedopBlock)),
  op(sched.SCHEDOP_shutdown, 'SCHEDOP_shutdown', full(schedOp.schedopShutdown), at(1, sched.SchedShutdown)),
  op(sched.SCHEDOP_poll, 'SCHEDOP_poll', full(schedOp.schedopPoll), at(1, sched.SchedPoll, CompatSchedPoll)),
  op(sched.SCHEDOP_remote_shutdown, 'SCHEDOP_remote_shutdown', full(schedOp.schedopRemoteShutdown), at(1, sched.SchedRemoteShutdown)),
  op(sched.SCHEDOP_shutdown_code, 'SCHEDOP_shutdown_code', full(schedOp.schedopShutdownCode), at(1, sched.SchedShutdown)),
  op(sched.SCHEDOP_watchdog, 'SCHEDOP_watchdog', full(schedOp.schedopWatchdog), at(1, sched.SchedWatchdog)),
  op(sched.SCHEDOP_pin_override, 'SCHEDOP_pin_override', full(schedOp.schedopPinOverride), at(1, sched.SchedPinOverride)),
]);

const XEN_VERSION = operations(xen.__HYPERVISOR_xen_version, 'xen_version', byFirst, [
  op(version.XENVER_version, 'XENVER_version', full(versionOp.xenverVersion, '4.17')),
  op(version.XENVER_extraversion, 'XENVER_extraversion', full(versionOp.xenverExtraversion)),
  op(version.XENVER_compile_info, 'XENVER_compile_info', full(versionOp.xenverCompileInfo)),
  op(version.XENVER_capabilities, 'XENVER_capabilities', full(versionOp.xenverCapabilities)),
  op(version.XENVER_changeset, 'XENVER_changeset', full(versionOp.xenverChangeset)),
  op(version.XENVER_platform_parameters, 'XENVER_platform_parameters', full(versionOp.xenverPlatformParameters), at(1, version.XenPlatformParameters, CompatXenPlatformParameters)),
  op(version.XENVER_get_features, 'XENVER_get_features', full(versionOp.xenverGetFeatures), at(1, version.XenFeatureInfo)),
  op(version.XENVER_pagesize, 'XENVER_pagesize', full(versionOp.xenverPagesize)),
  op(version.XENVER_guest_handle, 'XENVER_guest_handle', full(versionOp.xenverGuestHandle)),
  op(version.XENVER_commandline, 'XENVER_commandline', full(versionOp.xenverCommandline)),
  op(version.XENVER_build_id, 'XENVER_build_id', full(versionOp.xenverBuildId)),
]);

const ARGO_OP = operations(xen.__HYPERVISOR_argo_op, 'argo_op', byFirst, [
  op(argo.XEN_ARGO_OP_register_ring, 'XEN_ARGO_OP_register_ring', full(argoOp.argoRegisterRing, 'as with argo=1; rings for everybody need mac-permissive: EPERM'), at(1, argo.XenArgoRegisterRing)),
  op(argo.XEN_ARGO_OP_unregister_ring, 'XEN_ARGO_OP_unregister_ring', full(argoOp.argoUnregisterRing), at(1, argo.XenArgoUnregisterRing)),
  op(argo.XEN_ARGO_OP_sendv, 'XEN_ARGO_OP_sendv', full(argoOp.argoSendv), at(1, argo.XenArgoSendAddr)),
  op(argo.XEN_ARGO_OP_notify, 'XEN_ARGO_OP_notify', full(argoOp.argoNotify), at(1, argo.XenArgoRingData)),
], argoOp.admitArgo);

const HVM_OP = operations(xen.__HYPERVISOR_hvm_op, 'hvm_op', byFirst, [
  op(hvm.HVMOP_set_param, 'HVMOP_set_param', partly(hvmOp.hvmopSetParam, 'no altp2m, no S3'), at(1, hvm.XenHvmParam)),
  op(hvm.HVMOP_get_param, 'HVMOP_get_param', full(hvmOp.hvmopGetParam), at(1, hvm.XenHvmParam)),
  op(hvm.HVMOP_flush_tlbs, 'HVMOP_flush_tlbs', full(hvmOp.hvmopFlushTlbs)),
  op(hvm.HVMOP_pagetable_dying, 'HVMOP_pagetable_dying', full(hvmOp.hvmopPagetableDying, 'for shadow paging: EINVAL')),
  op(hvm.HVMOP_get_time, 'HVMOP_get_time', full(hvmOp.hvmopGetTime)),
  op(hvm.HVMOP_xentrace, 'HVMOP_xentrace', full(hvmopXentrace), at(1, hvm.XenHvmXentrace)),
  op(hvm.HVMOP_get_mem_type, 'HVMOP_get_mem_type', full(hvmOp.hvmopGetMemType), at(1, hvm.XenHvmGetMemType)),
  op(hvm.HVMOP_set_evtchn_upcall_vector, 'HVMOP_set_evtchn_upcall_vector', full(hvmOp.hvmopSetEvtchnUpcallVector), at(1, hvm.XenHvmEvtchnUpcallVector)),
  op(hvm.HVMOP_guest_request_vm_event, 'HVMOP_guest_request_vm_event', full(hvmOp.hvmopGuestRequestVmEvent)),
  op(hvm.HVMOP_altp2m, 'HVMOP_altp2m', full(hvmOp.hvmopAltp2m, 'not supported: EOPNOTSUPP')),
]);

const CONSOLE_IO = operations(xen.__HYPERVISOR_console_io, 'console_io', byFirst, [
  op(xen.CONSOLEIO_write, 'CONSOLEIO_write', full(consoleioWrite, 'allowed to every guest'), {
    plain: ['', 'count', 'buffer'],
  }),
  op(xen.CONSOLEIO_read, 'CONSOLEIO_read', full(consoleioRead), { plain: ['', 'count', 'buffer'] }),
]);

const IOREQ = absent('no device models: EOPNOTSUPP');
const DM_OP = operations(xen.__HYPERVISOR_dm_op, 'dm_op', dm.dmOperation, [
  op(dmAbi.XEN_DMOP_create_ioreq_server, 'XEN_DMOP_create_ioreq_server', IOREQ),
  op(dmAbi.XEN_DMOP_get_ioreq_server_info, 'XEN_DMOP_get_ioreq_server_info', IOREQ),
  op(dmAbi.XEN_DMOP_map_io_range_to_ioreq_server, 'XEN_DMOP_map_io_range_to_ioreq_server', IOREQ),
  op(dmAbi.XEN_DMOP_unmap_io_range_from_ioreq_server, 'XEN_DMOP_unmap_io_range_from_ioreq_server', IOREQ),
  op(dmAbi.XEN_DMOP_set_ioreq_server_state, 'XEN_DMOP_set_ioreq_server_state', IOREQ),
  op(dmAbi.XEN_DMOP_destroy_ioreq_server, 'XEN_DMOP_destroy_ioreq_server', IOREQ),
  op(dmAbi.XEN_DMOP_track_dirty_vram, 'XEN_DMOP_track_dirty_vram', IOREQ),
  op(dmAbi.XEN_DMOP_set_pci_intx_level, 'XEN_DMOP_set_pci_intx_level', IOREQ),
  op(dmAbi.XEN_DMOP_set_isa_irq_level, 'XEN_DMOP_set_isa_irq_level', IOREQ),
  op(dmAbi.XEN_DMOP_set_pci_link_route, 'XEN_DMOP_set_pci_link_route', IOREQ),
  op(dmAbi.XEN_DMOP_modified_memory, 'XEN_DMOP_modified_memory', full(dm.dmopModifiedMemory)),
  op(dmAbi.XEN_DMOP_set_mem_type, 'XEN_DMOP_set_mem_type', partly(dm.dmopSetMemType, 'memory that may be written, or only read')),
  op(dmAbi.XEN_DMOP_inject_event, 'XEN_DMOP_inject_event', full(dm.dmopInjectEvent)),
  op(dmAbi.XEN_DMOP_inject_msi, 'XEN_DMOP_inject_msi', IOREQ),
  op(dmAbi.XEN_DMOP_map_mem_type_to_ioreq_server, 'XEN_DMOP_map_mem_type_to_ioreq_server', IOREQ),
  op(dmAbi.XEN_DMOP_remote_shutdown, 'XEN_DMOP_remote_shutdown', full(dm.dmopRemoteShutdown)),
  op(dmAbi.XEN_DMOP_relocate_memory, 'XEN_DMOP_relocate_memory', IOREQ),
  op(dmAbi.XEN_DMOP_pin_memory_cacheattr, 'XEN_DMOP_pin_memory_cacheattr', IOREQ),
  op(dmAbi.XEN_DMOP_nr_vcpus, 'XEN_DMOP_nr_vcpus', full(dm.dmopNrVcpus)),
], dm.admitDmOp);

const HYPFS_OP = operations(xen.__HYPERVISOR_hypfs_op, 'hypfs_op', byFirst, [
  op(hypfs.XEN_HYPFS_OP_get_version, 'XEN_HYPFS_OP_get_version', full(hypfsGetVersion)),
  op(hypfs.XEN_HYPFS_OP_read, 'XEN_HYPFS_OP_read', full(hypfsRead), { plain: ['', 'path', 'length', 'buffer', 'size'] }),
  op(hypfs.XEN_HYPFS_OP_write_contents, 'XEN_HYPFS_OP_write_contents', full(hypfsWriteContents, 'the parameters that change something here'), {
    plain: ['', 'path', 'length', 'buffer', 'size'],
  }),
], hypfsUnknown);

/** Every hypercall Xen 4.17 has, in the order of their numbers. */
export const HYPERCALLS: readonly HypercallRow[] = [
  single(xen.__HYPERVISOR_set_trap_table, 'set_trap_table', PV_ONLY),
  single(xen.__HYPERVISOR_mmu_update, 'mmu_update', PV_ONLY),
  single(xen.__HYPERVISOR_set_gdt, 'set_gdt', PV_ONLY),
  single(xen.__HYPERVISOR_stack_switch, 'stack_switch', PV_ONLY),
  single(xen.__HYPERVISOR_set_callbacks, 'set_callbacks', PV_ONLY),
  single(xen.__HYPERVISOR_fpu_taskswitch, 'fpu_taskswitch', PV_ONLY),
  single(xen.__HYPERVISOR_sched_op_compat, 'sched_op_compat', PV_ONLY),
  single(xen.__HYPERVISOR_platform_op, 'platform_op', partly(platformOp, 'for a dom0 that drives the host: refused to guests, ENOSYS')),
  single(xen.__HYPERVISOR_set_debugreg, 'set_debugreg', PV_ONLY),
  single(xen.__HYPERVISOR_get_debugreg, 'get_debugreg', PV_ONLY),
  single(xen.__HYPERVISOR_update_descriptor, 'update_descriptor', PV_ONLY),
  MEMORY_OP,
  single(xen.__HYPERVISOR_multicall, 'multicall', full(multicall), arrayAt(0, 1, xen.MulticallEntry, CompatMulticallEntry)),
  single(xen.__HYPERVISOR_update_va_mapping, 'update_va_mapping', PV_ONLY),
  single(xen.__HYPERVISOR_set_timer_op, 'set_timer_op', full(schedOp.setTimerOp), { plain: ['timeout'] }),
  single(xen.__HYPERVISOR_event_channel_op_compat, 'event_channel_op_compat', PV_ONLY),
  XEN_VERSION,
  CONSOLE_IO,
  single(xen.__HYPERVISOR_physdev_op_compat, 'physdev_op_compat', PV_ONLY),
  GRANT_TABLE_OP,
  single(xen.__HYPERVISOR_vm_assist, 'vm_assist', full(vmAssist, 'those that concern HVM guests'), {
    plain: ['cmd', 'type'],
  }),
  single(xen.__HYPERVISOR_update_va_mapping_otherdomain, 'update_va_mapping_otherdomain', PV_ONLY),
  single(xen.__HYPERVISOR_iret, 'iret', PV_ONLY),
  VCPU_OP,
  single(xen.__HYPERVISOR_set_segment_base, 'set_segment_base', PV_ONLY),
  single(xen.__HYPERVISOR_mmuext_op, 'mmuext_op', full(mmuextOp, 'no PV guest has pages to pin: EINVAL')),
  single(xen.__HYPERVISOR_xsm_op, 'xsm_op', absent('no XSM, as in Debian')),
  single(xen.__HYPERVISOR_nmi_op, 'nmi_op', PV_ONLY),
  SCHED_OP,
  single(xen.__HYPERVISOR_callback_op, 'callback_op', PV_ONLY),
  single(xen.__HYPERVISOR_xenoprof_op, 'xenoprof_op', absent()),
  EVENT_CHANNEL_OP,
  single(xen.__HYPERVISOR_physdev_op, 'physdev_op', absent('no physical devices')),
  HVM_OP,
  SYSCTL,
  DOMCTL,
  single(xen.__HYPERVISOR_kexec_op, 'kexec_op', absent()),
  single(xen.__HYPERVISOR_tmem_op, 'tmem_op', absent('gone from Xen')),
  ARGO_OP,
  single(xen.__HYPERVISOR_xenpmu_op, 'xenpmu_op', full(xenpmuOp, 'no virtual performance counters: EOPNOTSUPP')),
  DM_OP,
  HYPFS_OP,
  single(xen.__HYPERVISOR_arch_0, 'mca', absent()),
  single(xen.__HYPERVISOR_arch_1, 'paging_domctl_cont', absent("Xen's own continuation")),
];

const BY_NUMBER: readonly (HypercallRow | undefined)[] = index(HYPERCALLS);

/** Makes one hypercall. What is not there is -ENOSYS, and named once in the log. */
export function dispatch(call: Call): HypercallResult {
  const row = BY_NUMBER[call.nr];
  if (row === undefined) return noSuchCall(call);
  const number = row.select === undefined ? 0 : row.select(call);
  const operation = row.operations.get(number);
  const { trace, traceBuffer } = call.xen;
  if (trace !== undefined || traceBuffer !== undefined) return traced(call, row, number, operation);
  return perform(call, row, number, operation);
}

function traced(call: Call, row: HypercallRow, number: number, operation: Operation | undefined): HypercallResult {
  const { xen } = call;
  xen.trace?.enter(call, row, operation);
  if (xen.traceBuffer !== undefined) recordHypercall(xen.traceBuffer, call, operation);
  const result = perform(call, row, number, operation);
  if (xen.traceBuffer !== undefined) recordHypercallReturn(xen.traceBuffer, call, operation, result);
  xen.trace?.leave(call, row, operation, result);
  return result;
}

function noSuchCall(call: Call): HypercallResult {
  const { traceBuffer } = call.xen;
  const result = unknown(call, `hypercall ${call.nr}`);
  if (traceBuffer === undefined) return result;
  recordHypercall(traceBuffer, call, undefined);
  recordHypercallReturn(traceBuffer, call, undefined, result);
  return result;
}

function perform(call: Call, row: HypercallRow, number: number, operation: Operation | undefined): HypercallResult {
  if (operation?.handler !== undefined) return operation.handler(call);
  const refused = row.admit?.(call) ?? 0;
  if (refused !== 0) return refused;
  if (operation === undefined) return unknown(call, `${row.name} operation ${number}`);
  return unknown(call, row.select === undefined ? row.name : `${row.name} ${operation.name}`);
}

function unknown(call: Call, what: string): HypercallResult {
  call.xen.logUnknown(`${what}, by d${call.domain.id}`);
  return -ENOSYS;
}

function index(rows: readonly HypercallRow[]): (HypercallRow | undefined)[] {
  const table: (HypercallRow | undefined)[] = [];
  for (const row of rows) table[row.nr] = row;
  return table;
}
