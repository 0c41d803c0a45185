import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as params from '../../../../abi/hvm/params.ts';
import { EINVAL } from '../../../../abi/errno.ts';
import { RAX, RCX, RDX } from '../../../../cpu/state.ts';
import { type Guest, TestMachine } from '../../../testing/test-machine.ts';
import { hvmHypercall } from '../hypercall.ts';
import type { HvmVcpu } from '../vcpu-hvm.ts';
import * as msr from './msr-numbers.ts';

const ALL = params.HVMPV_feature_mask & ~params.HVMPV_no_freq;
const PAGE = 0x5;
const ON = 1n;

class Windows {
  readonly machine = new TestMachine();
  readonly guest: Guest;
  readonly vcpu: HvmVcpu;
  readonly #out = new Uint32Array(4);

  constructor(features = ALL, vcpus = 1) {
    this.guest = this.machine.domain({ vcpus });
    const { hvm } = this.guest.domain;
    equal(hvm?.setParam(this.machine.dom0.domain, params.HVM_PARAM_VIRIDIAN, BigInt(features), false), 0);
    this.vcpu = this.guest.hvm[0] as HvmVcpu;
    for (const vcpu of this.guest.hvm) vcpu.vlapic.writeMmio(0xf0, 4, 0x1ff);
  }

