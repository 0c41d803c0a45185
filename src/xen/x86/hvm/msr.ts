import { MSR_X2APIC_FIRST, MSR_X2APIC_LAST } from './apic-registers.ts';
import { fillHypercallPage } from './hypercall-page.ts';
import { MSR_MTRRcap, MSR_MTRRdefType } from './mtrr.ts';
import { MSR_INTEL_PLATFORM_INFO, PLATFORM_INFO_CPUID_FAULTING } from './msr-numbers.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { HV_X64_MSR_END, HV_X64_MSR_FIRST } from './viridian/msr-numbers.ts';

// Model-specific registers that the processor does not keep itself, as Xen shows them to HVM guests (Xen's
// guest_rdmsr, hvm_msr_read_intercept and their write twins). What is not here raises #GP.

const MSR_IA32_PLATFORM_ID = 0x17;
const MSR_APIC_BASE = 0x1b;
const MSR_IA32_FEATURE_CONTROL = 0x3a;
const MSR_IA32_TSC_ADJUST = 0x3b;
const MSR_IA32_UCODE_WRITE = 0x79;
const MSR_IA32_UCODE_REV = 0x8b;
export const MSR_INTEL_MISC_FEATURES_ENABLES = 0x140;
const MSR_IA32_MCG_CAP = 0x179;
const MSR_IA32_MCG_STATUS = 0x17a;
const MSR_IA32_PERF_STATUS = 0x198;
const MSR_IA32_PERF_CTL = 0x199;
const MSR_IA32_THERM_STATUS = 0x19c;
const MSR_IA32_MISC_ENABLE = 0x1a0;
const MSR_IA32_MC0_CTL = 0x400;
const MSR_IA32_MC31_MISC = 0x47f;
const MSR_IA32_TSC_DEADLINE = 0x6e0;
/** Of Xen's hypercall page; further on where Hyper-V's interface is in front of Xen's. */
const MSR_HYPERCALL = 0x40000000;
const MSR_HYPERCALL_BEHIND_VIRIDIAN = 0x40000200;
const MSR_K8_HWCR = 0xc0010015;
/** SYSCFG, TOP_MEM, TOP_MEM2, VM_CR and EX_CFG of AMD: zero, whatever is written. */
const AMD_ZERO: ReadonlySet<number> = new Set([0xc0010010, 0xc001001a, 0xc001001d, 0xc0010114, 0xc001102c]);
const MSR_AMD64_NB_CFG = 0xc001001f;
const MSR_K8_ENABLE_C1E = 0xc0010055;
const MSR_AMD64_DE_CFG = 0xc0011029;

const IA32_FEATURE_CONTROL_LOCK = 1;
const MISC_FEATURES_CPUID_FAULTING = 1;
const MISC_ENABLE_FAST_STRINGS = 1;
const MISC_ENABLE_BTS_UNAVAIL = 1 << 11;
const MISC_ENABLE_PEBS_UNAVAIL = 1 << 12;
const AMD64_DE_CFG_LFENCE_SERIALISE = 2;
/** Xen's guests see two machine check banks, empty. */
export const GUEST_MC_BANKS = 2;

/** EBX of CPUID leaf 0: "Genu" and "Auth". */
const VENDOR_INTEL = 0x756e6547;
const VENDOR_AMD = 0x68747541;

const scratch = new Uint32Array(4);

/** RDMSR into `out` (lo, hi); false is #GP. */
export function readMsr(vcpu: HvmVcpu, msr: number, out: Uint32Array): boolean {
  if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) return vcpu.vlapic.readMsr(msr, out);
  const { viridian } = vcpu.hvm;
  const mtrr = vcpu.mtrr.read(msr);
  const value =
    viridian !== undefined && isViridian(msr) ? viridian.readMsr(vcpu, msr) : (mtrr ?? readOther(vcpu, msr));
  if (value === undefined) return false;
  out[0] = Number(value & 0xffffffffn);
  out[1] = Number(value >> 32n);
  return true;
}

/** WRMSR; false is #GP. */
export function writeMsr(vcpu: HvmVcpu, msr: number, lo: number, hi: number): boolean {
  if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) return vcpu.vlapic.writeMsr(msr, lo, hi);
  const value = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
  const { viridian } = vcpu.hvm;
  if (viridian !== undefined && isViridian(msr)) return viridian.writeMsr(vcpu, msr, value);
  if (msr === MSR_MTRRcap) return false;
  if (msr === MSR_MTRRdefType || vcpu.mtrr.read(msr) !== undefined) return vcpu.mtrr.write(msr, value);

  switch (msr) {
    case MSR_APIC_BASE:
      return vcpu.vlapic.writeBaseMsr(lo >>> 0, hi >>> 0);
    case MSR_IA32_TSC_DEADLINE:
      if (vcpu.vlapic.hardwareEnabled) vcpu.vlapic.timer.deadline = value;
      return true;
    case MSR_IA32_TSC_ADJUST:
      vcpu.setTscOffset(vcpu.tscOffset() + BigInt.asIntN(64, value) - vcpu.tscAdjust);
      vcpu.tscAdjust = BigInt.asIntN(64, value);
      return true;
    case hypercallMsr(vcpu):
      return fillHypercallPage(vcpu, value);
    case MSR_IA32_UCODE_REV:
      return isVendor(vcpu, VENDOR_INTEL) && value === 0n; // the manual's way to have the revision reported
    case MSR_IA32_UCODE_WRITE:
      return isVendor(vcpu, VENDOR_INTEL); // dropped: some Windows loads microcode before it can take a #GP
    case MSR_INTEL_MISC_FEATURES_ENABLES:
      if (value > (vcpu.hvm.cpuPolicy.cpuidFaulting ? BigInt(MISC_FEATURES_CPUID_FAULTING) : 0n)) return false;
      vcpu.cpuidFaults = value !== 0n;
      return true;
    case MSR_IA32_MISC_ENABLE:
      return (lo & ~Number(miscEnable())) === 0 && hi === 0;
    case MSR_IA32_PERF_CTL:
      return isVendor(vcpu, VENDOR_INTEL); // dropped
    case MSR_AMD64_DE_CFG:
      return isVendor(vcpu, VENDOR_AMD); // dropped: OpenBSD 6.7 panics on a #GP here
    case MSR_IA32_MCG_STATUS:
      return true;
    default:
      if (AMD_ZERO.has(msr)) return isVendor(vcpu, VENDOR_AMD);
      return isPerformanceCounter(msr) || (msr >= MSR_IA32_MC0_CTL && msr <= MSR_IA32_MC31_MISC);
  }
}

