/** Time from Node: `performance.now()` counts from the process's start. */
import { performance } from 'node:perf_hooks'; // the global one is behind a getter, and time is asked for often
import type { Clock, TimerHandle } from '../../lib/ports.ts';

const NS_PER_MS = 1_000_000;
/** setTimeout's own limit; longer waits are slept in parts. */
const LONGEST_SLEEP_MS = 0x7fffffff;
/** setTimeout counts in milliseconds and is early by as much as this: the rest is waited for without the event loop. */
const COARSE_MS = 1.25;

export class NodeClock implements Clock {
  readonly nsPerInstruction = undefined;

  nowNs(): number {
    return performance.now() * NS_PER_MS;
  }

  wallclockNs(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  }

  setTimer(atNs: number, callback: () => void, fromNs = atNs): TimerHandle {
    return new NodeTimer(this, atNs, callback, fromNs);
  }
}

class NodeTimer implements TimerHandle {
  readonly #clock: NodeClock;
  readonly #atNs: number;
  readonly #callback: () => void;
  readonly #fromNs: number;
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(clock: NodeClock, atNs: number, callback: () => void, fromNs: number) {
    this.#clock = clock;
    this.#atNs = atNs;
    this.#callback = callback;
    this.#fromNs = fromNs;
    const leftMs = this.#leftMs();
    if (leftMs < COARSE_MS) this.#immediate = setImmediate(this.#finish);
    else this.#sleep(leftMs);
  }

  cancel(): void {
    if (this.#timeout !== undefined) clearTimeout(this.#timeout);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
  }

  #leftMs(): number {
    return (this.#atNs - this.#clock.nowNs()) / NS_PER_MS;
  }

  #sleep(leftMs: number): void {
    this.#timeout = setTimeout(this.#wake, Math.min(Math.floor(leftMs), LONGEST_SLEEP_MS));
  }

  readonly #wake = (): void => {
    const leftMs = this.#leftMs();
    if (this.#clock.nowNs() >= this.#fromNs) this.#callback();
    else if (leftMs < COARSE_MS) this.#finish();
    else this.#sleep(leftMs);
  };

  /** Neither late by a millisecond nor awake all that time: an idle guest's timers cost next to nothing. */
  readonly #finish = (): void => {
    for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs()) Atomics.wait(nobodyWakes, 0, 0, leftMs);
    this.#callback();
  };
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
