import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as abi from '../../abi/domctl.ts';
import { EACCES, EBUSY, EEXIST, EINVAL, ENODEV, ENOSYS, ENXIO, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import { EVTCHNOP_status, EvtchnStatus } from '../../abi/event_channel.ts';
import { HVMOP_guest_request_vm_event } from '../../abi/hvm/hvm_op.ts';
import { HVM_PARAM_MONITOR_RING_PFN } from '../../abi/hvm/params.ts';
import * as events from '../../abi/vm_event.ts';
import {
  VM_EVENT_FLAG_GET_NEXT_INTERRUPT,
  VM_EVENT_REASON_GUEST_REQUEST,
  VM_EVENT_REASON_INTERRUPT,
} from '../../abi/vm_event-request.ts';
import {
  __HYPERVISOR_domctl,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_hvm_op,
  DOMID_INVALID,
  DOMID_SELF,
  type Domid,
  type Port,
} from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import { OFFSET_CPL, RAX, RDI, RSI } from '../../cpu/state.ts';
import { listenTo, RING_GFN } from '../testing/listener.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import { hvmHypercall } from '../x86/hvm/hypercall.ts';

const { XEN_VM_EVENT_ENABLE: ENABLE, XEN_VM_EVENT_DISABLE: DISABLE, XEN_VM_EVENT_RESUME: RESUME } = events;
const { XEN_DOMCTL_VM_EVENT_OP_MONITOR: MONITOR, XEN_DOMCTL_VM_EVENT_OP_PAGING: PAGING } = events;

/** A domctl whose structure begins with two words; what it answers, and the three words then. */
function domctl(control: Guest, cmd: number, domid: number, first: number, second: number): number[] {
  const words = control.view(0x1000);
  const { result } = control.withStructure(
    abi.XenDomctl,
    (header) => {
      header.cmd = cmd;
      header.interface_version = abi.XEN_DOMCTL_INTERFACE_VERSION;
      header.domain = domid as Domid;
      words.setUint32(abi.XenDomctl.AT_u, first, true);
      words.setUint32(abi.XenDomctl.AT_u + 4, second, true);
    },
    (at) => control.hypercall(__HYPERVISOR_domctl, [at]),
  );
  return [result, ...[0, 4, 8].map((offset) => words.getUint32(abi.XenDomctl.AT_u + offset, true))];
}

test('which version vm_event has may be asked of no domain; all else needs one (vm_event_domctl)', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const ask = (domid: number, op: number, mode: number) => domctl(control, abi.XEN_DOMCTL_vm_event_op, domid, op, mode);
  deepEqual(ask(DOMID_INVALID, events.XEN_VM_EVENT_GET_VERSION, 0), [0, 3, 0, 7]);
  equal(ask(DOMID_INVALID, ENABLE, MONITOR)[0], -ESRCH);
  equal(ask(77, events.XEN_VM_EVENT_GET_VERSION, 0)[0], -ESRCH, 'a domain that is not there');
  equal(ask(control.domain.id, ENABLE, MONITOR)[0], -EINVAL, 'nobody watches himself');
});

test('a ring needs a page that HVM_PARAM_MONITOR_RING_PFN names; paging and sharing have none (vm_event_domctl)', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const { domain } = machine.domain();
  const ask = (op: number, mode: number = MONITOR) => domctl(control, abi.XEN_DOMCTL_vm_event_op, domain.id, op, mode);
  const answers = [
    [ENABLE, MONITOR, -EOPNOTSUPP],
    [DISABLE, MONITOR, -EINVAL],
    [RESUME, MONITOR, -ENODEV],
    [9, MONITOR, -ENOSYS],
    [ENABLE, PAGING, -ENOSYS],
    [ENABLE, events.XEN_DOMCTL_VM_EVENT_OP_SHARING, -ENOSYS],
    [ENABLE, 9, -ENOSYS],
  ] as const;
  for (const [op, mode, expected] of answers) equal(ask(op, mode)[0], expected, `${op} of ${mode}`);

  domain.hvm?.setParam(control.domain, HVM_PARAM_MONITOR_RING_PFN, 0x7_0000n, false);
  equal(ask(ENABLE)[0], -EINVAL, 'no memory there');
  domain.hvm?.setParam(control.domain, HVM_PARAM_MONITOR_RING_PFN, BigInt(RING_GFN), false);
  const [result, , , port] = ask(ENABLE);
  equal(result, 0);
  ok((port ?? 0) > 0, 'where to bind');
  equal(ask(ENABLE)[0], -EBUSY, 'one listener at a time');
  equal(ask(RESUME)[0], 0);
  equal(ask(DISABLE)[0], 0);
  equal(ask(RESUME)[0], -ENODEV);
  equal(domain.events.active, 0);
});

