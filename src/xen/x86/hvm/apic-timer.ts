import { Timer, type TimerQueue } from '../../common/timer.ts';
import * as apic from './apic-registers.ts';

/** Nanoseconds of one tick of the APIC's bus clock, as Xen's guests see it: 100 MHz. */
const APIC_BUS_CYCLE_NS = 10;
/** As in Xen, a period is that long at least: shorter ones would cost the host more than they are worth. */
const MIN_PERIOD_NS = 100_000;
const STOPPED = -1;

/** What the timer needs of its surroundings. */
export interface ApicTimerOwner {
  readonly timers: TimerQueue;
  /** Xen's system time. */
  nowNs(): number;
  /** Nanoseconds of system time at which the guest's TSC reaches a value. */
  systemTimeOfTsc(tsc: bigint): number;
}

/** The local APIC's timer (SDM vol. 3A, 10.5.4): one-shot, periodic, TSC-deadline. */
export class ApicTimer {
  readonly #owner: ApicTimerOwner;
  readonly #interrupt: (vector: number) => void;
  readonly #timer = new Timer(() => this.#fired());
  /** The LVT entry, masked bit and all. */
  #lvt = apic.APIC_LVT_MASKED;
  #initialCount = 0;
  #divide = 0;
  /** When the count started, STOPPED while the timer stands. */
  #startNs = STOPPED;
  #deadline = 0n;

  constructor(owner: ApicTimerOwner, interrupt: (vector: number) => void) {
    this.#owner = owner;
    this.#interrupt = interrupt;
  }

  /** The state after power-up and INIT. */
  reset(): void {
    this.#lvt = apic.APIC_LVT_MASKED;
    this.#initialCount = 0;
    this.#divide = 0;
    this.#deadline = 0n;
    this.stop();
  }

  stop(): void {
    this.#owner.timers.stop(this.#timer);
    this.#startNs = STOPPED;
  }

  get lvt(): number {
    return this.#lvt;
  }

  /** A change of mode to or from TSC-deadline disarms; between the others the count goes on. */
  set lvt(value: number) {
    const before = this.#mode();
    this.#lvt = value;
    const after = this.#mode();
    if (before === after) return;
    if (before === apic.APIC_TIMER_MODE_TSC_DEADLINE || after === apic.APIC_TIMER_MODE_TSC_DEADLINE) {
      this.#initialCount = 0;
      this.#deadline = 0n;
      this.stop();
    } else {
      this.#rearm();
    }
  }

  get initialCount(): number {
    return this.#counts() ? this.#initialCount : 0;
  }

  /** Starts the count; 0 stops it. Ignored in TSC-deadline mode. */
  set initialCount(value: number) {
    if (!this.#counts()) return;
    this.#initialCount = value;
    if (value === 0) {
      this.stop();
      return;
    }
    this.#startNs = this.#owner.nowNs();
    this.#owner.timers.set(this.#timer, this.#startNs + value * this.#tickNs());
  }

  get currentCount(): number {
    if (!this.#counts() || this.#initialCount === 0 || this.#startNs === STOPPED) return 0;
    const passed = Math.floor((this.#owner.nowNs() - this.#startNs) / this.#tickNs());
    if (this.#mode() === apic.APIC_TIMER_MODE_PERIODIC) return this.#initialCount - (passed % this.#initialCount);
    return Math.max(0, this.#initialCount - passed);
  }

  /** The divide configuration register. */
  get divide(): number {
    return this.#divide;
  }

  /** The count goes on from where it is, at the new speed. */
  set divide(value: number) {
    const left = this.currentCount;
    this.#divide = value & 0xb;
    if (left === 0) return;
    this.#startNs = this.#owner.nowNs() - (this.#initialCount - left) * this.#tickNs();
    this.#rearm();
  }

  /** IA32_TSC_DEADLINE; 0 unless the timer is in that mode and armed. */
  get deadline(): bigint {
    return this.#mode() === apic.APIC_TIMER_MODE_TSC_DEADLINE ? this.#deadline : 0n;
  }

  set deadline(tsc: bigint) {
    if (this.#mode() !== apic.APIC_TIMER_MODE_TSC_DEADLINE) return;
    this.#deadline = tsc;
    if (tsc === 0n) this.stop();
    else this.#owner.timers.set(this.#timer, this.#owner.systemTimeOfTsc(tsc));
  }

  #mode(): number {
    return this.#lvt & apic.APIC_TIMER_MODE_MASK;
  }

  #counts(): boolean {
    return this.#mode() === apic.APIC_TIMER_MODE_ONESHOT || this.#mode() === apic.APIC_TIMER_MODE_PERIODIC;
  }

  #tickNs(): number {
    const encoded = ((this.#divide & 3) | ((this.#divide & 8) >> 1)) + 1;
    return APIC_BUS_CYCLE_NS * 2 ** (encoded & 7);
  }

  #rearm(): void {
    const left = this.currentCount;
    if (left === 0) this.stop();
    else this.#owner.timers.set(this.#timer, this.#owner.nowNs() + left * this.#tickNs());
  }

  #fired(): void {
    if (this.#mode() === apic.APIC_TIMER_MODE_PERIODIC) {
      // Periods that nobody had time for are one interrupt: the IRR has one bit for a vector.
      const period = Math.max(MIN_PERIOD_NS, this.#initialCount * this.#tickNs());
      const passed = Math.floor((this.#owner.nowNs() - this.#startNs) / period);
      this.#owner.timers.set(this.#timer, this.#startNs + (passed + 1) * period);
    } else {
      this.#startNs = STOPPED;
      this.#deadline = 0n;
    }
    if ((this.#lvt & apic.APIC_LVT_MASKED) === 0) this.#interrupt(this.#lvt & apic.APIC_VECTOR_MASK);
  }
}
