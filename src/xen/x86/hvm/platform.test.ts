import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_X86_EMU_HPET, XEN_X86_EMU_IOAPIC, XEN_X86_EMU_LAPIC } from '../../../abi/arch-x86/xen.ts';
import { HVM_PARAM_CALLBACK_IRQ, HVM_PARAM_HPET_ENABLED } from '../../../abi/hvm/params.ts';
import { type Guest, TestMachine } from '../../testing/test-machine.ts';
import { pciLine } from './platform.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { VHPET_BASE } from './vhpet.ts';
import { VIOAPIC_BASE } from './vioapic.ts';

const HVM = XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_HPET;
const LEVEL = 1 << 15;
const X2APIC_EOI = 0x80b;

function guest(vcpus = 1, emulation = HVM): { it: Guest; vcpus: readonly HvmVcpu[] } {
  const it = new TestMachine().domain({ vcpus, emulation });
  for (const vcpu of it.hvm) {
    vcpu.vlapic.writeBaseMsr(0xfee00c00, 0);
    vcpu.vlapic.writeMsr(0x80f, 0x1ff, 0);
  }
  return { it, vcpus: it.hvm };
}

function route(vcpu: HvmVcpu, line: number, low: number, destination = 0): void {
  for (const [register, value] of [
    [0x11 + 2 * line, destination << 24],
    [0x10 + 2 * line, low],
  ] as const) {
    vcpu.writeMmio(VIOAPIC_BASE, 4, register);
    vcpu.writeMmio(VIOAPIC_BASE + 0x10, 4, value >>> 0);
  }
}

const pending = (vcpus: readonly HvmVcpu[]) => vcpus.map(({ vlapic }) => vlapic.pendingVector());
const clearUpcall = (it: Guest) => {
  it.machine.xen.memory.bytes[it.domain.vcpu(0)?.infoAddress ?? 0] = 0;
};

test('a PVH domain has neither I/O APIC nor HPET: the bus is empty there', () => {
  const { vcpus } = guest(1, XEN_X86_EMU_LAPIC);
  equal(vcpus[0]?.readMmio(VIOAPIC_BASE, 4), 0xffffffff);
  equal(vcpus[0]?.readMmio(VHPET_BASE, 4), 0xffffffff);
});

test('an HPET is there where HVM_PARAM_HPET_ENABLED says so', () => {
  const { it, vcpus } = guest();
  equal(vcpus[0]?.readMmio(VHPET_BASE, 4), 0xffffffff);
  it.domain.hvm?.setParam(it.machine.dom0.domain, HVM_PARAM_HPET_ENABLED, 1n, false);
  equal(vcpus[0]?.readMmio(VHPET_BASE, 4), 0x8086a201);
});

test("an HPET's timer reaches the processors that its line is routed to; 0xff is everybody, in x2APIC mode too", () => {
  const { it, vcpus } = guest(2);
  const [first] = vcpus as readonly [HvmVcpu];
  it.domain.hvm?.setParam(it.machine.dom0.domain, HVM_PARAM_HPET_ENABLED, 1n, false);
  route(first, 20, 0x31, 2);
  first.writeMmio(VHPET_BASE + 0x100, 4, (20 << 9) | 4);
  first.writeMmio(VHPET_BASE + 0x108, 4, 100);
  first.writeMmio(VHPET_BASE + 0x10c, 4, 0);
  first.writeMmio(VHPET_BASE + 0x10, 4, 1);
  it.machine.loop.wake();
  it.machine.host.settle();
  it.machine.host.advance(10_000);
  deepEqual(pending(vcpus), [-1, 0x31]);
  route(first, 20, 0x41, 0xff);
  first.writeMmio(VHPET_BASE + 0x108, 4, 0);
  it.machine.loop.wake();
  it.machine.host.settle();
  deepEqual(pending(vcpus), [0x41, 0x41]);
});

test('events by a line: a level that is up while they are pending (HVM_PARAM_CALLBACK_IRQ, type GSI)', () => {
  const { it, vcpus } = guest();
  const [vcpu] = vcpus as readonly [HvmVcpu];
  route(vcpu, 9, 0x51 | LEVEL);
  it.domain.hvm?.setParam(it.domain, HVM_PARAM_CALLBACK_IRQ, 9n, false);
  it.domain.vcpu(0)?.markEventsPending();
  deepEqual(pending(vcpus), [0x51]);
  const take = () => {
    it.cpu().interruptsEnabled = true;
    vcpu.deliverInterrupts();
  };
  take();
  vcpu.writeMsr(X2APIC_EOI, 0, 0);
  deepEqual(pending(vcpus), [0x51], 'they are still pending');
  take();
  clearUpcall(it);
  vcpu.writeMsr(X2APIC_EOI, 0, 0);
  deepEqual(pending(vcpus), [-1]);
  deepEqual(it.cpu().injected, [0x51, 0x51]);
});

test("a PCI device's pin is one of lines 16 to 47 (hvm_pci_intx_gsi)", () => {
  deepEqual([pciLine(3, 0), pciLine(31, 3), pciLine(0, 1)], [28, 16 + ((124 + 3 + 3) & 31), 17]);
  const { it, vcpus } = guest();
  route(vcpus[0] as HvmVcpu, 28, 0x61 | LEVEL);
  it.domain.hvm?.setParam(it.domain, HVM_PARAM_CALLBACK_IRQ, (1n << 56n) | (3n << 11n), false);
  it.domain.vcpu(0)?.markEventsPending();
  deepEqual(pending(vcpus), [0x61]);
});
