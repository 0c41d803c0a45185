import {
  CPU_MSR_CODE,
  CPU_XSAVE_CODE,
  HVM_SAVE_CODE_CPU,
  HVM_SAVE_CODE_LAPIC,
  HVM_SAVE_CODE_LAPIC_REGS,
  HVM_SAVE_CODE_MTRR,
  HVM_SAVE_CODE_TSC_ADJUST,
  HVM_SAVE_CODE_VMCE_VCPU,
  HvmHwCpuXsave,
  HvmHwLapic,
  HvmHwLapicRegs,
  HvmHwMtrr,
  HvmMsr,
  HvmOneMsr,
  HvmTscAdjust,
  HvmVmceVcpu,
  MTRR_VCNT,
  NUM_FIXED_MSR,
} from '../../../abi/arch-x86/hvm/save.ts';
import { HvmHwCpu } from '../../../abi/arch-x86/hvm/save-cpu.ts';
import { OFFSET_PAT, OFFSET_XCR0 } from '../../../cpu/state.ts';
import { GUEST_MC_BANKS, MSR_INTEL_MISC_FEATURES_ENABLES, writeMsr } from './msr.ts';
import {
  MSR_MTRR_PHYSBASE0,
  MSR_MTRRdefType,
  MSR_MTRRfix16K_80000,
  MSR_MTRRfix4K_C0000,
  MSR_MTRRfix64K_00000,
} from './mtrr.ts';
import { loadCpuRecord } from './vcpu-context.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { loadCpuExtras, loadFpu, saveCpuRecord, saveFpu } from './vcpu-save.ts';
import { loadLapic, loadLapicRegs, saveLapic, saveLapicRegs } from './vlapic-save.ts';

/** One kind of record of a vCPU's state (public/arch-x86/hvm/save.h). Those of devices that PVH has not are not here. */
export interface SaveRecord {
  readonly typecode: number;
  /** Bytes; at least so many where the length varies. */
  readonly size: number;
  readonly varies?: boolean;
  /** Fills in a zeroed record of `size` bytes. False: this vCPU has none. */
  readonly save: (vcpu: HvmVcpu, view: DataView, at: number) => boolean;
  /** Returns why the record cannot be loaded, undefined where it was. `nowNs`: when the whole load began. */
  readonly load: (vcpu: HvmVcpu, view: DataView, at: number, length: number, nowNs: number) => string | undefined;
}

/** x87 and SSE: the components of extended state that there are. */
const XCR0_SUPPORTED = 3n;
const XCR0_X87 = 1n;

/** In the order of their numbers, which is the order they are saved in. */
export const SAVE_RECORDS: readonly SaveRecord[] = [
  { typecode: HVM_SAVE_CODE_CPU, size: HvmHwCpu.SIZE, save: saveCpu, load: loadCpu },
  {
    typecode: HVM_SAVE_CODE_LAPIC,
    size: HvmHwLapic.SIZE,
    save: ({ vlapic }, view, at) => {
      saveLapic(vlapic, new HvmHwLapic(view, at));
      return true;
    },
    load: ({ vlapic }, view, at) =>
      loadLapic(vlapic, new HvmHwLapic(view, at)) ? undefined : 'an impossible IA32_APIC_BASE',
  },
  {
    typecode: HVM_SAVE_CODE_LAPIC_REGS,
    size: HvmHwLapicRegs.SIZE,
    save: ({ vlapic }, view, at) => {
      saveLapicRegs(vlapic, new HvmHwLapicRegs(view, at));
      return true;
    },
    load: ({ vlapic }, view, at) => {
      loadLapicRegs(vlapic, new HvmHwLapicRegs(view, at));
      return undefined;
    },
  },
  { typecode: HVM_SAVE_CODE_MTRR, size: HvmHwMtrr.SIZE, save: saveMtrr, load: loadMtrr },
  { typecode: CPU_XSAVE_CODE, size: HvmHwCpuXsave.SIZE, varies: true, save: saveXsave, load: loadXsave },
  {
    typecode: HVM_SAVE_CODE_VMCE_VCPU,
    size: HvmVmceVcpu.SIZE,
    save: (_vcpu, view, at) => {
      new HvmVmceVcpu(view, at).caps = BigInt(GUEST_MC_BANKS);
      return true;
    },
    load: (_vcpu, view, at) =>
      (new HvmVmceVcpu(view, at).caps & 0xffn) > BigInt(GUEST_MC_BANKS)
        ? 'more machine check banks than two'
        : undefined,
  },
  {
    typecode: HVM_SAVE_CODE_TSC_ADJUST,
    size: HvmTscAdjust.SIZE,
    save: (vcpu, view, at) => {
      new HvmTscAdjust(view, at).tsc_adjust = BigInt.asUintN(64, vcpu.tscAdjust);
      return true;
    },
    load: (vcpu, view, at) => {
      vcpu.tscAdjust = BigInt.asIntN(64, new HvmTscAdjust(view, at).tsc_adjust);
      return undefined;
    },
  },
  { typecode: CPU_MSR_CODE, size: HvmMsr.SIZE + HvmOneMsr.SIZE, varies: true, save: saveMsrs, load: loadMsrs },
];

