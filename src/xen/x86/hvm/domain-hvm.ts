import { XEN_DOMCTL_CDF_nested_virt } from '../../../abi/domctl.ts';
import { SystemTsc } from '../time.ts';
import { EEXIST, EINVAL, EPERM } from '../../../abi/errno.ts';
import {
  HVM_NR_PARAMS,
  HVM_PARAM_ACPI_IOPORTS_LOCATION,
  HVM_PARAM_ACPI_S_STATE,
  HVM_PARAM_ALTP2M,
  HVM_PARAM_BUFIOREQ_EVTCHN,
  HVM_PARAM_BUFIOREQ_PFN,
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_CALLBACK_TYPE_GSI,
  HVM_PARAM_CALLBACK_TYPE_PCI_INTX,
  HVM_PARAM_CALLBACK_TYPE_VECTOR,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_DM_DOMAIN,
  HVM_PARAM_IOREQ_PFN,
  HVM_PARAM_IOREQ_SERVER_PFN,
  HVM_PARAM_MCA_CAP,
  HVM_PARAM_MEMORY_EVENT_CR0,
  HVM_PARAM_MEMORY_EVENT_CR3,
  HVM_PARAM_MEMORY_EVENT_CR4,
  HVM_PARAM_MEMORY_EVENT_INT3,
  HVM_PARAM_MEMORY_EVENT_MSR,
  HVM_PARAM_MEMORY_EVENT_SINGLE_STEP,
  HVM_PARAM_NESTEDHVM,
  HVM_PARAM_NR_IOREQ_SERVER_PAGES,
  HVM_PARAM_PAE_ENABLED,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_TIMER_MODE,
  HVM_PARAM_TRIPLE_FAULT_REASON,
  HVM_PARAM_VIRIDIAN,
  HVM_PARAM_VM86_TSS,
  HVM_PARAM_VM86_TSS_SIZED,
  HVM_PARAM_VM_GENERATION_ID_ADDR,
  HVM_PARAM_X87_FIP_WIDTH,
  HVMPTM_one_missed_tick_pending,
  HVMPV_base_freq,
  HVMPV_feature_mask,
} from '../../../abi/hvm/params.ts';
import { SHUTDOWN_crash, SHUTDOWN_MAX } from '../../../abi/sched.ts';
import type { Domain } from '../../common/domain.ts';
import { Monitor } from '../../common/monitor.ts';
import { P2M_MAP_FOREIGN } from '../mm/p2m.ts';
import { vacateForeign } from '../mm/physmap.ts';
import { CpuPolicy, HvmMaxPolicy } from '../cpu-policy.ts';
import { updateWallclock } from '../time.ts';
import { HvmPlatform, pciLine } from './platform.ts';
import type { HvmVcpu } from './vcpu-hvm.ts';
import { VIOAPIC_PINS } from './vioapic.ts';
import { ViridianDomain } from './viridian/viridian-domain.ts';

/** An HVM domain sets or reads these of itself; the rest is its toolstack's. */
const SET_BY_GUEST: ReadonlySet<number> = new Set([
  HVM_PARAM_CALLBACK_IRQ,
  HVM_PARAM_VM86_TSS,
  HVM_PARAM_VM86_TSS_SIZED,
  HVM_PARAM_ACPI_IOPORTS_LOCATION,
  HVM_PARAM_VM_GENERATION_ID_ADDR,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_X87_FIP_WIDTH,
]);
const READ_BY_GUEST: ReadonlySet<number> = new Set([
  ...SET_BY_GUEST,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_ALTP2M,
]);
const DEPRECATED: ReadonlySet<number> = new Set([
  HVM_PARAM_PAE_ENABLED,
  HVM_PARAM_DM_DOMAIN,
  HVM_PARAM_MEMORY_EVENT_CR0,
  HVM_PARAM_MEMORY_EVENT_CR3,
  HVM_PARAM_MEMORY_EVENT_CR4,
  HVM_PARAM_MEMORY_EVENT_INT3,
  HVM_PARAM_NESTEDHVM,
  HVM_PARAM_MEMORY_EVENT_SINGLE_STEP,
  HVM_PARAM_BUFIOREQ_EVTCHN,
  HVM_PARAM_MEMORY_EVENT_MSR,
]);
const SET_ONCE: ReadonlySet<number> = new Set([
  HVM_PARAM_VIRIDIAN,
  HVM_PARAM_IOREQ_PFN,
  HVM_PARAM_BUFIOREQ_PFN,
  HVM_PARAM_IOREQ_SERVER_PFN,
  HVM_PARAM_NR_IOREQ_SERVER_PAGES,
  HVM_PARAM_ALTP2M,
  HVM_PARAM_MCA_CAP,
]);

