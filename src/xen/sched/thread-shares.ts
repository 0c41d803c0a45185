import type { Pcpu } from './pcpu.ts';

/** The weight of what runs at the thread's own speed. */
export const REFERENCE_WEIGHT = 256;
/** How long one pCPU keeps the thread while others want it. */
export const THREAD_SLICE_NS = 500_000;

/**
 * Divides the host's one thread among the pCPUs that have something to run. Each has had its thread time, scaled by
 * the weight of the vCPU it was spent on, and the turn is that of who has had least: so pCPUs, and pools of them,
 * seem to run side by side, at the speeds that weights give them. A scheduler that knows better which vCPU of its
 * pool is next has the turn used for that one.
 */
export class ThreadShares {
  readonly #cpus: readonly Pcpu[];
  /** Was promised the next turn. */
  #urgent: Pcpu | undefined;
  /** Whose turn it is, though another pCPU of its pool may use it. */
  #turn: Pcpu | undefined;

  constructor(cpus: readonly Pcpu[]) {
    this.#cpus = cpus;
  }

  /** The next to use the thread; undefined where none has anything to run. */
  next(): Pcpu | undefined {
    const urgent = this.#urgent;
    this.#urgent = undefined;
    if (urgent?.current !== undefined) {
      this.#turn = urgent;
      return urgent;
    }
    const turn = this.#leastServed();
    if (turn === undefined) return undefined;
    this.#turn = turn;
    return this.#foremost(turn);
  }

  /** Somebody waits for a turn that was promised: whoever executes should leave. */
  get someoneIsUrgent(): boolean {
    return this.#urgent !== undefined;
  }

  /** The turn took `virtualNs` of the thread's time. */
  charge(virtualNs: number): void {
    if (this.#turn !== undefined) this.#turn.virtualNs += virtualNs;
  }

  /** A pCPU that was idle has something to run. It gets nothing back for having been idle. */
  join(cpu: Pcpu): void {
    const least = this.#leastServed(cpu)?.virtualNs ?? this.#turn?.virtualNs ?? 0;
    cpu.virtualNs = Math.min(Math.max(cpu.virtualNs, least), least + THREAD_SLICE_NS);
    this.hurry(cpu);
  }

  /**
   * A pCPU would react at once on a machine with a thread for each: it need not wait for others' slices to end,
   * unless it, or its vCPU, has had more than its share.
   */
  hurry(cpu: Pcpu): void {
    const turn = this.#leastServed();
    if (turn === undefined || cpu.virtualNs > turn.virtualNs + THREAD_SLICE_NS) return;
    const foremost = this.#foremost(cpu);
    if (standing(cpu) <= standing(foremost) + THREAD_SLICE_NS) this.#urgent ??= cpu;
  }

  /** A pCPU's vCPU wants the others to have the thread first. */
  yield(cpu: Pcpu): void {
    const others = this.#leastServed(cpu);
    if (others !== undefined) cpu.virtualNs = Math.max(cpu.virtualNs, others.virtualNs);
  }

  /** The busy pCPU that has had least, other than one; of equals, the one after whose turn it was. */
  #leastServed(except?: Pcpu): Pcpu | undefined {
    const last = this.#turn?.id ?? 0;
    let least: Pcpu | undefined;
    // By index: this is done several times for each event, and iterators would be most of its garbage.
    for (let index = 0; index < this.#cpus.length; index++) {
      const cpu = this.#cpus[index] as Pcpu;
      if (cpu.current === undefined || cpu === except) continue;
      const isLess = least === undefined || cpu.virtualNs < least.virtualNs;
      const isNext = cpu.virtualNs === least?.virtualNs && cpu.id > last && least.id <= last;
      if (isLess || isNext) least = cpu;
    }
    return least;
  }

  /** Which pCPU of one's pool uses the pool's turn. */
  #foremost(turn: Pcpu): Pcpu {
    let first = turn;
    if (turn.pool?.scheduler.standing === undefined) return first;
    let best = standing(first);
    for (let index = 0; index < this.#cpus.length; index++) {
      const cpu = this.#cpus[index] as Pcpu;
      if (cpu.pool !== turn.pool || cpu.current === undefined || cpu === turn) continue;
      const its = standing(cpu);
      if (its >= best) continue;
      first = cpu;
      best = its;
    }
    return first;
  }
}

function standing({ pool, current }: Pcpu): number {
  return current === undefined ? 0 : (pool?.scheduler.standing?.(current) ?? 0);
}
