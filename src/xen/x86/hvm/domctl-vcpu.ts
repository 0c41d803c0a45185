import { VcpuGuestContext, VGCF_i387_valid, VGCF_online } from '../../../abi/arch-x86/xen.ts';
import type { CpuUserRegs } from '../../../abi/arch-x86/xen-x86_64.ts';
import {
  XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON,
  XenDomctlDebugOp,
  XenDomctlGdbsxDomstatus,
  XenDomctlGdbsxMemio,
  XenDomctlGdbsxPauseunpVcpu,
} from '../../../abi/domctl-debug.ts';
import {
  XenDomctlExtVcpucontext,
  XenDomctlVcpucontext,
  XenDomctlVcpuextstate,
  XenDomctlVcpuMsrs,
} from '../../../abi/domctl-state.ts';
import { EBUSY, EFAULT, EINVAL, ENODATA, ENOSYS, EOPNOTSUPP, ESRCH } from '../../../abi/errno.ts';
import {
  CS,
  DS,
  ES,
  FS,
  GS,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_DR,
  OFFSET_KERNEL_GS_BASE,
  OFFSET_XCR0,
  SS,
  type VcpuState,
} from '../../../cpu/state.ts';
import type { Domain } from '../../common/domain.ts';
import { onDomain } from '../../common/domctl.ts';
import { element } from '../../common/call.ts';
import { GUEST_MC_BANKS } from './msr.ts';
import { resetRegisters, setRflags } from './vcpu-context.ts';
import { GENERAL_REGISTERS } from './register-fields.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { loadFpu, readRflags, saveFpu } from './vcpu-save.ts';

// domctls on one vCPU's registers, as a domain of the HVM kind answers them.

/** x87 and SSE. */
const XFEATURE_MASK = 3n;
const FXSAVE_BYTES = 512;
const XSAVE_HEADER_BYTES = 64;
/** XCR0 and the bits it ever had, in front of the XSAVE area. */
const XSTATE_HEADER_BYTES = 16;
const XSTATE_BYTES = XSTATE_HEADER_BYTES + FXSAVE_BYTES + XSAVE_HEADER_BYTES;
/** Where the size of struct xen_domctl_ext_vcpucontext may end: before vmce. */
const EXT_WITHOUT_VMCE = 0x20;
/** VCPU_PAUSES of a debugger are bounded so that they cannot wrap. */
const MAX_DEBUGGER_PAUSES = 255;
const chunk = new Uint8Array(4096);

/** XEN_DOMCTL_getvcpucontext: the registers in the form of PV guests; debuggers and dumps like it. */
export const domctlGetvcpucontext = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlVcpucontext(call.view, at);
  const vcpu = hvmVcpu(domain, argument.vcpu);
  if (vcpu === undefined) return -EINVAL;
  if (!vcpu.vcpu.initialised) return -ENODATA;
  const room = call.room(VcpuGuestContext.SIZE);
  putContext(vcpu, new VcpuGuestContext(call.view, room));
  if (!call.store(argument.ctxt, room, VcpuGuestContext.SIZE)) return -EFAULT;
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_setvcpucontext: general, debug and FPU registers; without a context the vCPU is reset. */
export const domctlSetvcpucontext = onDomain(({ call, at, domain }) => {
  const argument = new XenDomctlVcpucontext(call.view, at);
  const vcpu = hvmVcpu(domain, argument.vcpu);
  if (domain === call.domain || vcpu === undefined) return -EINVAL;
  if (argument.ctxt === 0n) {
    vcpu.vcpu.down();
    resetRegisters(vcpu, 0xf000, 0xfff0);
    vcpu.vlapic.initialise();
    vcpu.vcpu.initialised = false;
    return 0;
  }
  const from = call.fetch(argument.ctxt, VcpuGuestContext.SIZE);
  return from < 0 ? -EFAULT : takeContext(vcpu, new VcpuGuestContext(call.view, from));
});

/** XEN_DOMCTL_get_ext_vcpucontext: nothing of it is an HVM vCPU's but what its machine check registers say. */
export const domctlGetExtVcpucontext = onDomain((state) => {
  const { call, at, domain } = state;
  const id = new XenDomctlExtVcpucontext(call.view, at).vcpu;
  if (domain.vcpu(id) === undefined || domain === call.domain) return -ESRCH;
  new Uint8Array(call.view.buffer, call.view.byteOffset + at, XenDomctlExtVcpucontext.SIZE).fill(0);
  const context = new XenDomctlExtVcpucontext(call.view, at);
  context.vcpu = id;
  context.size = XenDomctlExtVcpucontext.SIZE;
  context.vmce.caps = BigInt(GUEST_MC_BANKS);
  state.answer = true;
  return 0;
});

