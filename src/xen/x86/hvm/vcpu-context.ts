import { EFAULT, EINVAL } from '../../../abi/errno.ts';
import type { HvmHwCpu } from '../../../abi/arch-x86/hvm/save-cpu.ts';
import { VCPU_HVM_MODE_32B, VCPU_HVM_MODE_64B, VcpuHvmContext } from '../../../abi/hvm/hvm_vcpu.ts';
import {
  ATTRIBUTE_P,
  ATTRIBUTE_S,
  CR0_ET,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CS,
  DS,
  EFER_LMA,
  EFER_LME,
  ES,
  FLAGS_STATUS,
  FS,
  GS,
  LDTR,
  OFFSET_CPL,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_DR,
  OFFSET_EFER,
  OFFSET_GDTR,
  OFFSET_IDTR,
  OFFSET_MXCSR,
  OFFSET_PAT,
  OFFSET_RFLAGS_REST,
  OFFSET_SVM,
  OFFSET_XCR0,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  RSP,
  SS,
  TR,
  type VcpuState,
} from '../../../cpu/state.ts';
import { writeStatusFlags } from '../../../cpu/emit/flags.ts';
import type { Call } from '../../common/call.ts';
import type { Vcpu } from '../../common/vcpu.ts';
import { GENERAL_REGISTERS, SAVED_REGISTERS, SAVED_SEGMENTS } from './register-fields.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

// Where a vCPU's registers come from when it is not running: reset, VCPUOP_initialise, or a record of the toolstack's.

const RFLAGS_ALWAYS_ONE = 2n;
const RFLAGS_DEFINED = 0x3f7fd5n;
const PAT_RESET = 0x0007040600070406n;
const XCR0_RESET = 1n;
const MXCSR_RESET = 0x1f80;
const DR6_RESET = 0xffff0ff0n;
const DR7_RESET = 0x400n;
const TYPE_BUSY_TSS = 0xb;
const TYPE_LDT = 0x2;
/** Data, writable, accessed; present. */
const REAL_MODE_DATA = 0x93;
/** CR4 without LA57, VMXE, SMXE and the bits nobody defined. */
const CR4_KNOWN = 0x77ffffn & ~(1n << 12n) & ~(1n << 13n) & ~(1n << 14n) & ~(1n << 15n) & ~(1n << 19n);
const EFER_KNOWN = 0xd01n | (1n << 14n);

/** What INIT leaves alone: as after power-up, with the memory types Xen gives a guest's PAT. */
export function powerUp(hvm: HvmVcpu): void {
  const { state } = hvm;
  state.setU64(OFFSET_PAT, PAT_RESET);
  state.setU64(OFFSET_XCR0, XCR0_RESET);
  state.setU32(OFFSET_MXCSR, MXCSR_RESET);
  resetRegisters(hvm, 0xf000, 0xfff0);
}

/** The registers after INIT and a start-up message (SDM vol. 3A, 9.1.1): real mode at cs:ip. */
export function resetRegisters(hvm: HvmVcpu, cs: number, ip: number): void {
  const { state } = hvm;
  const leaf = new Uint32Array(4);
  hvm.hvm.cpuPolicy.leaf(1, 0, leaf);
  for (let index = RAX; index <= 15; index++) state.setGpr(index, 0n);
  state.setGpr(RDX, BigInt(leaf[0] as number));
  state.rip = BigInt(ip);
  setRflags(state, RFLAGS_ALWAYS_ONE);
  state.setU32(OFFSET_CPL, 0);
  state.setU64(OFFSET_CR0, BigInt(CR0_ET));
  for (const register of [OFFSET_CR2, OFFSET_CR3, OFFSET_CR4, OFFSET_EFER]) state.setU64(register, 0n);
  state.setU32(OFFSET_SVM, 0);
  setDebug(state, [0n, 0n, 0n, 0n], DR6_RESET, DR7_RESET);
  for (const segment of [ES, SS, DS, FS, GS]) state.setSegment(segment, 0, REAL_MODE_DATA, 0xffff, 0n);
  state.setSegment(CS, cs, REAL_MODE_DATA, 0xffff, BigInt(cs) << 4n);
  state.setSegment(LDTR, 0, ATTRIBUTE_P | TYPE_LDT, 0xffff, 0n);
  state.setSegment(TR, 0, ATTRIBUTE_P | TYPE_BUSY_TSS, 0xffff, 0n);
  setTable(state, OFFSET_GDTR, 0n, 0xffff);
  setTable(state, OFFSET_IDTR, 0n, 0xffff);
}

