import * as params from '../../../../abi/hvm/params.ts';
import { SHUTDOWN_crash } from '../../../../abi/sched.ts';
import type { TimerQueue } from '../../../common/timer.ts';
import { TSC_KHZ } from '../../time.ts';
import { APIC_EOI, APIC_ICR, APIC_ICR2, APIC_TASKPRI } from '../apic-registers.ts';
import type { HvmDomain } from '../domain-hvm.ts';
import type { HvmVcpu } from '../vcpu-hvm.ts';
import { fillPage, guestPage } from './guest-page.ts';
import * as msr from './msr-numbers.ts';
import { Stimer, type StimerOwner } from './stimer.ts';
import { Synic } from './synic.ts';

const TIMERS = 4;
const CRASH_PARAMETERS = 5;
const CRASH_NOTIFY = 1n << 63n;
/** Xen's guests see a bus clock of 100 MHz. */
const APIC_HZ = 100_000_000n;
/** Of the reference TSC page: reference time = (TSC * scale >> 64) + offset. */
const TSC_SCALE = ((10_000n << 32n) / BigInt(TSC_KHZ)) << 32n;

// orl $0x80000000, %eax; vmcall; ret: bit 31 tells these hypercalls from Xen's
const HYPERCALL_STUB = [0x0d, 0x00, 0x00, 0x00, 0x80, 0x0f, 0x01, 0xc1, 0xc3];
const INT3 = 0xcc;

/** An HVM domain's Hyper-V interface. */
export class ViridianDomain {
  /** HVMPV_* */
  readonly features: number;
  guestOsId = 0n;
  #hypercallPage = 0n;
  #referenceTsc = 0n;
  readonly #hvm: HvmDomain;
  readonly #vcpus: ViridianVcpu[] = [];
  /** Makes the reference time start at 0. */
  readonly #referenceOffset: bigint;

  constructor(hvm: HvmDomain, features: number) {
    this.#hvm = hvm;
    this.features = features;
    this.#referenceOffset = -scaled(BigInt(hvm.domain.xen.now()));
  }

  has(feature: number): boolean {
    return (this.features & feature) !== 0;
  }

