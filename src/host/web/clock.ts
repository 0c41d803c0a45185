/** Time from the browser: `performance.now()` counts from the worker's start. */
import type { Clock, TimerHandle } from '../../lib/ports.ts';
import { defer } from './event-loop.ts';

const NS_PER_MS = 1_000_000;
/** setTimeout's own limit; longer waits are slept in parts. */
const LONGEST_SLEEP_MS = 0x7fffffff;
/** setTimeout counts in milliseconds and may be late by as much as this: the rest is waited for otherwise. */
const COARSE_MS = 1.25;

export class WebClock implements Clock {
  readonly nsPerInstruction = undefined;

  nowNs(): number {
    return performance.now() * NS_PER_MS;
  }

  wallclockNs(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  }

  setTimer(atNs: number, callback: () => void): TimerHandle {
    return new WebTimer(this, atNs, callback);
  }
}

class WebTimer implements TimerHandle {
  readonly #clock: WebClock;
  readonly #atNs: number;
  readonly #callback: () => void;
  #timeout: number | undefined;
  #cancelled = false;

  constructor(clock: WebClock, atNs: number, callback: () => void) {
    this.#clock = clock;
    this.#atNs = atNs;
    this.#callback = callback;
    this.#sleep();
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#timeout !== undefined) clearTimeout(this.#timeout);
  }

  get #leftMs(): number {
    return (this.#atNs - this.#clock.nowNs()) / NS_PER_MS;
  }

  /**
   * What a timer's own task sets off counts as nested and sleeps for 4 ms at least; what a message sets off does not.
   * So every timer does its work in the task of a message.
   */
  #sleep(): void {
    const leftMs = this.#leftMs;
    if (leftMs < COARSE_MS) defer(() => this.#finish());
    else {
      const sleepMs = Math.min(Math.floor(leftMs), LONGEST_SLEEP_MS);
      this.#timeout = setTimeout(() => defer(() => this.#awake()), sleepMs);
    }
  }

  #awake(): void {
    if (!this.#cancelled) this.#sleep();
  }

  /** Neither late by a millisecond nor awake all that time, where the page may wait (cross-origin isolated). */
  #finish(): void {
    if (this.#cancelled) return;
    const leftMs = this.#leftMs;
    if (leftMs > 0 && nobodyWakes === undefined) {
      defer(() => this.#finish());
      return;
    }
    for (let left = leftMs; left > 0; left = this.#leftMs) Atomics.wait(nobodyWakes as Int32Array, 0, 0, left);
    this.#callback();
  }
}

/** A page that is not cross-origin isolated has no shared memory to wait on: the rest of a wait is then spent awake. */
const nobodyWakes = globalThis.crossOriginIsolated ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
