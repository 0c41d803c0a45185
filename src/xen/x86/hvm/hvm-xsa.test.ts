import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { XEN_X86_EMU_HPET, XEN_X86_EMU_IOAPIC } from '../../../abi/arch-x86/xen.ts';
import { EINVAL, EOPNOTSUPP, ENXIO, EPERM } from '../../../abi/errno.ts';
import { XEN_DMOP_nr_vcpus, XEN_DMOP_set_mem_type } from '../../../abi/hvm/dm_op.ts';
import { VCPU_HVM_MODE_32B, VCPU_HVM_MODE_64B, VcpuHvmContext } from '../../../abi/hvm/hvm_vcpu.ts';
import { HVM_PARAM_VIRIDIAN, HVMPV_base_freq, HVMPV_feature_mask, HVMPV_no_freq } from '../../../abi/hvm/params.ts';
import { VCPUOP_initialise, VCPUOP_register_vcpu_info, VcpuRegisterVcpuInfo } from '../../../abi/vcpu.ts';
import { XENVER_version } from '../../../abi/version.ts';
import { __HYPERVISOR_dm_op, __HYPERVISOR_vcpu_op, __HYPERVISOR_xen_version, type Gfn } from '../../../abi/xen.ts';
import { R8, RAX, RBX, RCX, RDX } from '../../../cpu/state.ts';
import { listenTo } from '../../testing/listener.ts';
import { TestMachine } from '../../testing/test-machine.ts';
import { build, machine } from '../../testing/whole-xen.ts';
import { hvmHypercall } from './hypercall.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// What Xen's security advisories on HVM guests' processors and platform were about, where it applies: a test an advisory.

function guest(vcpus = 1) {
  const machine = new TestMachine();
  const made = machine.domain({ vcpus });
  return { machine, guest: made, hvm: made.hvm[0] as HvmVcpu };
}

test('XSA-454 (and XSA-97): a hypercall of 32-bit code is what the lower halves of its registers say', () => {
  const { hvm, guest: it } = guest();
  it.cpu().longMode(false);
  const { state } = hvm;
  const garbage = 0xdead_beef_0000_0000n;
  state.setGpr(RAX, garbage | BigInt(__HYPERVISOR_xen_version));
  state.setGpr(RBX, garbage | BigInt(XENVER_version));
  state.setGpr(RCX, garbage);
  equal(hvmHypercall(hvm), true);
  equal(state.gprLo(RAX), (4 << 16) | 17);
  for (let index = 0; index < 5; index++) ok((hvm.call.args[index] as bigint) <= 0xffffffffn);
});

test('XSA-99: the page of a listener’s ring is the guest’s too until it is taken away, and nothing in it is believed', () => {
  const { guest: it } = guest();
  const { ring, page, answered } = listenTo(it.domain);
  new Uint8Array(page.buffer, page.byteOffset, 4096).fill(0xff);
  ring.takeResponses();
  deepEqual(answered, []);
  equal(ring.isFull, false);
  it.domain.hvm?.closeMonitor();
});

test('XSA-108: x2APIC MSRs past the registers there are read nothing that lies behind them', () => {
  const { hvm } = guest();
  const out = new Uint32Array(2);
  hvm.writeMsr(0x1b, 0xfee00d00, 0);
  const readable = Array.from({ length: 0x400 }, (_, index) => 0x800 + index).filter((msr) => hvm.readMsr(msr, out));
  ok(readable.length > 20);
  ok(
    readable.every((msr) => msr < 0x840),
    readable.map((msr) => msr.toString(16)).join(),
  );
});

test('XSA-238: dm_op looks at its buffers, and at every argument, before it does anything', () => {
  const { machine, guest: victim } = guest();
  const server = machine.domain();
  server.domain.target = victim.domain;
  const call = (operation: number, size: number, fill: (view: DataView) => void = () => {}): number => {
    const list = server.view(0x1000);
    list.setBigUint64(0, 0x2000n, true);
    list.setBigUint64(8, BigInt(size), true);
    server.bytes(0x2000, 64).fill(0);
    server.view(0x2000).setUint32(0, operation, true);
    fill(server.view(0x2000));
    return server.hypercall(__HYPERVISOR_dm_op, [victim.domain.id, 1, 0x1000]);
  };
  equal(call(XEN_DMOP_nr_vcpus, 64), 0);
  ok(call(XEN_DMOP_nr_vcpus, 4) < 0, 'shorter than its header');
  ok(call(XEN_DMOP_nr_vcpus, 9) < 0, 'shorter than its structure');
  for (const first of [0n, 0xffff_ffff_ffff_ffffn, 1n << 52n]) {
    const wraps = (view: DataView): void => {
      view.setUint32(8, 0xffffffff, true);
      view.setBigUint64(16, first, true);
    };
    equal(call(XEN_DMOP_set_mem_type, 64, wraps), -EINVAL);
  }
  equal(call(3, 64), -EOPNOTSUPP, 'ranges of I/O servers');
  equal(server.hypercall(__HYPERVISOR_dm_op, [0, 1, 0x1000]), -EINVAL, 'dom0 is no HVM domain');
  const stranger = machine.domain();
  equal(server.hypercall(__HYPERVISOR_dm_op, [stranger.domain.id, 1, 0x1000]), -EPERM);
});

