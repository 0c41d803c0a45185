import * as params from '../../../../abi/hvm/params.ts';

/** Hyper-V's leaves come first, Xen's this much further on. */
export const VIRIDIAN_LEAVES = 0x100;
const MAXIMUM = 0x40000006;

// Leaf 3, EAX: HV_PARTITION_PRIVILEGE_MASK
const ACCESS_REFERENCE_COUNTER = 1 << 1;
const ACCESS_SYNIC = 1 << 2;
const ACCESS_SYNTHETIC_TIMERS = 1 << 3;
const ACCESS_INTERRUPT_CONTROL = 1 << 4;
const ACCESS_HYPERCALL = 1 << 5;
const ACCESS_VP_INDEX = 1 << 6;
const ACCESS_REFERENCE_TSC = 1 << 9;
const ACCESS_FREQUENCIES = 1 << 11;
// Leaf 3, EDX
const CPU_HOTPLUG = 1 << 3;
const CRASH_MSRS = 1 << 10;
const SINT_POLLING = 1 << 17;
// Leaf 4, EAX
const REMOTE_TLB_FLUSH = 1 << 2;
const MSR_BASED_APIC = 1 << 3;
const RELAXED_TIMERS = 1 << 5;
const CLUSTER_IPI = 1 << 10;
const EX_PROCESSOR_MASKS = 1 << 11;
// Leaf 6, EAX
const MSR_BITMAPS = 1 << 1;
const NESTED_PAGING = 1 << 3;

/** Version and build of Windows Server 2008, which Xen shows. */
const BUILD = 0x1772;
const VERSION = 6 << 16;
/** Xen's viridian-spinlock-retry-count. */
const SPIN_RETRIES = 2047;
/** HV_X64_MSR_GUEST_OS_ID: the part that tells Windows's kind; NT and its successors are 4. */
const WINDOWS_NT = 4n;

/** Fills `out`, which is zeros, with a leaf as Hyper-V's (Xen's cpuid_viridian_leaves). */
export function viridianLeaf(features: number, guestOsId: bigint, leaf: number, out: Uint32Array): void {
  const has = (feature: number) => (features & feature) !== 0;
  const bits = (...wanted: readonly (readonly [is: boolean, bit: number])[]) =>
    wanted.reduce((all, [is, bit]) => (is ? all | bit : all), 0);
  switch (leaf) {
    case 0x40000000:
      out[0] = MAXIMUM;
      out[1] = word('Micr');
      out[2] = word('osof');
      out[3] = word('t Hv');
      return;
    case 0x40000001:
      out[0] = word('Hv#1');
      return;
    case 0x40000002:
      if (guestOsId === 0n) return;
      out[0] = BUILD;
      out[1] = VERSION;
      return;
    case 0x40000003:
      out[0] = bits(
        [true, ACCESS_INTERRUPT_CONTROL | ACCESS_HYPERCALL | ACCESS_VP_INDEX],
        [!has(params.HVMPV_no_freq), ACCESS_FREQUENCIES],
        [has(params.HVMPV_time_ref_count), ACCESS_REFERENCE_COUNTER],
        [has(params.HVMPV_reference_tsc), ACCESS_REFERENCE_TSC],
        [has(params.HVMPV_synic), ACCESS_SYNIC],
        [has(params.HVMPV_stimer), ACCESS_SYNTHETIC_TIMERS],
      );
      out[3] = bits(
        [has(params.HVMPV_cpu_hotplug), CPU_HOTPLUG],
        [has(params.HVMPV_crash_ctl), CRASH_MSRS],
        [has(params.HVMPV_synic), SINT_POLLING],
      );
      return;
    case 0x40000004:
      if (((guestOsId >> 40n) & 0xffn) < WINDOWS_NT) return;
      out[0] = bits(
        [true, RELAXED_TIMERS | MSR_BASED_APIC],
        [has(params.HVMPV_hcall_remote_tlb_flush), REMOTE_TLB_FLUSH],
        [has(params.HVMPV_hcall_ipi), CLUSTER_IPI],
        [has(params.HVMPV_ex_processor_masks), EX_PROCESSOR_MASKS],
      );
      out[1] = SPIN_RETRIES;
      return;
    case 0x40000005:
      if (has(params.HVMPV_no_vp_limit)) out[0] = 0xffffffff;
      return;
    case 0x40000006:
      out[0] = MSR_BITMAPS | NESTED_PAGING;
      return;
    default:
  }
}

function word(text: string): number {
  return [...text].reduceRight((value, letter) => (value << 8) | letter.charCodeAt(0), 0) >>> 0;
}
