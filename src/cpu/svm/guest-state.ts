/** The state save area: what VMRUN and #VMEXIT load and store of a guest, and what VMLOAD and VMSAVE do. */
import * as state from '../state.ts';
import { CR0_WRITABLE } from '../system/control-registers.ts';
import { setDebugRegister } from '../system/debug.ts';
import { IA32_EFER_KNOWN } from '../system/msr.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import * as vmcb from './vmcb.ts';

const SWITCHED_SEGMENTS = [
  [state.ES, vmcb.SAVE_ES],
  [state.CS, vmcb.SAVE_CS],
  [state.SS, vmcb.SAVE_SS],
  [state.DS, vmcb.SAVE_DS],
] as const;
const LOADED_SEGMENTS = [
  [state.FS, vmcb.SAVE_FS],
  [state.GS, vmcb.SAVE_GS],
  [state.LDTR, vmcb.SAVE_LDTR],
  [state.TR, vmcb.SAVE_TR],
] as const;
const TABLES = [
  [state.OFFSET_GDTR, vmcb.SAVE_GDTR],
  [state.OFFSET_IDTR, vmcb.SAVE_IDTR],
] as const;
const LOADED_REGISTERS = [
  [state.OFFSET_KERNEL_GS_BASE, vmcb.SAVE_KERNEL_GS_BASE],
  [state.OFFSET_STAR, vmcb.SAVE_STAR],
  [state.OFFSET_LSTAR, vmcb.SAVE_LSTAR],
  [state.OFFSET_CSTAR, vmcb.SAVE_CSTAR],
  [state.OFFSET_SFMASK, vmcb.SAVE_SFMASK],
  [state.OFFSET_SYSENTER_CS, vmcb.SAVE_SYSENTER_CS],
  [state.OFFSET_SYSENTER_ESP, vmcb.SAVE_SYSENTER_ESP],
  [state.OFFSET_SYSENTER_EIP, vmcb.SAVE_SYSENTER_EIP],
] as const;
const OFFSET_DR6 = state.OFFSET_DR + 6 * 8;
const OFFSET_DR7 = state.OFFSET_DR + 7 * 8;

/** What VMRUN loads. The area is known to be consistent; whoever calls derives the mode and forgets translations. */
export function loadGuest(cpu: SystemCpu, block: DataView): void {
  const { state: registers } = cpu;
  for (const [segment, at] of SWITCHED_SEGMENTS) loadSegment(registers, segment, block, at);
  for (const [table, at] of TABLES) {
    registers.setU64(table, canonical(block.getBigUint64(at + vmcb.SEGMENT_BASE, true)));
    registers.setU32(table + 8, block.getUint32(at + vmcb.SEGMENT_LIMIT, true) & 0xffff);
  }
  const cr0 = (block.getUint32(vmcb.SAVE_CR0, true) & CR0_WRITABLE) | state.CR0_ET;
  const efer = block.getUint32(vmcb.SAVE_EFER, true) & IA32_EFER_KNOWN & ~state.EFER_LMA;
  const isLong = (cr0 & state.CR0_PG) !== 0 && (efer & state.EFER_LME) !== 0;
  registers.setU32(state.OFFSET_CR0, cr0 >>> 0);
  registers.setU32(state.OFFSET_EFER, isLong ? efer | state.EFER_LMA : efer);
  for (const [offset, at] of [
    [state.OFFSET_CR2, vmcb.SAVE_CR2],
    [state.OFFSET_CR3, vmcb.SAVE_CR3],
    [state.OFFSET_CR4, vmcb.SAVE_CR4],
    [state.OFFSET_GPR + state.RSP * 8, vmcb.SAVE_RSP],
    [state.OFFSET_GPR + state.RAX * 8, vmcb.SAVE_RAX],
  ] as const) {
    registers.setU64(offset, block.getBigUint64(at, true));
  }
  setDebugRegister(registers, 6, block.getBigUint64(vmcb.SAVE_DR6, true));
  setDebugRegister(registers, 7, block.getBigUint64(vmcb.SAVE_DR7, true));
  const rflags = block.getUint32(vmcb.SAVE_RFLAGS, true);
  cpu.rflags = isLong ? rflags & ~state.FLAG_VM : rflags;
  const isReal = (cr0 & state.CR0_PE) === 0;
  cpu.cpl = isReal ? 0 : cpu.isVm86 ? 3 : block.getUint8(vmcb.SAVE_CPL) & 3;
  const rip = block.getBigUint64(vmcb.SAVE_RIP, true);
  registers.rip = registers.is64Bit ? rip : rip & 0xffffffffn;
}

