import { XEN_LEGACY_MAX_VCPUS } from '../../abi/arch-x86/xen.ts';
import { CompatVcpuRunstateInfo } from '../../abi/compat/vcpu.ts';
import { RUNSTATE_blocked, RUNSTATE_offline, RUNSTATE_runnable, VcpuRunstateInfo } from '../../abi/vcpu.ts';
import { NR_VIRQS, VcpuInfo, VIRQ_TIMER } from '../../abi/xen.ts';
import { PAGE_SIZE } from '../../cpu/engine.ts';
import type { Call, GuestMemory, Handle } from './call.ts';
import type { Domain } from './domain.ts';
import { sendVcpuVirq } from './virq.ts';
import { Placement } from '../sched/placement.ts';
import { Runstate } from './runstate.ts';
import { slackOf, Timer } from './timer.ts';
import { SCHED_BLOCK } from '../trace/events.ts';

/** Reasons for a vCPU not to run, as bits of `pauseFlags`. */
export const VPF_blocked = 1 << 0;
export const VPF_down = 1 << 1;

/** A cautious guess for a vCPU that has not run yet. */
const FIRST_GUESS_PER_NS = 0.1;
/** How much faster it may be thought to be with each slice. */
const SPEED_GROWTH = 1.25;

/** What a vCPU is made of besides Xen's bookkeeping: a processor for guests, dom0's thread for dom0. */
export interface ArchVcpu {
  readonly guest: GuestMemory;
  /** The hypercall in flight; one at a time. */
  readonly call: Call;
  /** An event channel upcall is pending: it must reach the domain. */
  raiseUpcall(): void;
  /** Something waits that the vCPU would take at once if it ran. */
  needsDelivery(): boolean;
  /** Leave guest code at the next instruction, if that is what is running: something is to be looked at. */
  leaveGuest(): void;
  /** Added to the host's TSC. */
  tscOffset(): bigint;
  /** The code that runs now is 64-bit. */
  is64Bit(): boolean;
  /** Pending until taken; false where one already was. */
  raiseNmi(): boolean;
  /** Its domain dies: no timer of it fires any more. */
  stopTimers(): void;
  destroy(): void;
}

/** A virtual processor as Xen's common code knows it (Xen's struct vcpu). */
export class Vcpu {
  readonly domain: Domain;
  readonly vcpuId: number;
  /** Set right after construction by whoever makes the domain's kind of vCPU. */
  arch!: ArchVcpu;

  pauseFlags = VPF_down;
  pauseCount = 0;
  /** Has registers to start from. */
  initialised = false;
  pausedForShutdown = false;
  /** It executes now. */
  running = false;
  /** Its pCPU, and which it may have. */
  readonly placement = new Placement();

  /** Machine address of its vcpu_info. */
  infoAddress: number;
  /** The guest's frame that holds it; 0 while it is in shared_info or nowhere. */
  infoMfn = 0;
  /** Port of each VIRQ_*, 0 where none is bound. */
  readonly virqToPort = new Uint32Array(NR_VIRQS);

  /** Blocked in SCHEDOP_poll. */
  polling = false;
  /** The one port polled for; 0 where it is any of several. */
  pollPort = 0;

  /** Instructions a nanosecond that it executes, as last seen. */
  speed = FIRST_GUESS_PER_NS;

  readonly runstate: Runstate;
  /** `runstateArea`, as a whole and in halves. */
  readonly #runstateArea = new BigUint64Array(1);
  readonly #runstateHalves = new Uint32Array(this.#runstateArea.buffer);
  /** Where the guest wants its time copied to; 0 for nowhere. */
  timeArea: Handle = 0n;
  /** The area could not be written when the time was. */
  timeAreaIsStale = false;

  readonly singleshotTimer: Timer;
  readonly periodicTimer: Timer;
  readonly pollTimer: Timer;
  periodNs = 0;
  #lastPeriodicNs = 0;

