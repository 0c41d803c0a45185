import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, ENOBUFS, ENOSYS, EPERM } from '../../abi/errno.ts';
import * as version from '../../abi/version.ts';
import { __HYPERVISOR_xen_version } from '../../abi/xen.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

function ask(guest: Guest, op: number): { result: number; text: string } {
  guest.bytes(0x3000, 1024).fill(0xff);
  const result = guest.hypercall(__HYPERVISOR_xen_version, [op, 0x3000]);
  const bytes = guest.bytes(0x3000, 1024);
  return { result, text: String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0))) };
}

test('a PVH guest sees the features that real Xen 4.17 shows one', () => {
  const guest = new TestMachine().domain();
  const { result, argument } = guest.withStructure(
    version.XenFeatureInfo,
    () => {},
    (at) => guest.hypercall(__HYPERVISOR_xen_version, [version.XENVER_get_features, at]),
  );
  equal(result, 0);
  equal(argument.submap, 0x12305);
  const second = guest.withStructure(
    version.XenFeatureInfo,
    (info) => {
      info.submap_idx = 1;
    },
    (at) => guest.hypercall(__HYPERVISOR_xen_version, [version.XENVER_get_features, at]),
  );
  equal(second.result, -EINVAL);
});

test("all may ask for version, capabilities and who built it; the command line and the build id are dom0's", () => {
  const machine = new TestMachine();
  const [guest, control] = [machine.domain(), machine.domain({ privileged: true })];
  equal(guest.hypercall(__HYPERVISOR_xen_version, [version.XENVER_version, 0]), 0x40011);
  equal(ask(guest, version.XENVER_extraversion).text, '.7');
  equal(ask(guest, version.XENVER_capabilities).text, 'hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ');
  equal(ask(guest, version.XENVER_changeset).text, '');
  equal(ask(guest, version.XENVER_compile_info).text, 'TypeScript');
  equal(ask(guest, version.XENVER_commandline).text, '<denied>');
  equal(ask(guest, version.XENVER_build_id).result, -EPERM);
  equal(ask(control, version.XENVER_compile_info).text, 'TypeScript');
  equal(control.hypercall(__HYPERVISOR_xen_version, [version.XENVER_pagesize, 0]), 4096);
  equal(guest.hypercall(__HYPERVISOR_xen_version, [version.XENVER_pagesize, 0]), 4096);
});

test('structures are filled to their end, and no further (XSA-122)', () => {
  const guest = new TestMachine().domain();
  ask(guest, version.XENVER_extraversion);
  equal(guest.bytes(0x3000, 17)[15], 0);
  equal(guest.bytes(0x3000, 17)[16], 0xff);
  ask(guest, version.XENVER_compile_info);
  equal(guest.bytes(0x3000, 145)[143], 0);
  equal(guest.bytes(0x3000, 145)[144], 0xff);
});

test('the build id needs room, and bad pointers are -EFAULT', () => {
  const control = new TestMachine().domain({ privileged: true });
  const length = control.hypercall(__HYPERVISOR_xen_version, [version.XENVER_build_id, 0]);
  equal(length, 20);
  control.view(0x3000).setUint32(0, 19, true);
  equal(control.hypercall(__HYPERVISOR_xen_version, [version.XENVER_build_id, 0x3000]), -ENOBUFS);
  control.view(0x3000).setUint32(0, 20, true);
  equal(control.hypercall(__HYPERVISOR_xen_version, [version.XENVER_build_id, 0x3000]), 20);
  for (let op = version.XENVER_extraversion; op <= version.XENVER_guest_handle; op++) {
    if (op === version.XENVER_pagesize) continue;
    equal(control.hypercall(__HYPERVISOR_xen_version, [op, 0xdead000]), -EFAULT, `operation ${op}`);
  }
  equal(control.hypercall(__HYPERVISOR_xen_version, [11, 0x3000]), -ENOSYS);
});
