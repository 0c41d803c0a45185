import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as abi from '../../abi/domctl.ts';
import { EINVAL, ENODEV, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../abi/errno.ts';
import * as events from '../../abi/vm_event.ts';
import { __HYPERVISOR_domctl, DOMID_INVALID, type Domid } from '../../abi/xen.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

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

test('without a ring there is nothing to end or to resume, and none can be had', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const { id } = machine.domain().domain;
  const answers = [
    [ENABLE, MONITOR, -EOPNOTSUPP],
    [DISABLE, MONITOR, -EINVAL],
    [RESUME, MONITOR, -ENODEV],
    [9, MONITOR, -ENOSYS],
    [ENABLE, PAGING, -ENOSYS],
    [ENABLE, 9, -ENOSYS],
  ] as const;
  for (const [op, mode, expected] of answers) {
    equal(domctl(control, abi.XEN_DOMCTL_vm_event_op, id, op, mode)[0], expected, `${op} of ${mode}`);
  }
});

test('monitor_op tells that there is no event to be told of (monitor_domctl)', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const { id } = machine.domain().domain;
  const ask = (domid: number, op: number, event: number) =>
    domctl(control, abi.XEN_DOMCTL_monitor_op, domid, op, event);
  deepEqual(ask(id, events.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES, 5).slice(0, 3), [0, 2, 0]);
  equal(ask(id, events.XEN_DOMCTL_MONITOR_OP_ENABLE, 32)[0], -EINVAL);
  equal(ask(id, events.XEN_DOMCTL_MONITOR_OP_ENABLE, 4)[0], -EOPNOTSUPP);
  equal(ask(id, 9, 0)[0], -EOPNOTSUPP);
  equal(ask(control.domain.id, events.XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES, 0)[0], -EPERM);
});
