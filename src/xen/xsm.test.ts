import { equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import * as nr from '../abi/domctl.ts';
import { EPERM } from '../abi/errno.ts';
import { EvtchnAllocUnbound, EVTCHNOP_alloc_unbound, EVTCHNOP_reset, EVTCHNOP_status } from '../abi/event_channel.ts';
import { EvtchnReset, EvtchnStatus } from '../abi/event_channel.ts';
import { XEN_DMOP_nr_vcpus } from '../abi/hvm/dm_op.ts';
import * as hvm from '../abi/hvm/hvm_op.ts';
import { HVM_PARAM_STORE_PFN, HVM_PARAM_TIMER_MODE } from '../abi/hvm/params.ts';
import { XEN_HYPFS_OP_get_version } from '../abi/hypfs.ts';
import * as mem from '../abi/memory.ts';
import * as memTools from '../abi/memory-tools.ts';
import { SCHEDOP_remote_shutdown, SchedRemoteShutdown } from '../abi/sched.ts';
import * as sys from '../abi/sysctl.ts';
import { XENVER_build_id } from '../abi/version.ts';
import * as xen from '../abi/xen.ts';
import { DOMCTL, SYSCTL } from './hypercalls-tools.ts';
import { type Guest, TestMachine } from './testing/test-machine.ts';

// Who may do what (xen/include/xsm/dummy.h). Each operation is tried by each kind of caller on each kind of target,
// and is refused with -EPERM to exactly those its class does not name. What else is wrong with the call is no matter.

type Class = 'HOOK' | 'TARGET' | 'DM_PRIV' | 'XS_PRIV' | 'PRIV';
type Caller = 'privileged' | 'self' | 'stranger' | 'servant' | 'xenstore';
type Attempt = (caller: Guest, target: Guest) => number;

const MAY: Readonly<Record<Class, readonly Caller[]>> = {
  HOOK: ['privileged', 'self', 'stranger', 'servant', 'xenstore'],
  TARGET: ['privileged', 'self', 'servant'],
  DM_PRIV: ['privileged', 'servant'],
  XS_PRIV: ['privileged', 'servant', 'xenstore'],
  PRIV: ['privileged'],
};

const WHO: readonly Caller[] = MAY.HOOK;

interface Structure<T> {
  readonly SIZE: number;
  new (memory: DataView, base: number): T;
}

function withDomain<T extends { domid: xen.Domid }>(
  hypercall: number,
  op: number,
  structure: Structure<T>,
  fill: (argument: T) => void = () => {},
): Attempt {
  return (caller, target) =>
    caller.withStructure(
      structure,
      (argument) => {
        argument.domid = target.domain.id;
        fill(argument);
      },
      (at) => caller.hypercall(hypercall, [op, at]),
    ).result;
}

const memoryOp = <T extends { domid: xen.Domid }>(
  op: number,
  structure: Structure<T>,
  fill: (argument: T) => void = () => {},
) => withDomain(xen.__HYPERVISOR_memory_op, op, structure, fill);

const parameter = (op: number, index: number) =>
  withDomain(xen.__HYPERVISOR_hvm_op, op, hvm.XenHvmParam, (argument) => {
    argument.index = index;
  });

const domctl =
  (cmd: number): Attempt =>
  (caller, target) =>
    caller.withStructure(
      nr.XenDomctl,
      (argument) => {
        argument.cmd = cmd;
        argument.interface_version = nr.XEN_DOMCTL_INTERFACE_VERSION;
        argument.domain = target.domain.id;
      },
      (at) => caller.hypercall(xen.__HYPERVISOR_domctl, [at]),
    ).result;

const sysctl =
  (cmd: number): Attempt =>
  (caller) =>
    caller.withStructure(
      sys.XenSysctl,
      (argument) => {
        argument.cmd = cmd;
        argument.interface_version = sys.XEN_SYSCTL_INTERFACE_VERSION;
      },
      (at) => caller.hypercall(xen.__HYPERVISOR_sysctl, [at]),
    ).result;

const eventOp =
  <T>(op: number, structure: Structure<T>, fill: (argument: T, domid: xen.Domid) => void): Attempt =>
  (caller, target) =>
    caller.withStructure(
      structure,
      (argument) => fill(argument, target.domain.id),
      (at) => caller.hypercall(xen.__HYPERVISOR_event_channel_op, [op, at]),
    ).result;

const OPERATIONS: readonly (readonly [name: string, kind: Class, attempt: Attempt])[] = [
  ['XENMEM_current_reservation', 'TARGET', memoryOp(mem.XENMEM_current_reservation, mem.XenMemoryDomain)],
  ['XENMEM_maximum_reservation', 'TARGET', memoryOp(mem.XENMEM_maximum_reservation, mem.XenMemoryDomain)],
  ['XENMEM_maximum_gpfn', 'TARGET', memoryOp(mem.XENMEM_maximum_gpfn, mem.XenMemoryDomain)],
  ['XENMEM_add_to_physmap', 'TARGET', memoryOp(mem.XENMEM_add_to_physmap, mem.XenAddToPhysmap)],
  [
    'XENMEM_add_to_physmap_batch',
    'TARGET',
    memoryOp(mem.XENMEM_add_to_physmap_batch, mem.XenAddToPhysmapBatch, (argument) => {
      argument.space = mem.XENMAPSPACE_grant_table;
    }),
  ],
  [
    'XENMEM_add_to_physmap_batch of foreign frames',
    'PRIV',
    memoryOp(mem.XENMEM_add_to_physmap_batch, mem.XenAddToPhysmapBatch, (argument) => {
      argument.space = mem.XENMAPSPACE_gmfn_foreign;
    }),
  ],
  ['XENMEM_remove_from_physmap', 'TARGET', memoryOp(mem.XENMEM_remove_from_physmap, mem.XenRemoveFromPhysmap)],
  ['XENMEM_set_memory_map', 'TARGET', memoryOp(mem.XENMEM_set_memory_map, mem.XenForeignMemoryMap)],
  ['XENMEM_set_pod_target', 'PRIV', memoryOp(mem.XENMEM_set_pod_target, mem.XenPodTarget)],
  ['XENMEM_get_pod_target', 'PRIV', memoryOp(mem.XENMEM_get_pod_target, mem.XenPodTarget)],
  ['XENMEM_claim_pages', 'PRIV', memoryOp(memTools.XENMEM_claim_pages, mem.XenMemoryReservation)],
  ['XENMEM_access_op', 'DM_PRIV', memoryOp(memTools.XENMEM_access_op, memTools.XenMemAccessOp)],
  ['XENMEM_get_vnumainfo', 'TARGET', memoryOp(memTools.XENMEM_get_vnumainfo, memTools.XenVnumaTopologyInfo)],
  ['HVMOP_get_param', 'TARGET', parameter(hvm.HVMOP_get_param, HVM_PARAM_STORE_PFN)],
  ['HVMOP_get_mem_type', 'TARGET', withDomain(xen.__HYPERVISOR_hvm_op, hvm.HVMOP_get_mem_type, hvm.XenHvmGetMemType)],
  // The guest itself may not set this one.
  ['HVMOP_set_param', 'DM_PRIV', parameter(hvm.HVMOP_set_param, HVM_PARAM_TIMER_MODE)],
  [
    'EVTCHNOP_alloc_unbound',
    'TARGET',
    eventOp(EVTCHNOP_alloc_unbound, EvtchnAllocUnbound, (argument, domid) => {
      argument.dom = domid;
    }),
  ],
  [
    'EVTCHNOP_status',
    'TARGET',
    eventOp(EVTCHNOP_status, EvtchnStatus, (argument, domid) => {
      argument.dom = domid;
    }),
  ],
  [
    'EVTCHNOP_reset',
    'TARGET',
    eventOp(EVTCHNOP_reset, EvtchnReset, (argument, domid) => {
      argument.dom = domid;
    }),
  ],
  [
    'SCHEDOP_remote_shutdown',
    'DM_PRIV',
    (caller, target) =>
      caller.withStructure(
        SchedRemoteShutdown,
        (argument) => {
          argument.domain_id = target.domain.id;
        },
        (at) => caller.hypercall(xen.__HYPERVISOR_sched_op, [SCHEDOP_remote_shutdown, at]),
      ).result,
  ],
  [
    'dm_op',
    'DM_PRIV',
    (caller, target) => {
      caller.view(0x1000).setBigUint64(0, 0x2000n, true);
      caller.view(0x1000).setBigUint64(8, 64n, true);
      caller.view(0x2000).setUint32(0, XEN_DMOP_nr_vcpus, true);
      return caller.hypercall(xen.__HYPERVISOR_dm_op, [target.domain.id, 1, 0x1000]);
    },
  ],
  ['CONSOLEIO_read', 'PRIV', (caller) => caller.hypercall(xen.__HYPERVISOR_console_io, [xen.CONSOLEIO_read, 0, 0])],
  ['hypfs_op', 'PRIV', (caller) => caller.hypercall(xen.__HYPERVISOR_hypfs_op, [XEN_HYPFS_OP_get_version])],
  ['XENVER_build_id', 'PRIV', (caller) => caller.hypercall(xen.__HYPERVISOR_xen_version, [XENVER_build_id, 0])],
  [
    'platform_op',
    'PRIV',
    (caller) => {
      caller.view(0x1000).setUint32(4, 0x03000001, true);
      return caller.hypercall(xen.__HYPERVISOR_platform_op, [0x1000]);
    },
  ],
];

const DOMCTL_CLASSES: Readonly<Record<number, Class>> = {
  [nr.XEN_DOMCTL_getdomaininfo]: 'XS_PRIV',
  [nr.XEN_DOMCTL_ioport_mapping]: 'DM_PRIV',
  [nr.XEN_DOMCTL_memory_mapping]: 'DM_PRIV',
  [nr.XEN_DOMCTL_bind_pt_irq]: 'DM_PRIV',
  [nr.XEN_DOMCTL_unbind_pt_irq]: 'DM_PRIV',
};

/** A domain for each kind of caller, and the one they all try their hands at. */
function callers() {
  const machine = new TestMachine();
  const target = machine.domain();
  const servant = machine.domain();
  servant.domain.target = target.domain;
  const by: Record<Caller, Guest> = {
    privileged: machine.domain({ privileged: true }),
    self: target,
    stranger: machine.domain(),
    servant,
    xenstore: machine.domain({ options: nr.XEN_DOMCTL_CDF_xs_domain }),
  };
  return { by, target };
}

function tryAll(name: string, kind: Class, attempt: Attempt): void {
  const { by, target } = callers();
  for (const [who, caller] of Object.entries(by) as [Caller, Guest][]) {
    const result = attempt(caller, target);
    const message = `${name} by ${who}: ${result}`;
    if (MAY[kind].includes(who)) notEqual(result, -EPERM, message);
    else equal(result, -EPERM, message);
  }
}

for (const [name, kind, attempt] of OPERATIONS) {
  test(`${name} is for XSM_${kind}`, () => tryAll(name, kind, attempt));
}

test('every domctl is for privileged domains, but for those that a device model or xenstored needs', () => {
  for (const [cmd, { name, handler }] of DOMCTL.operations) {
    // Refused to whoever asks about himself, which says nothing of privilege here.
    if (['XEN_DOMCTL_audit_p2m', 'XEN_DOMCTL_set_access_required', 'XEN_DOMCTL_monitor_op'].includes(name)) continue;
    if (handler === undefined) continue;
    const kind = DOMCTL_CLASSES[cmd] ?? 'PRIV';
    // Without a host's devices nobody has any to pass on, privileged or not.
    const nobody = /permission|mapping|_pt_irq$/.test(name);
    for (const who of WHO) {
      const { by, target } = callers(); // what is allowed may be destruction
      const caller = by[who];
      const allowed = MAY[kind].includes(who);
      if (allowed && nobody) continue;
      const result = domctl(cmd)(caller, target);
      if (allowed) notEqual(result, -EPERM, `${name} by ${who}`);
      else equal(result, -EPERM, `${name} by ${who}: ${result}`);
    }
  }
});

test('every sysctl is for privileged domains; the list of domains is for xenstored too', () => {
  for (const [cmd, { name, handler }] of SYSCTL.operations) {
    if (handler === undefined) continue;
    const { by, target } = callers();
    for (const [who, caller] of Object.entries(by) as [Caller, Guest][]) {
      const allowed = who === 'privileged' || (who === 'xenstore' && cmd === sys.XEN_SYSCTL_getdomaininfolist);
      const result = sysctl(cmd)(caller, target);
      if (allowed) notEqual(result, -EPERM, `${name} by ${who}`);
      else equal(result, -EPERM, `${name} by ${who}: ${result}`);
    }
  }
});