test('monitor_op knows the events of x86, and says what is so already (monitor_domctl)', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const { domain } = machine.domain();
  const ask = (op: number, event: number, domid: number = domain.id) =>
    domctl(control, abi.XEN_DOMCTL_monitor_op, domid, op, event);
  const { XEN_DOMCTL_MONITOR_OP_ENABLE: ON, XEN_DOMCTL_MONITOR_OP_DISABLE: OFF } = events;
  deepEqual(ask(events.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES, 5).slice(0, 3), [0, 2, 0x1f7f]);
  equal(ask(ON, 32)[0], -EINVAL);
  equal(ask(ON, 7)[0], -EOPNOTSUPP, 'privileged calls are Arm’s');
  equal(ask(events.XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP, 1)[0], -EINVAL, 'nobody listens');
  equal(ask(9, 0)[0], -EOPNOTSUPP);
  equal(ask(events.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES, 0, control.domain.id)[0], -EPERM);
  equal(ask(ON, events.XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR)[0], -ENXIO, 'before there is a ring');
  const simple = [2, 3, 4, 5, 6, 9, 10, 11, 12];
  for (const event of simple) {
    deepEqual(
      [OFF, ON, ON, OFF].map((op) => ask(op, event)[0]),
      [-EEXIST, 0, -EEXIST, 0],
      `event ${event}`,
    );
  }
});

test('a port that Xen itself has is out of its domain’s reach', () => {
  const machine = new TestMachine();
  const { domain } = machine.domain({ privileged: true });
  const guest = machine.domain();
  const { ring, page, answered } = listenTo(guest.domain, domain.id);
  const { port } = ring;
  equal(guest.domain.events.send(port), -EINVAL);
  equal(guest.domain.events.close(port), -EINVAL);
  equal(guest.domain.events.bindVcpu(port, 0), -EINVAL);
  equal(guest.domain.events.reset(false), 0, 'a reset passes over it');
  const status = guest.withStructure(
    EvtchnStatus,
    (argument) => {
      argument.dom = DOMID_SELF;
      argument.port = port as Port;
    },
    (at) => guest.hypercall(__HYPERVISOR_event_channel_op, [EVTCHNOP_status, at]),
  );
  equal(status.result, -EACCES);
  const other = domain.events.bindInterdomain(guest.domain, port);
  ok(other > 0);
  equal(page.getUint32(0, true), 0);
  equal(domain.events.send(other), 0, 'which Xen hears');
  deepEqual(answered, [], 'and finds nothing to hear');
  guest.domain.kill();
  equal(domain.events.send(other), 0, 'the other end is unbound then');
});

