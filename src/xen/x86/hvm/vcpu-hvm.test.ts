import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, ENOENT, ENOSYS, EPERM } from '../../../abi/errno.ts';
import {
  HVMOP_get_param,
  HVMOP_set_evtchn_upcall_vector,
  HVMOP_set_param,
  XenHvmEvtchnUpcallVector,
  XenHvmParam,
} from '../../../abi/hvm/hvm_op.ts';
import {
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_IDENT_PT,
  HVM_PARAM_VIRIDIAN,
} from '../../../abi/hvm/params.ts';
import { SCHEDOP_yield } from '../../../abi/sched.ts';
import { XENVER_version } from '../../../abi/version.ts';
import {
  __HYPERVISOR_console_io,
  __HYPERVISOR_hvm_op,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_xen_version,
  CONSOLEIO_write,
  DOMID_SELF,
} from '../../../abi/xen.ts';
import { EXIT_BUDGET, EXIT_HLT } from '../../../cpu/engine.ts';
import { CS, OFFSET_CPL, OFFSET_TSC_OFFSET, RAX } from '../../../cpu/state.ts';
import { type Guest, TestMachine } from '../../testing/test-machine.ts';
import { APIC_BASE_ENABLE, APIC_BASE_EXTD, APIC_DEFAULT_PHYS_BASE } from './apic-registers.ts';
import { runHvmVcpu } from './run.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

const APIC_BASE_MSR = 0x1b;
const X2APIC_SPIV = 0x80f;
const X2APIC_EOI = 0x80b;
const CALLBACK_VECTOR = 0xf3;
const VECTOR_CALLBACK = (2n << 56n) | BigInt(CALLBACK_VECTOR);

function guest(vcpus = 1): { machine: TestMachine; guest: Guest; hvm: HvmVcpu } {
  const machine = new TestMachine();
  const made = machine.domain({ vcpus });
  return { machine, guest: made, hvm: made.hvm[0] as HvmVcpu };
}

function setParam(it: Guest, index: number, value: bigint): number {
  return it.withStructure(
    XenHvmParam,
    (argument) => {
      argument.domid = DOMID_SELF;
      argument.index = index;
      argument.value = value;
    },
    (at) => it.hypercall(__HYPERVISOR_hvm_op, [HVMOP_set_param, at]),
  ).result;
}

function getParam(it: Guest, index: number): number | bigint {
  const { result, argument } = it.withStructure(
    XenHvmParam,
    (param) => {
      param.domid = DOMID_SELF;
      param.index = index;
    },
    (at) => it.hypercall(__HYPERVISOR_hvm_op, [HVMOP_get_param, at]),
  );
  return result < 0 ? result : argument.value;
}

function setUpcallVector(it: Guest, vcpu: number, vector: number): number {
  return it.withStructure(
    XenHvmEvtchnUpcallVector,
    (argument) => {
      argument.vcpu = vcpu;
      argument.vector = vector;
    },
    (at) => it.hypercall(__HYPERVISOR_hvm_op, [HVMOP_set_evtchn_upcall_vector, at]),
  ).result;
}

function enableX2apic(hvm: HvmVcpu): void {
  equal(hvm.writeMsr(APIC_BASE_MSR, APIC_DEFAULT_PHYS_BASE | APIC_BASE_ENABLE | APIC_BASE_EXTD, 0), true);
  equal(hvm.writeMsr(X2APIC_SPIV, 0x1ff, 0), true);
}

test('an NMI goes before the event callback, the callback before the local APIC (Xen, hvm_vcpu_has_pending_irq)', () => {
  const { guest: it, hvm } = guest();
  enableX2apic(hvm);
  setParam(it, HVM_PARAM_CALLBACK_IRQ, VECTOR_CALLBACK);
  const cpu = it.cpu();
  cpu.interruptsEnabled = true;
  hvm.vlapic.setIrq(0xfe);
  it.domain.vcpu(0)?.markEventsPending();
  hvm.raiseNmi();
  hvm.deliverInterrupts();
  equal(cpu.nmis, 1);
  deepEqual(cpu.injected, [CALLBACK_VECTOR]);
  equal(cpu.windowRequested, true, 'there is more');
  it.machine.xen.memory.bytes[it.domain.vcpu(0)?.infoAddress ?? 0] = 0;
  cpu.interruptsEnabled = true;
  hvm.deliverInterrupts();
  deepEqual(cpu.injected, [CALLBACK_VECTOR, 0xfe]);
});

