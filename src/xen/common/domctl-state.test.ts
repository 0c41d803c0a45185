import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { HVM_SAVE_CODE_CPU, HVM_SAVE_CODE_LAPIC_REGS } from '../../abi/arch-x86/hvm/save.ts';
import { HvmHwCpu } from '../../abi/arch-x86/hvm/save-cpu.ts';
import { VcpuGuestContext } from '../../abi/arch-x86/xen.ts';
import { XenCpuidLeaf } from '../../abi/arch-x86/xen.ts';
import * as nr from '../../abi/domctl.ts';
import * as debug from '../../abi/domctl-debug.ts';
import { XenDomctlSetTarget } from '../../abi/domctl-settings.ts';
import * as state from '../../abi/domctl-state.ts';
import { EBUSY, EEXIST, EINVAL, ENOBUFS, ENOENT, ENOSPC, EOPNOTSUPP, EPERM, ERANGE, ESRCH } from '../../abi/errno.ts';
import { VCPUOP_up } from '../../abi/vcpu.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_vcpu_op, type Domid } from '../../abi/xen.ts';
import { NESTED_READ, NESTED_WRITE, PAGE_SIZE } from '../../cpu/engine.ts';
import { EFER_LMA, EFER_LME, OFFSET_EFER, OFFSET_XMM, RAX } from '../../cpu/state.ts';
import { type Guest, TestMachine } from '../testing/test-machine.ts';

const BUFFER = 0x10000;

function machine(vcpus = 1) {
  const made = new TestMachine();
  const guest = made.domain({ vcpus });
  guest.cpu().state.setU64(OFFSET_EFER, BigInt(EFER_LMA | EFER_LME));
  return { made, control: made.domain({ privileged: true }), guest };
}

function domctl<T>(
  caller: Guest,
  guest: Guest,
  cmd: number,
  structure: { readonly SIZE: number; new (memory: DataView, base: number): T },
  fill: (argument: T) => void = () => {},
) {
  const view = caller.view(0x1000);
  const { result } = caller.withStructure(
    nr.XenDomctl,
    (argument) => {
      argument.cmd = cmd;
      argument.interface_version = nr.XEN_DOMCTL_INTERFACE_VERSION;
      argument.domain = guest.domain.id;
      fill(new structure(view, nr.XenDomctl.AT_u));
    },
    (at) => caller.hypercall(__HYPERVISOR_domctl, [at]),
  );
  return { result, argument: new structure(view, nr.XenDomctl.AT_u) };
}

/** The bytes behind BUFFER, which are several pages of the caller's. */
function read(caller: Guest, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  ok(caller.hvm[0]?.guest.read(BigInt(BUFFER), bytes));
  return bytes;
}

function getContext(caller: Guest, guest: Guest): Uint8Array {
  const asked = domctl(caller, guest, nr.XEN_DOMCTL_gethvmcontext, state.XenDomctlHvmcontext);
  equal(asked.result, 0);
  const { size } = asked.argument;
  const got = domctl(caller, guest, nr.XEN_DOMCTL_gethvmcontext, state.XenDomctlHvmcontext, (argument) => {
    argument.size = size;
    argument.buffer = BigInt(BUFFER);
  });
  equal(got.result, 0);
  return read(caller, size);
}

function setContext(caller: Guest, guest: Guest, bytes: Uint8Array): number {
  ok(caller.hvm[0]?.guest.write(BigInt(BUFFER), bytes));
  return domctl(caller, guest, nr.XEN_DOMCTL_sethvmcontext, state.XenDomctlHvmcontext, (argument) => {
    argument.size = bytes.length;
    argument.buffer = BigInt(BUFFER);
  }).result;
}

test('a saved context loads into another domain, which then saves the same bytes', () => {
  const { made, control, guest } = machine(2);
  const cpu = guest.cpu();
  cpu.state.setGpr(RAX, 0x1234567890abcdefn);
  cpu.state.setU64(OFFSET_XMM + 8, 0xfeedn);
  const vlapic = guest.hvm[0]?.vlapic;
  vlapic?.writeMmio(0xf0, 4, 0x1ff);
  vlapic?.setIrq(0x42);
  vlapic?.writeMmio(0x320, 4, 0x200ee);
  vlapic?.writeMmio(0x380, 4, 1000);
  const saved = getContext(control, guest);
  const copy = made.domain({ vcpus: 2 });
  equal(setContext(control, copy, saved), 0);
  equal(copy.cpu().state.gpr(RAX), 0x1234567890abcdefn);
  equal(copy.hvm[0]?.vlapic.pendingVector(), 0x42);
  equal(copy.hvm[0]?.online, true);
  equal(copy.hvm[1]?.online, false, 'a vCPU that was down has no CPU record');
  // The scripted processor has no x87 reset, so that the first load forces bits of its control word.
  const again = getContext(control, copy);
  const third = made.domain({ vcpus: 2 });
  equal(setContext(control, third, again), 0);
  deepEqual(getContext(control, third), again);
  equal(again.length, saved.length);
});