/** VCPUOP_initialise: the structure of argument 2 holds the registers to start from. */
export function initialiseFromGuest(call: Call, vcpu: Vcpu): number {
  const at = call.fetch(call.handle(2), VcpuHvmContext.SIZE);
  if (at < 0) return -EFAULT;
  const context = new VcpuHvmContext(call.view, at);
  if (vcpu.initialised || context.pad !== 0) return -EINVAL;
  const hvm = vcpu.arch as HvmVcpu;
  const result = context.mode === VCPU_HVM_MODE_32B ? start32(hvm, context) : start64(hvm, context);
  if (result === 0) {
    hvm.syncTsc();
    vcpu.initialised = true;
  }
  return result;
}

/** HVM_SAVE_TYPE(CPU): all registers but the FPU's extended ones. 0, or -EINVAL with nothing changed. */
export function loadCpuRecord(hvm: HvmVcpu, record: HvmHwCpu): number {
  const { state } = hvm;
  if (!validControl(record.cr0, record.cr4, record.msr_efer)) return -EINVAL;
  for (const [name, index] of GENERAL_REGISTERS) state.setGpr(index, record[name]);
  for (const [name, offset] of SAVED_REGISTERS) state.setU64(offset, record[name]);
  state.rip = record.rip;
  setRflags(state, record.rflags);
  state.setU64(OFFSET_CR0, record.cr0 | BigInt(CR0_ET));
  state.setU32(OFFSET_SVM, 0);
  state.setU64(OFFSET_DR + 6 * 8, record.dr6 | DR6_RESET);
  state.setU64(OFFSET_DR + 7 * 8, record.dr7 | DR7_RESET);
  for (const [name, segment] of SAVED_SEGMENTS) {
    const attributes = unpackAttributes(record[`${name}_arbytes`]);
    state.setSegment(segment, record[`${name}_sel`], attributes, record[`${name}_limit`], record[`${name}_base`]);
  }
  state.setU32(OFFSET_CPL, dpl(record.ss_arbytes));
  setTable(state, OFFSET_IDTR, record.idtr_base, record.idtr_limit);
  setTable(state, OFFSET_GDTR, record.gdtr_base, record.gdtr_limit);
  return 0;
}

function start32(hvm: HvmVcpu, context: VcpuHvmContext): number {
  const registers = context.x86_32;
  const { state } = hvm;
  if (registers.pad1 !== 0 || registers.pad2(0) !== 0 || registers.pad2(1) !== 0 || registers.pad2(2) !== 0) {
    return -EINVAL;
  }
  const attributes = {
    cs: accessed(registers.cs_ar, 1),
    ds: accessed(registers.ds_ar, 1),
    ss: accessed(registers.ss_ar, 1),
    es: accessed(registers.es_ar, 1),
    tr: accessed(registers.tr_ar, 2),
  };
  const segmentsValid =
    validCode(attributes.cs) &&
    validStack(attributes.ss, attributes.cs) &&
    validData(attributes.ds, attributes.cs) &&
    validData(attributes.es, attributes.cs) &&
    validTss(attributes.tr);
  const efer = registers.efer;
  if (!segmentsValid || registers.eip > registers.cs_limit) return -EINVAL;
  if ((efer & BigInt(EFER_LMA)) !== 0n && (efer & BigInt(EFER_LME)) === 0n) return -EINVAL;
  if (!validControl(BigInt(registers.cr0), BigInt(registers.cr4), efer)) return -EINVAL;

  setGeneral(
    state,
    [
      registers.eax,
      registers.ecx,
      registers.edx,
      registers.ebx,
      registers.esp,
      registers.ebp,
      registers.esi,
      registers.edi,
    ].map(BigInt),
  );
  state.rip = BigInt(registers.eip);
  setRflags(state, BigInt(registers.eflags));
  setControl(state, BigInt(registers.cr0), BigInt(registers.cr3), BigInt(registers.cr4), efer);
  state.setSegment(CS, 0, unpackAttributes(attributes.cs), registers.cs_limit, BigInt(registers.cs_base));
  state.setSegment(DS, 0, unpackAttributes(attributes.ds), registers.ds_limit, BigInt(registers.ds_base));
  state.setSegment(SS, 0, unpackAttributes(attributes.ss), registers.ss_limit, BigInt(registers.ss_base));
  state.setU32(OFFSET_CPL, dpl(attributes.ss));
  state.setSegment(ES, 0, unpackAttributes(attributes.es), registers.es_limit, BigInt(registers.es_base));
  state.setSegment(TR, 0, unpackAttributes(attributes.tr), registers.tr_limit, BigInt(registers.tr_base));
  return 0;
}