test('with interrupts off nothing is injected, and the vCPU stops as soon as they are on', () => {
  const { guest: it, hvm } = guest();
  enableX2apic(hvm);
  const cpu = it.cpu();
  const order: string[] = [];
  cpu.handler = (vector) => order.push(`interrupt ${vector}`);
  hvm.vlapic.setIrq(0x40);
  it.run(function* () {
    order.push('cli');
    yield EXIT_BUDGET;
    order.push('sti');
    cpu.interruptsEnabled = true;
    yield EXIT_BUDGET;
    order.push('after');
    cpu.interruptsEnabled = true;
    yield EXIT_HLT;
  });
  deepEqual(order.slice(0, 4), ['cli', 'sti', 'interrupt 64', 'after']);
});

test('the callback is a level: it comes again until the guest clears evtchn_upcall_pending', () => {
  const { guest: it, hvm } = guest();
  setParam(it, HVM_PARAM_CALLBACK_IRQ, VECTOR_CALLBACK);
  const cpu = it.cpu();
  it.domain.vcpu(0)?.markEventsPending();
  for (let times = 0; times < 2; times++) {
    cpu.interruptsEnabled = true;
    hvm.deliverInterrupts();
  }
  deepEqual(cpu.injected, [CALLBACK_VECTOR, CALLBACK_VECTOR]);
});

test('a per-vCPU upcall vector is an edge through the local APIC, with EOI', () => {
  const { guest: it, hvm } = guest();
  enableX2apic(hvm);
  const cpu = it.cpu();
  equal(setUpcallVector(it, 0, CALLBACK_VECTOR), 0);
  cpu.interruptsEnabled = true;
  hvm.deliverInterrupts();
  deepEqual(cpu.injected, [CALLBACK_VECTOR], 'raised once when it is set');
  it.domain.vcpu(0)?.markEventsPending();
  cpu.interruptsEnabled = true;
  hvm.deliverInterrupts();
  equal(cpu.injected.length, 1, 'still in service');
  hvm.writeMsr(X2APIC_EOI, 0, 0);
  hvm.deliverInterrupts();
  equal(cpu.injected.length, 2);
});

test('an upcall vector that is an exception, or of a vCPU there is not, is refused', () => {
  const { guest: it } = guest();
  equal(setUpcallVector(it, 0, 0x0f), -EINVAL);
  equal(setUpcallVector(it, 1, 0x20), -ENOENT);
});

test('an interrupt line as callback is ignored, as for a PVH guest: a vector set before stays', () => {
  const { guest: it } = guest();
  equal(setParam(it, HVM_PARAM_CALLBACK_IRQ, VECTOR_CALLBACK), 0);
  equal(setParam(it, HVM_PARAM_CALLBACK_IRQ, 1n), 0);
  equal(it.domain.hvm?.callbackVector, CALLBACK_VECTOR);
  equal(getParam(it, HVM_PARAM_CALLBACK_IRQ), 1n);
});

test('a guest sets and reads the parameters that are its own, no others', () => {
  const { guest: it } = guest();
  equal(setParam(it, HVM_PARAM_CONSOLE_PFN, 1n), -EPERM);
  equal(getParam(it, HVM_PARAM_CONSOLE_PFN), 0n);
  equal(getParam(it, HVM_PARAM_IDENT_PT), -EPERM);
  equal(setParam(it, HVM_PARAM_VIRIDIAN, 1n), -EPERM);
  equal(setParam(it, 4, 0n), -EINVAL, 'deprecated');
  equal(setParam(it, 39, 0n), -EINVAL, 'past the last');
  equal(it.hypercall(__HYPERVISOR_hvm_op, [HVMOP_get_param, 0xdead000]), -EFAULT);
});