/** XEN_DOMCTL_set_ext_vcpucontext */
export const domctlSetExtVcpucontext = onDomain(({ call, at, domain }) => {
  const context = new XenDomctlExtVcpucontext(call.view, at);
  if (domain.vcpu(context.vcpu) === undefined || domain === call.domain) return -ESRCH;
  const callbacks =
    (context.sysenter_callback_cs & ~3) |
    (context.syscall32_callback_cs & ~3) |
    (context.sysenter_callback_eip !== 0n || context.syscall32_callback_eip !== 0n ? 1 : 0);
  return context.size < EXT_WITHOUT_VMCE || callbacks !== 0 ? -EINVAL : 0;
});

/** XEN_DOMCTL_getvcpuextstate: XCR0 and the XSAVE area; without a buffer, how many bytes they are. */
export const domctlGetvcpuextstate = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlVcpuextstate(call.view, at);
  state.answer = true;
  const vcpu = hvmVcpu(domain, argument.vcpu);
  if (vcpu === undefined) return -ESRCH;
  const asked = { size: argument.size, mask: argument.xfeature_mask };
  if ((asked.size === 0 && asked.mask === 0n) || argument.buffer === 0n) {
    argument.xfeature_mask = XFEATURE_MASK;
    argument.size = XSTATE_BYTES;
    return 0;
  }
  if (asked.size < XSTATE_BYTES || asked.mask !== XFEATURE_MASK) return -EINVAL;
  const bytes = new Uint8Array(XSTATE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, vcpu.state.u64(OFFSET_XCR0), true);
  view.setBigUint64(8, XFEATURE_MASK, true);
  saveFpu(vcpu.state, bytes.subarray(XSTATE_HEADER_BYTES, XSTATE_HEADER_BYTES + FXSAVE_BYTES));
  view.setBigUint64(XSTATE_HEADER_BYTES + FXSAVE_BYTES, XFEATURE_MASK, true);
  argument.size = XSTATE_BYTES;
  return call.guest.write(argument.buffer, bytes) ? 0 : -EFAULT;
});

/** XEN_DOMCTL_setvcpuextstate */
export const domctlSetvcpuextstate = onDomain(({ call, at, domain }) => {
  const argument = new XenDomctlVcpuextstate(call.view, at);
  const vcpu = hvmVcpu(domain, argument.vcpu);
  if (vcpu === undefined) return -ESRCH;
  if (argument.size < XSTATE_HEADER_BYTES || argument.size > XSTATE_BYTES) return -EINVAL;
  const bytes = new Uint8Array(argument.size);
  if (!call.guest.read(argument.buffer, bytes)) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const xcr0 = view.getBigUint64(0, true);
  const accumulated = view.getBigUint64(8, true);
  if (accumulated === 0n && xcr0 === 0n && bytes.length === XSTATE_HEADER_BYTES) return 0;
  if (bytes.length !== XSTATE_BYTES || (xcr0 & 1n) === 0n) return -EINVAL;
  if ((accumulated & ~XFEATURE_MASK) !== 0n || (xcr0 & ~accumulated) !== 0n) return -EINVAL;
  const header = XSTATE_HEADER_BYTES + FXSAVE_BYTES;
  if ((view.getBigUint64(header, true) & ~accumulated) !== 0n) return -EINVAL;
  if (view.getBigUint64(header + 8, true) !== 0n) return -EOPNOTSUPP; // compacted
  if (!loadFpu(vcpu.state, bytes.subarray(XSTATE_HEADER_BYTES, header))) return -EINVAL;
  vcpu.state.setU64(OFFSET_XCR0, xcr0);
  return 0;
});

/** XEN_DOMCTL_get_vcpu_msrs, set_vcpu_msrs: for PV guests; an HVM one has them in its saved records. */
export const domctlVcpuMsrs = onDomain(({ call, at, domain }) => {
  const { vcpu } = new XenDomctlVcpuMsrs(call.view, at);
  return domain.vcpu(vcpu) === undefined ? -ESRCH : -EINVAL;
});

/** XEN_DOMCTL_debug_op: one instruction, after which the domain stops for its debugger. */
export const domctlDebugOp = onDomain(({ call, at, domain }) => {
  const { op, vcpu: id } = new XenDomctlDebugOp(call.view, at);
  const vcpu = hvmVcpu(domain, id);
  if (vcpu === undefined || domain === call.domain) return -EINVAL;
  if (op > XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON) return -ENOSYS;
  vcpu.monitor.singleStep = op === XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON;
  return 0;
});

/** XEN_DOMCTL_gdbsx_guestmemio: a debugger reads or writes memory as vCPU 0 sees it. */
export const domctlGdbsxGuestmemio = onDomain((state) => {
  const { call, at, domain } = state;
  const argument = new XenDomctlGdbsxMemio(call.view, at);
  const vcpu = hvmVcpu(domain, 0);
  if (vcpu === undefined || domain === call.domain) return -EINVAL;
  state.answer = true;
  let done = 0;
  while (done < argument.len) {
    const guest = element(argument.gva, done, 1);
    const inPage = Number(guest & 0xfffn);
    const part = chunk.subarray(0, Math.min(chunk.length - inPage, argument.len - done));
    const tool = element(argument.uva, done, 1);
    const [from, to] = argument.gwr !== 0 ? [call.guest, vcpu.guest] : [vcpu.guest, call.guest];
    const [source, target] = argument.gwr !== 0 ? [tool, guest] : [guest, tool];
    if (!from.read(source, part) || !to.write(target, part)) break;
    done += part.length;
  }
  argument.remain = argument.len - done;
  return argument.remain === 0 ? 0 : -EFAULT;
});