test('the TSC goes on from where it was saved', () => {
  const { made, control, guest } = machine();
  guest.hvm[0]?.setTscOffset(5_000_000n);
  const saved = getContext(control, guest);
  const at = BigInt(made.xen.now()) + 5_000_000n;
  made.host.advance(1_000_000_000);
  equal(setContext(control, guest, saved), 0);
  equal(BigInt(made.xen.now()) + (guest.hvm[0]?.tscOffset() ?? 0n), at);
});

test('a context that says too much, or is cut off, is refused', () => {
  const { control, guest } = machine();
  const saved = getContext(control, guest);
  const broken = (at: number, value: number) => {
    const bytes = saved.slice();
    new DataView(bytes.buffer).setUint32(at, value, true);
    return setContext(control, guest, bytes);
  };
  ok(setContext(control, guest, saved.slice(0, saved.length - 8)) < 0);
  equal(broken(8, 0x11111111), -EINVAL, 'the magic number');
  equal(broken(0x20, 99), -EINVAL, 'a record nobody knows');
  equal(broken(0x20, HVM_SAVE_CODE_CPU + (77 << 16)), -EINVAL, 'a vCPU there is not');
  equal(setContext(control, control, saved), -EINVAL, 'of oneself');
});

test('one record can be had alone; its size first', () => {
  const { control, guest } = machine();
  const get = (type: number, room: number, buffer: number, instance = 0) =>
    domctl(control, guest, nr.XEN_DOMCTL_gethvmcontext_partial, state.XenDomctlHvmcontextPartial, (argument) => {
      argument.type = type;
      argument.instance = instance;
      argument.bufsz = room;
      argument.buffer = BigInt(buffer);
    });
  equal(get(HVM_SAVE_CODE_LAPIC_REGS, 0, 0).argument.bufsz, 1024);
  equal(get(HVM_SAVE_CODE_CPU, 8, BUFFER).result, -ENOBUFS);
  equal(get(HVM_SAVE_CODE_CPU, 4096, BUFFER).result, 0);
  equal(new HvmHwCpu(control.view(BUFFER), 0).rflags, 2n);
  equal(get(HVM_SAVE_CODE_CPU, 4096, BUFFER, 5).result, -ENOENT);
  equal(get(200, 4096, BUFFER).result, -EINVAL);
  equal(get(3, 4096, BUFFER).result, -ENOENT, 'a PVH guest has no PIC');
  const small = domctl(control, guest, nr.XEN_DOMCTL_gethvmcontext, state.XenDomctlHvmcontext, (argument) => {
    argument.size = 10;
    argument.buffer = BigInt(BUFFER);
  });
  equal(small.result, -ENOSPC);
  ok(small.argument.size > 1000);
});

test('registers in the form of PV guests, for debuggers: read, changed, written back', () => {
  const { control, guest } = machine();
  guest.cpu().state.setGpr(RAX, 77n);
  const call = (cmd: number, ctxt: bigint) =>
    domctl(control, guest, cmd, state.XenDomctlVcpucontext, (argument) => {
      argument.ctxt = ctxt;
    }).result;
  equal(call(nr.XEN_DOMCTL_getvcpucontext, BigInt(BUFFER)), 0);
  const context = new VcpuGuestContext(new DataView(read(control, VcpuGuestContext.SIZE).buffer), 0);
  equal(context.user_regs.rax, 77n);
  control.view(BUFFER + 0x208 + 0x50).setBigUint64(0, 78n, true);
  equal(call(nr.XEN_DOMCTL_setvcpucontext, BigInt(BUFFER)), 0);
  equal(guest.cpu().state.gpr(RAX), 78n);
  equal(call(nr.XEN_DOMCTL_setvcpucontext, 0n), 0, 'without a context the vCPU is reset');
  equal(guest.domain.vcpus[0]?.initialised, false);
});

