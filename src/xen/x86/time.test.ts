import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { CompatSharedInfo } from '../../abi/compat/xen.ts';
import { SharedInfo, VcpuTimeInfo, XEN_PVCLOCK_TSC_STABLE_BIT } from '../../abi/xen.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';
import type { HvmVcpu } from './hvm/vcpu-hvm.ts';
import { SystemTsc, updateWallclock } from './time.ts';

const TIME_IN_VCPU_INFO = 0x20;
const IA32_TSC_ADJUST = 0x3b;

/** System time as a guest's pvclock code makes it, on one of its vCPUs. */
function pvclock(guest: Guest, id: number): bigint {
  const hvm = guest.hvm[id] as HvmVcpu;
  // What precedes every entry into the guest.
  hvm.refreshTime();
  const tsc = new Uint32Array(2);
  guest.cpu(id).tsc.read(tsc);
  const host = (BigInt(tsc[1] as number) << 32n) | BigInt(tsc[0] as number);
  const { view } = guest.machine.xen.memory;
  const info = new VcpuTimeInfo(view, hvm.vcpu.infoAddress + TIME_IN_VCPU_INFO);
  equal(info.version % 2, 0, 'nobody is writing it');
  ok((info.flags & XEN_PVCLOCK_TSC_STABLE_BIT) !== 0, 'a guest need not compare vCPUs');
  const passed = BigInt.asUintN(64, host + hvm.tscOffset() - info.tsc_timestamp) << BigInt(info.tsc_shift);
  return info.system_time + ((passed * BigInt(info.tsc_to_system_mul)) >> 32n);
}

test('pvclock is system time to the nanosecond on every vCPU, whatever passes and whoever pauses', () => {
  const machine = new TestMachine();
  const guest = machine.domain({ vcpus: 8 });
  let last = -1n;
  for (let step = 0; step < 400; step++) {
    machine.host.spend([1, 0, 7, 999_999_937, 3][step % 5] as number);
    if (step % 7 === 0) guest.domain.pause();
    const id = (step * 5) % 8;
    const now = pvclock(guest, id);
    equal(now, BigInt(machine.xen.now()), `vCPU ${id} at step ${step}`);
    ok(now >= last);
    last = now;
    if (step % 7 === 3 && guest.domain.pauseCount > 1) guest.domain.unpause();
  }
});

test('a vCPU that sets its TSC keeps the others’ time, and its own', () => {
  const machine = new TestMachine();
  const guest = machine.domain({ vcpus: 2 });
  machine.host.spend(12_345);
  const [first, second] = guest.hvm as [HvmVcpu, HvmVcpu];
  equal(first.writeMsr(IA32_TSC_ADJUST, 0xffff0000, 0xffffffff), true);
  second.setTscOffset(1n << 50n);
  for (const id of [0, 1, 0, 1]) {
    equal(pvclock(guest, id), BigInt(machine.xen.now()));
    machine.host.spend(1);
  }
});

test('a time area that is mapped only later has the time once its vCPU runs', () => {
  const machine = new TestMachine();
  const guest = machine.domain();
  const [hvm] = guest.hvm as [HvmVcpu];
  hvm.vcpu.timeArea = 0x2000_0000n;
  hvm.setTscOffset(5n);
  equal(hvm.vcpu.timeAreaIsStale, true);
  hvm.vcpu.timeArea = 0x5000n;
  hvm.refreshTime();
  equal(hvm.vcpu.timeAreaIsStale, false);
  equal(new VcpuTimeInfo(guest.view(0x5000), 0).tsc_to_system_mul, 0x80000000);
});

test('wall clock and system time make the host’s date, with the domain’s offset, in both layouts', () => {
  const machine = new TestMachine();
  const { domain } = machine.domain();
  machine.host.spend(123_456_789);
  for (const compat of [false, true]) {
    for (const offset of [0, 3600, -7200]) {
      domain.has32bitSharedInfo = compat;
      domain.timeOffsetSeconds = offset;
      updateWallclock(domain);
      const { view } = machine.xen.memory;
      const info = compat ? new CompatSharedInfo(view, domain.sharedInfo) : new SharedInfo(view, domain.sharedInfo);
      equal(info.wc_version % 2, 0);
      const bootNs =
        (BigInt(info.wc_sec_hi) << 32n) * 10n ** 9n + BigInt(info.wc_sec) * 10n ** 9n + BigInt(info.wc_nsec);
      equal(bootNs + BigInt(machine.xen.now()), machine.host.wallclockNs() + BigInt(offset) * 10n ** 9n);
    }
  }
});

test('no vCPU of a domain is told less than another counted on to; a clock that stands still is not run away from', () => {
  let now = 1_000_000;
  const tsc = new SystemTsc(() => now, undefined);
  const out = new Uint32Array(2);
  const read = (): [number, boolean] => {
    const mayCount = tsc.read(out);
    return [(out[1] as number) * 2 ** 32 + (out[0] as number), mayCount];
  };
  deepEqual(read(), [1_000_000, true]);
  tsc.countedOn(50_000);
  deepEqual(read(), [1_050_000, true]);
  tsc.countedOn(60_000);
  deepEqual(read(), [1_110_000, false]);
  now = 1_100_000;
  deepEqual(read(), [1_110_000, true]);
  now = 2 ** 40;
  deepEqual(read(), [2 ** 40, true]);
});

test('timers expire at their nanosecond, in their order', () => {
  const machine = new TestMachine();
  const { xen, host } = machine;
  const guest = machine.domain();
  const fired: [string, number][] = [];
  const note = (name: string) => () => fired.push([name, xen.now()]);
  const { singleshotTimer, pollTimer } = guest.domain.vcpus[0] ?? {};
  ok(singleshotTimer !== undefined && pollTimer !== undefined);
  Object.assign(singleshotTimer, { fire: note('singleshot') });
  Object.assign(pollTimer, { fire: note('poll') });
  const start = xen.now();
  xen.timers.set(pollTimer, start + 1_000_001);
  xen.timers.set(singleshotTimer, start + 1_000_000);
  machine.loop.wake();
  host.advance(2_000_000);
  deepEqual(fired, [
    ['singleshot', start + 1_000_000],
    ['poll', start + 1_000_001],
  ]);
});
