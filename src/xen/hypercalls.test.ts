import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, ENOSYS } from '../abi/errno.ts';
import { HVMOP_flush_tlbs } from '../abi/hvm/hvm_op.ts';
import * as xen from '../abi/xen.ts';
import { HYPERCALLS } from './hypercalls.ts';
import { TestMachine } from './testing/test-machine.ts';

/** What an HVM guest has no entry for on Xen 4.17 as Debian builds it (xen/include/hypercall-defs.c, hvm32 and hvm64). */
const NOT_FOR_HVM = [
  'set_trap_table',
  'mmu_update',
  'set_gdt',
  'stack_switch',
  'set_callbacks',
  'fpu_taskswitch',
  'sched_op_compat',
  'set_debugreg',
  'get_debugreg',
  'update_descriptor',
  'update_va_mapping',
  'event_channel_op_compat',
  'physdev_op_compat',
  'update_va_mapping_otherdomain',
  'iret',
  'set_segment_base',
  'nmi_op',
  'callback_op',
  'xenoprof_op',
  'kexec_op',
  'tmem_op',
  'mca',
];
/** There on Xen, and refused by it with the same answer: no security module, no physical interrupts, no PV guest. */
const EMPTY_ON_XEN = ['xsm_op', 'physdev_op', 'paging_domctl_cont'];

test('a guest finds the hypercalls that Xen 4.17 has for HVM guests, and no others', () => {
  const absent = HYPERCALLS.filter(({ operations }) =>
    [...operations.values()].every(({ handler }) => handler === undefined),
  ).map(({ name }) => name);
  deepEqual(absent.sort(), [...NOT_FOR_HVM, ...EMPTY_ON_XEN].sort());
});

test('what is not there is -ENOSYS to either width of code, whatever the arguments, and named once in the log', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const absent = HYPERCALLS.filter(({ name }) => [...NOT_FOR_HVM, ...EMPTY_ON_XEN].includes(name));
  for (const wide of [true, false]) {
    guest.cpu().longMode(wide);
    for (const { nr, name } of absent) equal(guest.hypercall(nr, [0, 1, -1, 2]), -ENOSYS, name);
    for (const nr of [11, 43, 44, 56, 63, 64, 0xffffffff]) equal(guest.hypercall(nr, [0]), -ENOSYS, `${nr}`);
  }
  const named = machine.host.lines.filter((line) => line.includes('kexec_op, by'));
  equal(named.length, 1);
});

test('HVMOP_flush_tlbs makes every vCPU of the caller’s domain forget its translations, and nobody else’s', () => {
  const machine = new TestMachine();
  const guest = machine.domain({ vcpus: 3 });
  const other = machine.domain();
  const before = [guest.cpu(0), guest.cpu(1), guest.cpu(2), other.cpu()].map(({ flushes }) => flushes);
  equal(guest.hypercall(xen.__HYPERVISOR_hvm_op, [HVMOP_flush_tlbs, 0]), 0);
  const after = [guest.cpu(0), guest.cpu(1), guest.cpu(2), other.cpu()].map(({ flushes }) => flushes);
  ok(after.slice(0, 3).every((flushes, index) => flushes > (before[index] as number)));
  equal(after[3], before[3]);
  equal(guest.hypercall(xen.__HYPERVISOR_hvm_op, [HVMOP_flush_tlbs, 1]), -EINVAL, 'it takes no argument');
});