test('the width of shared structures is that of the code which sets the callback or the hypercall page', () => {
  const { guest: it, hvm } = guest();
  it.cpu().longMode(false);
  setParam(it, HVM_PARAM_CALLBACK_IRQ, VECTOR_CALLBACK);
  equal(it.domain.has32bitSharedInfo, true);
  it.cpu().longMode(true);
  equal(hvm.writeMsr(0x40000000, 0x2000, 0), true);
  equal(it.domain.has32bitSharedInfo, false);
});

test('the hypercall page has a stub for each call: mov $nr, %eax; vmcall; ret', () => {
  const { guest: it, hvm } = guest();
  equal(hvm.writeMsr(0x40000000, 0x2000, 0), true);
  deepEqual([...it.bytes(0x2000 + 17 * 32, 9)], [0xb8, 17, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3]);
  deepEqual([...it.bytes(0x2000 + 23 * 32, 2)], [0x0f, 0x0b], 'iret has none');
  ok(it.machine.engine.written.some(({ address, length }) => length === 4096 && address > 0));
  equal(hvm.writeMsr(0x40000000, 0x2001, 0), false, 'there is one page');
  equal(hvm.writeMsr(0x40000000, 0x7fff000, 0), false, 'not RAM');
  const out = new Uint32Array(2);
  equal(hvm.readMsr(0x40000000, out), true);
  deepEqual([...out], [0, 0]);
  equal(hvm.readMsr(0x40000001, out), false);
});

test('HLT waits for an interrupt; with interrupts off the last vCPU powers the domain off', () => {
  const { guest: it } = guest();
  it.cpu().interruptsEnabled = true;
  it.run(function* () {
    yield EXIT_HLT;
    it.cpu().interruptsEnabled = false;
    yield EXIT_HLT;
  });
  equal(it.domain.shuttingDown, false);
  equal(it.domain.vcpu(0)?.runnable, false);
  it.hvm[0]?.kick();
  it.machine.host.settle();
  deepEqual([it.domain.shutDown, it.domain.shutdownCode], [true, 0]);
});

test('hypercalls come from the registers of the code’s width, and only from CPL 0', () => {
  const { guest: it } = guest();
  const results: (number | bigint)[] = [];
  it.run(function* (cpu) {
    yield cpu.hypercall(__HYPERVISOR_xen_version, 0);
    results.push(cpu.result);
    yield cpu.hypercall(63);
    results.push(cpu.state.gpr(RAX));
    cpu.longMode(false);
    cpu.state.setGpr(RAX, 0xffffffff_00000000n);
    yield cpu.hypercall(63);
    results.push(cpu.state.gpr(RAX));
    cpu.state.setU32(OFFSET_CPL, 3);
    yield cpu.hypercall(__HYPERVISOR_xen_version, 0);
    results.push(cpu.result);
  });
  deepEqual(results, [0x40011, BigInt.asUintN(64, -BigInt(ENOSYS)), BigInt(2 ** 32 - ENOSYS), -EPERM]);
});

test('a long hypercall lets others have their turn, and goes on where it was', () => {
  const { machine, guest: it } = guest();
  const other = machine.domain();
  let othersSteps = 0;
  let isDone = false;
  other.cpu().load(function* () {
    while (!isDone) {
      othersSteps += 1;
      yield other.cpu().hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield);
    }
  });
  other.domain.controllerPauseCount -= 1;
  other.domain.unpause();
  for (let gfn = 0; gfn < 64; gfn++) it.bytes(gfn * 4096, 4096).fill(0x41);
  let result = -1;
  it.run(function* (cpu) {
    yield cpu.hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, 200_000, 0);
    result = cpu.result;
    isDone = true;
  });
  equal(result, 0);
  const printed = machine.host.lines.join('').length;
  ok(printed >= 200_000 - 1024, `${printed} characters`);
  ok(othersSteps >= 6, `${othersSteps} turns of the other domain between the parts of 32 KiB`);
});

