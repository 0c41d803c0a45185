import type { Vcpu } from '../common/vcpu.ts';
import { type DomainBudget, REPLENISH_PERIOD_NS } from './credit2-budget.ts';
import type { Pcpu } from './pcpu.ts';

export const DEFAULT_WEIGHT = 256;
/** What everybody gets when the first has nothing left, and the longest slice. */
export const CREDIT_INIT_NS = 10_000_000;
export const MIN_SLICE_NS = 500_000;

/** A domain's parameters. */
export class Share {
  weight = DEFAULT_WEIGHT;
  /** Percent of one pCPU, over all its vCPUs; 0 for as much as it gets. */
  cap = 0;
  readonly units = new Set<Unit>();
  readonly budget: DomainBudget;

  constructor(budget: DomainBudget) {
    this.budget = budget;
  }

  /** What a vCPU takes of the budget at once: each has its chance in every period. */
  get quotaNs(): number {
    const each = (REPLENISH_PERIOD_NS * this.cap) / 100 / Math.max(1, this.units.size);
    return Math.max(each, MIN_SLICE_NS);
  }
}

/** What the scheduler knows of a vCPU. */
export class Unit {
  readonly vcpu: Vcpu;
  readonly share: Share;
  creditNs = CREDIT_INIT_NS;
  /** What it has taken of its domain's budget and not used. */
  budgetNs = 0;
  queued = false;
  /** Waits for its domain's budget. */
  parked = false;
  yields = false;
  /** The pCPU that was asked to take it. */
  tickled: Pcpu | undefined;

  constructor(vcpu: Vcpu, share: Share) {
    this.vcpu = vcpu;
    this.share = share;
  }
}

/** What credit2 knows of a vCPU whose pool has it for a scheduler. */
export function unitOf(vcpu: Vcpu): Unit | undefined {
  return vcpu.placement.unit as Unit | undefined;
}
