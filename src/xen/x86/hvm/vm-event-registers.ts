import type { VmEventRegsX86 } from '../../../abi/vm_event-registers.ts';
import { OFFSET_GDTR, OFFSET_KERNEL_GS_BASE, type VcpuState } from '../../../cpu/state.ts';
import { GENERAL_REGISTERS, SEGMENT_REGISTERS, SYSTEM_REGISTERS } from './register-fields.ts';
import { setRflags } from './vcpu-context.ts';
import { readRflags } from './vcpu-save.ts';

const NO_VMTRACE = 0xffff_ffff_ffff_ffffn;
/** Attributes begin above 20 bits of limit. */
const ATTRIBUTES_SHIFT = 20;
/** G, as the 12 bits of attributes without their gap have it. */
const GRANULAR = 0x800;

/** The registers of a vCPU, for a listener (Xen's vm_event_fill_regs). */
export function fillRegisters(state: VcpuState, registers: VmEventRegsX86): void {
  for (const [name, index] of GENERAL_REGISTERS) registers[name] = state.gpr(index);
  for (const [name, offset] of SYSTEM_REGISTERS) registers[name] = state.u64(offset);
  registers.rip = state.rip;
  registers.rflags = BigInt(readRflags(state));
  registers.shadow_gs = state.u64(OFFSET_KERNEL_GS_BASE);
  registers.gdtr_base = state.u64(OFFSET_GDTR);
  registers.gdtr_limit = state.u32(OFFSET_GDTR + 8) & 0xffff;
  registers.vmtrace_pos = NO_VMTRACE;
  for (const [name, segment] of SEGMENT_REGISTERS) {
    const base = state.segmentBase(segment);
    if (name === 'fs' || name === 'gs') registers[`${name}_base`] = base;
    else registers[`${name}_base`] = Number(base & 0xffffffffn);
    registers[`${name}_sel`] = state.segmentSelector(segment);
    registers[name] = packSegment(state.segmentAttributes(segment), state.segmentLimit(segment));
  }
}

/** VM_EVENT_FLAG_SET_REGISTERS: the general registers, flags and RIP, as a listener wants them. */
export function loadRegisters(state: VcpuState, registers: VmEventRegsX86): void {
  for (const [name, index] of GENERAL_REGISTERS) state.setGpr(index, registers[name]);
  state.rip = registers.rip;
  setRflags(state, registers.rflags);
}

function packSegment(attributes: number, limit: number): number {
  const packed = (attributes & 0xff) | ((attributes >> 4) & 0xf00);
  const scaled = (packed & GRANULAR) !== 0 ? limit >>> 12 : limit;
  return ((packed << ATTRIBUTES_SHIFT) | (scaled & 0xfffff)) >>> 0;
}
