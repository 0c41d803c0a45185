import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  XEN_DOMCTL_destroydomain,
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_INTERFACE_VERSION,
  XEN_DOMCTL_pausedomain,
  XEN_DOMCTL_set_opt_feature,
  XEN_DOMCTL_sethvmcontext,
  XEN_DOMCTL_unpausedomain,
  XenDomctl,
} from '../../abi/domctl.ts';
import { XenDomctlHvmcontext } from '../../abi/domctl-state.ts';
import { EACCES, EFAULT, EINVAL, ENODATA, ENOSYS, EOVERFLOW, EPERM, ESRCH } from '../../abi/errno.ts';
import {
  XEN_SYSCTL_INTERFACE_VERSION,
  XEN_SYSCTL_livepatch_op,
  XEN_SYSCTL_readconsole,
  XenSysctl,
  XenSysctlReadconsole,
} from '../../abi/sysctl.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_sysctl, type Domid } from '../../abi/xen.ts';
import { encodeHvmContext } from '../../libs/ctrl/hvm-records.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

function domctl(guest: Guest, cmd: number, domid: number, version = XEN_DOMCTL_INTERFACE_VERSION) {
  return guest.withStructure(
    XenDomctl,
    (argument) => {
      argument.cmd = cmd;
      argument.interface_version = version;
      argument.domain = domid as Domid;
    },
    (at) => guest.hypercall(__HYPERVISOR_domctl, [at]),
  );
}

test('domctls are a privileged domain’s, of one interface version', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  equal(domctl(guest, XEN_DOMCTL_pausedomain, guest.domain.id).result, -EPERM);
  equal(domctl(control, XEN_DOMCTL_pausedomain, guest.domain.id, 0x17).result, -EACCES);
  equal(domctl(control, XEN_DOMCTL_pausedomain, 999).result, -ESRCH);
  equal(domctl(control, XEN_DOMCTL_pausedomain, control.domain.id).result, -EINVAL, 'not oneself');
  equal(domctl(control, XEN_DOMCTL_destroydomain, control.domain.id).result, -EINVAL);
  equal(domctl(control, XEN_DOMCTL_set_opt_feature, guest.domain.id).result, -ENOSYS);
  equal(domctl(control, 12345, guest.domain.id).result, -ENOSYS);
  equal(control.hypercall(__HYPERVISOR_domctl, [0xdead000]), -EFAULT, 'there is no operation to be read');
});

test('pauses nest, and are bounded', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  const pause = () => domctl(control, XEN_DOMCTL_pausedomain, guest.domain.id).result;
  const unpause = () => domctl(control, XEN_DOMCTL_unpausedomain, guest.domain.id).result;
  equal(pause(), 0); // it was created with one
  equal(unpause(), 0);
  equal(guest.domain.vcpu(0)?.runnable, false);
  equal(unpause(), 0);
  equal(guest.domain.vcpu(0)?.runnable, true);
  equal(unpause(), -EINVAL);
  for (let count = 0; count < 255; count++) equal(pause(), 0);
  equal(pause(), -EOVERFLOW);
});

test('getdomaininfo answers for the next domain where there is none of that id', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  const asked = domctl(control, XEN_DOMCTL_getdomaininfo, guest.domain.id);
  deepEqual([asked.result, asked.argument.domain], [0, guest.domain.id]);
  guest.domain.kill();
  equal(domctl(control, XEN_DOMCTL_getdomaininfo, guest.domain.id).result, -ESRCH);
  const later = machine.domain();
  equal(domctl(control, XEN_DOMCTL_getdomaininfo, guest.domain.id).argument.domain, later.domain.id);
  equal(domctl(control, XEN_DOMCTL_getdomaininfo, 0x7ff1).result, -EINVAL);
});