/** What an HVM domain has more than others: its parameters, and how events reach it. */
export class HvmDomain {
  readonly domain: Domain;
  /** Its processors' TSC, before their offsets. */
  readonly tsc: SystemTsc;
  readonly #params = new BigUint64Array(HVM_NR_PARAMS);
  /** Vector of HVM_PARAM_CALLBACK_IRQ, 0 where events come another way. */
  callbackVector = 0;
  /** XEN_X86_EMU_*: the devices Xen emulates. */
  readonly emulationFlags: number;
  /** Those of them that PVH domains have not. */
  readonly platform: HvmPlatform | undefined;
  /** Hyper-V's interface, where HVM_PARAM_VIRIDIAN asks for it. */
  viridian: ViridianDomain | undefined;
  /** XEN_DOMCTL_settscinfo: shown in CPUID; the TSC is never emulated. */
  tscMode = 0;
  tscIncarnation = 0;
  /** XEN_DOMCTL_set_paging_mempool_size */
  pagingPoolBytes = 0;
  /** Who listens to what it does, and to what. */
  readonly monitor = new Monitor();
  /** XEN_DOMCTL_set_access_required: without a listener a mem access violation crashes the domain. */
  accessRequired = false;
  /** What its processors say of themselves; replaced before it starts (XEN_DOMCTL_set_cpu_policy). */
  cpuPolicy: CpuPolicy;

  constructor(domain: Domain, emulationFlags: number) {
    this.domain = domain;
    this.emulationFlags = emulationFlags;
    this.tsc = new SystemTsc(() => domain.xen.now(), domain.xen.platform.clock.nsPerInstruction);
    this.platform = HvmPlatform.create(this);
    this.cpuPolicy = new CpuPolicy(new HvmMaxPolicy(domain.xen.platform.cpuid, this.isNested));
    // Real Xen reboots a domain whose processor shuts down. Here that is a crash unless the toolstack says otherwise:
    // it is nearly always a fault in a kernel, or ours.
    this.#params[HVM_PARAM_TRIPLE_FAULT_REASON] = BigInt(SHUTDOWN_crash);
  }

  /** It may run guests of its own. */
  get isNested(): boolean {
    return (this.domain.options & XEN_DOMCTL_CDF_nested_virt) !== 0;
  }

  /** The domain's vCPUs as processors. */
  get vcpus(): readonly HvmVcpu[] {
    return this.domain.vcpus.map((vcpu) => vcpu.arch as HvmVcpu);
  }

  param(index: number): bigint {
    return this.#params[index] as bigint;
  }

  /** HVMOP_get_param on behalf of `caller`: the value, or a negative errno. */
  getParam(caller: Domain, index: number): bigint | number {
    if (DEPRECATED.has(index)) return -EINVAL;
    if (caller === this.domain && !READ_BY_GUEST.has(index)) return -EPERM;
    if (index === HVM_PARAM_VM86_TSS) return this.param(HVM_PARAM_VM86_TSS_SIZED) & 0xffffffffn;
    return this.param(index);
  }

