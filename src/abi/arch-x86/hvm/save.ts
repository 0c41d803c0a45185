// public/arch-x86/hvm/save.h — the records' numbers, and those of a vCPU but its registers
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../../accessors.ts';

export const HVM_FILE_MAGIC = 0x54381286;
export const HVM_FILE_VERSION = 0x00000001;

// hvm_save_descriptor.typecode; C spells them HVM_SAVE_CODE(HEADER) and so on.
export const HVM_SAVE_CODE_HEADER = 1;
export const HVM_SAVE_CODE_CPU = 2;
export const HVM_SAVE_CODE_PIC = 3;
export const HVM_SAVE_CODE_IOAPIC = 4;
export const HVM_SAVE_CODE_LAPIC = 5;
export const HVM_SAVE_CODE_LAPIC_REGS = 6;
export const HVM_SAVE_CODE_PCI_IRQ = 7;
export const HVM_SAVE_CODE_ISA_IRQ = 8;
export const HVM_SAVE_CODE_PCI_LINK = 9;
export const HVM_SAVE_CODE_PIT = 10;
export const HVM_SAVE_CODE_RTC = 11;
export const HVM_SAVE_CODE_HPET = 12;
export const HVM_SAVE_CODE_PMTIMER = 13;
export const HVM_SAVE_CODE_MTRR = 14;
export const HVM_SAVE_CODE_VIRIDIAN_DOMAIN = 15;
export const HVM_SAVE_CODE_VIRIDIAN_VCPU = 17;
export const HVM_SAVE_CODE_VMCE_VCPU = 18;
export const HVM_SAVE_CODE_TSC_ADJUST = 19;
export const CPU_XSAVE_CODE = 16;
export const CPU_MSR_CODE = 20;
export const HVM_SAVE_CODE_MAX = 20;

