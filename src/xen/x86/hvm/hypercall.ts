import { EPERM } from '../../../abi/errno.ts';
import { HVMOP_guest_request_vm_event } from '../../../abi/hvm/hvm_op.ts';
import { __HYPERVISOR_hvm_op } from '../../../abi/xen.ts';
import { R8, R9, R10, RAX, RBP, RBX, RCX, RDI, RDX, RSI, type VcpuState } from '../../../cpu/state.ts';
import { type Call, CONTINUE } from '../../common/call.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { VIRIDIAN_HYPERCALL, viridianHypercall } from './viridian/hypercalls.ts';

const ARGUMENTS_64: readonly number[] = [RDI, RSI, RDX, R10, R8];
const ARGUMENTS_32: readonly number[] = [RBX, RCX, RDX, RSI, RDI, RBP];
/** Bytes of VMCALL and of VMMCALL. */
const INSTRUCTION_BYTES = 3n;

/**
 * A guest made a hypercall: takes number and arguments from the registers of its code's width, and puts the result
 * into RAX. A call that asks to be continued is made again by the guest, with the arguments it left: false then.
 */
export function hvmHypercall(vcpu: HvmVcpu): boolean {
  const { state, call, xen } = vcpu;
  if (state.cpl !== 0 && !isUsersRequest(vcpu)) {
    setResult(vcpu, -EPERM);
    return true;
  }
  if (vcpu.hvm.viridian !== undefined && (state.gprLo(RAX) & VIRIDIAN_HYPERCALL) !== 0) {
    viridianHypercall(vcpu);
    return true;
  }
  const is64Bit = state.is64Bit;
  call.begin(state.gprLo(RAX), !is64Bit);
  if (is64Bit) loadArguments64(state, call);
  else loadArguments32(state, call);

  const result = xen.dispatch(call);
  if (result !== CONTINUE) {
    setResult(vcpu, result);
    return true;
  }
  const registers = is64Bit ? ARGUMENTS_64 : ARGUMENTS_32;
  for (let index = 0; index < 5; index++) state.setGpr(registers[index] as number, call.args[index] as bigint);
  state.rip -= INSTRUCTION_BYTES;
  return false;
}

// Written out: every hypercall does this.
function loadArguments64(state: VcpuState, call: Call): void {
  call.setArgument(0, state.gprLo(RDI), state.gprHi(RDI));
  call.setArgument(1, state.gprLo(RSI), state.gprHi(RSI));
  call.setArgument(2, state.gprLo(RDX), state.gprHi(RDX));
  call.setArgument(3, state.gprLo(R10), state.gprHi(R10));
  call.setArgument(4, state.gprLo(R8), state.gprHi(R8));
  call.setArgument(5, state.gprLo(R9), state.gprHi(R9));
}

function loadArguments32(state: VcpuState, call: Call): void {
  ARGUMENTS_32.forEach((register, index) => call.setArgument(index, state.gprLo(register), 0));
}

/** A program's word to whoever listens to its domain, where he allows that. */
function isUsersRequest({ state, hvm }: HvmVcpu): boolean {
  if (hvm.monitor.guestRequest?.fromUserMode !== true || state.gprLo(RAX) !== __HYPERVISOR_hvm_op) return false;
  return state.gprLo(state.is64Bit ? RDI : RBX) === HVMOP_guest_request_vm_event;
}

function setResult(vcpu: HvmVcpu, result: number): void {
  const high = vcpu.state.is64Bit ? Math.floor(result / 0x1_0000_0000) : 0;
  vcpu.state.setGprHalves(RAX, result >>> 0, high >>> 0);
}
