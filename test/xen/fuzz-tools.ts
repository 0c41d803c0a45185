import { XEN_X86_EMU_LAPIC } from '../../src/abi/arch-x86/xen.ts';
import {
  XEN_DOMCTL_CDF_hap,
  XEN_DOMCTL_CDF_hvm,
  XEN_DOMCTL_createdomain,
  XEN_DOMCTL_monitor_op,
  XEN_DOMCTL_vm_event_op,
  XenDomctl,
  XenDomctlCreatedomain,
} from '../../src/abi/domctl.ts';
import { sysctl_query_page_offline, XenSysctlPageOfflineOp } from '../../src/abi/sysctl-topology.ts';
import { XEN_SYSCTL_page_offline_op, XenSysctl } from '../../src/abi/sysctl.ts';
import {
  XEN_DOMCTL_MONITOR_EVENT_VMEXIT,
  XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS,
  XEN_DOMCTL_VM_EVENT_OP_MONITOR,
  XEN_VM_EVENT_GET_VERSION,
  XenDomctlMonitorOp,
  XenDomctlVmEventOp,
} from '../../src/abi/vm_event.ts';
import type { Domid } from '../../src/abi/xen.ts';
import { ENGINE_RESERVED_BYTES, PAGE_SIZE } from '../../src/cpu/engine.ts';
import { VICTIM_DOMID } from './fuzz-machine.ts';
import type { SeededRandom } from './fuzz-random.ts';
import * as values from './fuzz-values.ts';

// Arguments of toolstacks' calls that fit each other, where no chance would hit on any.

const FIRST_FRAME = ENGINE_RESERVED_BYTES / PAGE_SIZE;
const FRAMES = 4096;

/** Makes an operation that was filled in at random one that can be done. */
export function possibleTool(
  header: XenDomctl | XenSysctl,
  number: number,
  view: DataView,
  random: SeededRandom,
): void {
  if (header instanceof XenSysctl) {
    if (number === XEN_SYSCTL_page_offline_op) offlinePages(view, random);
  } else if (number === XEN_DOMCTL_createdomain) createDomain(view, random);
  else if (number === XEN_DOMCTL_vm_event_op || number === XEN_DOMCTL_monitor_op) {
    header.domain = VICTIM_DOMID as Domid;
    if (number === XEN_DOMCTL_vm_event_op) openRing(view, random);
    else chooseEvents(view, random);
  }
}

function createDomain(view: DataView, random: SeededRandom): void {
  const argument = new XenDomctlCreatedomain(view, XenDomctl.AT_u);
  argument.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
  argument.iommu_opts = 0;
  argument.max_vcpus = 1 + random.below(4);
  argument.max_evtchn_port = random.pick([0, 127, 1023, 0xffffffff]);
  argument.max_grant_frames = random.pick([1, 4, -1]);
  argument.max_maptrack_frames = random.pick([0, 4, -1]);
  argument.grant_opts = 1 + random.below(2);
  argument.vmtrace_size = 0;
  argument.cpupool_id = 0;
  argument.arch.emulation_flags = XEN_X86_EMU_LAPIC;
  argument.arch.misc_flags = 0;
}

function offlinePages(view: DataView, random: SeededRandom): void {
  const argument = new XenSysctlPageOfflineOp(view, XenSysctl.AT_u);
  argument.cmd = 1 + random.below(sysctl_query_page_offline);
  argument.start = FIRST_FRAME - 4 + random.below(FRAMES);
  argument.end = argument.start + random.below(16);
  argument.status = BigInt(values.ARENA_FIRST + random.below(values.ARENA_BYTES / 2));
}

function openRing(view: DataView, random: SeededRandom): void {
  const argument = new XenDomctlVmEventOp(view, XenDomctl.AT_u);
  argument.op = random.below(XEN_VM_EVENT_GET_VERSION + 1);
  argument.mode = XEN_DOMCTL_VM_EVENT_OP_MONITOR;
}

function chooseEvents(view: DataView, random: SeededRandom): void {
  const argument = new XenDomctlMonitorOp(view, XenDomctl.AT_u);
  argument.op = random.below(XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS + 1);
  argument.event = random.below(XEN_DOMCTL_MONITOR_EVENT_VMEXIT + 1);
  argument.cr_pad1 = 0;
  argument.cr_pad2 = 0;
}