  constructor(domain: Domain, vcpuId: number) {
    this.domain = domain;
    this.vcpuId = vcpuId;
    this.infoAddress =
      vcpuId < XEN_LEGACY_MAX_VCPUS ? domain.sharedInfo + vcpuId * VcpuInfo.SIZE : domain.xen.dummyVcpuInfo;
    this.runstate = new Runstate(this, domain.xen.now());
    this.singleshotTimer = new Timer(() => sendVcpuVirq(this, VIRQ_TIMER));
    this.periodicTimer = new Timer(() => this.#tick());
    this.pollTimer = new Timer(() => this.unblock());
  }

  /** As a log names it: d1v0. */
  get name(): string {
    return `d${this.domain.id}v${this.vcpuId}`;
  }

  /** Its events are marked nowhere the guest can see. */
  get hasDummyInfo(): boolean {
    return this.infoAddress === this.domain.xen.dummyVcpuInfo;
  }

  /** A pCPU has it as its current one, whether or not it is that pCPU's turn on the thread. */
  get onPcpu(): boolean {
    return this.running || this.placement.on !== undefined;
  }

  get runnable(): boolean {
    return this.pauseFlags === 0 && this.pauseCount === 0 && this.domain.pauseCount === 0;
  }

  /** Sets evtchn_upcall_pending and, where it was clear, has the upcall delivered. */
  markEventsPending(): void {
    const { bytes } = this.domain.xen.memory;
    if (bytes[this.infoAddress] !== 0) return;
    bytes[this.infoAddress] = 1;
    this.arch.raiseUpcall();
  }

  /** evtchn_upcall_pending, as guest and Xen share it. */
  get upcallPending(): boolean {
    return this.domain.xen.memory.bytes[this.infoAddress] !== 0;
  }

  /** Blocks until an event, unless one already waits. */
  block(): void {
    this.pauseFlags |= VPF_blocked;
    if (this.arch.needsDelivery()) {
      this.pauseFlags &= ~VPF_blocked;
      return;
    }
    this.domain.xen.traceBuffer?.record(SCHED_BLOCK, this.domain.id, this.domain.id, this.vcpuId);
    this.sleep();
  }

  /** There is something for it: ends a block; polling as well. */
  unblock(): void {
    if ((this.pauseFlags & VPF_blocked) === 0) {
      this.domain.xen.scheduler.interrupted(this);
      return;
    }
    this.endPoll();
    this.pauseFlags &= ~VPF_blocked;
    this.wake();
  }

  endPoll(): void {
    this.polling = false;
    this.pollPort = 0;
    this.domain.xen.timers.stop(this.pollTimer);
  }

  /** The reason to sleep is gone, or one of several: let the scheduler see. */
  wake(): void {
    const now = this.domain.xen.now();
    if (this.runnable) {
      if (this.runstate.state >= RUNSTATE_blocked) this.runstate.change(RUNSTATE_runnable, now);
      this.domain.xen.scheduler.wake(this);
    } else if ((this.pauseFlags & VPF_blocked) === 0 && this.runstate.state === RUNSTATE_blocked) {
      this.runstate.change(RUNSTATE_offline, now);
    }
  }

  /** There is a reason not to run: let the scheduler see. A running vCPU leaves its processor by itself. */
  sleep(): void {
    if (this.runnable) return;
    if (!this.running && this.runstate.state <= RUNSTATE_runnable) {
      this.runstate.change(this.restingState, this.domain.xen.now());
    }
    this.domain.xen.scheduler.sleep(this);
    this.arch.leaveGuest();
  }

  /** The runstate of a vCPU that may not run. */
  get restingState(): number {
    return (this.pauseFlags & VPF_blocked) !== 0 ? RUNSTATE_blocked : RUNSTATE_offline;
  }

  pause(): void {
    this.pauseCount += 1;
    this.sleep();
  }

  unpause(): void {
    this.pauseCount -= 1;
    if (this.pauseCount === 0) this.wake();
  }

  /** Takes it down (VCPUOP_down, INIT). */
  down(): void {
    if ((this.pauseFlags & VPF_down) !== 0) return;
    this.pauseFlags |= VPF_down;
    this.sleep();
  }

  /** Brings it up; it has been initialised. */
  up(): void {
    if ((this.pauseFlags & VPF_down) === 0) return;
    this.pauseFlags &= ~VPF_down;
    this.wake();
  }

  /** Has VIRQ_TIMER raised once, at `atNs` or a little later. */
  setSingleshot(atNs: number, nowNs: number): void {
    this.domain.xen.timers.set(this.singleshotTimer, atNs, slackOf(atNs - nowNs));
  }

  /** VCPUOP_set_periodic_timer; 0 stops it. */
  setPeriod(periodNs: number): void {
    this.domain.xen.timers.stop(this.periodicTimer);
    this.periodNs = periodNs;
    this.#lastPeriodicNs = this.domain.xen.now();
    this.#tick();
  }

  /** A pCPU takes it: its periodic timer goes on, with one tick for all that it missed. */
  takePcpu(): void {
    this.#tick();
  }

  /** It loses its pCPU. As in Xen periodic ticks do not wake who sleeps. */
  leavePcpu(): void {
    this.domain.xen.timers.stop(this.periodicTimer);
  }

  /** Where vcpu_info is goes back to shared_info, or nowhere; a registered frame is let go. */
  unmapInfo(): void {
    if (this.infoMfn === 0) return;
    const { xen, sharedInfo } = this.domain;
    this.infoAddress =
      this.vcpuId < XEN_LEGACY_MAX_VCPUS ? sharedInfo + this.vcpuId * VcpuInfo.SIZE : xen.dummyVcpuInfo;
    xen.frames.put(this.infoMfn);
    this.infoMfn = 0;
  }

  /**
   * Copies the runstate to where the guest wants it. VMASST_TYPE_runstate_update_flag asks that a reader sees the copy
   * either before or after, which it does: no vCPU runs meanwhile.
   */
  copyRunstate(): void {
    const lo = this.#runstateHalves[0] as number;
    const hi = this.#runstateHalves[1] as number;
    if ((lo | hi) === 0) return;
    const { has32bitSharedInfo: compat, xen } = this.domain;
    const { guest } = this.arch;
    const host = guest.hostOf(lo, hi, compat ? CompatVcpuRunstateInfo.SIZE : VcpuRunstateInfo.SIZE, true);
    if (host !== 0) this.runstate.describe(xen.memory.view, host, xen.now(), compat);
    // As in Xen an area that is not mapped now may be later.
    else guest.writeAt(lo, hi, this.runstate.image(xen.now(), compat));
  }

  /** Puts vcpu_info into a frame of the guest's, which the caller holds. What was marked before stays marked. */
  mapInfo(mfn: number, offset: number): void {
    const { bytes } = this.domain.xen.memory;
    const address = mfn * PAGE_SIZE + offset;
    if (this.hasDummyInfo) bytes.fill(0, address, address + VcpuInfo.SIZE);
    else bytes.copyWithin(address, this.infoAddress, this.infoAddress + VcpuInfo.SIZE);
    this.infoAddress = address;
    this.infoMfn = mfn;
  }

  /** Where the guest wants its runstate copied to; 0 for nowhere. */
  get runstateArea(): Handle {
    return this.#runstateArea[0] as Handle;
  }
  set runstateArea(address: Handle) {
    this.#runstateArea[0] = address;
  }

  /** It executed at `speed`. A slower one is believed at once: slices that are too long hold everybody up. */
  noteSpeed(speed: number): void {
    this.speed = Math.min(speed, this.speed * SPEED_GROWTH);
  }

  stopTimers(): void {
    const { timers } = this.domain.xen;
    timers.stop(this.singleshotTimer);
    timers.stop(this.periodicTimer);
    timers.stop(this.pollTimer);
    this.arch.stopTimers();
  }

  #tick(): void {
    if (this.periodNs === 0) return;
    const now = this.domain.xen.now();
    if (now >= this.#lastPeriodicNs + this.periodNs) {
      sendVcpuVirq(this, VIRQ_TIMER);
      this.#lastPeriodicNs = now;
    }
    this.domain.xen.timers.set(this.periodicTimer, this.#lastPeriodicNs + this.periodNs);
  }
}
