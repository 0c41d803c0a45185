import { Timer, type TimerQueue } from '../../../common/timer.ts';

/** What a synthetic timer needs of its vCPU. */
export interface StimerOwner {
  readonly timers: TimerQueue;
  /** Xen's system time. */
  nowNs(): number;
  /** The partition reference time, in 100 ns. */
  referenceTime(): bigint;
  /** Sends the message that a timer has expired; false where the last message of that source is still there. */
  timerExpired(timer: number, sint: number, expiration: bigint): boolean;
}

// HV_X64_MSR_STIMERn_CONFIG
const ENABLE = 1n << 0n;
const PERIODIC = 1n << 1n;
const LAZY = 1n << 2n;
const AUTO_ENABLE = 1n << 3n;
const SINT_SHIFT = 16n;
const SINT_MASK = 0xfn;

/** A host's timers are no finer than that, as Xen's. */
const SLOP_NS = 50_000;
/** So many missed expirations are made up for, by shorter periods; more are let go. */
const MOST_MISSED = 3n;
const REFERENCE_NS = 100;

/** One of a vCPU's four synthetic timers (TLFS, "Synthetic Timers"). */
export class Stimer {
  readonly #owner: StimerOwner;
  readonly #index: number;
  readonly #timer = new Timer(() => this.#expired());
  #config = 0n;
  #count = 0n;
  #expiration = 0n;
  /** It runs from an expiration before: the next follows that, not now. */
  #started = false;
  #pending = false;

  constructor(owner: StimerOwner, index: number) {
    this.#owner = owner;
    this.#index = index;
  }

  /** One that has expired once and for all is off, even before its message is delivered. */
  get config(): bigint {
    return this.#pending && (this.#config & PERIODIC) === 0n ? this.#config & ~ENABLE : this.#config;
  }

  set config(value: bigint) {
    this.stop();
    this.#config = value;
    this.#startIfEnabled();
  }

  get count(): bigint {
    return this.#count;
  }

  set count(value: bigint) {
    this.stop();
    this.#count = value;
    if (value !== 0n && (this.#config & AUTO_ENABLE) !== 0n) this.#config |= ENABLE;
    this.#startIfEnabled();
  }

  stop(): void {
    this.#owner.timers.stop(this.#timer);
    this.#started = false;
    this.#pending = false;
  }

  /** The place for a message may have become free. */
  poll(): void {
    if (!this.#pending) return;
    if ((this.#config & ENABLE) === 0n) {
      this.#pending = false;
      return;
    }
    if (!this.#owner.timerExpired(this.#index, this.#sint, this.#expiration)) return;
    this.#pending = false;
    if ((this.#config & PERIODIC) !== 0n) this.#start();
    else this.#config &= ~ENABLE;
  }

  get #sint(): number {
    return Number((this.#config >> SINT_SHIFT) & SINT_MASK);
  }

  /** Without an interrupt source or a count it cannot be enabled. */
  #startIfEnabled(): void {
    if (this.#sint === 0 || this.#count === 0n) this.#config &= ~ENABLE;
    if ((this.#config & ENABLE) !== 0n) this.#start();
  }

  #start(): void {
    const now = this.#owner.referenceTime();
    this.#expiration = (this.#config & PERIODIC) === 0n ? this.#count : this.#nextPeriod(now);
    const ahead = this.#expiration - now;
    if (ahead <= 0n) {
      this.#expired();
      return;
    }
    this.#started = true;
    this.#owner.timers.set(this.#timer, this.#owner.nowNs() + Math.max(Number(ahead) * REFERENCE_NS, SLOP_NS));
  }

  /** A lazy timer skips what it missed; others catch up, unless it is too much (TLFS, "Periodic Timers"). */
  #nextPeriod(now: bigint): bigint {
    const count = this.#count;
    if (!this.#started || (this.#config & LAZY) !== 0n) return now + count;
    const next = this.#expiration + count;
    if (next > now) return next;
    const missed = (now - next) / count + 1n;
    const shorter = count / missed;
    return missed > MOST_MISSED || shorter === 0n ? now + count : now + shorter;
  }

  #expired(): void {
    this.#pending = true;
    this.poll();
  }
}