test('extended state: its size, then its bytes, which load again', () => {
  const { control, guest } = machine();
  guest.cpu().state.setU64(OFFSET_XMM, 0xabcdn);
  const call = (cmd: number, size: number, mask: bigint, buffer: number) =>
    domctl(control, guest, cmd, state.XenDomctlVcpuextstate, (argument) => {
      argument.size = size;
      argument.xfeature_mask = mask;
      argument.buffer = BigInt(buffer);
    });
  const { size, xfeature_mask: mask } = call(nr.XEN_DOMCTL_getvcpuextstate, 0, 0n, 0).argument;
  equal(size, 16 + 576);
  equal(call(nr.XEN_DOMCTL_getvcpuextstate, size, mask, BUFFER).result, 0);
  guest.cpu().state.setU64(OFFSET_XMM, 0n);
  equal(call(nr.XEN_DOMCTL_setvcpuextstate, size, mask, BUFFER).result, 0);
  equal(guest.cpu().state.u64(OFFSET_XMM), 0xabcdn);
  control.view(BUFFER).setUint32(0, 0, true);
  equal(call(nr.XEN_DOMCTL_setvcpuextstate, size, mask, BUFFER).result, -EINVAL, 'XCR0 without x87');
});

test('log-dirty: every write of the guest, of Xen and of other domains is seen once a round', () => {
  const { made, control, guest } = machine();
  const shadow = (op: number, pages = 64) => {
    const { result, argument } = domctl(control, guest, nr.XEN_DOMCTL_shadow_op, state.XenDomctlShadowOp, (to) => {
      to.op = op;
      to.pages = pages;
      to.dirty_bitmap = BigInt(BUFFER);
    });
    const bits = [...read(control, 8)].flatMap((byte, index) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (1 << bit)) !== 0).map((bit) => index * 8 + bit),
    );
    return { result, bits, dirty: argument.stats.dirty_count };
  };
  const write = (gfn: number) => guest.hvm[0]?.guest.write(BigInt(gfn * PAGE_SIZE), Uint8Array.of(1));
  equal(shadow(state.XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY).result, 0);
  equal(shadow(state.XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY).result, -EINVAL, 'it is on');
  equal((guest.domain.p2m?.lookup(7) ?? 0) & NESTED_WRITE, 0);
  write(7);
  write(9);
  guest.domain.p2m?.lookup(11, NESTED_READ);
  deepEqual(shadow(state.XEN_DOMCTL_SHADOW_OP_PEEK), { result: 0, bits: [7, 9], dirty: 2 });
  deepEqual(shadow(state.XEN_DOMCTL_SHADOW_OP_CLEAN).bits, [7, 9]);
  deepEqual(shadow(state.XEN_DOMCTL_SHADOW_OP_PEEK).bits, []);
  write(9);
  made.xen.frames.written((guest.domain.p2m?.peekMfn(20) ?? 0) * PAGE_SIZE + 8, 4);
  deepEqual(shadow(state.XEN_DOMCTL_SHADOW_OP_CLEAN).bits, [9, 20]);
  equal(shadow(state.XEN_DOMCTL_SHADOW_OP_OFF).result, 0);
  notEqual((guest.domain.p2m?.lookup(7) ?? 0) & NESTED_WRITE, 0);
  equal(shadow(99).result, -EINVAL);
});

test('a policy may take features away, and the guest’s CPUID says so', () => {
  const { control, guest } = machine();
  const set = (leaf: number, subleaf: number, values: readonly number[]) => {
    const row = new XenCpuidLeaf(control.view(BUFFER), 0);
    row.leaf = leaf;
    row.subleaf = subleaf;
    [row.a, row.b, row.c, row.d] = values as [number, number, number, number];
    return domctl(control, guest, nr.XEN_DOMCTL_set_cpu_policy, state.XenDomctlCpuPolicy, (argument) => {
      argument.nr_leaves = 1;
      argument.leaves = BigInt(BUFFER);
      argument.msrs = BigInt(BUFFER);
    });
  };
  const cpuid = (leaf: number) => {
    const out = new Uint32Array(4);
    guest.hvm[0]?.cpuid(leaf, 0, out);
    return [...out];
  };
  notEqual((cpuid(1)[2] ?? 0) & (1 << 21), 0, 'x2APIC is there');
  equal(set(1, 0xffffffff, [0x306a9, 0, 0x80000001 | 0, 0x1 | (1 << 30)]).result, 0);
  equal((cpuid(1)[2] ?? 0) & (1 << 21), 0);
  equal((cpuid(1)[3] ?? 0) & (1 << 30), 0, 'what the processor has not is not to be had');
  const beyond = set(0, 0xffffffff, [0x50, 0, 0, 0]);
  deepEqual([beyond.result, beyond.argument.err_leaf], [-EINVAL, 0]);
  const unknown = set(0x70000000, 0xffffffff, [0, 0, 0, 0]);
  deepEqual([unknown.result, unknown.argument.err_leaf], [-ERANGE, 0x70000000]);
  guest.domain.creationFinished = true;
  equal(set(1, 0xffffffff, [0, 0, 0, 0]).result, -EEXIST, 'before it first runs, or not at all');
});