test('hypercalls count for a slice: a guest that makes nothing else gives the thread back', () => {
  const { guest: it } = guest();
  it.domain.controllerPauseCount -= 1;
  it.domain.unpause();
  it.cpu().load(function* (cpu) {
    for (;;) yield cpu.hypercall(__HYPERVISOR_xen_version, XENVER_version);
  });
  runHvmVcpu(it.hvm[0] as HvmVcpu, 100_000);
  const calls = it.cpu().instructions / 100;
  ok(calls > 10 && calls <= 100, `${calls} hypercalls`);
});

test('INIT and start-up bring a second vCPU up in real mode at vector << 12', () => {
  const { guest: it, hvm } = guest(2);
  enableX2apic(hvm);
  const second = it.domain.vcpu(1);
  const target = 2; // APIC ID of vCPU 1
  second?.up();
  second?.block(); // in HLT, which INIT ends
  equal(hvm.writeMsr(0x830, 0x4500, target), true); // INIT, assert
  equal(second?.initialised, false);
  equal(hvm.writeMsr(0x830, 0x4600 | 0x99, target), true); // start-up
  deepEqual([second?.initialised, second?.pauseFlags], [true, 0]);
  const { state } = it.cpu(1);
  deepEqual([state.segmentSelector(CS), state.segmentBase(CS), state.rip], [0x9900, 0x99000n, 0n]);
  equal(hvm.writeMsr(0x830, 0x4600 | 0x11, target), true);
  equal(state.segmentSelector(CS), 0x9900, 'a second start-up message is ignored');
});

test('pvclock follows the guest’s TSC: an exact 1 GHz, stable, and again after the TSC is written', () => {
  const { machine, guest: it, hvm } = guest();
  const at = (it.domain.vcpu(0)?.infoAddress ?? 0) + 0x20;
  const { view } = machine.xen.memory;
  const systemTime = (tsc: bigint) => {
    const delta = tsc - view.getBigUint64(at + 8, true);
    const shifted = delta << BigInt(view.getInt8(at + 28));
    return view.getBigUint64(at + 16, true) + ((shifted * BigInt(view.getUint32(at + 24, true))) >> 32n);
  };
  machine.host.spend(123_456_789);
  equal(systemTime(BigInt(machine.xen.now())), BigInt(machine.xen.now()));
  equal(view.getUint8(at + 29), 1, 'XEN_PVCLOCK_TSC_STABLE_BIT');
  const version = view.getUint32(at, true);
  equal(version % 2, 0);

  hvm.state.setU64(OFFSET_TSC_OFFSET, BigInt.asUintN(64, -1000n));
  it.run(function* () {
    yield EXIT_HLT;
  });
  equal(systemTime(BigInt(machine.xen.now()) - 1000n), BigInt(machine.xen.now()));
  equal(view.getUint32(at, true), version + 2);
});

