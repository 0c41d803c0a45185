/** A listener of a program that has a machine of its own (docs/scripting.md), on a domain that the toolstack built. */
import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  VM_EVENT_FLAG_SET_REGISTERS,
  VM_EVENT_REASON_CPUID,
  VM_EVENT_REASON_WRITE_CTRLREG,
  VM_EVENT_X86_CR3,
} from '../../src/abi/vm_event-request.ts';
import { domid, openCtrl, openMonitor } from '../../src/machine/modules/ctrl.ts';
import { startMachine } from '../../src/machine/modules/machine.ts';

test('openMonitor tells what a kernel does on its way from its first instruction to its end', async () => {
  const machine = await startMachine({ memoryMiB: 16 });
  const { toolstack } = machine;
  const guest = await toolstack.create({ name: 'hello', kernel: 'builtin:hello', memory: 8 }, { paused: true });
  const told: number[] = [];
  const leaves = new Set<number>();
  const listener = openMonitor(machine, domid(guest.domid), (request, response) => {
    told.push(request.reason);
    if (request.reason !== VM_EVENT_REASON_CPUID) return;
    leaves.add(request.cpuid.leaf);
    response.regs.rip += BigInt(request.cpuid.insn_length);
    response.flags |= VM_EVENT_FLAG_SET_REGISTERS;
  });
  listener.calls.monitor_cpuid(domid(guest.domid), true);
  listener.calls.monitor_write_ctrlreg(domid(guest.domid), VM_EVENT_X86_CR3, true, { sync: true });
  equal(openCtrl(machine).devicemodel.nr_vcpus(domid(guest.domid)), 1);
  await guest.unpause();
  equal((await guest.wait()).reason, 'poweroff');
  listener.close();
  ok(leaves.has(0x40000000), 'it looked for Xen');
  ok(told.includes(VM_EVENT_REASON_WRITE_CTRLREG), 'and set up paging');
  await machine.stop();
});