test('a policy that was read can be set again', () => {
  const { control, guest } = machine();
  const call = (cmd: number, leaves: number) =>
    domctl(control, guest, cmd, state.XenDomctlCpuPolicy, (argument) => {
      argument.nr_leaves = leaves;
      argument.leaves = BigInt(BUFFER);
    });
  equal(call(nr.XEN_DOMCTL_get_cpu_policy, 3).result, -ENOBUFS);
  const told = call(nr.XEN_DOMCTL_get_cpu_policy, 128);
  equal(told.result, 0);
  ok(told.argument.nr_leaves > 5);
  equal(call(nr.XEN_DOMCTL_set_cpu_policy, told.argument.nr_leaves).result, 0);
});

test('a domain that serves another may do for it what a device model does, and no more', () => {
  const { made, control, guest } = machine();
  const servant = made.domain();
  const aim = (target: Domid) =>
    domctl(control, servant, nr.XEN_DOMCTL_set_target, XenDomctlSetTarget, (argument) => {
      argument.target = target;
    }).result;
  equal(aim(999 as Domid), -ESRCH);
  equal(aim(servant.domain.id), -EINVAL);
  equal(aim(0 as Domid), -EOPNOTSUPP);
  equal(aim(guest.domain.id), 0);
  equal(aim(control.domain.id), -EINVAL, 'once');
});

test('debuggers stop single vCPUs of a paused domain, and read its memory', () => {
  const { control, guest } = machine();
  const pause = (cmd: number) =>
    domctl(control, guest, cmd, debug.XenDomctlGdbsxPauseunpVcpu, (argument) => {
      argument.vcpu = 0;
    }).result;
  equal(pause(nr.XEN_DOMCTL_gdbsx_pausevcpu), 0);
  equal(pause(nr.XEN_DOMCTL_gdbsx_unpausevcpu), 0);
  equal(pause(nr.XEN_DOMCTL_gdbsx_unpausevcpu), -EINVAL);
  guest.bytes(0x5ffe, 1)[0] = 42;
  const copied = domctl(control, guest, nr.XEN_DOMCTL_gdbsx_guestmemio, debug.XenDomctlGdbsxMemio, (argument) => {
    argument.gva = 0x5ffen;
    argument.uva = BigInt(BUFFER);
    argument.len = 8;
  });
  deepEqual([copied.result, copied.argument.remain, read(control, 1)[0]], [0, 0, 42]);
  guest.domain.controllerPauseCount = 0;
  guest.domain.unpause();
  equal(pause(nr.XEN_DOMCTL_gdbsx_pausevcpu), -EBUSY);
});

test('an audit finds nothing wrong, and is no guest’s to ask for', () => {
  const { control, guest } = machine();
  const { result, argument } = domctl(control, guest, nr.XEN_DOMCTL_audit_p2m, debug.XenDomctlAuditP2m);
  deepEqual([result, argument.orphans, argument.m2p_bad, argument.p2m_bad], [0, 0n, 0n, 0n]);
  equal(domctl(guest, control, nr.XEN_DOMCTL_audit_p2m, debug.XenDomctlAuditP2m).result, -EPERM);
});

test('a processor that is started goes with the boot processor’s TSC', () => {
  const { guest } = machine(2);
  guest.hvm[0]?.setTscOffset(-123n);
  const second = guest.domain.vcpus[1];
  if (second !== undefined) second.initialised = false;
  guest.hvm[1]?.startup(8);
  equal(guest.hvm[1]?.tscOffset(), -123n);
  guest.hypercall(__HYPERVISOR_vcpu_op, [VCPUOP_up, 1]);
});