test('what a guest writes into the ring is not believed: no more answers than requests, no vCPU that there is not', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const monitor = guest.domain.hvm?.monitor;
  const { ring, page, header, slot, answered } = listenTo(guest.domain);
  header.rsp_prod = 0xffff_fff0;
  ring.takeResponses();
  deepEqual(answered, [], 'to no request');
  header.rsp_prod = 0;
  equal(ring.isFull, false);

  ok(monitor !== undefined);
  monitor.guestRequest = { sync: true, fromUserMode: false };
  const vcpu = guest.hvm[0];
  equal(vcpu?.monitor.guestRequest(), true);
  equal(vcpu?.vcpu.pauseCount, 1);
  deepEqual([slot(0).reason, slot(0).version, slot(0).flags], [8, 7, 1]);
  slot(0).vcpu_id = 0xffff_ffff;
  header.rsp_prod = 1;
  ring.takeResponses();
  deepEqual(answered, [0xffff_ffff]);
  equal(vcpu?.vcpu.pauseCount, 1, 'it waits on');
  for (let request = 1; request < 9; request++) vcpu?.monitor.guestRequest();
  equal(ring.isFull, true);
  equal(vcpu?.monitor.guestRequest(), false, 'the call is made again when there is room');
  new Uint8Array(page.buffer, page.byteOffset, PAGE_SIZE).fill(0xff);
  ring.takeResponses();
  guest.domain.kill();
  equal(guest.domain.events.active, 0);
});

test('unwatched domains are asked nothing, watched ones only while somebody listens', () => {
  const machine = new TestMachine();
  const { domain, hvm } = machine.domain();
  equal(hvm[0]?.watch, undefined);
  listenTo(domain);
  ok(hvm[0]?.watch !== undefined);
  domain.hvm?.closeMonitor();
  equal(hvm[0]?.watch, undefined);
});

test('a program may ask for its listener’s attention where he allows that, and for nothing else', () => {
  const guest = new TestMachine().domain();
  const [hvm] = guest.hvm;
  const monitor = guest.domain.hvm?.monitor;
  ok(hvm !== undefined && monitor !== undefined);
  const { slot } = listenTo(guest.domain);
  const call = (nr: number, op: number): number => {
    hvm.state.setU32(OFFSET_CPL, 3);
    hvm.state.setGpr(RAX, BigInt(nr));
    hvm.state.setGpr(RDI, BigInt(op));
    hvm.state.setGpr(RSI, 0n);
    hvmHypercall(hvm);
    return hvm.state.gprLo(RAX) | 0;
  };
  monitor.guestRequest = { sync: false, fromUserMode: false };
  equal(call(__HYPERVISOR_hvm_op, HVMOP_guest_request_vm_event), -EPERM);
  monitor.guestRequest = { sync: false, fromUserMode: true };
  equal(call(__HYPERVISOR_hvm_op, HVMOP_guest_request_vm_event), 0);
  equal(slot(0).reason, VM_EVENT_REASON_GUEST_REQUEST);
  equal(call(__HYPERVISOR_hvm_op, 10), -EPERM, 'HVMOP_get_time');
  equal(call(17, HVMOP_guest_request_vm_event), -EPERM, 'xen_version');
});

test('the next interrupt is told before it is injected, once, where an answer asks for that', () => {
  const guest = new TestMachine().domain();
  const [hvm] = guest.hvm;
  const monitor = guest.domain.hvm?.monitor;
  ok(hvm !== undefined && monitor !== undefined);
  const { slot, answerAll } = listenTo(guest.domain);
  hvm.vlapic.writeMmio(0xf0, 4, 0x1ff);
  guest.cpu().interruptsEnabled = true;
  monitor.guestRequest = { sync: true, fromUserMode: false };
  hvm.monitor.guestRequest();
  slot(0).flags |= VM_EVENT_FLAG_GET_NEXT_INTERRUPT;
  answerAll();

  hvm.vlapic.setIrq(0x41);
  hvm.deliverInterrupts();
  deepEqual(guest.cpu().injected, []);
  const { interrupt } = slot(1);
  deepEqual([slot(1).reason, interrupt.vector, interrupt.type], [VM_EVENT_REASON_INTERRUPT, 0x41, 0]);
  equal(hvm.vcpu.pauseCount, 1);
  answerAll();
  hvm.deliverInterrupts();
  deepEqual(guest.cpu().injected, [0x41]);
  guest.cpu().interruptsEnabled = true;
  hvm.vlapic.setIrq(0x51);
  hvm.deliverInterrupts();
  deepEqual(guest.cpu().injected, [0x41, 0x51], 'the one after is not told');
});
