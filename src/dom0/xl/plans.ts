import type { DomainPlan } from '../toolstack/domain-plan.ts';

/** What goes into a domain's memory, for each of its lives: the first is planned already, the others as they come. */
export class Plans {
  #planned: DomainPlan | undefined;
  readonly #plan: () => Promise<DomainPlan>;

  /** `plan` reads the files again: they may be others by then, as after a kernel update. */
  constructor(first: DomainPlan, plan: () => Promise<DomainPlan>) {
    this.#planned = first;
    this.#plan = plan;
  }

  async next(): Promise<DomainPlan> {
    const planned = this.#planned;
    this.#planned = undefined;
    return planned ?? (await this.#plan());
  }
}