  /** HVMOP_set_param on behalf of `caller`, whose code is 64-bit or not: 0 or a negative errno. */
  setParam(caller: Domain, index: number, value: bigint, compat: boolean): number {
    if (DEPRECATED.has(index)) return -EINVAL;
    if (caller === this.domain && !SET_BY_GUEST.has(index)) return -EPERM;
    const before = this.param(index);
    if (SET_ONCE.has(index) && before !== 0n && before !== value) return -EEXIST;
    switch (index) {
      case HVM_PARAM_CALLBACK_IRQ:
        this.#setCallback(value);
        if (caller === this.domain) this.latchSharedInfo(compat);
        break;
      case HVM_PARAM_TIMER_MODE:
        if (value > BigInt(HVMPTM_one_missed_tick_pending)) return -EINVAL;
        break;
      case HVM_PARAM_TRIPLE_FAULT_REASON:
        if (value > BigInt(SHUTDOWN_MAX)) return -EINVAL;
        break;
      case HVM_PARAM_X87_FIP_WIDTH:
        if (value !== 0n && value !== 4n && value !== 8n) return -EINVAL;
        break;
      case HVM_PARAM_ACPI_IOPORTS_LOCATION:
        if (this.platform?.setAcpiLocation(value) === false) return -EINVAL;
        break;
      case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
        if (value === 0n || value > 64n) return -EINVAL;
        break;
      case HVM_PARAM_VM86_TSS:
        // Xen itself never uses it: the engine runs real mode as it is.
        if (value > 0xffffffffn) return -EINVAL;
        this.#params[HVM_PARAM_VM86_TSS_SIZED] = value === 0n ? 0n : value | (128n << 32n);
        return 0;
      case HVM_PARAM_VIRIDIAN:
        if ((value & ~BigInt(HVMPV_feature_mask)) !== 0n || (value & BigInt(HVMPV_base_freq)) === 0n) return -EINVAL;
        this.viridian ??= new ViridianDomain(this, Number(value));
        break;
      case HVM_PARAM_ALTP2M:
      case HVM_PARAM_ACPI_S_STATE:
        // No alternate views of memory, no S3.
        if (value !== 0n) return -EINVAL;
        break;
      default:
    }
    this.#params[index] = value;
    return 0;
  }

  /**
   * Settles whether the domain's shared structures have the 32-bit or the 64-bit layout: that of the code that sets
   * up the hypercall page or the callback, among the first things a kernel does.
   */
  latchSharedInfo(compat: boolean): void {
    this.domain.has32bitSharedInfo = compat;
    updateWallclock(this.domain);
  }

  /** Undoes the p2m's mappings of other domains' frames. */
  releaseForeign(): void {
    const { p2m } = this.domain;
    const foreign: number[] = [];
    p2m?.forEach((gfn, _mfn, type) => {
      if (type === P2M_MAP_FOREIGN) foreign.push(gfn);
    });
    for (const gfn of foreign) vacateForeign(this.domain, gfn);
  }

  /** Whoever listens goes, by his own will or with the domain. */
  closeMonitor(): void {
    const { ring } = this.monitor;
    if (ring === undefined) return;
    this.monitor.reset();
    for (const vcpu of this.vcpus) vcpu.monitor.reset();
    ring.close();
  }

  /** Makes all its vCPUs forget the translations they cached; even in the middle of an instruction. */
  flushTlbs(): void {
    for (const vcpu of this.vcpus) vcpu.engine.flushTlb();
  }

  /** Prints the registers and last exits of every vCPU that has run. */
  dump(): void {
    for (const vcpu of this.vcpus) vcpu.dump();
  }

  #setCallback(via: bigint): void {
    const type = Number(via >> 56n);
    const isVector = type === HVM_PARAM_CALLBACK_TYPE_VECTOR;
    // Lines of an interrupt controller there is none of are ignored, as by Xen for a PVH guest. Linux sets 1 on
    // purpose, once it uses per-vCPU vectors: that leaves a vector set before in force.
    if (!isVector && this.platform === undefined) return;
    this.callbackVector = isVector ? Number(via & 0xffn) : 0;
    this.platform?.setCallbackLine(callbackLine(type, Number(via & 0xffffn)));
    for (const vcpu of this.vcpus) if (vcpu.online) vcpu.raiseUpcallIfPending();
  }
}

/** The line of the I/O APIC that a callback goes to: one of its own number, or of a PCI device's pin. */
function callbackLine(type: number, via: number): number | undefined {
  if (type === HVM_PARAM_CALLBACK_TYPE_PCI_INTX) return pciLine((via >> 11) & 31, via & 3);
  const line = via & 0xff;
  return type === HVM_PARAM_CALLBACK_TYPE_GSI && line > 0 && line < VIOAPIC_PINS ? line : undefined;
}
