import { Timer, type TimerQueue } from '../common/timer.ts';

/** How often a capped domain gets its budget. */
export const REPLENISH_PERIOD_NS = 10_000_000;

/**
 * What a capped domain may execute in each period, shared by its vCPUs: a vCPU takes a part before it runs, and gives
 * back what it has not used when it stops. The timer runs only while somebody uses it.
 */
export class DomainBudget {
  readonly #timers: TimerQueue;
  readonly #now: () => number;
  readonly #timer: Timer;
  readonly #onReplenish: () => void;
  #periodNs = 0;
  #leftNs = 0;
  #nextNs = 0;

  /** @param onReplenish there is budget again: those that wait for it may go on */
  constructor(timers: TimerQueue, now: () => number, onReplenish: () => void) {
    this.#timers = timers;
    this.#now = now;
    this.#onReplenish = onReplenish;
    this.#timer = new Timer(() => this.#replenish());
  }

  /** Sets what there is for each period, at once for this one. */
  set(periodBudgetNs: number): void {
    const fresh = this.#periodNs === 0;
    this.#periodNs = periodBudgetNs;
    if (fresh) this.#leftNs = periodBudgetNs;
    this.#leftNs = Math.min(this.#leftNs, periodBudgetNs);
  }

  /** Takes up to `quotaNs`; 0 where nothing is left. */
  grab(quotaNs: number): number {
    this.#start();
    if (this.#leftNs <= 0) return 0;
    const taken = Math.min(quotaNs, this.#leftNs);
    this.#leftNs -= taken;
    return taken;
  }

  /** Gives back what was not used; a negative amount is what was used beyond. */
  giveBack(ns: number): void {
    this.#leftNs += ns;
  }

  stop(): void {
    this.#timers.stop(this.#timer);
  }

  #start(): void {
    if (this.#timer.active) return;
    const now = this.#now();
    if (now >= this.#nextNs) {
      this.#leftNs = Math.min(this.#leftNs + this.#periodNs, this.#periodNs);
      this.#nextNs = now + REPLENISH_PERIOD_NS;
    }
    this.#timers.set(this.#timer, this.#nextNs);
  }

  /** What was used beyond the last budget is taken off the next; what is left of it is lost. */
  #replenish(): void {
    const idle = this.#leftNs >= this.#periodNs;
    const missed = Math.max(0, Math.floor((this.#now() - this.#nextNs) / REPLENISH_PERIOD_NS));
    this.#nextNs += (missed + 1) * REPLENISH_PERIOD_NS;
    this.#leftNs = Math.min(this.#leftNs + (missed + 1) * this.#periodNs, this.#periodNs);
    if (!idle) this.#timers.set(this.#timer, this.#nextNs);
    this.#onReplenish();
  }
}
