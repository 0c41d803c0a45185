import type { Vcpu } from '../common/vcpu.ts';
import { hasCpu } from './cpu-mask.ts';
import type { Pcpu } from './pcpu.ts';

/** What a scheduler knows of a vCPU that may have to wait for a pCPU. */
export interface Waiting {
  readonly vcpu: Vcpu;
  queued: boolean;
}

/** vCPUs that wait for a pCPU of a pool: the best first, and of equals those that have waited longer. */
export class WaitQueue<U extends Waiting> {
  readonly #units: U[] = [];
  readonly #isBetter: (unit: U, other: U) => boolean;

  constructor(isBetter: (unit: U, other: U) => boolean) {
    this.#isBetter = isBetter;
  }

  /** In their order. */
  get units(): readonly U[] {
    return this.#units;
  }

  /** The first that may run on a pCPU. */
  firstFor(cpu: Pcpu): U | undefined {
    return this.#units.find((unit) => hasCpu(unit.vcpu.placement.hard, cpu.id));
  }

  add(unit: U): void {
    if (unit.queued) return;
    const units = this.#units;
    let at = units.length;
    while (at > 0 && this.#isBetter(unit, units[at - 1] as U)) at -= 1;
    // Mostly it is the only one, and that costs no copy of the queue.
    if (at === units.length) units.push(unit);
    else units.splice(at, 0, unit);
    unit.queued = true;
  }

  remove(unit: U): void {
    if (!unit.queued) return;
    const units = this.#units;
    if (units.at(-1) === unit) units.pop();
    else units.splice(units.indexOf(unit), 1);
    unit.queued = false;
  }

  /** What decides the order has changed: the best of the new order first, in their old turns. */
  reorder(): void {
    this.#units.sort((a, b) => (this.#isBetter(a, b) ? -1 : this.#isBetter(b, a) ? 1 : 0));
  }
}

/** An idle pCPU that a vCPU may have: one that it prefers, the one it was on if possible. */
export function idlePcpuFor({ vcpu: { placement } }: Waiting, cpus: readonly Pcpu[]): Pcpu | undefined {
  let best: Pcpu | undefined;
  let bestFit = -1;
  for (const cpu of cpus) {
    if (cpu.current !== undefined || cpu.tickled || !hasCpu(placement.hard, cpu.id)) continue;
    const fit = (hasCpu(placement.soft, cpu.id) ? 2 : 0) + (cpu.id === placement.cpu ? 1 : 0);
    if (fit <= bestFit) continue;
    best = cpu;
    bestFit = fit;
  }
  return best;
}

/** The pCPU that a waiting vCPU may have and that runs the worst of those who are worse than it. */
export function worstPcpuFor<U extends Waiting>(
  unit: U,
  cpus: readonly Pcpu[],
  unitOf: (vcpu: Vcpu) => U | undefined,
  isBetter: (unit: U, other: U) => boolean,
): Pcpu | undefined {
  const { placement } = unit.vcpu;
  let found: Pcpu | undefined;
  let worst = unit;
  for (const cpu of cpus) {
    if (cpu.current === undefined || cpu.tickled || !hasCpu(placement.hard, cpu.id)) continue;
    const current = unitOf(cpu.current);
    if (current === undefined || !isBetter(worst, current)) continue;
    found = cpu;
    worst = current;
  }
  return found;
}
