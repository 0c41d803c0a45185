import type { EngineVcpu, Intercepts, RefusedAccess, Watch } from '../../../cpu/engine.ts';
import { OFFSET_CR4, OFFSET_TSC_OFFSET, OFFSET_XCR0, type VcpuState } from '../../../cpu/state.ts';
import { assert } from '../../../lib/assert.ts';
import { SHUTDOWN_poweroff } from '../../../abi/sched.ts';
import { Call } from '../../common/call.ts';
import type { Hypervisor } from '../../common/hypervisor.ts';
import type { TimerQueue } from '../../common/timer.ts';
import { type ArchVcpu, type Vcpu, VPF_down } from '../../common/vcpu.ts';
import {
  HVM_INJ_VIRQ,
  HVM_INTR_WINDOW,
  HVM_IOPORT_READ,
  HVM_IOPORT_WRITE,
  HVM_MSR_READ,
  HVM_MSR_WRITE,
  IPI,
} from '../../trace/events.ts';
import { recordCpuid, recordMmio, recordMsr, recordPort } from '../../trace/exit-records.ts';
import { type CpuidSubject, guestCpuid } from '../cpuid.ts';
import { updateSystemTime } from '../time.ts';
import { dumpVcpu, ExitLog } from './dump.ts';
import type { HvmDomain } from './domain-hvm.ts';
import { HvmGuestMemory } from './guest-memory.ts';
import { readMmio, readPort, writeMmio, writePort } from './io.ts';
import { Mtrr } from './mtrr.ts';
import { readMsr, writeMsr } from './msr.ts';
import { hasSvm } from './nested-svm.ts';
import { powerUp, resetRegisters } from './vcpu-context.ts';
import { VcpuMonitor } from './vcpu-monitor.ts';
import type { ViridianDomain } from './viridian/viridian-domain.ts';
import { Vlapic, type VlapicOwner } from './vlapic.ts';

const NO_INTERRUPT = -1;

/** An HVM vCPU: a processor of the engine with what Xen puts around it. */
export class HvmVcpu implements ArchVcpu, Intercepts, VlapicOwner, CpuidSubject {
  readonly xen: Hypervisor;
  readonly vcpu: Vcpu;
  readonly hvm: HvmDomain;
  readonly engine: EngineVcpu;
  readonly vlapic: Vlapic;
  readonly mtrr = new Mtrr();
  readonly call: Call;
  readonly guest: HvmGuestMemory;
  readonly exits = new ExitLog();
  /** HVMOP_set_evtchn_upcall_vector; 0 while unset. */
  upcallVector = 0;
  /** IA32_TSC_ADJUST */
  tscAdjust = 0n;
  /** MSR_MISC_FEATURES_ENABLES: CPUID is #GP in user mode. */
  cpuidFaults = false;
  /** XEN_DOMCTL_gdbsx_pausevcpu: how often a debugger has paused it. */
  debuggerPauses = 0;
  /** Exception that the vCPU stopped for, for XEN_DOMCTL_gdbsx_domstatus; 0 where it did not. */
  debuggerEvent = 0;
  /** What it tells a listener. */
  readonly monitor = new VcpuMonitor(this);
  /** The engine executes guest code right now: an intercept is being served. */
  inGuest = false;
  #nmiPending = false;
  /** The TSC offset that the guest's pvclock data was made with, in halves. */
  #pvclockOffsetLo = 0;
  #pvclockOffsetHi = 0;

  constructor(hvm: HvmDomain, vcpu: Vcpu) {
    this.hvm = hvm;
    this.vcpu = vcpu;
    this.xen = hvm.domain.xen;
    assert(hvm.domain.p2m !== undefined, 'an HVM domain has a p2m');
    this.engine = this.xen.platform.engine.createVcpu(hvm.domain.p2m, this, hvm.tsc);
    this.vlapic = new Vlapic(this);
    this.guest = new HvmGuestMemory(this);
    this.call = new Call(this.xen, vcpu, this.guest);
    powerUp(this);
  }

  get state(): VcpuState {
    return this.engine.state;
  }

  get online(): boolean {
    return (this.vcpu.pauseFlags & VPF_down) === 0;
  }

  // Taking interrupts

  /**
   * Before the guest goes on: hands the processor what waits, in Xen's order: NMI, event channel callback, local APIC.
   * What cannot be taken yet makes the engine stop as soon as it can.
   */
  deliverInterrupts(): void {
    if (this.#nmiPending) {
      this.#nmiPending = false;
      this.engine.injectNmi();
    }
    this.#updateCallbackLine();
    const callback = this.#callbackPending();
    const vector = callback ? this.hvm.callbackVector : this.vlapic.pendingVector();
    if (vector === NO_INTERRUPT) return;
    if (!this.engine.interruptible()) {
      this.engine.requestWindow();
      this.xen.traceBuffer?.record(HVM_INTR_WINDOW, this.domid, vector, callback ? 5 : 2, -1);
      return;
    }
    if (!this.monitor.interrupts(vector)) return;
    // The callback stays pending until the guest clears evtchn_upcall_pending; the APIC is acknowledged.
    if (!callback) this.#acknowledge(vector);
    this.engine.injectInterrupt(vector);
    this.xen.traceBuffer?.record(HVM_INJ_VIRQ, this.domid, vector, 0);
    // A callback whose handler leaves evtchn_upcall_pending set comes again with the next exit: no window for that.
    const waits = callback ? this.vlapic.pendingVector() !== NO_INTERRUPT : this.windowWanted();
    if (waits) this.engine.requestWindow();
  }