test('HVM contexts that are cut short, of another kind, or impossible are refused', () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  const load = (bytes: Uint8Array, pointer = 0x3000n) => {
    guest.machine.xen.log('');
    control.bytes(0x3000, bytes.length).set(bytes);
    return control.withStructure(
      XenDomctl,
      (argument) => {
        argument.cmd = XEN_DOMCTL_sethvmcontext;
        argument.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        argument.domain = guest.domain.id;
        const context = new XenDomctlHvmcontext(control.view(0x1000), XenDomctl.AT_u);
        context.size = bytes.length;
        context.buffer = pointer;
      },
      (at) => control.hypercall(__HYPERVISOR_domctl, [at]),
    ).result;
  };
  const good = encodeHvmContext(0, { mtrr: { msr_mtrr_def_type: 0x806n } });
  equal(load(good), 0);
  equal(guest.hvm[0]?.mtrr.defType, 0x806);
  equal(load(good, 0xdead000n), -EFAULT);
  for (const length of [0, 4, 20, 40, good.length - 8]) equal(load(good.slice(0, length)), -ENODATA, `${length} bytes`);
  const notHeader = good.slice();
  notHeader[8] = 0;
  equal(load(notHeader), -EINVAL);
  equal(load(encodeHvmContext(5, { mtrr: { msr_mtrr_def_type: 6n } })), -EINVAL, 'a vCPU there is not');
  equal(load(encodeHvmContext(0, { mtrr: { msr_mtrr_def_type: 2n } })), -EINVAL, 'a memory type there is not');
  const other = good.slice();
  other[32] = 3; // HVM_SAVE_CODE_PIC
  equal(load(other), -EINVAL);
  ok(machine.host.lines.some((line) => line.includes('record 3 of 240 bytes is not supported')));
});

test("a guest is refused before it learns which of the toolstack's operations there are", () => {
  const machine = new TestMachine();
  const [control, guest] = [machine.domain({ privileged: true }), machine.domain()];
  const sysctl = (caller: Guest, command: number, version: number) => {
    caller.view(0x3000).setUint32(0, command, true);
    caller.view(0x3000).setUint32(4, version, true);
    return caller.hypercall(__HYPERVISOR_sysctl, [0x3000]);
  };
  for (const command of [XEN_SYSCTL_livepatch_op, 0x7ff]) {
    equal(sysctl(guest, command, XEN_SYSCTL_INTERFACE_VERSION), -EPERM);
    equal(sysctl(guest, command, XEN_SYSCTL_INTERFACE_VERSION + 1), -EACCES);
    equal(sysctl(control, command, XEN_SYSCTL_INTERFACE_VERSION), -ENOSYS);
  }
  for (const command of [XEN_DOMCTL_set_opt_feature, 0x7ff]) {
    equal(domctl(guest, command, 0).result, -EPERM);
    equal(domctl(guest, command, 0, XEN_DOMCTL_INTERFACE_VERSION + 1).result, -EACCES);
    equal(domctl(control, command, 0).result, -ENOSYS);
  }
});

test('the console ring is read from where the reader left off', () => {
  const machine = new TestMachine();
  const control = machine.domain({ privileged: true });
  const read = (index: number, count: number) => {
    const { result } = control.withStructure(
      XenSysctl,
      (argument) => {
        argument.cmd = XEN_SYSCTL_readconsole;
        argument.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        const console = new XenSysctlReadconsole(control.view(0x1000), XenSysctl.AT_u);
        console.incremental = 1;
        console.index = index;
        console.count = count;
        console.buffer = 0x3000n;
      },
      (at) => control.hypercall(__HYPERVISOR_sysctl, [at]),
    );
    const answer = new XenSysctlReadconsole(control.view(0x1000), XenSysctl.AT_u);
    const text = String.fromCharCode(...control.bytes(0x3000, answer.count));
    return { result, text, index: answer.index };
  };
  const start = read(0, 4000);
  machine.xen.log('one');
  machine.xen.log('two');
  const first = read(start.index, 10);
  equal(first.text, '(XEN) one\n');
  const second = read(first.index, 4000);
  equal(second.text, '(XEN) two\n');
  equal(read(second.index, 4000).text, '');
  for (let line = 0; line < 3000; line++) machine.xen.log(`${line}`);
  ok(!read(second.index, 4000).text.startsWith('(XEN) 0\n'), 'the oldest text is overwritten');
});
