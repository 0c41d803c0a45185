import { EPERM } from '../../../abi/errno.ts';
import { HVMOP_guest_request_vm_event } from '../../../abi/hvm/hvm_op.ts';
import { __HYPERVISOR_hvm_op } from '../../../abi/xen.ts';
import { R8, R9, R10, RAX, RBP, RBX, RCX, RDI, RDX, RSI } from '../../../cpu/state.ts';
import { CONTINUE } from '../../common/call.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { VIRIDIAN_HYPERCALL, viridianHypercall } from './viridian/hypercalls.ts';

const ARGUMENTS_64: readonly number[] = [RDI, RSI, RDX, R10, R8, R9];
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
  const registers = is64Bit ? ARGUMENTS_64 : ARGUMENTS_32;
  call.begin(state.gprLo(RAX), !is64Bit);
  for (let index = 0; index < registers.length; index++) {
    const register = registers[index] as number;
    call.setArgument(index, state.gprLo(register), is64Bit ? state.gprHi(register) : 0);
  }

  const result = xen.dispatch(call);
  if (result !== CONTINUE) {
    setResult(vcpu, result);
    return true;
  }
  for (let index = 0; index < 5; index++) state.setGpr(registers[index] as number, call.args[index] as bigint);
  state.rip -= INSTRUCTION_BYTES;
  return false;
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
