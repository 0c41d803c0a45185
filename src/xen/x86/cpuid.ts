import {
  XEN_CPUID_FIRST_LEAF,
  XEN_CPUID_MAX_NUM_LEAVES,
  XEN_CPUID_SIGNATURE_EBX,
  XEN_CPUID_SIGNATURE_ECX,
  XEN_CPUID_SIGNATURE_EDX,
  XEN_HVM_CPUID_DOMID_PRESENT,
  XEN_HVM_CPUID_IOMMU_MAPPINGS,
  XEN_HVM_CPUID_UPCALL_VECTOR,
  XEN_HVM_CPUID_VCPU_ID_PRESENT,
} from '../../abi/arch-x86/cpuid.ts';
import { XEN_VERSION } from '../common/version.ts';
import { VIRIDIAN_LEAVES, viridianLeaf } from './hvm/viridian/cpuid.ts';
import { TSC_KHZ, TSC_SHIFT, TSC_TO_SYSTEM_MUL } from './time.ts';

/** What a processor tells about itself: the engine's answer to CPUID, before Xen changes it. */
export interface CpuidTable {
  /** Fills `out` with EAX, EBX, ECX, EDX; zeros for a leaf there is not. */
  leaf(leaf: number, subleaf: number, out: Uint32Array): void;
}

/** What the leaves tell that differs between vCPUs, and over time. */
export interface CpuidSubject {
  readonly vcpuId: number;
  readonly domid: number;
  readonly maxVcpus: number;
  readonly apicEnabled: boolean;
  readonly cr4: number;
  /** Low half: no state component of the high half exists yet. */
  readonly xcr0: number;
  /** XEN_DOMCTL_settscinfo */
  readonly tscMode: number;
  readonly tscIncarnation: number;
  /** Hyper-V's interface, whose leaves come before Xen's. */
  readonly viridian: { readonly features: number; readonly guestOsId: bigint } | undefined;
}

const CR4_OSXSAVE = 1 << 18;
const CR4_PKE = 1 << 22;

// Leaf 1
const ECX_OSXSAVE = 1 << 27;
const ECX_HYPERVISOR = 0x80000000;
const EDX_APIC = 1 << 9;
const EDX_HTT = 1 << 28;
// Leaf 7
const ECX_PKU = 1 << 3;
const ECX_OSPKE = 1 << 4;

const XEN_LEAVES_END = XEN_CPUID_FIRST_LEAF + 0x10000;
/** EAX bits of Xen's time leaf: the host's TSC is safe, and RDTSCP is there. */
const TIME_TSC_SAFE = 1 << 1;
const TIME_RDTSCP = 1 << 2;

/** CPUID as an HVM guest of Xen sees it (Xen's guest_cpuid). */
export function guestCpuid(
  table: CpuidTable,
  subject: CpuidSubject,
  leaf: number,
  subleaf: number,
  out: Uint32Array,
): void {
  if (leaf >= XEN_CPUID_FIRST_LEAF && leaf < XEN_LEAVES_END) {
    out.fill(0);
    hypervisorLeaf(table, subject, leaf, subleaf, out);
    return;
  }
  table.leaf(leaf, subleaf, out);
  switch (leaf) {
    case 1:
      basicFeatures(subject, out);
      return;
    case 7:
      if (subleaf === 0) set(out, 2, ECX_OSPKE, (subject.cr4 & CR4_PKE) !== 0 && ((out[2] as number) & ECX_PKU) !== 0);
      return;
    case 0xb:
      topology(table, subject, subleaf, out);
      return;
    case 0xd:
      if (subleaf === 0) out[1] = xstateSize(table, subject.xcr0);
      return;
    case 0x80000001:
      // AMD's processors repeat the APIC's bit here.
      if ((out[3] as number) & EDX_APIC) set(out, 3, EDX_APIC, subject.apicEnabled);
      return;
    default:
  }
}

function hypervisorLeaf(
  table: CpuidTable,
  subject: CpuidSubject,
  leaf: number,
  subleaf: number,
  out: Uint32Array,
): void {
  const { viridian } = subject;
  const first = viridian === undefined ? XEN_CPUID_FIRST_LEAF : XEN_CPUID_FIRST_LEAF + VIRIDIAN_LEAVES;
  if (leaf >= first) xenLeaf(table, subject, leaf - first, subleaf, out);
  else if (viridian !== undefined) viridianLeaf(viridian.features, viridian.guestOsId, leaf, out);
  if (viridian === undefined) return;
  // Xen's leaves tell where they are and where the hypercall page's MSR is.
  if (leaf === first) out[0] = first + XEN_CPUID_MAX_NUM_LEAVES;
  if (leaf === first + 2) out[1] = 0x40000200;
}