/** What #VMEXIT stores. */
export function storeGuest(cpu: SystemCpu, block: DataView): void {
  const { state: registers } = cpu;
  for (const [segment, at] of SWITCHED_SEGMENTS) storeSegment(registers, segment, block, at);
  for (const [table, at] of TABLES) {
    block.setBigUint64(at + vmcb.SEGMENT_BASE, registers.u64(table), true);
    block.setUint32(at + vmcb.SEGMENT_LIMIT, registers.u32(table + 8), true);
  }
  for (const [offset, at] of [
    [state.OFFSET_CR0, vmcb.SAVE_CR0],
    [state.OFFSET_CR2, vmcb.SAVE_CR2],
    [state.OFFSET_CR3, vmcb.SAVE_CR3],
    [state.OFFSET_CR4, vmcb.SAVE_CR4],
    [state.OFFSET_EFER, vmcb.SAVE_EFER],
    [OFFSET_DR6, vmcb.SAVE_DR6],
    [OFFSET_DR7, vmcb.SAVE_DR7],
    [state.OFFSET_RIP, vmcb.SAVE_RIP],
    [state.OFFSET_GPR + state.RSP * 8, vmcb.SAVE_RSP],
    [state.OFFSET_GPR + state.RAX * 8, vmcb.SAVE_RAX],
  ] as const) {
    block.setBigUint64(at, registers.u64(offset), true);
  }
  block.setBigUint64(vmcb.SAVE_RFLAGS, BigInt(cpu.rflags), true);
  block.setUint8(vmcb.SAVE_CPL, cpu.cpl);
  if (cpu.svm.control.nestedPaging) block.setBigUint64(vmcb.SAVE_G_PAT, registers.u64(state.OFFSET_PAT), true);
}

/** VMLOAD */
export function loadHidden(registers: state.VcpuState, block: DataView): void {
  for (const [segment, at] of LOADED_SEGMENTS) loadSegment(registers, segment, block, at);
  for (const [offset, at] of LOADED_REGISTERS) registers.setU64(offset, block.getBigUint64(at, true));
  registers.setU64(state.OFFSET_KERNEL_GS_BASE, canonical(registers.u64(state.OFFSET_KERNEL_GS_BASE)));
}

/** VMSAVE */
export function storeHidden(registers: state.VcpuState, block: DataView): void {
  for (const [segment, at] of LOADED_SEGMENTS) storeSegment(registers, segment, block, at);
  for (const [offset, at] of LOADED_REGISTERS) block.setBigUint64(at, registers.u64(offset), true);
}

/** Attributes as segments have them, of the twelve bits in a VMCB. */
export function attributesFrom(block: DataView, at: number): number {
  const packed = block.getUint16(at + vmcb.SEGMENT_ATTRIBUTES, true);
  return (packed & 0xff) | ((packed & 0xf00) << 4);
}

function loadSegment(registers: state.VcpuState, segment: number, block: DataView, at: number): void {
  registers.setSegment(
    segment,
    block.getUint16(at, true),
    attributesFrom(block, at),
    block.getUint32(at + vmcb.SEGMENT_LIMIT, true),
    canonical(block.getBigUint64(at + vmcb.SEGMENT_BASE, true)),
  );
}

function storeSegment(registers: state.VcpuState, segment: number, block: DataView, at: number): void {
  const attributes = registers.segmentAttributes(segment);
  block.setUint16(at, registers.segmentSelector(segment), true);
  block.setUint16(at + vmcb.SEGMENT_ATTRIBUTES, (attributes & 0xff) | ((attributes >>> 4) & 0xf00), true);
  block.setUint32(at + vmcb.SEGMENT_LIMIT, registers.segmentLimit(segment), true);
  block.setBigUint64(at + vmcb.SEGMENT_BASE, registers.segmentBase(segment), true);
}

// Bits 63:48 are made copies of bit 47 (APM vol. 2, 15.5.1).
function canonical(address: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(48, address));
}