  read(index: number): bigint | undefined {
    if (!this.vcpu.readMsr(index, this.#out)) return undefined;
    return (BigInt(this.#out[1] as number) << 32n) | BigInt(this.#out[0] as number);
  }
  write(index: number, value: bigint): boolean {
    return this.vcpu.writeMsr(index, Number(value & 0xffffffffn), Number(value >> 32n));
  }
  leaf(leaf: number): number[] {
    this.#out.fill(0);
    this.vcpu.cpuid(leaf, 0, this.#out);
    return [...this.#out];
  }
  page(gfn = PAGE): DataView {
    return this.guest.view(gfn * 4096);
  }
  /** Lets time pass, from where the guest would have gone on. */
  pass(ns: number): void {
    this.machine.loop.wake();
    this.machine.host.settle();
    this.machine.host.advance(ns);
  }
  /** A hypercall of 64-bit code: its control word, the address of its parameters, and the status it gets. */
  hypercall(control: bigint, input: bigint): bigint {
    const { state } = this.vcpu;
    state.setGpr(RAX, 0x80000000n);
    state.setGpr(RCX, control);
    state.setGpr(RDX, input);
    equal(hvmHypercall(this.vcpu), true);
    return state.gpr(RAX);
  }
}

const at = (gfn: number, on = ON) => (BigInt(gfn) << 12n) | on;

test('HVM_PARAM_VIRIDIAN takes known features, the base among them (hvm_allow_set_param)', () => {
  const machine = new TestMachine();
  const { hvm } = machine.domain().domain;
  const set = (value: number) => hvm?.setParam(machine.dom0.domain, params.HVM_PARAM_VIRIDIAN, BigInt(value), false);
  deepEqual([set(params.HVMPV_stimer), set(0x2001), set(params.HVMPV_base_freq)], [-EINVAL, -EINVAL, 0]);
});

test("Hyper-V's leaves come first, Xen's behind them with their own places in them", () => {
  const windows = new Windows();
  deepEqual(windows.leaf(0x40000000), [0x40000006, 0x7263694d, 0x666f736f, 0x76482074]);
  deepEqual(windows.leaf(0x40000100).slice(0, 2), [0x40000105, 0x566e6558]);
  deepEqual(windows.leaf(0x40000102).slice(0, 2), [1, 0x40000200]);
  equal(windows.leaf(0x40000002)[0], 0, 'until the guest has told what it is');
  windows.write(msr.HV_X64_MSR_GUEST_OS_ID, 0x0001_0406_0000_1db0n);
  equal(windows.leaf(0x40000002)[0], 0x1772);
  equal((windows.leaf(0x40000004)[0] as number) & 0x2c, 0x2c);
});

test('registers of features that the domain has not are #GP', () => {
  const windows = new Windows(params.HVMPV_base_freq | params.HVMPV_no_freq);
  const missing = [
    msr.HV_X64_MSR_TIME_REF_COUNT,
    msr.HV_X64_MSR_REFERENCE_TSC,
    msr.HV_X64_MSR_TSC_FREQUENCY,
    msr.HV_X64_MSR_SIMP,
    msr.HV_X64_MSR_STIMER0_CONFIG,
    0x40000003,
  ];
  for (const index of missing) deepEqual([windows.read(index), windows.write(index, 1n)], [undefined, false]);
  equal(windows.read(msr.HV_X64_MSR_VP_INDEX), 0n);
});

test("the hypercall page sets bit 31 of EAX, which tells Hyper-V's hypercalls from Xen's", () => {
  const windows = new Windows();
  windows.write(msr.HV_X64_MSR_HYPERCALL, at(PAGE));
  const stub = Array.from({ length: 10 }, (_, i) => windows.page().getUint8(i));
  deepEqual(stub, [0x0d, 0, 0, 0, 0x80, 0x0f, 0x01, 0xc1, 0xc3, 0xcc]);
  equal(windows.hypercall(0x5cn, 0n), 2n, 'HV_STATUS_INVALID_HYPERCALL_CODE');
  equal(windows.write(0x40000200, BigInt(6 * 4096)), true, "Xen's own is further on");
  equal(windows.page(6).getUint8(0), 0xb8);
});

test('the reference TSC page gives the reference count; a register that names no RAM does nothing (XSA-472)', () => {
  const windows = new Windows();
  equal(windows.write(msr.HV_X64_MSR_REFERENCE_TSC, 0xffffffffffffffffn), true);
  windows.write(msr.HV_X64_MSR_REFERENCE_TSC, at(PAGE));
  windows.pass(5_000_000);
  const page = windows.page();
  const tsc = BigInt(windows.machine.xen.now());
  const reference = ((tsc * page.getBigUint64(8, true)) >> 64n) + page.getBigInt64(16, true);
  equal(page.getUint32(0, true), 1);
  equal(windows.read(msr.HV_X64_MSR_TIME_REF_COUNT), reference);
  equal(reference >= 49_999n && reference <= 50_001n, true, 'in 100 ns');
});

/** Enables timer 0 for source 3, whose vector is 0x31. */
function startTimer(windows: Windows, config: bigint, count: bigint): void {
  windows.write(msr.HV_X64_MSR_SINT0 + 3, 0x31n);
  windows.write(msr.HV_X64_MSR_SIMP, at(PAGE));
  windows.write(msr.HV_X64_MSR_STIMER0_CONFIG + 1, count);
  windows.write(msr.HV_X64_MSR_STIMER0_CONFIG, config | (3n << 16n));
}

test('an expired timer puts a message into its place and raises its source; one-shot timers are then off', () => {
  const windows = new Windows();
  startTimer(windows, 1n, 20_000n); // 2 ms
  windows.pass(1_000_000);
  equal(windows.page().getUint32(3 * 256, true), 0);
  windows.pass(2_000_000);
  const message = windows.page().byteOffset + 3 * 256;
  const view = new DataView(windows.page().buffer, message);
  deepEqual([view.getUint32(0, true), view.getUint8(4), view.getUint32(16, true)], [0x80000010, 24, 0]);
  equal(view.getBigUint64(24, true), 20_000n);
  equal(windows.vcpu.vlapic.pendingVector(), 0x31);
  equal((windows.read(msr.HV_X64_MSR_STIMER0_CONFIG) ?? 0n) & 1n, 0n);
});

test('without a message page a timer waits for one (XSA-472)', () => {
  const windows = new Windows();
  windows.pass(1000);
  windows.write(msr.HV_X64_MSR_STIMER0_CONFIG + 1, 1n);
  equal(windows.write(msr.HV_X64_MSR_STIMER0_CONFIG, (3n << 16n) | 1n), true);
  windows.write(msr.HV_X64_MSR_SINT0 + 3, 0x31n);
  equal(windows.vcpu.vlapic.pendingVector(), -1);
  windows.write(msr.HV_X64_MSR_SIMP, at(PAGE));
  equal(windows.vcpu.vlapic.pendingVector(), 0x31);
});

test('a message that is still there is marked, and its end of message lets the next in', () => {
  const windows = new Windows();
  startTimer(windows, 3n, 10_000n); // each ms
  windows.pass(5_000_000);
  const message = () => new DataView(windows.page().buffer, windows.page().byteOffset + 3 * 256);
  equal(message().getUint8(5), 1, 'pending');
  message().setUint32(0, 0, true);
  windows.write(msr.HV_X64_MSR_EOM, 0n);
  equal(message().getUint32(0, true), 0x80000010);
});

test('a source with auto-EOI ends its interrupt as it is delivered', () => {
  const windows = new Windows();
  windows.write(msr.HV_X64_MSR_SINT0 + 2, 0x41n | (1n << 17n));
  windows.guest.cpu().interruptsEnabled = true;
  windows.vcpu.vlapic.setIrq(0x41);
  windows.vcpu.deliverInterrupts();
  deepEqual(windows.guest.cpu().injected, [0x41]);
  equal(windows.vcpu.vlapic.inService.highest(), -1);
  equal(windows.write(msr.HV_X64_MSR_SINT0, 0xfn), false, 'no vector');
});

test('IPIs go to the processors of a mask or a set; vectors and reserved bytes are looked at', () => {
  const windows = new Windows(ALL, 3);
  const parameters = windows.page();
  const pending = () => windows.guest.hvm.map(({ vlapic }) => vlapic.pendingVector());
  parameters.setUint32(0, 0x51, true);
  parameters.setBigUint64(8, 0b110n, true);
  equal(windows.hypercall(0x0bn, at(PAGE, 0n)), 0n);
  deepEqual(pending(), [-1, 0x51, 0x51]);
  parameters.setUint32(0, 0x61, true);
  parameters.setBigUint64(8, 0n, true); // sparse set
  parameters.setBigUint64(16, 1n, true); // its first bank
  parameters.setBigUint64(24, 0b001n, true);
  equal(windows.hypercall(0x15n, at(PAGE, 0n)), 0n);
  deepEqual(pending(), [0x61, 0x51, 0x51]);
  parameters.setUint32(0, 0xf, true);
  equal(windows.hypercall(0x0bn, at(PAGE, 0n)), 5n, 'HV_STATUS_INVALID_PARAMETER');
  equal(windows.hypercall(0x0bn, at(0x4000, 0n)), 5n, 'no RAM');
});

test('flushes tell how many of their repetitions are done: all', () => {
  const windows = new Windows();
  windows.page().setBigUint64(8, 1n, true);
  equal(windows.hypercall((7n << 32n) | 0x03n, at(PAGE, 0n)), 7n << 32n);
});

test('after a crash was notified, whatever ends the domain is a crash', () => {
  const windows = new Windows();
  windows.write(msr.HV_X64_MSR_CRASH_P0, 0xbadn);
  windows.write(msr.HV_X64_MSR_CRASH_CTL, 1n << 63n);
  windows.guest.domain.shutdown(0);
  equal(windows.guest.domain.shutdownCode, 3);
});