/** XEN_DOMCTL_gdbsx_pausevcpu: of a paused domain. */
export const domctlGdbsxPausevcpu = onDomain(({ call, at, domain }) => {
  const vcpu = hvmVcpu(domain, new XenDomctlGdbsxPauseunpVcpu(call.view, at).vcpu);
  if (domain.controllerPauseCount === 0) return -EBUSY;
  if (vcpu === undefined || vcpu.debuggerPauses >= MAX_DEBUGGER_PAUSES) return -EINVAL;
  vcpu.debuggerPauses += 1;
  vcpu.vcpu.pause();
  return 0;
});

/** XEN_DOMCTL_gdbsx_unpausevcpu */
export const domctlGdbsxUnpausevcpu = onDomain(({ call, at, domain }) => {
  const vcpu = hvmVcpu(domain, new XenDomctlGdbsxPauseunpVcpu(call.view, at).vcpu);
  if (domain.controllerPauseCount === 0) return -EBUSY;
  if (vcpu === undefined || vcpu.debuggerPauses === 0) return -EINVAL;
  vcpu.debuggerPauses -= 1;
  vcpu.vcpu.unpause();
  return 0;
});

/** XEN_DOMCTL_gdbsx_domstatus: which vCPU stopped for the debugger, told once. */
export const domctlGdbsxDomstatus = onDomain((state) => {
  const status = new XenDomctlGdbsxDomstatus(state.call.view, state.at);
  status.paused = state.domain.controllerPauseCount > 0 ? 1 : 0;
  status.vcpu_id = 0xffffffff;
  const stopped = state.domain.hvm?.vcpus.find(({ debuggerEvent }) => debuggerEvent !== 0);
  if (status.paused !== 0 && stopped !== undefined) {
    status.vcpu_id = stopped.vcpuId;
    status.vcpu_ev = stopped.debuggerEvent;
    stopped.debuggerEvent = 0;
  }
  state.answer = true;
  return 0;
});

function hvmVcpu(domain: Domain, id: number): HvmVcpu | undefined {
  return domain.hvm?.vcpus[id];
}

function putContext(vcpu: HvmVcpu, context: VcpuGuestContext): void {
  const { state } = vcpu;
  saveFpu(state, context.fpu_ctxt);
  context.flags = VGCF_i387_valid | (vcpu.online ? VGCF_online : 0);
  const registers = context.user_regs;
  for (const [name, index] of GENERAL_REGISTERS) registers[name] = state.gpr(index);
  registers.rip = state.rip;
  registers.rflags = BigInt(readRflags(state));
  putSegments(state, context, registers);
  for (const [index, offset] of [
    [0, OFFSET_CR0],
    [2, OFFSET_CR2],
    [3, OFFSET_CR3],
    [4, OFFSET_CR4],
  ] as const) {
    context.set_ctrlreg(index, state.u64(offset));
  }
  for (const index of [0, 1, 2, 3, 6, 7]) context.set_debugreg(index, state.u64(OFFSET_DR + index * 8));
}

function putSegments(state: VcpuState, context: VcpuGuestContext, registers: CpuUserRegs): void {
  registers.cs = state.segmentSelector(CS);
  registers.ss = state.segmentSelector(SS);
  registers.ds = state.segmentSelector(DS);
  registers.es = state.segmentSelector(ES);
  registers.fs = state.segmentSelector(FS);
  registers.gs = state.segmentSelector(GS);
  context.fs_base = state.segmentBase(FS);
  const [now, shadow] = [state.segmentBase(GS), state.u64(OFFSET_KERNEL_GS_BASE)];
  context.gs_base_kernel = state.cpl === 0 ? now : shadow;
  context.gs_base_user = state.cpl === 0 ? shadow : now;
}

function takeContext(vcpu: HvmVcpu, context: VcpuGuestContext): number {
  const { state } = vcpu;
  if ((context.flags & VGCF_i387_valid) !== 0 && !loadFpu(state, context.fpu_ctxt)) return -EINVAL;
  for (const [name, index] of GENERAL_REGISTERS) state.setGpr(index, context.user_regs[name]);
  state.rip = context.user_regs.rip;
  setRflags(state, context.user_regs.rflags);
  for (const index of [0, 1, 2, 3, 6, 7]) state.setU64(OFFSET_DR + index * 8, context.debugreg(index));
  vcpu.vcpu.initialised = true;
  if ((context.flags & VGCF_online) !== 0) vcpu.vcpu.up();
  else vcpu.vcpu.down();
  return 0;
}