/** A vCPU that is down has no registers worth keeping. */
function saveCpu(vcpu: HvmVcpu, view: DataView, at: number): boolean {
  if (!vcpu.online) return false;
  saveCpuRecord(vcpu, new HvmHwCpu(view, at));
  return true;
}

function loadCpu(vcpu: HvmVcpu, view: DataView, at: number, _length: number, nowNs: number): string | undefined {
  const record = new HvmHwCpu(view, at);
  if (loadCpuRecord(vcpu, record) !== 0) return 'impossible control registers';
  if (!loadCpuExtras(vcpu, record, nowNs)) return 'reserved bits of MXCSR';
  vcpu.vcpu.initialised = true;
  vcpu.vcpu.up();
  return undefined;
}

function saveMtrr({ mtrr, state }: HvmVcpu, view: DataView, at: number): boolean {
  const record = new HvmHwMtrr(view, at);
  record.msr_pat_cr = state.u64(OFFSET_PAT);
  mtrr.variable.forEach((value, index) => record.set_msr_mtrr_var(index, value));
  mtrr.fixed.forEach((value, index) => record.set_msr_mtrr_fixed(index, value));
  record.msr_mtrr_cap = BigInt(mtrr.cap);
  record.msr_mtrr_def_type = BigInt(mtrr.defType);
  return true;
}

function loadMtrr({ mtrr, state }: HvmVcpu, view: DataView, at: number): string | undefined {
  const record = new HvmHwMtrr(view, at);
  const writes: [number, bigint][] = [[MSR_MTRRdefType, record.msr_mtrr_def_type]];
  for (let index = 0; index < MTRR_VCNT * 2; index++) {
    writes.push([MSR_MTRR_PHYSBASE0 + index, record.msr_mtrr_var(index)]);
  }
  for (let index = 0; index < NUM_FIXED_MSR; index++) writes.push([fixedMsr(index), record.msr_mtrr_fixed(index)]);
  for (const [msr, value] of writes) if (!mtrr.write(msr, value)) return 'impossible memory types';
  if (record.msr_pat_cr !== 0n) state.setU64(OFFSET_PAT, record.msr_pat_cr);
  return undefined;
}

function fixedMsr(index: number): number {
  if (index === 0) return MSR_MTRRfix64K_00000;
  return index < 3 ? MSR_MTRRfix16K_80000 + index - 1 : MSR_MTRRfix4K_C0000 + index - 3;
}

function saveXsave(vcpu: HvmVcpu, view: DataView, at: number): boolean {
  const record = new HvmHwCpuXsave(view, at);
  record.xcr0 = vcpu.state.u64(OFFSET_XCR0);
  record.xcr0_accum = XCR0_SUPPORTED;
  saveFpu(vcpu.state, record.fpu_sse);
  record.xstate_bv = XCR0_SUPPORTED;
  return true;
}

/** What lies behind the header belongs to components that are not here, and must not be in use. */
function loadXsave(vcpu: HvmVcpu, view: DataView, at: number): string | undefined {
  const record = new HvmHwCpuXsave(view, at);
  const { xcr0, xcr0_accum: accumulated, xstate_bv: present } = record;
  if ((xcr0 & XCR0_X87) === 0n || (xcr0 & ~accumulated) !== 0n) return 'an impossible XCR0';
  if ((accumulated & ~XCR0_SUPPORTED) !== 0n || (present & ~accumulated) !== 0n || record.xcomp_bv !== 0n) {
    return 'extended state that this processor has not';
  }
  if (present !== 0n && !loadFpu(vcpu.state, record.fpu_sse)) return 'reserved bits of MXCSR';
  vcpu.state.setU64(OFFSET_XCR0, xcr0);
  return undefined;
}

/** MSRs that are in no other record; only those that are not zero. */
function saveMsrs(vcpu: HvmVcpu, view: DataView, at: number): boolean {
  if (!vcpu.cpuidFaults) return false;
  new HvmMsr(view, at).count = 1;
  const msr = new HvmOneMsr(view, at + HvmMsr.SIZE);
  msr.index = MSR_INTEL_MISC_FEATURES_ENABLES;
  msr.val = 1n;
  return true;
}

function loadMsrs(vcpu: HvmVcpu, view: DataView, at: number, length: number): string | undefined {
  const { count } = new HvmMsr(view, at);
  if (length !== HvmMsr.SIZE + count * HvmOneMsr.SIZE) return `${count} MSRs in ${length} bytes`;
  for (let index = 0; index < count; index++) {
    const msr = new HvmOneMsr(view, at + HvmMsr.SIZE + index * HvmOneMsr.SIZE);
    if (msr._rsvd !== 0 || msr.index !== MSR_INTEL_MISC_FEATURES_ENABLES) return `MSR ${msr.index.toString(16)}`;
    if (!writeMsr(vcpu, msr.index, Number(msr.val & 0xffffffffn), Number(msr.val >> 32n))) {
      return `an impossible value of MSR ${msr.index.toString(16)}`;
    }
  }
  return undefined;
}