function start64(hvm: HvmVcpu, context: VcpuHvmContext): number {
  if (context.mode !== VCPU_HVM_MODE_64B) return -EINVAL;
  const registers = context.x86_64;
  const { state } = hvm;
  const { cr0, cr4, efer } = registers;
  const paged = (cr0 & BigInt(CR0_PG)) !== 0n && (cr4 & BigInt(CR4_PAE)) !== 0n && (efer & BigInt(EFER_LME)) !== 0n;
  if (!paged || !isCanonical(registers.rip) || !validControl(cr0, cr4, efer | BigInt(EFER_LMA))) return -EINVAL;

  setGeneral(state, [
    registers.rax,
    registers.rcx,
    registers.rdx,
    registers.rbx,
    registers.rsp,
    registers.rbp,
    registers.rsi,
    registers.rdi,
  ]);
  state.rip = registers.rip;
  setRflags(state, registers.rflags);
  setControl(state, cr0, registers.cr3, cr4, efer);
  state.setSegment(CS, 0, unpackAttributes(0xa9b), 0xffffffff, 0n);
  for (const segment of [DS, SS, ES]) state.setSegment(segment, 0, unpackAttributes(0xc93), 0xffffffff, 0n);
  state.setU32(OFFSET_CPL, 0);
  state.setSegment(TR, 0, unpackAttributes(0x08b), 0x67, 0n);
  return 0;
}

/** A segment's attributes as toolstacks and guests pass them have no gap between bits 7 and 8; the engine's have. */
export function unpackAttributes(attributes: number): number {
  return (attributes & 0xff) | ((attributes & 0xf00) << 4);
}

function accessed(attributes: number, bit: number): number {
  return (attributes & ATTRIBUTE_P) !== 0 ? attributes | bit : attributes;
}

// Checks of Xen's check_segment: the type field's bit 3 is code, bit 1 is writable data or readable code.

function validCode(attributes: number): boolean {
  return isSegment(attributes) && (attributes & 8) !== 0;
}

function validStack(attributes: number, cs: number): boolean {
  return isSegment(attributes) && (attributes & 8) === 0 && (attributes & 2) !== 0 && dpl(attributes) === dpl(cs);
}

function validData(attributes: number, cs: number): boolean {
  if (attributes === 0) return true;
  const readable = (attributes & 8) === 0 || (attributes & 2) !== 0;
  return isSegment(attributes) && readable && dpl(attributes) <= dpl(cs);
}

function validTss(attributes: number): boolean {
  return (
    (attributes & 0xf000) === 0 && (attributes & (ATTRIBUTE_S | ATTRIBUTE_P | 0xf)) === (ATTRIBUTE_P | TYPE_BUSY_TSS)
  );
}

function isSegment(attributes: number): boolean {
  return (attributes & 0xf000) === 0 && (attributes & ATTRIBUTE_S) !== 0 && (attributes & ATTRIBUTE_P) !== 0;
}

function dpl(attributes: number): number {
  return (attributes >> 5) & 3;
}

function validControl(cr0: bigint, cr4: bigint, efer: bigint): boolean {
  const paging = (cr0 & BigInt(CR0_PG)) !== 0n;
  if (cr0 >> 32n !== 0n || (paging && (cr0 & BigInt(CR0_PE)) === 0n)) return false;
  if ((cr4 & ~CR4_KNOWN) !== 0n || (efer & ~EFER_KNOWN) !== 0n) return false;
  const longMode = (efer & BigInt(EFER_LMA)) !== 0n;
  return !longMode || (efer & BigInt(EFER_LME)) !== 0n;
}

function setGeneral(state: VcpuState, values: readonly bigint[]): void {
  for (let index = RAX; index <= 15; index++) state.setGpr(index, 0n);
  const order = [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI];
  order.forEach((register, index) => state.setGpr(register, values[index] as bigint));
}

function setControl(state: VcpuState, cr0: bigint, cr3: bigint, cr4: bigint, efer: bigint): void {
  const active = (efer & BigInt(EFER_LME)) !== 0n && (cr0 & BigInt(CR0_PG)) !== 0n;
  state.setU64(OFFSET_CR0, cr0 | BigInt(CR0_ET));
  state.setU64(OFFSET_CR3, cr3);
  state.setU64(OFFSET_CR4, cr4);
  state.setU64(OFFSET_EFER, active ? efer | BigInt(EFER_LMA) : efer);
}

/** RFLAGS, the status flags as well. */
export function setRflags(state: VcpuState, rflags: bigint): void {
  const flags = Number(rflags & RFLAGS_DEFINED);
  state.setU32(OFFSET_RFLAGS_REST, flags & ~FLAGS_STATUS);
  writeStatusFlags(state, flags);
}

function setDebug(state: VcpuState, addresses: readonly bigint[], dr6: bigint, dr7: bigint): void {
  addresses.forEach((address, index) => state.setU64(OFFSET_DR + index * 8, address));
  state.setU64(OFFSET_DR + 6 * 8, dr6);
  state.setU64(OFFSET_DR + 7 * 8, dr7);
}

function setTable(state: VcpuState, offset: number, base: bigint, limit: number): void {
  state.setU64(offset, base);
  state.setU32(offset + 8, limit);
}

function isCanonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
}
