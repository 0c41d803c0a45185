import type { HvmHwCpu } from '../../../abi/arch-x86/hvm/save-cpu.ts';
import { readStatusFlags } from '../../../cpu/emit/flags.ts';
import { fxrstor, fxsave, type VectorState } from '../../../cpu/fpu/fxsave.ts';
import { X87State } from '../../../cpu/fpu/x87-state.ts';
import {
  CR4_PAE,
  EFER_LMA,
  OFFSET_CR0,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_EFER,
  OFFSET_GDTR,
  OFFSET_IDTR,
  OFFSET_MXCSR,
  OFFSET_PDPTE,
  OFFSET_RFLAGS_REST,
  OFFSET_X87,
  OFFSET_X87_CONTROL,
  OFFSET_XMM,
  type VcpuState,
} from '../../../cpu/state.ts';
import { PAGE_SIZE } from '../../../cpu/engine.ts';
import { GENERAL_REGISTERS, SAVED_REGISTERS, SAVED_SEGMENTS } from './register-fields.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';

/** XEN_X86_FPU_INITIALISED: the record's FPU image is worth loading. */
const XEN_X86_FPU_INITIALISED = 1;
const RFLAGS_ALWAYS_ONE = 2;
const CR0_PG = 0x80000000n;
const WIDE_IMAGE = { wide: true, mode64: true };

/** Fills in the CPU record of a vCPU that does not run. */
export function saveCpuRecord(hvm: HvmVcpu, record: HvmHwCpu): void {
  const { state } = hvm;
  saveFpu(state, record.fpu_regs);
  record.flags = XEN_X86_FPU_INITIALISED;
  for (const [name, index] of GENERAL_REGISTERS) record[name] = state.gpr(index);
  for (const [name, offset] of SAVED_REGISTERS) record[name] = state.u64(offset);
  record.rip = state.rip;
  record.rflags = BigInt(readRflags(state));
  saveSegments(state, record);
  record.tsc = BigInt.asUintN(64, BigInt(hvm.xen.now()) + hvm.tscOffset());
}

/** What `loadCpuRecord` leaves: FPU, TSC, and the page directory pointers of PAE. False: impossible FPU registers. */
export function loadCpuExtras(hvm: HvmVcpu, record: HvmHwCpu, nowNs: number): boolean {
  if ((record.flags & XEN_X86_FPU_INITIALISED) !== 0 && !loadFpu(hvm.state, record.fpu_regs)) return false;
  hvm.setTscOffset(BigInt.asIntN(64, record.tsc - BigInt(nowNs)));
  loadPdptes(hvm);
  return true;
}

/** RFLAGS, the status flags as well. */
export function readRflags(state: VcpuState): number {
  return (state.u32(OFFSET_RFLAGS_REST) | readStatusFlags(state) | RFLAGS_ALWAYS_ONE) >>> 0;
}

/** The 512 bytes of FXSAVE64. */
export function saveFpu(state: VcpuState, image: Uint8Array): void {
  fxsave(vectorsOf(state), viewOf(image), 0, WIDE_IMAGE);
}

/** False where MXCSR has reserved bits; nothing is changed then. */
export function loadFpu(state: VcpuState, image: Uint8Array): boolean {
  return fxrstor(vectorsOf(state), viewOf(image), 0, WIDE_IMAGE);
}

function saveSegments(state: VcpuState, record: HvmHwCpu): void {
  for (const [name, segment] of SAVED_SEGMENTS) {
    const attributes = state.segmentAttributes(segment);
    record[`${name}_sel`] = state.segmentSelector(segment);
    record[`${name}_limit`] = state.segmentLimit(segment);
    record[`${name}_base`] = state.segmentBase(segment);
    record[`${name}_arbytes`] = (attributes & 0xff) | ((attributes >> 4) & 0xf00);
  }
  record.idtr_base = state.u64(OFFSET_IDTR);
  record.idtr_limit = state.u32(OFFSET_IDTR + 8);
  record.gdtr_base = state.u64(OFFSET_GDTR);
  record.gdtr_limit = state.u32(OFFSET_GDTR + 8);
}

/** In PAE paging outside long mode the processor holds the four pointers that CR3 points at. */
function loadPdptes({ state, hvm, xen }: HvmVcpu): void {
  const pae = (state.u64(OFFSET_CR0) & CR0_PG) !== 0n && (state.u32(OFFSET_CR4) & CR4_PAE) !== 0;
  if (!pae || (state.u32(OFFSET_EFER) & EFER_LMA) !== 0) return;
  const address = state.u32(OFFSET_CR3) & ~31;
  const mfn = hvm.domain.p2m?.mfn((address >>> 0) / PAGE_SIZE) ?? 0;
  if (mfn === 0) return;
  for (let index = 0; index < 4; index++) {
    const at = mfn * PAGE_SIZE + (address & (PAGE_SIZE - 1)) + index * 8;
    state.setU64(OFFSET_PDPTE + index * 8, xen.memory.view.getBigUint64(at, true));
  }
}

function vectorsOf(state: VcpuState): VectorState {
  const x87 = new X87State(state.view, OFFSET_X87, OFFSET_X87_CONTROL);
  return { x87, view: state.view, xmmAt: OFFSET_XMM, mxcsrAt: OFFSET_MXCSR };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
