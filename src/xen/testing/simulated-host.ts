import type { Clock, Random, TimerHandle } from '../../lib/ports.ts';

/** A host whose time passes only when a test says so, and whose event loop turns only then. */
export class SimulatedHost implements Clock, Random {
  readonly nsPerInstruction = undefined;
  #nowNs = 5_000_000_000; // a host's clock does not start with the machine
  #timers: { atNs: number; callback: () => void }[] = [];
  #deferred: (() => void)[] = [];
  readonly lines: string[] = [];

  nowNs(): number {
    return this.#nowNs;
  }
  wallclockNs(): bigint {
    return 1_700_000_000_000_000_000n + BigInt(this.#nowNs);
  }
  setTimer(atNs: number, callback: () => void): TimerHandle {
    const timer = { atNs, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }
  fill(bytes: Uint8Array): void {
    bytes.fill(4);
  }
  readonly defer = (callback: () => void): void => {
    this.#deferred.push(callback);
  };
  readonly log = (line: string): void => {
    this.lines.push(line);
  };

  /** Timers that keep the process alive. */
  get timers(): number {
    return this.#timers.length;
  }
  /** What waits for the next turn of the event loop. */
  get deferred(): number {
    return this.#deferred.length;
  }

  /** Time goes on without the event loop: somebody computes. */
  spend(ns: number): void {
    this.#nowNs += ns;
  }

  /** Turns the event loop once; false where nothing waits in it. */
  turn(): boolean {
    const callback = this.#deferred.shift();
    callback?.();
    return callback !== undefined;
  }

  /** Turns the event loop until nothing waits in it; fails where it never stops. */
  settle(maxTurns = 10_000): void {
    for (let turns = 0; this.#deferred.length > 0; turns++) {
      if (turns === maxTurns) throw new Error(`the event loop is still busy after ${maxTurns} turns`);
      (this.#deferred.shift() as () => void)();
    }
  }

  /** Lets `ns` pass, with every timer in it at its moment, and the event loop turning. */
  advance(ns: number): void {
    const end = this.#nowNs + ns;
    this.settle();
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.atNs - b.atNs)[0];
      if (next === undefined || next.atNs > end) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowNs = Math.max(this.#nowNs, next.atNs);
      next.callback();
      this.settle();
    }
    this.#nowNs = Math.max(this.#nowNs, end);
  }
}
