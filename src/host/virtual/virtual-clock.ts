import type { Clock, TimerHandle } from '../../lib/ports.ts';

/**
 * How long an instruction takes: about what it does on the software processor, so that a guest that waits for a moment
 * to pass by looking at the time does not wait for longer than otherwise.
 */
export const NS_PER_INSTRUCTION = 2;

/** Whoever makes time pass: what it has executed so far. */
export interface Counter {
  readonly instructions: number;
}

interface VirtualTimer {
  readonly atNs: number;
  readonly callback: () => void;
}

/**
 * Time that is a function of what a machine does, so that it repeats: an instruction takes NS_PER_INSTRUCTION, and when
 * nothing is left to be done the clock jumps to the next timer. What the machine defers comes one by one, each with the
 * promises it settles, in the order in which it was deferred; the host's own speed and events have no part in it.
 *
 * The clock jumps only while a guest runs (`canJump`): what comes before and between, building a domain, may wait for
 * the host, which takes no virtual time.
 */
export class VirtualClock implements Clock {
  readonly nsPerInstruction = NS_PER_INSTRUCTION;
  /** A round date to start from: 2026-01-01 UTC. */
  static readonly EPOCH_NS = 1_767_225_600_000_000_000n;
  readonly #hostDefer: (callback: () => void) => void;
  readonly #deferred: (() => void)[] = [];
  /** The earliest first; of the same moment, those that were set first. */
  readonly #timers: VirtualTimer[] = [];
  #passedNs = 0;
  #counter: Counter | undefined;
  #counterStart = 0;
  #turnAsked = false;
  #canJump = false;

  /** `hostDefer` calls back soon, after promises that are settled had their callbacks. */
  constructor(hostDefer: (callback: () => void) => void) {
    this.#hostDefer = hostDefer;
  }

  // Clock

  nowNs(): number {
    const counter = this.#counter;
    if (counter === undefined) return this.#passedNs;
    return this.#passedNs + (counter.instructions - this.#counterStart) * NS_PER_INSTRUCTION;
  }

  wallclockNs(): bigint {
    return VirtualClock.EPOCH_NS + BigInt(this.nowNs());
  }

  setTimer(atNs: number, callback: () => void): TimerHandle {
    const timer = { atNs: Math.ceil(atNs), callback };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1] as VirtualTimer).atNs > timer.atNs) place--;
    this.#timers.splice(place, 0, timer);
    this.#askTurn();
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Calls back soon, in order. */
  readonly defer = (callback: () => void): void => {
    this.#deferred.push(callback);
    this.#askTurn();
  };

  /** Time passes as `counter` counts, until `leave`. */
  enter(counter: Counter): void {
    this.#counter = counter;
    this.#counterStart = counter.instructions;
  }
  leave(): void {
    this.#passedNs = this.nowNs();
    this.#counter = undefined;
  }

  /** Whether the clock may jump: there is a guest that runs. */
  set canJump(may: boolean) {
    this.#canJump = may;
    this.#askTurn();
  }

  #askTurn(): void {
    if (this.#turnAsked || !this.#hasWork) return;
    this.#turnAsked = true;
    this.#hostDefer(() => this.#turn());
  }

  get #hasWork(): boolean {
    return this.#deferred.length > 0 || (this.#timers.length > 0 && (this.#canJump || this.#isDue));
  }

  get #isDue(): boolean {
    const first = this.#timers[0];
    return first !== undefined && first.atNs <= this.nowNs();
  }

  /** One callback, so that promises it settles come before the next. */
  #turn(): void {
    this.#turnAsked = false;
    const callback = this.#next();
    try {
      callback?.();
    } finally {
      this.#askTurn();
    }
  }

  #next(): (() => void) | undefined {
    if (this.#isDue) return this.#timers.shift()?.callback;
    const deferred = this.#deferred.shift();
    if (deferred !== undefined || !this.#canJump) return deferred;
    const timer = this.#timers.shift();
    if (timer !== undefined) this.#passedNs = timer.atNs;
    return timer?.callback;
  }
}