function readOther(vcpu: HvmVcpu, msr: number): bigint | undefined {
  switch (msr) {
    case MSR_APIC_BASE:
      return BigInt(vcpu.vlapic.baseMsr);
    case MSR_IA32_TSC_DEADLINE:
      return vcpu.vlapic.timer.deadline;
    case MSR_IA32_TSC_ADJUST:
      return BigInt.asUintN(64, vcpu.tscAdjust);
    case hypercallMsr(vcpu):
    case MSR_AMD64_NB_CFG:
    case MSR_K8_ENABLE_C1E:
    case MSR_IA32_MCG_STATUS:
      return 0n;
    case MSR_INTEL_PLATFORM_INFO:
      // Of any vendor: Xen sees every CPUID of HVM guests.
      return vcpu.hvm.cpuPolicy.cpuidFaulting ? BigInt(PLATFORM_INFO_CPUID_FAULTING) : 0n;
    case MSR_INTEL_MISC_FEATURES_ENABLES:
      return vcpu.cpuidFaults ? BigInt(MISC_FEATURES_CPUID_FAULTING) : 0n;
    case MSR_IA32_UCODE_REV:
      return isVendor(vcpu, VENDOR_INTEL) || isVendor(vcpu, VENDOR_AMD) ? 0n : undefined;
    case MSR_IA32_FEATURE_CONTROL:
      return isVendor(vcpu, VENDOR_INTEL) ? BigInt(IA32_FEATURE_CONTROL_LOCK) : undefined;
    case MSR_IA32_PLATFORM_ID:
    case MSR_IA32_PERF_STATUS:
    case MSR_IA32_PERF_CTL:
    case MSR_IA32_THERM_STATUS:
      return isVendor(vcpu, VENDOR_INTEL) ? 0n : undefined;
    case MSR_IA32_MISC_ENABLE:
      return isVendor(vcpu, VENDOR_INTEL) ? miscEnable() : undefined;
    case MSR_K8_HWCR:
      return isVendor(vcpu, VENDOR_AMD) ? 0n : undefined;
    case MSR_AMD64_DE_CFG:
      return isVendor(vcpu, VENDOR_AMD) ? BigInt(AMD64_DE_CFG_LFENCE_SERIALISE) : undefined;
    case MSR_IA32_MCG_CAP:
      return BigInt(GUEST_MC_BANKS);
    default:
      if (AMD_ZERO.has(msr)) return isVendor(vcpu, VENDOR_AMD) ? 0n : undefined;
      if (msr >= MSR_IA32_MC0_CTL && msr <= MSR_IA32_MC31_MISC) return machineCheckBank(msr);
      return isPerformanceCounter(msr) ? 0n : undefined;
  }
}

function isViridian(msr: number): boolean {
  return msr >= HV_X64_MSR_FIRST && msr < HV_X64_MSR_END;
}

function hypercallMsr({ hvm }: HvmVcpu): number {
  return hvm.viridian === undefined ? MSR_HYPERCALL : MSR_HYPERCALL_BEHIND_VIRIDIAN;
}

/** Banks there are have all their errors enabled; none has ever seen one. */
function machineCheckBank(msr: number): bigint {
  const bank = (msr - MSR_IA32_MC0_CTL) >> 2;
  const isControl = ((msr - MSR_IA32_MC0_CTL) & 3) === 0;
  return isControl && bank < GUEST_MC_BANKS ? 0xffffffffffffffffn : 0n;
}

/** Counters that the PMU code of guests touches before it looks whether there is a PMU; without vPMU they read 0. */
function isPerformanceCounter(msr: number): boolean {
  return (
    (msr >= 0xc1 && msr <= 0xc8) || // IA32_PMC0..7
    (msr >= 0x186 && msr <= 0x18d) || // IA32_PERFEVTSEL0..7
    (msr >= 0x309 && msr <= 0x30b) || // IA32_FIXED_CTR0..2
    msr === 0x345 || // IA32_PERF_CAPABILITIES
    (msr >= 0x38d && msr <= 0x390) || // fixed and global control
    (msr >= 0xc0010000 && msr <= 0xc0010007) || // AMD K7 event selects and counters
    (msr >= 0xc0010200 && msr <= 0xc001020b)
  );
}

function miscEnable(): bigint {
  return BigInt(MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_BTS_UNAVAIL | MISC_ENABLE_PEBS_UNAVAIL);
}

function isVendor(vcpu: HvmVcpu, ebx: number): boolean {
  vcpu.hvm.cpuPolicy.leaf(0, 0, scratch);
  return scratch[1] === ebx;
}
