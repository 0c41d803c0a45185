// biome-ignore-all format: an operation is a line

import * as nr from '../abi/domctl.ts';
import { XenDomctlNodeaffinity, XenDomctlSchedulerOp, XenDomctlVcpuaffinity } from '../abi/domctl-sched.ts';
import {
  XenDomctlAddressSize,
  XenDomctlSendtrigger,
  XenDomctlSetdebugging,
  XenDomctlSetTarget,
  XenDomctlSettimeoffset,
  XenDomctlSetVirqHandler,
  XenDomctlSubscribe,
} from '../abi/domctl-settings.ts';
import {
  XenDomctlAuditP2m,
  XenDomctlDebugOp,
  XenDomctlGdbsxDomstatus,
  XenDomctlGdbsxMemio,
  XenDomctlGdbsxPauseunpVcpu,
  XenDomctlSetAccessRequired,
} from '../abi/domctl-debug.ts';
import {
  XenDomctlIomemPermission,
  XenDomctlIoportMapping,
  XenDomctlIoportPermission,
  XenDomctlIrqPermission,
  XenDomctlMemoryMapping,
} from '../abi/domctl-devices.ts';
import { XenDomctlMonitorOp, XenDomctlVmEventOp } from '../abi/vm_event.ts';
import {
  XenDomctlCpuPolicy,
  XenDomctlExtVcpucontext,
  XenDomctlGetpageframeinfo3,
  XenDomctlHvmcontext,
  XenDomctlHvmcontextPartial,
  XenDomctlHypercallInit,
  XenDomctlShadowOp,
  XenDomctlTscInfo,
  XenDomctlVcpucontext,
  XenDomctlVcpuextstate,
  XenDomctlVcpuMsrs,
  XenDomctlVnuma,
} from '../abi/domctl-state.ts';
import {
  XenDomctlCreatedomain,
  XenDomctlGetdomaininfo,
  XenDomctlGetvcpuinfo,
  XenDomctlMaxMem,
  XenDomctlMaxVcpus,
  XenDomctlPagingMempool,
} from '../abi/domctl.ts';
import { XenSysctlCpupoolOp, XenSysctlSchedulerOp } from '../abi/sysctl-sched.ts';
import {
  XenSysctlCpuHotplug,
  XenSysctlAvailheap,
  XenSysctlCputopoinfo,
  XenSysctlGetcpuinfo,
  XenSysctlNumainfo,
  XenSysctlPageOfflineOp,
  XenSysctlPcitopoinfo,
} from '../abi/sysctl-topology.ts';
import {
  XenSysctlDebugKeys,
  XenSysctlGetdomaininfolist,
  XenSysctlPhysinfo,
  XenSysctlReadconsole,
  XenSysctlSchedId,
  XenSysctlTbufOp,
} from '../abi/sysctl.ts';
import * as sys from '../abi/sysctl.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_sysctl } from '../abi/xen.ts';
import type { Call } from './common/call.ts';
import * as domctl from './common/domctl.ts';
import * as eventDomctl from './common/event-channel-domctl.ts';
import * as domctlSched from './common/domctl-sched.ts';
import * as devices from './common/domctl-devices.ts';
import { domctlShadowOp } from './common/domctl-shadow.ts';
import * as settings from './common/domctl-settings.ts';
import * as sysctl from './common/sysctl.ts';
import * as sysctlHost from './common/sysctl-host.ts';
import { sysctlPageOfflineOp } from './common/sysctl-memory.ts';
import * as sysctlSched from './common/sysctl-sched.ts';
import * as sysctlTrace from './common/sysctl-trace.ts';
import { domctlMonitorOp, domctlVmEventOp } from './common/vm-event.ts';
import {
  type AbiStructure,
  type Arguments,
  absent,
  at,
  full,
  operation as op,
  operations,
  partly,
} from './hypercall-row.ts';
import * as vcpuDomctl from './x86/hvm/domctl-vcpu.ts';
import { domctlGethvmcontext, domctlGethvmcontextPartial, domctlSethvmcontext } from './x86/hvm/hvm-context.ts';
import {
  domctlAuditP2m,
  domctlGetpageframeinfo3,
  domctlHypercallInit,
  domctlSetAccessRequired,
} from './x86/mm/domctl-p2m.ts';
import * as policy from './x86/policy-calls.ts';
import { domctlGetCpuPolicy, domctlSetCpuPolicy } from './x86/policy-calls.ts';