  /** Most handlers clear evtchn_upcall_pending before they return: nothing is left to be delivered then. */
  windowWanted(): boolean {
    return this.#nmiPending || this.#callbackPending() || this.vlapic.pendingVector() !== NO_INTERRUPT;
  }

  raiseUpcall(): void {
    if (this.upcallVector !== 0) {
      // A disabled APIC would lose it; enabling the APIC asks for it again.
      if (this.vlapic.enabled) this.vlapic.setIrq(this.upcallVector);
    } else if (this.hvm.callbackVector !== 0) {
      this.kick();
    } else {
      this.#updateCallbackLine();
    }
  }

  /** The way upcalls reach the vCPU changed: one that is pending takes the new way. */
  raiseUpcallIfPending(): void {
    if (this.vcpu.upcallPending) this.raiseUpcall();
  }

  needsDelivery(): boolean {
    if (this.#nmiPending) return true;
    if (!this.engine.interruptsEnabled) return false;
    return this.#callbackPending() || this.vlapic.pendingVector() !== NO_INTERRUPT;
  }

  raiseNmi(): boolean {
    if (this.#nmiPending) return false;
    this.#nmiPending = true;
    this.kick();
    return true;
  }

  leaveGuest(): void {
    if (this.inGuest) this.engine.leave();
  }

  /** Some interrupts of Hyper-V's end as they are delivered. */
  #acknowledge(vector: number): void {
    this.vlapic.acknowledge(vector);
    const { viridian } = this.hvm;
    if (viridian?.vcpu(this).synic.endsItself(vector) === true) this.vlapic.inService.clear(vector);
  }

  /** An event callback by a line of the I/O APIC is for vCPU 0's events, and up for as long as they are pending. */
  #updateCallbackLine(): void {
    const { platform, domain } = this.hvm;
    platform?.eventsPending(domain.vcpus[0]?.upcallPending === true);
  }