test('CPUID has the hypervisor’s leaves, the APIC ID, and the state of CR4 and XCR0', () => {
  const { guest: it, hvm } = guest(3);
  const leaf = (index: number, subleaf = 0, vcpu = hvm) => {
    const out = new Uint32Array(4);
    vcpu.cpuid(index, subleaf, out);
    return [...out] as [number, number, number, number];
  };
  deepEqual(leaf(0x40000000), [0x40000005, 0x566e6558, 0x65584d4d, 0x4d4d566e]);
  equal(leaf(0x40000001)[0], 0x00040011);
  deepEqual(leaf(0x40000002), [1, 0x40000000, 0, 0]);
  deepEqual(leaf(0x40000003, 1), [0, 0, 0x80000000, 1]);
  equal(leaf(0x40000003, 2)[0], 1_000_000);
  const [features, id, domid] = leaf(0x40000004, 0, it.hvm[2]);
  deepEqual([features, id, domid], [4 | 8 | 16 | 64, 2, it.domain.id]);
  deepEqual(leaf(0x40000005), [0, 0, 0, 0]);
  deepEqual(leaf(0x40000100), [0, 0, 0, 0]);

  const [, ebx, ecx, edx] = leaf(1, 0, it.hvm[2]);
  equal(ebx >>> 24, 4);
  equal((ebx >>> 16) & 0xff, 8);
  equal(ecx >>> 31, 1);
  ok((ecx & (1 << 21)) !== 0 && (ecx & (1 << 27)) === 0);
  ok((edx & (1 << 9)) !== 0);
  hvm.state.setU64(0x1f8, 1n << 18n); // CR4.OSXSAVE
  ok((leaf(1)[2] & (1 << 27)) !== 0);
  deepEqual(leaf(0xb, 0, it.hvm[1]), [1, 1, 0x100, 2]);
  deepEqual(leaf(0xb, 1, it.hvm[1]), [3, 3, 0x201, 2]);
  hvm.state.setU64(0x208, 3n);
  equal(leaf(0xd)[1], 576);
  hvm.state.setU64(0x208, 7n);
  equal(leaf(0xd)[1], 832);
});

test('CPUID faults in user mode once the guest asks for it in MSR_MISC_FEATURES_ENABLES', () => {
  const { hvm } = guest();
  const out = new Uint32Array(4);
  const faults = (cpl: number) => {
    hvm.state.setU32(OFFSET_CPL, cpl);
    return !hvm.cpuid(0, 0, out);
  };
  equal(faults(3), false);
  equal(hvm.writeMsr(0x140, 2, 0), false, 'no other bit is there');
  equal(hvm.writeMsr(0x140, 1, 0), true);
  deepEqual([faults(3), faults(1), faults(0)], [true, true, false]);
  equal(hvm.readMsr(0x140, out) && out[0] === 1, true);
  hvm.writeMsr(0x140, 0, 0);
  equal(faults(3), false);
});

test('MSRs that Xen shows read as it shows them, others are #GP', () => {
  const { hvm } = guest();
  const out = new Uint32Array(2);
  const read = (index: number) =>
    hvm.readMsr(index, out) ? (BigInt(out[1] ?? 0) << 32n) | BigInt(out[0] ?? 0) : '#GP';
  equal(read(0x1b), 0xfee00900n);
  equal(read(0xfe), 0x508n);
  equal(read(0xce), 0x80000000n);
  equal(read(0x3a), 1n);
  equal(read(0x179), 2n);
  equal(read(0x400), 0xffffffffffffffffn);
  equal(read(0x401), 0n);
  equal(read(0xc1), 0n);
  equal(read(0x48), '#GP');
  equal(read(0x12345678), '#GP');
  equal(hvm.writeMsr(0x2ff, 0x806, 0), true);
  equal(read(0x2ff), 0x806n);
  equal(hvm.writeMsr(0x2ff, 0x802, 0), false, 'no such memory type');
  equal(hvm.writeMsr(0x200, 0xfe000006, 1), true);
  equal(read(0x200), 0x1fe000006n);
  equal(hvm.writeMsr(0xfe, 0, 0), false);
  equal(hvm.writeMsr(0x3b, 5000, 0), true);
  equal(hvm.tscOffset(), 5000n);
  equal(hvm.writeMsr(0x12345678, 0, 0), false);
});

test('an empty bus reads all ones; port 0xe9 prints on Xen’s console', () => {
  const { machine, guest: it, hvm } = guest();
  deepEqual([hvm.readPort(0x61, 1), hvm.readPort(0xcf8, 4)], [0xff, 0xffffffff]);
  equal(hvm.readMmio(0xfec00000, 4), 0xffffffff);
  equal(hvm.readMmio(0xfee00030, 4), 0x00050014);
  for (const character of 'hi\n') hvm.writePort(0xe9, 1, character.charCodeAt(0));
  ok(machine.host.lines.includes(`(d${it.domain.id}) hi`));
});