// The toolstack's hypercalls: the operation is the first word of the structure.

/** The first word behind argument 0; an impossible operation where it cannot be read. */
function command(call: Call): number {
  const word = call.fetch(call.handle(0), 4);
  if (word < 0) return -1;
  const value = call.view.getUint32(word, true);
  call.release(word);
  return value;
}

const JUST_DOMAIN: Arguments = at(0, nr.XenDomctl);
const inDomctl = (structure: AbiStructure): Arguments => ({
  pointee: { argument: 0, structure, offset: nr.XenDomctl.AT_u },
});
const inSysctl = (structure: AbiStructure): Arguments => ({
  pointee: { argument: 0, structure, offset: sys.XenSysctl.AT_u },
});

export const DOMCTL = operations(__HYPERVISOR_domctl, 'domctl', command, [
  op(nr.XEN_DOMCTL_createdomain, 'XEN_DOMCTL_createdomain', partly(domctl.domctlCreatedomain, 'PVH and HVM domains, with HAP; of emulated devices local APIC, I/O APIC, HPET and PM timer'), inDomctl(XenDomctlCreatedomain)),
  op(nr.XEN_DOMCTL_destroydomain, 'XEN_DOMCTL_destroydomain', full(domctl.domctlDestroydomain), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_pausedomain, 'XEN_DOMCTL_pausedomain', full(domctl.domctlPausedomain), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_unpausedomain, 'XEN_DOMCTL_unpausedomain', full(domctl.domctlUnpausedomain), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_getdomaininfo, 'XEN_DOMCTL_getdomaininfo', full(domctl.domctlGetdomaininfo), inDomctl(XenDomctlGetdomaininfo)),
  op(nr.XEN_DOMCTL_setvcpuaffinity, 'XEN_DOMCTL_setvcpuaffinity', full(domctlSched.domctlSetvcpuaffinity), inDomctl(XenDomctlVcpuaffinity)),
  op(nr.XEN_DOMCTL_shadow_op, 'XEN_DOMCTL_shadow_op', full(domctlShadowOp), inDomctl(XenDomctlShadowOp)),
  op(nr.XEN_DOMCTL_max_mem, 'XEN_DOMCTL_max_mem', full(domctl.domctlMaxMem), inDomctl(XenDomctlMaxMem)),
  op(nr.XEN_DOMCTL_setvcpucontext, 'XEN_DOMCTL_setvcpucontext', partly(vcpuDomctl.domctlSetvcpucontext, 'general, debug and FPU registers, as of HVM guests'), inDomctl(XenDomctlVcpucontext)),
  op(nr.XEN_DOMCTL_getvcpucontext, 'XEN_DOMCTL_getvcpucontext', full(vcpuDomctl.domctlGetvcpucontext), inDomctl(XenDomctlVcpucontext)),
  op(nr.XEN_DOMCTL_getvcpuinfo, 'XEN_DOMCTL_getvcpuinfo', full(domctlSched.domctlGetvcpuinfo), inDomctl(XenDomctlGetvcpuinfo)),
  op(nr.XEN_DOMCTL_max_vcpus, 'XEN_DOMCTL_max_vcpus', full(domctl.domctlMaxVcpus), inDomctl(XenDomctlMaxVcpus)),
  op(nr.XEN_DOMCTL_scheduler_op, 'XEN_DOMCTL_scheduler_op', full(domctlSched.domctlSchedulerOp), inDomctl(XenDomctlSchedulerOp)),
  op(nr.XEN_DOMCTL_setdomainhandle, 'XEN_DOMCTL_setdomainhandle', full(settings.domctlSetdomainhandle), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_setdebugging, 'XEN_DOMCTL_setdebugging', full(settings.domctlSetdebugging), inDomctl(XenDomctlSetdebugging)),
  op(nr.XEN_DOMCTL_irq_permission, 'XEN_DOMCTL_irq_permission', full(devices.domctlIrqPermission, 'no lines of the host: EINVAL'), inDomctl(XenDomctlIrqPermission)),
  op(nr.XEN_DOMCTL_iomem_permission, 'XEN_DOMCTL_iomem_permission', full(devices.domctlIomemPermission, 'no device memory of the host: EPERM'), inDomctl(XenDomctlIomemPermission)),
  op(nr.XEN_DOMCTL_ioport_permission, 'XEN_DOMCTL_ioport_permission', full(devices.domctlIoportPermission, 'no ports of the host: EPERM'), inDomctl(XenDomctlIoportPermission)),
  op(nr.XEN_DOMCTL_hypercall_init, 'XEN_DOMCTL_hypercall_init', full(domctlHypercallInit), inDomctl(XenDomctlHypercallInit)),
  op(nr.XEN_DOMCTL_settimeoffset, 'XEN_DOMCTL_settimeoffset', full(settings.domctlSettimeoffset), inDomctl(XenDomctlSettimeoffset)),
  op(nr.XEN_DOMCTL_getvcpuaffinity, 'XEN_DOMCTL_getvcpuaffinity', full(domctlSched.domctlGetvcpuaffinity), inDomctl(XenDomctlVcpuaffinity)),
  op(nr.XEN_DOMCTL_real_mode_area, 'XEN_DOMCTL_real_mode_area', absent('gone from Xen')),
  op(nr.XEN_DOMCTL_resumedomain, 'XEN_DOMCTL_resumedomain', full(domctl.domctlResumedomain), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_sendtrigger, 'XEN_DOMCTL_sendtrigger', full(settings.domctlSendtrigger), inDomctl(XenDomctlSendtrigger)),
  op(nr.XEN_DOMCTL_subscribe, 'XEN_DOMCTL_subscribe', full(settings.domctlSubscribe), inDomctl(XenDomctlSubscribe)),
  op(nr.XEN_DOMCTL_gethvmcontext, 'XEN_DOMCTL_gethvmcontext', full(domctlGethvmcontext), inDomctl(XenDomctlHvmcontext)),
  op(nr.XEN_DOMCTL_sethvmcontext, 'XEN_DOMCTL_sethvmcontext', full(domctlSethvmcontext, 'the records that a PVH guest has'), inDomctl(XenDomctlHvmcontext)),
  op(nr.XEN_DOMCTL_set_address_size, 'XEN_DOMCTL_set_address_size', full(settings.domctlSetAddressSize, 'PV guests only: EOPNOTSUPP'), inDomctl(XenDomctlAddressSize)),
  op(nr.XEN_DOMCTL_get_address_size, 'XEN_DOMCTL_get_address_size', full(settings.domctlGetAddressSize), inDomctl(XenDomctlAddressSize)),
  op(nr.XEN_DOMCTL_assign_device, 'XEN_DOMCTL_assign_device', full(devices.domctlNoIommu, 'no IOMMU: EOPNOTSUPP'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_bind_pt_irq, 'XEN_DOMCTL_bind_pt_irq', full(devices.domctlPtIrq, 'no lines of the host: EPERM'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_memory_mapping, 'XEN_DOMCTL_memory_mapping', full(devices.domctlMemoryMapping, 'no device memory of the host: EPERM'), inDomctl(XenDomctlMemoryMapping)),
  op(nr.XEN_DOMCTL_ioport_mapping, 'XEN_DOMCTL_ioport_mapping', full(devices.domctlIoportMapping, 'no ports of the host: EPERM'), inDomctl(XenDomctlIoportMapping)),
  op(nr.XEN_DOMCTL_set_ext_vcpucontext, 'XEN_DOMCTL_set_ext_vcpucontext', full(vcpuDomctl.domctlSetExtVcpucontext), inDomctl(XenDomctlExtVcpucontext)),
  op(nr.XEN_DOMCTL_get_ext_vcpucontext, 'XEN_DOMCTL_get_ext_vcpucontext', full(vcpuDomctl.domctlGetExtVcpucontext), inDomctl(XenDomctlExtVcpucontext)),
  op(nr.XEN_DOMCTL_set_opt_feature, 'XEN_DOMCTL_set_opt_feature', absent('gone from Xen')),
  op(nr.XEN_DOMCTL_test_assign_device, 'XEN_DOMCTL_test_assign_device', full(devices.domctlNoIommu, 'no IOMMU: EOPNOTSUPP'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_set_target, 'XEN_DOMCTL_set_target', full(settings.domctlSetTarget), inDomctl(XenDomctlSetTarget)),
  op(nr.XEN_DOMCTL_deassign_device, 'XEN_DOMCTL_deassign_device', full(devices.domctlNoIommu, 'no IOMMU: EOPNOTSUPP'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_unbind_pt_irq, 'XEN_DOMCTL_unbind_pt_irq', full(devices.domctlPtIrq, 'no lines of the host: EPERM'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_get_device_group, 'XEN_DOMCTL_get_device_group', full(devices.domctlNoIommu, 'no IOMMU: EOPNOTSUPP'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_debug_op, 'XEN_DOMCTL_debug_op', full(vcpuDomctl.domctlDebugOp), inDomctl(XenDomctlDebugOp)),
  op(nr.XEN_DOMCTL_gethvmcontext_partial, 'XEN_DOMCTL_gethvmcontext_partial', full(domctlGethvmcontextPartial), inDomctl(XenDomctlHvmcontextPartial)),
  op(nr.XEN_DOMCTL_vm_event_op, 'XEN_DOMCTL_vm_event_op', partly(domctlVmEventOp, 'rings for monitors; those for paging and sharing are not built in, as in Debian'), inDomctl(XenDomctlVmEventOp)),
  op(nr.XEN_DOMCTL_mem_sharing_op, 'XEN_DOMCTL_mem_sharing_op', absent('no page sharing, as in Debian')),
  op(nr.XEN_DOMCTL_gettscinfo, 'XEN_DOMCTL_gettscinfo', full(settings.domctlGettscinfo), inDomctl(XenDomctlTscInfo)),
  op(nr.XEN_DOMCTL_settscinfo, 'XEN_DOMCTL_settscinfo', partly(settings.domctlSettscinfo, 'shown in CPUID; the TSC is always native at 1 GHz'), inDomctl(XenDomctlTscInfo)),
  op(nr.XEN_DOMCTL_getpageframeinfo3, 'XEN_DOMCTL_getpageframeinfo3', full(domctlGetpageframeinfo3), inDomctl(XenDomctlGetpageframeinfo3)),
  op(nr.XEN_DOMCTL_setvcpuextstate, 'XEN_DOMCTL_setvcpuextstate', full(vcpuDomctl.domctlSetvcpuextstate), inDomctl(XenDomctlVcpuextstate)),
  op(nr.XEN_DOMCTL_getvcpuextstate, 'XEN_DOMCTL_getvcpuextstate', full(vcpuDomctl.domctlGetvcpuextstate), inDomctl(XenDomctlVcpuextstate)),
  op(nr.XEN_DOMCTL_set_access_required, 'XEN_DOMCTL_set_access_required', full(domctlSetAccessRequired), inDomctl(XenDomctlSetAccessRequired)),
  op(nr.XEN_DOMCTL_audit_p2m, 'XEN_DOMCTL_audit_p2m', full(domctlAuditP2m), inDomctl(XenDomctlAuditP2m)),
  op(nr.XEN_DOMCTL_set_virq_handler, 'XEN_DOMCTL_set_virq_handler', full(eventDomctl.domctlSetVirqHandler), inDomctl(XenDomctlSetVirqHandler)),
  op(nr.XEN_DOMCTL_set_broken_page_p2m, 'XEN_DOMCTL_set_broken_page_p2m', absent('no machine checks')),
  op(nr.XEN_DOMCTL_setnodeaffinity, 'XEN_DOMCTL_setnodeaffinity', partly(settings.domctlSetnodeaffinity, 'one node: checked, not kept'), inDomctl(XenDomctlNodeaffinity)),
  op(nr.XEN_DOMCTL_getnodeaffinity, 'XEN_DOMCTL_getnodeaffinity', full(settings.domctlGetnodeaffinity), inDomctl(XenDomctlNodeaffinity)),
  op(nr.XEN_DOMCTL_cacheflush, 'XEN_DOMCTL_cacheflush', absent('Arm only')),
  op(nr.XEN_DOMCTL_get_vcpu_msrs, 'XEN_DOMCTL_get_vcpu_msrs', full(vcpuDomctl.domctlVcpuMsrs, 'PV guests only: EINVAL'), inDomctl(XenDomctlVcpuMsrs)),
  op(nr.XEN_DOMCTL_set_vcpu_msrs, 'XEN_DOMCTL_set_vcpu_msrs', full(vcpuDomctl.domctlVcpuMsrs, 'PV guests only: EINVAL'), inDomctl(XenDomctlVcpuMsrs)),
  op(nr.XEN_DOMCTL_setvnumainfo, 'XEN_DOMCTL_setvnumainfo', full(devices.domctlNotSupported, 'no virtual NUMA: EOPNOTSUPP'), inDomctl(XenDomctlVnuma)),
  op(nr.XEN_DOMCTL_psr_cmt_op, 'XEN_DOMCTL_psr_cmt_op', full(devices.domctlNoPsr, 'no cache monitoring: ENODEV'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_monitor_op, 'XEN_DOMCTL_monitor_op', partly(domctlMonitorOp, 'all events; VMEXIT and EMUL_UNIMPLEMENTED can be asked for and never come, as on AMD'), inDomctl(XenDomctlMonitorOp)),
  op(nr.XEN_DOMCTL_psr_alloc, 'XEN_DOMCTL_psr_alloc', full(devices.domctlNoPsr, 'no cache allocation: ENODEV'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_soft_reset, 'XEN_DOMCTL_soft_reset', full(eventDomctl.domctlSoftReset)),
  op(eventDomctl.XEN_DOMCTL_soft_reset_cont, 'XEN_DOMCTL_soft_reset_cont', full(eventDomctl.domctlSoftResetCont, "Xen's own continuation")),
  op(nr.XEN_DOMCTL_vuart_op, 'XEN_DOMCTL_vuart_op', absent('Arm only')),
  op(nr.XEN_DOMCTL_get_cpu_policy, 'XEN_DOMCTL_get_cpu_policy', full(domctlGetCpuPolicy), inDomctl(XenDomctlCpuPolicy)),
  op(nr.XEN_DOMCTL_set_cpu_policy, 'XEN_DOMCTL_set_cpu_policy', full(domctlSetCpuPolicy, 'the topology of leaf 0xb is computed'), inDomctl(XenDomctlCpuPolicy)),
  op(nr.XEN_DOMCTL_vmtrace_op, 'XEN_DOMCTL_vmtrace_op', full(devices.domctlNoVmtrace, 'no processor trace: EINVAL'), JUST_DOMAIN),
  op(nr.XEN_DOMCTL_get_paging_mempool_size, 'XEN_DOMCTL_get_paging_mempool_size', full(domctl.domctlGetPagingMempoolSize), inDomctl(XenDomctlPagingMempool)),
  op(nr.XEN_DOMCTL_set_paging_mempool_size, 'XEN_DOMCTL_set_paging_mempool_size', partly(domctl.domctlSetPagingMempoolSize, "kept and told; the p2m grows within the domain's size"), inDomctl(XenDomctlPagingMempool)),
  op(nr.XEN_DOMCTL_gdbsx_guestmemio, 'XEN_DOMCTL_gdbsx_guestmemio', full(vcpuDomctl.domctlGdbsxGuestmemio), inDomctl(XenDomctlGdbsxMemio)),
  op(nr.XEN_DOMCTL_gdbsx_pausevcpu, 'XEN_DOMCTL_gdbsx_pausevcpu', full(vcpuDomctl.domctlGdbsxPausevcpu), inDomctl(XenDomctlGdbsxPauseunpVcpu)),
  op(nr.XEN_DOMCTL_gdbsx_unpausevcpu, 'XEN_DOMCTL_gdbsx_unpausevcpu', full(vcpuDomctl.domctlGdbsxUnpausevcpu), inDomctl(XenDomctlGdbsxPauseunpVcpu)),
  op(nr.XEN_DOMCTL_gdbsx_domstatus, 'XEN_DOMCTL_gdbsx_domstatus', full(vcpuDomctl.domctlGdbsxDomstatus), inDomctl(XenDomctlGdbsxDomstatus)),
], domctl.admitDomctl);

export const SYSCTL = operations(__HYPERVISOR_sysctl, 'sysctl', command, [
  op(sys.XEN_SYSCTL_cpu_policy_raw, 'XEN_SYSCTL_cpu_policy_raw', absent()),
  op(sys.XEN_SYSCTL_readconsole, 'XEN_SYSCTL_readconsole', full(sysctl.sysctlReadconsole), inSysctl(XenSysctlReadconsole)),
  op(sys.XEN_SYSCTL_tbuf_op, 'XEN_SYSCTL_tbuf_op', partly(sysctlTrace.sysctlTbufOp, 'no pages to map: xl trace reads the records'), inSysctl(XenSysctlTbufOp)),
  op(sys.XEN_SYSCTL_physinfo, 'XEN_SYSCTL_physinfo', full(sysctl.sysctlPhysinfo), inSysctl(XenSysctlPhysinfo)),
  op(sys.XEN_SYSCTL_sched_id, 'XEN_SYSCTL_sched_id', full(sysctlSched.sysctlSchedId), inSysctl(XenSysctlSchedId)),
  op(sys.XEN_SYSCTL_perfc_op, 'XEN_SYSCTL_perfc_op', absent('built without, as in Debian')),
  op(sys.XEN_SYSCTL_getdomaininfolist, 'XEN_SYSCTL_getdomaininfolist', full(sysctl.sysctlGetdomaininfolist), inSysctl(XenSysctlGetdomaininfolist)),
  op(sys.XEN_SYSCTL_debug_keys, 'XEN_SYSCTL_debug_keys', full(sysctlHost.sysctlDebugKeys, 'the keys that tell of guests'), inSysctl(XenSysctlDebugKeys)),
  op(sys.XEN_SYSCTL_getcpuinfo, 'XEN_SYSCTL_getcpuinfo', full(sysctlSched.sysctlGetcpuinfo), inSysctl(XenSysctlGetcpuinfo)),
  op(sys.XEN_SYSCTL_availheap, 'XEN_SYSCTL_availheap', full(sysctl.sysctlAvailheap), inSysctl(XenSysctlAvailheap)),
  op(sys.XEN_SYSCTL_get_pmstat, 'XEN_SYSCTL_get_pmstat', full(sysctlHost.sysctlNoPowerManagement, 'nothing to drive: ENODEV')),
  op(sys.XEN_SYSCTL_cpu_hotplug, 'XEN_SYSCTL_cpu_hotplug', full(sysctlSched.sysctlCpuHotplug), inSysctl(XenSysctlCpuHotplug)),
  op(sys.XEN_SYSCTL_pm_op, 'XEN_SYSCTL_pm_op', full(sysctlHost.sysctlNoPowerManagement, 'nothing to drive: ENODEV')),
  op(sys.XEN_SYSCTL_page_offline_op, 'XEN_SYSCTL_page_offline_op', full(sysctlPageOfflineOp), inSysctl(XenSysctlPageOfflineOp)),
  op(sys.XEN_SYSCTL_lockprof_op, 'XEN_SYSCTL_lockprof_op', absent('built without, as in Debian')),
  op(sys.XEN_SYSCTL_cputopoinfo, 'XEN_SYSCTL_cputopoinfo', full(sysctlSched.sysctlCputopoinfo), inSysctl(XenSysctlCputopoinfo)),
  op(sys.XEN_SYSCTL_numainfo, 'XEN_SYSCTL_numainfo', full(sysctlSched.sysctlNumainfo), inSysctl(XenSysctlNumainfo)),
  op(sys.XEN_SYSCTL_cpupool_op, 'XEN_SYSCTL_cpupool_op', full(sysctlSched.sysctlCpupoolOp), inSysctl(XenSysctlCpupoolOp)),
  op(sys.XEN_SYSCTL_scheduler_op, 'XEN_SYSCTL_scheduler_op', partly(sysctlSched.sysctlSchedulerOp, 'no ARINC 653'), inSysctl(XenSysctlSchedulerOp)),
  op(sys.XEN_SYSCTL_coverage_op, 'XEN_SYSCTL_coverage_op', absent('built without, as in Debian')),
  op(sys.XEN_SYSCTL_psr_cmt_op, 'XEN_SYSCTL_psr_cmt_op', full(sysctlHost.sysctlNoPsr, 'no cache monitoring: ENODEV')),
  op(sys.XEN_SYSCTL_pcitopoinfo, 'XEN_SYSCTL_pcitopoinfo', full(sysctlHost.sysctlPcitopoinfo, 'no device of the host'), inSysctl(XenSysctlPcitopoinfo)),
  op(sys.XEN_SYSCTL_psr_alloc, 'XEN_SYSCTL_psr_alloc', full(sysctlHost.sysctlNoPsr, 'no cache allocation: ENODEV')),
  op(sys.XEN_SYSCTL_get_cpu_levelling_caps, 'XEN_SYSCTL_get_cpu_levelling_caps', full(policy.sysctlGetCpuLevellingCaps, 'none: they are for PV guests'), inSysctl(sys.XenSysctlCpuLevellingCaps)),
  op(sys.XEN_SYSCTL_get_cpu_featureset, 'XEN_SYSCTL_get_cpu_featureset', full(policy.sysctlGetCpuFeatureset), inSysctl(sys.XenSysctlCpuFeatureset)),
  op(sys.XEN_SYSCTL_livepatch_op, 'XEN_SYSCTL_livepatch_op', absent()),
  op(sys.XEN_SYSCTL_get_cpu_policy, 'XEN_SYSCTL_get_cpu_policy', full(policy.sysctlGetCpuPolicy), inSysctl(sys.XenSysctlCpuPolicy)),
], sysctl.admitSysctl);
