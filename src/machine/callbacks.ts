import type { Clock, TimerHandle } from '../lib/ports.ts';

type Defer = (callback: () => void) => void;

/**
 * All calls from outside into a machine: its timers, and what it deferred. What one of them throws is a bug of ours
 * and breaks the machine; after `close` there are none any more, and nothing of it keeps the process alive.
 */
export class Callbacks {
  readonly clock: Clock;
  readonly defer: Defer;
  readonly #timers = new Set<TimerHandle>();
  readonly #broken: (error: unknown) => void;
  #open = true;

  /** `broken` gets what a callback threw. */
  constructor(clock: Clock, defer: Defer, broken: (error: unknown) => void) {
    this.#broken = broken;
    this.clock = {
      nowNs: () => clock.nowNs(),
      nsPerInstruction: clock.nsPerInstruction,
      wallclockNs: () => clock.wallclockNs(),
      setTimer: (atNs, callback, fromNs) => this.#setTimer(clock, atNs, callback, fromNs),
    };
    this.defer = (callback) => defer(() => this.#call(callback));
  }

  close(): void {
    this.#open = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #setTimer(clock: Clock, atNs: number, callback: () => void, fromNs?: number): TimerHandle {
    const fire = (): void => {
      this.#timers.delete(handle);
      this.#call(callback);
    };
    const timer = clock.setTimer(atNs, fire, fromNs);
    const handle = {
      cancel: () => {
        this.#timers.delete(handle);
        timer.cancel();
      },
    };
    this.#timers.add(handle);
    return handle;
  }

  #call(callback: () => void): void {
    if (!this.#open) return;
    try {
      callback();
    } catch (error) {
      this.#broken(error);
    }
  }
}