/** struct hvm_save_header: the first record */
export class HvmSaveHeader {
  static readonly C_NAME = 'struct hvm_save_header';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: HVM_FILE_MAGIC */
  get magic(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set magic(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: HVM_FILE_VERSION */
  get version(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: of the saving Xen; all ones if unknown */
  get changeset(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set changeset(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint32: EAX of the saving host's leaf 1 */
  get cpuid(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set cpuid(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32: rate of the guest's TSC */
  get gtsc_khz(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set gtsc_khz(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

/** struct hvm_hw_lapic: one local APIC, beside its registers */
export class HvmHwLapic {
  static readonly C_NAME = 'struct hvm_hw_lapic';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get apic_base_msr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set apic_base_msr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint32: 0, or a bit each for software and hardware */
  get disabled(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set disabled(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get timer_divisor(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set timer_divisor(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: TSC deadline */
  get tdt_msr(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set tdt_msr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get tdt_msrLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set tdt_msrLo(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  get tdt_msrHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set tdt_msrHi(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

/** struct hvm_hw_lapic_regs: its registers, as the page shows them */
export class HvmHwLapicRegs {
  static readonly C_NAME = 'struct hvm_hw_lapic_regs';
  static readonly SIZE = 0x400;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 1024 bytes */
  get data(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 1024); }
}

export const MTRR_VCNT = 8;
export const NUM_FIXED_MSR = 11;

/** struct hvm_hw_mtrr: memory types of a vCPU */
export class HvmHwMtrr {
  static readonly C_NAME = 'struct hvm_hw_mtrr';
  static readonly SIZE = 0xf0;
  static readonly LENGTH_msr_mtrr_var = 16;
  static readonly LENGTH_msr_mtrr_fixed = 11;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get msr_pat_cr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set msr_pat_cr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64, 16 of them: base and mask of each */
  msr_mtrr_var(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x8 + i * 8, true); }
  set_msr_mtrr_var(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x8 + i * 8, value, true); }
  /** 0x88 uint64, 11 of them */
  msr_mtrr_fixed(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x88 + i * 8, true); }
  set_msr_mtrr_fixed(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x88 + i * 8, value, true); }
  /** 0xe0 uint64 */
  get msr_mtrr_cap(): bigint { return this.#memory.getBigUint64(this.#base + 0xe0, true); }
  set msr_mtrr_cap(value: bigint) { this.#memory.setBigUint64(this.#base + 0xe0, value, true); }
  /** 0xe8 uint64 */
  get msr_mtrr_def_type(): bigint { return this.#memory.getBigUint64(this.#base + 0xe8, true); }
  set msr_mtrr_def_type(value: bigint) { this.#memory.setBigUint64(this.#base + 0xe8, value, true); }
}

/** struct hvm_hw_cpu_xsave: the XSAVE area, to which its extended part is appended */
export class HvmHwCpuXsave {
  static readonly C_NAME = 'struct hvm_hw_cpu_xsave';
  static readonly SIZE = 0x258;
  static readonly C_PATHS = {
    fpu_sse: 'save_area.fpu_sse', xstate_bv: 'save_area.xsave_hdr.xstate_bv', xcomp_bv: 'save_area.xsave_hdr.xcomp_bv',
    reserved: 'save_area.xsave_hdr.reserved',
  };
  static readonly LENGTH_reserved = 6;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: not used */
  get xfeature_mask(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set xfeature_mask(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get xcr0(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set xcr0(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: all bits ever set */
  get xcr0_accum(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set xcr0_accum(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 512 bytes: legacy part */
  get fpu_sse(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x18, 512); }
  /** 0x218 uint64 */
  get xstate_bv(): bigint { return this.#memory.getBigUint64(this.#base + 0x218, true); }
  set xstate_bv(value: bigint) { this.#memory.setBigUint64(this.#base + 0x218, value, true); }
  /** 0x220 uint64 */
  get xcomp_bv(): bigint { return this.#memory.getBigUint64(this.#base + 0x220, true); }
  set xcomp_bv(value: bigint) { this.#memory.setBigUint64(this.#base + 0x220, value, true); }
  /** 0x228 uint64, 6 of them */
  reserved(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x228 + i * 8, true); }
  set_reserved(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x228 + i * 8, value, true); }
}

/** struct hvm_viridian_domain_context: Hyper-V's MSRs of a domain */
export class HvmViridianDomainContext {
  static readonly C_NAME = 'struct hvm_viridian_domain_context';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get hypercall_gpa(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set hypercall_gpa(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get guest_os_id(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set guest_os_id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get time_ref_count(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set time_ref_count(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64 */
  get reference_tsc(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set reference_tsc(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
}

/** struct hvm_viridian_vcpu_context: Hyper-V's MSRs of a vCPU */
export class HvmViridianVcpuContext {
  static readonly C_NAME = 'struct hvm_viridian_vcpu_context';
  static readonly SIZE = 0xd8;
  static readonly LENGTH_sint_msr = 16;
  static readonly LENGTH_stimer_config_msr = 4;
  static readonly LENGTH_stimer_count_msr = 4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get vp_assist_msr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set vp_assist_msr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint8 */
  get apic_assist_pending(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set apic_assist_pending(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0x9 7 bytes */
  get _pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x9, 7); }
  /** 0x10 uint64 */
  get simp_msr(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set simp_msr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64, 16 of them */
  sint_msr(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x18 + i * 8, true); }
  set_sint_msr(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x18 + i * 8, value, true); }
  /** 0x98 uint64, 4 of them */
  stimer_config_msr(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x98 + i * 8, true); }
  set_stimer_config_msr(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x98 + i * 8, value, true); }
  /** 0xb8 uint64, 4 of them */
  stimer_count_msr(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0xb8 + i * 8, true); }
  set_stimer_count_msr(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0xb8 + i * 8, value, true); }
}

/** struct hvm_vmce_vcpu: a vCPU's machine check MSRs */
export class HvmVmceVcpu {
  static readonly C_NAME = 'struct hvm_vmce_vcpu';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get caps(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set caps(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get mci_ctl2_bank0(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set mci_ctl2_bank0(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get mci_ctl2_bank1(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set mci_ctl2_bank1(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint64 */
  get mcg_ext_ctl(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set mcg_ext_ctl(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
}

/** struct hvm_tsc_adjust: MSR TSC_ADJUST */
export class HvmTscAdjust {
  static readonly C_NAME = 'struct hvm_tsc_adjust';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get tsc_adjust(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set tsc_adjust(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
}

/** struct hvm_one_msr: one MSR */
export class HvmOneMsr {
  static readonly C_NAME = 'struct hvm_one_msr';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get index(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get _rsvd(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set _rsvd(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get val(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set val(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct hvm_msr: other MSRs: count of hvm_one_msr follow */
export class HvmMsr {
  static readonly C_NAME = 'struct hvm_msr';
  static readonly SIZE = 0x8;
  static readonly ONLY_64 = true;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get count(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set count(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}