  /** Partition reference time in 100 ns: the boot processor's TSC, so that the reference TSC page tells the same. */
  referenceTime(): bigint {
    const now = BigInt(this.#hvm.domain.xen.now());
    const tsc = BigInt.asUintN(64, now + (this.#hvm.vcpus[0]?.tscOffset() ?? 0n));
    return BigInt.asUintN(64, scaled(tsc) + this.#referenceOffset);
  }

  vcpu(vcpu: HvmVcpu): ViridianVcpu {
    this.#vcpus[vcpu.vcpuId] ??= new ViridianVcpu(this, vcpu);
    return this.#vcpus[vcpu.vcpuId] as ViridianVcpu;
  }

  stopTimers(): void {
    for (const vcpu of this.#vcpus) vcpu?.stopTimers();
  }

  /** RDMSR; undefined is #GP. */
  readMsr(vcpu: HvmVcpu, index: number): bigint | undefined {
    switch (index) {
      case msr.HV_X64_MSR_GUEST_OS_ID:
        return this.guestOsId;
      case msr.HV_X64_MSR_HYPERCALL:
        return this.#hypercallPage;
      case msr.HV_X64_MSR_VP_INDEX:
        return BigInt(vcpu.vcpuId);
      case msr.HV_X64_MSR_TIME_REF_COUNT:
        return this.has(params.HVMPV_time_ref_count) ? this.referenceTime() : undefined;
      case msr.HV_X64_MSR_REFERENCE_TSC:
        return this.has(params.HVMPV_reference_tsc) ? this.#referenceTsc : undefined;
      case msr.HV_X64_MSR_TSC_FREQUENCY:
        return this.has(params.HVMPV_no_freq) ? undefined : BigInt(TSC_KHZ) * 1000n;
      case msr.HV_X64_MSR_APIC_FREQUENCY:
        return this.has(params.HVMPV_no_freq) ? undefined : APIC_HZ;
      default:
        return this.vcpu(vcpu).readMsr(index);
    }
  }

  /** WRMSR; false is #GP. */
  writeMsr(vcpu: HvmVcpu, index: number, value: bigint): boolean {
    switch (index) {
      case msr.HV_X64_MSR_GUEST_OS_ID:
        this.guestOsId = value;
        return true;
      case msr.HV_X64_MSR_HYPERCALL:
        this.#hypercallPage = value;
        this.#fillHypercallPage();
        return true;
      case msr.HV_X64_MSR_VP_INDEX:
        return true; // dropped
      case msr.HV_X64_MSR_TIME_REF_COUNT:
      case msr.HV_X64_MSR_TSC_FREQUENCY:
      case msr.HV_X64_MSR_APIC_FREQUENCY:
        return false;
      case msr.HV_X64_MSR_REFERENCE_TSC:
        if (!this.has(params.HVMPV_reference_tsc)) return false;
        this.#referenceTsc = value;
        this.#fillReferenceTsc();
        return true;
      default:
        return this.vcpu(vcpu).writeMsr(index, value);
    }
  }

  #fillHypercallPage(): void {
    const address = guestPage(this.#hvm.domain, this.#hypercallPage);
    if (address === undefined) return;
    fillPage(this.#hvm.domain, address, (page) => page.fill(INT3).set(HYPERCALL_STUB));
  }

  /** The page is written once: the TSC has one rate, for ever. A register that names no RAM changes nothing (XSA-472). */
  #fillReferenceTsc(): void {
    const address = guestPage(this.#hvm.domain, this.#referenceTsc);
    if (address === undefined) return;
    fillPage(this.#hvm.domain, address, (page) => {
      page.fill(0);
      const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
      view.setBigUint64(8, TSC_SCALE, true);
      view.setBigInt64(16, this.#referenceOffset, true);
      view.setUint32(0, 1, true);
    });
  }
}

function scaled(tsc: bigint): bigint {
  return (tsc * TSC_SCALE) >> 64n;
}

/** What a vCPU has of it. */
export class ViridianVcpu implements StimerOwner {
  readonly synic: Synic;
  readonly #domain: ViridianDomain;
  readonly #vcpu: HvmVcpu;
  readonly #timers: readonly Stimer[];
  readonly #crash = new BigUint64Array(CRASH_PARAMETERS);
  #assistPage = 0n;

  constructor(domain: ViridianDomain, vcpu: HvmVcpu) {
    this.#domain = domain;
    this.#vcpu = vcpu;
    this.synic = new Synic(vcpu.hvm.domain, vcpu.vlapic);
    this.#timers = Array.from({ length: TIMERS }, (_, index) => new Stimer(this, index));
  }

  stopTimers(): void {
    for (const timer of this.#timers) timer.stop();
  }

  readMsr(index: number): bigint | undefined {
    const { vlapic } = this.#vcpu;
    switch (index) {
      case msr.HV_X64_MSR_ICR:
        return (BigInt(vlapic.readMmio(APIC_ICR2, 4)) << 32n) | BigInt(vlapic.readMmio(APIC_ICR, 4));
      case msr.HV_X64_MSR_TPR:
        return BigInt(vlapic.readMmio(APIC_TASKPRI, 4));
      case msr.HV_X64_MSR_VP_ASSIST_PAGE:
        return this.#assistPage;
      case msr.HV_X64_MSR_CRASH_CTL:
        return CRASH_NOTIFY;
      default:
        if (index >= msr.HV_X64_MSR_CRASH_P0 && index <= msr.HV_X64_MSR_CRASH_P4) {
          return this.#crash[index - msr.HV_X64_MSR_CRASH_P0];
        }
        if (index >= msr.HV_X64_MSR_STIMER0_CONFIG && index <= msr.HV_X64_MSR_STIMER3_COUNT) {
          return this.#readTimer(index - msr.HV_X64_MSR_STIMER0_CONFIG);
        }
        return this.#domain.has(params.HVMPV_synic) ? this.#readSynic(index) : undefined;
    }
  }

  writeMsr(index: number, value: bigint): boolean {
    const { vlapic } = this.#vcpu;
    switch (index) {
      case msr.HV_X64_MSR_EOI:
        vlapic.writeMmio(APIC_EOI, 4, 0);
        return true;
      case msr.HV_X64_MSR_ICR:
        vlapic.writeMmio(APIC_ICR2, 4, Number(value >> 32n));
        vlapic.writeMmio(APIC_ICR, 4, Number(value & 0xffffffffn));
        return true;
      case msr.HV_X64_MSR_TPR:
        vlapic.writeMmio(APIC_TASKPRI, 4, Number(value & 0xffn));
        return true;
      case msr.HV_X64_MSR_VP_ASSIST_PAGE:
        this.#setAssistPage(value);
        return true;
      case msr.HV_X64_MSR_CRASH_CTL:
        if ((value & CRASH_NOTIFY) !== 0n) this.#crashed();
        return true;
      default:
        if (index >= msr.HV_X64_MSR_CRASH_P0 && index <= msr.HV_X64_MSR_CRASH_P4) {
          this.#crash[index - msr.HV_X64_MSR_CRASH_P0] = value;
          return true;
        }
        if (index >= msr.HV_X64_MSR_STIMER0_CONFIG && index <= msr.HV_X64_MSR_STIMER3_COUNT) {
          return this.#writeTimer(index - msr.HV_X64_MSR_STIMER0_CONFIG, value);
        }
        return this.#domain.has(params.HVMPV_synic) && this.#writeSynic(index, value);
    }
  }

  #readTimer(offset: number): bigint | undefined {
    const timer = this.#timers[offset >> 1];
    if (timer === undefined || !this.#domain.has(params.HVMPV_stimer)) return undefined;
    return (offset & 1) === 0 ? timer.config : timer.count;
  }

  #writeTimer(offset: number, value: bigint): boolean {
    const timer = this.#timers[offset >> 1];
    if (timer === undefined || !this.#domain.has(params.HVMPV_stimer)) return false;
    if ((offset & 1) === 0) timer.config = value;
    else timer.count = value;
    return true;
  }

  #readSynic(index: number): bigint | undefined {
    switch (index) {
      case msr.HV_X64_MSR_SCONTROL:
        return this.synic.control;
      case msr.HV_X64_MSR_SVERSION:
        return 1n;
      case msr.HV_X64_MSR_SIEFP:
        return this.synic.eventFlagsPage;
      case msr.HV_X64_MSR_SIMP:
        return this.synic.messagePage;
      case msr.HV_X64_MSR_EOM:
        return 0n;
      default:
        return isSint(index) ? this.synic.sint(index - msr.HV_X64_MSR_SINT0) : undefined;
    }
  }

  #writeSynic(index: number, value: bigint): boolean {
    switch (index) {
      case msr.HV_X64_MSR_SCONTROL:
        this.synic.control = value;
        return true;
      case msr.HV_X64_MSR_SIEFP:
        this.synic.eventFlagsPage = value;
        return true;
      case msr.HV_X64_MSR_SIMP:
        this.synic.messagePage = value;
        this.#clear(value);
        this.#pollTimers();
        return true;
      case msr.HV_X64_MSR_EOM:
        this.#pollTimers();
        return true;
      default:
        return isSint(index) && this.synic.setSint(index - msr.HV_X64_MSR_SINT0, value);
    }
  }

  #setAssistPage(value: bigint): void {
    this.#assistPage = value;
    this.#clear(value);
  }

  /** A page that the guest hands over starts as zeros. */
  #clear(register: bigint): void {
    const { domain } = this.#vcpu.hvm;
    const address = guestPage(domain, register);
    if (address !== undefined) fillPage(domain, address, (page) => page.fill(0));
  }

  #pollTimers(): void {
    for (const timer of this.#timers) timer.poll();
  }

  /** Whatever the domain does next to end, it is a crash. */
  #crashed(): void {
    const { xen, domain } = { xen: this.#vcpu.xen, domain: this.#vcpu.hvm.domain };
    domain.shutdownCode ??= SHUTDOWN_crash;
    const parameters = [...this.#crash].map((parameter) => `0x${parameter.toString(16)}`).join(' ');
    xen.log(`${this.#vcpu.vcpu.name}: VIRIDIAN GUEST_CRASH: ${parameters}`);
  }

  // StimerOwner

  get timers(): TimerQueue {
    return this.#vcpu.timers;
  }
  nowNs(): number {
    return this.#vcpu.nowNs();
  }
  referenceTime(): bigint {
    return this.#domain.referenceTime();
  }
  timerExpired(timer: number, sint: number, expiration: bigint): boolean {
    return this.synic.sendTimerMessage(sint, timer, expiration, this.referenceTime());
  }
}

function isSint(index: number): boolean {
  return index >= msr.HV_X64_MSR_SINT0 && index <= msr.HV_X64_MSR_SINT15;
}