  #callbackPending(): boolean {
    return this.hvm.callbackVector !== 0 && this.vcpu.upcallPending;
  }

  // ArchVcpu

  tscOffset(): bigint {
    return BigInt.asIntN(64, this.state.u64(OFFSET_TSC_OFFSET));
  }

  setTscOffset(offset: bigint): void {
    this.state.setU64(OFFSET_TSC_OFFSET, BigInt.asUintN(64, offset));
    updateSystemTime(this.vcpu);
  }

  /** A processor that starts goes with the boot processor's TSC. */
  syncTsc(): void {
    const boot = this.hvm.vcpus[0];
    if (boot !== undefined && boot !== this) this.setTscOffset(boot.tscOffset());
  }

  /** The guest may have written its TSC, which the processor does by itself: pvclock must follow. */
  refreshTime(): void {
    const lo = this.state.u32(OFFSET_TSC_OFFSET);
    const hi = this.state.u32(OFFSET_TSC_OFFSET + 4);
    const isCurrent = lo === this.#pvclockOffsetLo && hi === this.#pvclockOffsetHi;
    if (isCurrent && !this.vcpu.timeAreaIsStale) return;
    this.#pvclockOffsetLo = lo;
    this.#pvclockOffsetHi = hi;
    updateSystemTime(this.vcpu);
  }

  is64Bit(): boolean {
    return this.state.is64Bit;
  }

  /** Makes translations that the p2m's changes spoilt forgotten, on all vCPUs of the domain. */
  flushIfStale(): void {
    const { p2m } = this.hvm.domain;
    if (p2m === undefined || !p2m.stale) return;
    const { gone } = p2m;
    for (const { engine } of this.hvm.vcpus) {
      if (gone === undefined) engine.flushTlb();
      else for (let i = 0; i < gone.length; i += 2) engine.flushFrame(gone[i] as number, gone[i + 1] as number);
    }
    p2m.flushed();
  }

  stopTimers(): void {
    this.vlapic.timer.stop();
    this.hvm.platform?.stopTimers();
    this.hvm.viridian?.stopTimers();
  }

  destroy(): void {
    this.xen.platform.engine.destroyVcpu(this.engine);
  }

  dump(): void {
    dumpVcpu(this);
  }

  // VlapicOwner

  get vcpuId(): number {
    return this.vcpu.vcpuId;
  }

  get timers(): TimerQueue {
    return this.xen.timers;
  }

  nowNs(): number {
    return this.xen.now();
  }

  peers(): readonly Vlapic[] {
    return this.hvm.vcpus.map((vcpu) => vcpu.vlapic);
  }

  kick(): void {
    this.vcpu.unblock();
    this.leaveGuest();
  }

  nmi(): void {
    if (this.raiseNmi() && this.vcpu.initialised) this.vcpu.up();
  }

  init(): void {
    if (!this.vcpu.initialised) return;
    this.down();
    // HLT, or SCHEDOP_block, waits for nothing any more: a start-up message is not to find it asleep.
    this.vcpu.unblock();
    resetRegisters(this, 0xf000, 0xfff0);
    this.vlapic.initialise();
    this.vcpu.initialised = false;
  }

  startup(vector: number): void {
    if (this.vcpu.initialised) return;
    resetRegisters(this, vector << 8, 0);
    this.syncTsc();
    this.vcpu.initialised = true;
    this.vcpu.up();
  }

  pendingUpcallVector(): number {
    return this.vcpu.upcallPending ? this.upcallVector : 0;
  }

  levelEnded(vector: number): void {
    this.#updateCallbackLine();
    this.hvm.platform?.endOfInterrupt(vector);
  }

  ipiCame(mode: number, vector: number): void {
    this.xen.traceBuffer?.record(IPI, this.domid, this.domid, this.vcpuId, vector, mode);
  }

  systemTimeOfTsc(tsc: bigint): number {
    return Number(BigInt.asUintN(64, tsc - this.tscOffset()));
  }

  /** Takes the vCPU down; the last one of its domain powers the domain off (Xen's hvm_vcpu_down). */
  down(): void {
    this.vcpu.down();
    if (this.hvm.domain.onlineVcpus === 0) this.hvm.domain.shutdown(SHUTDOWN_poweroff);
  }

  // CpuidSubject

  get domid(): number {
    return this.hvm.domain.id;
  }
  get maxVcpus(): number {
    return this.hvm.domain.maxVcpus;
  }
  get apicEnabled(): boolean {
    return this.vlapic.hardwareEnabled;
  }
  get cr4(): number {
    return this.state.u32(OFFSET_CR4);
  }
  get xcr0(): number {
    return this.state.u32(OFFSET_XCR0);
  }
  get tscMode(): number {
    return this.hvm.tscMode;
  }
  get viridian(): ViridianDomain | undefined {
    return this.hvm.viridian;
  }
  get tscIncarnation(): number {
    return this.hvm.tscIncarnation;
  }

  // Intercepts

  get watch(): Watch | undefined {
    return this.monitor.isWatching ? this.monitor : undefined;
  }
  accessRefused(access: RefusedAccess): void {
    this.monitor.accessRefused(access);
  }
  get hasSvm(): boolean {
    return this.hvm.isNested && hasSvm(this.hvm.cpuPolicy);
  }
  get forcesEmulation(): boolean {
    return this.xen.platform.commandLine?.hvmFep === true;
  }
  cpuid(leaf: number, subleaf: number, out: Uint32Array): boolean {
    if (this.cpuidFaults && this.state.cpl !== 0) return false;
    guestCpuid(this.hvm.cpuPolicy, this, leaf, subleaf, out);
    if (this.xen.traceBuffer !== undefined) recordCpuid(this, leaf, subleaf, out);
    return true;
  }
  readMsr(index: number, out: Uint32Array): boolean {
    const done = readMsr(this, index, out);
    if (done && this.xen.traceBuffer !== undefined) recordMsr(this, HVM_MSR_READ, index, out[0] ?? 0, out[1] ?? 0);
    return done;
  }
  writeMsr(index: number, lo: number, hi: number): boolean {
    if (this.xen.traceBuffer !== undefined) recordMsr(this, HVM_MSR_WRITE, index, lo, hi);
    return writeMsr(this, index, lo, hi);
  }
  readPort(port: number, size: number): number {
    const value = readPort(this, port, size);
    if (this.xen.traceBuffer !== undefined) recordPort(this, HVM_IOPORT_READ, port, value);
    return value;
  }
  writePort(port: number, size: number, value: number): void {
    if (this.xen.traceBuffer !== undefined) recordPort(this, HVM_IOPORT_WRITE, port, value);
    writePort(this, port, size, value);
  }
  readMmio(gpa: number, size: number): number {
    const value = readMmio(this, gpa, size);
    if (this.xen.traceBuffer !== undefined) recordMmio(this, gpa, value, false);
    return value;
  }
  writeMmio(gpa: number, size: number, value: number): void {
    if (this.xen.traceBuffer !== undefined) recordMmio(this, gpa, value, true);
    writeMmio(this, gpa, size, value);
  }
  readTpr(): number {
    return this.vlapic.readTpr();
  }
  writeTpr(priority: number): void {
    this.vlapic.writeTpr(priority);
  }
}