test('XSA-256: no domain is made without a local APIC', () => {
  const it = machine();
  for (const flags of [0, XEN_X86_EMU_IOAPIC | XEN_X86_EMU_HPET]) {
    throws(() => build(it, 64, { emulation_flags: flags }), /errno 22/);
  }
});

test('XSA-296: registers that are impossible are refused when a vCPU is initialised, and it stays as it was', () => {
  const { guest: it } = guest(2);
  const second = it.domain.vcpu(1);
  ok(second !== undefined);
  second.initialised = false;
  const initialise = (fill: (context: VcpuHvmContext) => void): number =>
    it.withStructure(VcpuHvmContext, fill, (at) => it.hypercall(__HYPERVISOR_vcpu_op, [VCPUOP_initialise, 1, at]))
      .result;
  const impossible: ((context: VcpuHvmContext) => void)[] = [
    (context) => {
      context.mode = 0xffffffff;
    },
    (context) => {
      context.mode = VCPU_HVM_MODE_32B;
      context.pad = 1;
    },
    (context) => {
      context.mode = VCPU_HVM_MODE_32B;
      context.x86_32.cr0 = 0xffffffff;
      context.x86_32.cs_ar = 0xffff;
    },
    (context) => {
      context.mode = VCPU_HVM_MODE_64B;
      context.x86_64.cr0 = 0x80000000n;
    },
  ];
  for (const [index, fill] of impossible.entries()) {
    equal(initialise(fill), -EINVAL, `context ${index}`);
    equal(second.initialised, false);
  }
});

test('XSA-327: vcpu_info is not put where it would be split, or not aligned', () => {
  const { guest: it } = guest();
  for (const offset of [1, 4, 0xfc1, 0xfff, 0x1000, 0xffffffff]) {
    const { result } = it.withStructure(
      VcpuRegisterVcpuInfo,
      (argument) => {
        argument.mfn = 0x10 as Gfn;
        argument.offset = offset;
      },
      (at) => it.hypercall(__HYPERVISOR_vcpu_op, [VCPUOP_register_vcpu_info, 0, at]),
    );
    equal(result, -ENXIO, `offset ${offset.toString(16)}`);
  }
});

test('XSA-351 and XSA-333: MSRs that tell of the host, or that PV guests alone write, are not there', () => {
  const { hvm } = guest();
  const out = new Uint32Array(2);
  for (const msr of [0x606, 0x610, 0x611, 0x639, 0x641, 0xc0010299, 0xc001029a]) equal(hvm.readMsr(msr, out), false);
  equal(hvm.writeMsr(0x1a0, 0xffffffff, 0xffffffff), false, 'MISC_ENABLE takes what it has');
});

test('XSA-475: sets of processors that name none there are, in each of their forms, reach nobody else', () => {
  const { machine, guest: it, hvm } = guest(2);
  const features = HVMPV_feature_mask & ~HVMPV_no_freq;
  ok((features & HVMPV_base_freq) !== 0);
  equal(it.domain.hvm?.setParam(machine.dom0.domain, HVM_PARAM_VIRIDIAN, BigInt(features), false), 0);
  const call = (code: number, fill: (view: DataView) => void): number => {
    it.bytes(0x5000, 1024).fill(0xff);
    fill(it.view(0x5000));
    hvm.state.setGpr(RAX, 0x80000000n);
    hvm.state.setGpr(RCX, BigInt(code));
    hvm.state.setGpr(RDX, 0x5000n);
    hvm.state.setGpr(R8, 0n);
    equal(hvmHypercall(hvm), true);
    return hvm.state.gprLo(RAX) & 0xffff;
  };
  const VECTOR = 0x40;
  const ipi = (view: DataView): void => view.setBigUint64(0, BigInt(VECTOR), true);
  const ipiTo = (format: bigint, valid: bigint) => (view: DataView) => {
    ipi(view);
    view.setBigUint64(8, format, true);
    view.setBigUint64(16, valid, true);
  };
  equal(call(0x000b, ipi), 0, 'a mask of 64, of whom there are two');
  equal(call(0x0015, ipiTo(0n, 0xffff_ffff_ffff_ffffn)), 0, 'all 64 banks, all in them');
  equal(call(0x0015, ipiTo(0n, 1n << 63n)), 0, 'the last bank alone');
  equal(call(0x0015, ipiTo(0n, 0n)), 0, 'no bank');
  ok(call(0x0015, ipiTo(7n, 1n)) !== 0, 'a form that there is not');
  const flush = (view: DataView): void => {
    view.setBigUint64(8, 0n, true);
    view.setBigUint64(16, 0n, true);
    view.setBigUint64(24, 0xffff_ffff_ffff_ffffn, true);
  };
  equal(call(0x0013, flush), 0);
});
