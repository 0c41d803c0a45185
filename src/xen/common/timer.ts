/** A moment at which Xen has something to do. Set, moved and stopped through a `TimerQueue`. */
export class Timer {
  /** Xen's system time in ns; meaningful while active. */
  expiresNs = 0;
  /** How much later will do, where the machine sleeps. */
  slackNs = 0;
  /** Place in the queue, -1 while inactive. The queue's own. */
  index = -1;
  readonly fire: () => void;

  /** `fire` runs from `expire`, outside of any vCPU, with the timer inactive: it may set the timer again. */
  constructor(fire: () => void) {
    this.fire = fire;
  }

  get active(): boolean {
    return this.index >= 0;
  }
}

/** Xen's timer_slop: a timer may be so late. */
const LEAST_SLACK_NS = 50_000;
/** Who waits for long can wait a little longer, by a part of that, so that a sleeping machine wakes up less often. */
const SLACK_PART = 1 / 64;
const MOST_SLACK_NS = 4_000_000;

/** How much later will do for a guest that has its timer fire after `waitNs`. */
export function slackOf(waitNs: number): number {
  return Math.min(Math.max(waitNs * SLACK_PART, LEAST_SLACK_NS), MOST_SLACK_NS);
}

/** Timers in a binary heap, the earliest first. Setting and stopping cost O(log n) and allocate nothing. */
export class TimerQueue {
  readonly #heap: Timer[] = [];

  /** Timers that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest timer expires; Infinity where none waits. */
  get nextNs(): number {
    return this.#heap[0]?.expiresNs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * The last moment at which nobody has waited longer than will do; Infinity where none waits. A machine that sleeps
   * until then wakes up once for several timers.
   */
  get latestNs(): number {
    return this.#latest(0, Number.POSITIVE_INFINITY);
  }

  /** Makes `timer` expire at `atNs`, or up to `slackNs` later, whatever it was set to before. */
  set(timer: Timer, atNs: number, slackNs = 0): void {
    timer.slackNs = slackNs;
    if (timer.index < 0) {
      timer.index = this.#heap.length;
      timer.expiresNs = atNs;
      this.#heap.push(timer);
      this.#up(timer.index);
      return;
    }
    timer.expiresNs = atNs;
    this.#up(timer.index);
    this.#down(timer.index);
  }

  /** Stops `timer`; nothing where it is inactive. */
  stop(timer: Timer): void {
    const hole = timer.index;
    if (hole < 0) return;
    timer.index = -1;
    const last = this.#heap.pop() as Timer;
    if (last === timer) return;
    this.#place(last, hole);
    this.#up(hole);
    this.#down(last.index);
  }

  /** Fires, in order, all timers that expire at or before `nowNs`. One that a callback sets to the past waits. */
  expire(nowNs: number): void {
    if (this.nextNs > nowNs) return;
    // A callback that always sets its timer to now must not hold us here: only those due at the start are fired.
    for (let due = this.#countDue(nowNs, 0); due > 0 && this.nextNs <= nowNs; due--) {
      const timer = this.#heap[0] as Timer;
      this.stop(timer);
      timer.fire();
    }
  }

  #latest(index: number, boundNs: number): number {
    const timer = this.#heap[index];
    if (timer === undefined || timer.expiresNs >= boundNs) return boundNs;
    const left = this.#latest(2 * index + 1, Math.min(boundNs, timer.expiresNs + timer.slackNs));
    return this.#latest(2 * index + 2, left);
  }

  #countDue(nowNs: number, index: number): number {
    const timer = this.#heap[index];
    if (timer === undefined || timer.expiresNs > nowNs) return 0;
    return 1 + this.#countDue(nowNs, 2 * index + 1) + this.#countDue(nowNs, 2 * index + 2);
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }

  #up(start: number): void {
    const timer = this.#heap[start] as Timer;
    let index = start;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above] as Timer;
      if (parent.expiresNs <= timer.expiresNs) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(timer, index);
  }

  #down(start: number): void {
    const timer = this.#heap[start] as Timer;
    let index = start;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= this.#heap.length) break;
      const right = this.#heap[below + 1];
      if (right !== undefined && right.expiresNs < (this.#heap[below] as Timer).expiresNs) below += 1;
      const child = this.#heap[below] as Timer;
      if (child.expiresNs >= timer.expiresNs) break;
      this.#place(child, index);
      index = below;
    }
    this.#place(timer, index);
  }
}
