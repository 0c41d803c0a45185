import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_DOMCTL_set_virq_handler,
  XEN_DOMCTL_soft_reset,
  XenDomctl,
} from '../../abi/domctl.ts';
import { EINVAL } from '../../abi/errno.ts';
import { SHUTDOWN_soft_reset } from '../../abi/sched.ts';
import { __HYPERVISOR_domctl, VIRQ_CON_RING, VIRQ_TIMER } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { bindVirq } from '../testing/events.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { P2M_RAM_RW } from '../x86/mm/p2m.ts';
import { addPage } from '../x86/mm/physmap.ts';
import * as event2l from './event-2l.ts';
import { sendGlobalVirq } from './virq.ts';

const SHARED_INFO_GFN = 0x30;

function domctl({ dom0 }: TestMachine, cmd: number, guest: Guest, argument = 0): number {
  const at = dom0.allocate(XenDomctl.SIZE);
  const view = new DataView(dom0.memory.buffer);
  const structure = new XenDomctl(view, at);
  structure.cmd = cmd;
  structure.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
  structure.domain = guest.domain.id;
  view.setUint32(at + XenDomctl.AT_u, argument, true);
  const result = dom0.hypercall(__HYPERVISOR_domctl, at);
  dom0.free(at);
  return result;
}

test('dom0 appoints who gets a global VIRQ', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const port = bindVirq(guest, VIRQ_CON_RING, 0).argument.port;
  equal(domctl(machine, XEN_DOMCTL_set_virq_handler, guest, VIRQ_TIMER), -EINVAL);
  equal(domctl(machine, XEN_DOMCTL_set_virq_handler, guest, VIRQ_CON_RING), 0);
  sendGlobalVirq(machine.xen, VIRQ_CON_RING);
  equal(event2l.isPending(guest.domain, port), true);
});

test('a soft reset is for a domain that shut down', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  equal(domctl(machine, XEN_DOMCTL_soft_reset, guest), -EINVAL);
});

test('after a soft reset a domain goes on without its ports, its registered memory and its view of shared_info', () => {
  const machine = new TestMachine();
  const guest = machine.domain({ ports: 100_000 });
  const { domain } = guest;
  const { frames } = machine.xen;
  domain.maxPages += 1;
  equal(addPage(domain, SHARED_INFO_GFN, domain.sharedInfo / PAGE_SIZE), 0);
  for (let port = 0; port < 5000; port++) domain.events.allocUnbound(domain.id, domain);
  const vcpu = domain.vcpu(0);
  const infoFrame = domain.p2m?.mfn(0x20) ?? 0;
  frames.get(infoFrame, domain);
  vcpu?.mapInfo(infoFrame, 64);
  if (vcpu !== undefined) vcpu.runstateArea = 0x5000n;

  domain.shutdown(SHUTDOWN_soft_reset);
  equal(domctl(machine, XEN_DOMCTL_soft_reset, guest), 0);
  deepEqual([domain.events.active, domain.shutDown, vcpu?.runstateArea, vcpu?.infoMfn], [0, false, 0n, 0]);
  equal(frames.references(infoFrame), 1);
  equal(domain.p2m?.type(SHARED_INFO_GFN), P2M_RAM_RW);
  equal(domain.p2m?.mfn(SHARED_INFO_GFN) === domain.sharedInfo / PAGE_SIZE, false);
  equal(frames.owner(domain.sharedInfo / PAGE_SIZE), domain);
});