function basicFeatures(subject: CpuidSubject, out: Uint32Array): void {
  const processors = addressableIds(subject.maxVcpus);
  out[1] = ((out[1] as number) & 0x0000ffff) | ((processors & 0xff) << 16) | ((subject.vcpuId * 2) << 24);
  const xsave = ((out[2] as number) & (1 << 26)) !== 0;
  set(out, 2, ECX_HYPERVISOR, true);
  set(out, 2, ECX_OSXSAVE, xsave && (subject.cr4 & CR4_OSXSAVE) !== 0);
  set(out, 3, EDX_APIC, subject.apicEnabled && ((out[3] as number) & EDX_APIC) !== 0);
  set(out, 3, EDX_HTT, processors > 1);
}

/** Leaf 0xb: APIC IDs are even, so a "thread" level of two IDs with one processor, in one package of cores. */
function topology(table: CpuidTable, subject: CpuidSubject, subleaf: number, out: Uint32Array): void {
  table.leaf(0, 0, out);
  const present = (out[0] as number) >= 0xb;
  out.fill(0);
  if (!present) return;
  if (subleaf === 0) {
    out[0] = 1;
    out[1] = 1;
    out[2] = (1 << 8) | subleaf;
  } else if (subleaf === 1) {
    out[0] = 32 - Math.clz32(addressableIds(subject.maxVcpus) - 1);
    out[1] = subject.maxVcpus;
    out[2] = (2 << 8) | subleaf;
  } else {
    out[2] = subleaf & 0xff;
  }
  out[3] = subject.vcpuId * 2;
}

/** A power of two, not less than the APIC IDs in use. */
function addressableIds(maxVcpus: number): number {
  return 2 ** Math.ceil(Math.log2(maxVcpus * 2));
}

/** Bytes of an XSAVE area for the components that are enabled now (SDM vol. 1, 13.2). */
function xstateSize(table: CpuidTable, xcr0: number): number {
  const component = new Uint32Array(4);
  let size = 512 + 64;
  for (let index = 2; index < 31; index++) {
    if ((xcr0 & (1 << index)) === 0) continue;
    table.leaf(0xd, index, component);
    size = Math.max(size, (component[0] as number) + (component[1] as number));
  }
  return size;
}

function xenLeaf(table: CpuidTable, subject: CpuidSubject, index: number, subleaf: number, out: Uint32Array): void {
  switch (index) {
    case 0:
      out[0] = XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES;
      out[1] = XEN_CPUID_SIGNATURE_EBX;
      out[2] = XEN_CPUID_SIGNATURE_ECX;
      out[3] = XEN_CPUID_SIGNATURE_EDX;
      return;
    case 1:
      out[0] = XEN_VERSION;
      return;
    case 2:
      out[0] = 1; // one hypercall page,
      out[1] = 0x40000000; // by this MSR
      return;
    case 3:
      timeLeaf(table, subject, subleaf, out);
      return;
    case 4:
      if (subleaf !== 0) return;
      out[0] =
        XEN_HVM_CPUID_IOMMU_MAPPINGS |
        XEN_HVM_CPUID_VCPU_ID_PRESENT |
        XEN_HVM_CPUID_DOMID_PRESENT |
        XEN_HVM_CPUID_UPCALL_VECTOR;
      out[1] = subject.vcpuId;
      out[2] = subject.domid;
      return;
    default: // Leaf 5 is for PV guests.
  }
}

function timeLeaf(table: CpuidTable, subject: CpuidSubject, subleaf: number, out: Uint32Array): void {
  if (subleaf === 0) {
    table.leaf(0x80000001, 0, out);
    const rdtscp = ((out[3] as number) & (1 << 27)) !== 0;
    out[0] = TIME_TSC_SAFE | (rdtscp ? TIME_RDTSCP : 0);
    out[1] = subject.tscMode;
    out[2] = TSC_KHZ;
    out[3] = subject.tscIncarnation;
  } else if (subleaf === 1) {
    out[2] = TSC_TO_SYSTEM_MUL;
    out[3] = TSC_SHIFT;
  } else if (subleaf === 2) {
    out[0] = TSC_KHZ;
  }
}

function set(out: Uint32Array, register: number, bits: number, value: boolean): void {
  const before = out[register] as number;
  out[register] = value ? before | bits : before & ~bits;
}
