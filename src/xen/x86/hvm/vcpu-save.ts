import type { HvmHwCpu } from '../../../abi/arch-x86/hvm/save-cpu.ts';
import { readStatusFlags } from '../../../cpu/emit/flags.ts';
import { fxrstor, fxsave, type VectorState } from '../../../cpu/fpu/fxsave.ts';
import { X87State } from '../../../cpu/fpu/x87-state.ts';
import {
  CR4_PAE,
  CS,
  DS,
  EFER_LMA,
  ES,
  FS,
  GS,
  LDTR,
  OFFSET_CR0,
  OFFSET_CR2,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_CSTAR,
  OFFSET_DR,
  OFFSET_EFER,
  OFFSET_GDTR,
  OFFSET_IDTR,
  OFFSET_KERNEL_GS_BASE,
  OFFSET_LSTAR,
  OFFSET_MXCSR,
  OFFSET_PDPTE,
  OFFSET_RFLAGS_REST,
  OFFSET_SFMASK,
  OFFSET_STAR,
  OFFSET_SYSENTER_CS,
  OFFSET_SYSENTER_EIP,
  OFFSET_SYSENTER_ESP,
  OFFSET_TSC_AUX,
  OFFSET_X87,
  OFFSET_X87_CONTROL,
  OFFSET_XMM,
  R8,
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
import { PAGE_SIZE } from '../../../cpu/engine.ts';
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
  saveGeneral(state, record);
  record.cr0 = state.u64(OFFSET_CR0);
  record.cr2 = state.u64(OFFSET_CR2);
  record.cr3 = state.u64(OFFSET_CR3);
  record.cr4 = state.u64(OFFSET_CR4);
  record.msr_efer = state.u64(OFFSET_EFER);
  record.dr0 = state.u64(OFFSET_DR);
  record.dr1 = state.u64(OFFSET_DR + 8);
  record.dr2 = state.u64(OFFSET_DR + 16);
  record.dr3 = state.u64(OFFSET_DR + 24);
  record.dr6 = state.u64(OFFSET_DR + 48);
  record.dr7 = state.u64(OFFSET_DR + 56);
  saveSegments(state, record);
  record.sysenter_cs = state.u64(OFFSET_SYSENTER_CS);
  record.sysenter_esp = state.u64(OFFSET_SYSENTER_ESP);
  record.sysenter_eip = state.u64(OFFSET_SYSENTER_EIP);
  record.shadow_gs = state.u64(OFFSET_KERNEL_GS_BASE);
  record.msr_lstar = state.u64(OFFSET_LSTAR);
  record.msr_star = state.u64(OFFSET_STAR);
  record.msr_cstar = state.u64(OFFSET_CSTAR);
  record.msr_syscall_mask = state.u64(OFFSET_SFMASK);
  record.msr_tsc_aux = state.u64(OFFSET_TSC_AUX);
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

function saveGeneral(state: VcpuState, record: HvmHwCpu): void {
  record.rax = state.gpr(RAX);
  record.rcx = state.gpr(RCX);
  record.rdx = state.gpr(RDX);
  record.rbx = state.gpr(RBX);
  record.rsp = state.gpr(RSP);
  record.rbp = state.gpr(RBP);
  record.rsi = state.gpr(RSI);
  record.rdi = state.gpr(RDI);
  record.r8 = state.gpr(R8);
  record.r9 = state.gpr(R8 + 1);
  record.r10 = state.gpr(R8 + 2);
  record.r11 = state.gpr(R8 + 3);
  record.r12 = state.gpr(R8 + 4);
  record.r13 = state.gpr(R8 + 5);
  record.r14 = state.gpr(R8 + 6);
  record.r15 = state.gpr(R8 + 7);
  record.rip = state.rip;
  record.rflags = BigInt(readRflags(state));
}

const SEGMENTS = [
  ['cs', CS],
  ['ds', DS],
  ['es', ES],
  ['fs', FS],
  ['gs', GS],
  ['ss', SS],
  ['tr', TR],
  ['ldtr', LDTR],
] as const;

function saveSegments(state: VcpuState, record: HvmHwCpu): void {
  for (const [name, segment] of SEGMENTS) {
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
