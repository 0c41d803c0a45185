/** What holds a vCPU up: an access that nested paging refused, and an event whose delivery met one. */
import type { Intercepts } from '../engine.ts';
import type { Mmu } from '../mmu/mmu.ts';
import type { Event } from '../system/event.ts';
import type { SystemCpu } from '../system/system-cpu.ts';

export class HeldUp {
  readonly #cpu: SystemCpu;
  readonly #mmu: Mmu;
  readonly #intercepts: Intercepts;

  constructor(cpu: SystemCpu, mmu: Mmu, intercepts: Intercepts) {
    this.#cpu = cpu;
    this.#mmu = mmu;
    this.#intercepts = intercepts;
  }

  get any(): boolean {
    return this.#mmu.refused !== undefined || this.#cpu.undelivered !== undefined;
  }

  /** Tells of an access that was refused; the registers are those of the instruction that made it. */
  tell(): void {
    const { refused } = this.#mmu;
    this.#mmu.refused = undefined;
    if (refused !== undefined) this.#intercepts.accessRefused?.(refused);
  }

  /** The event that is to be delivered now, if there is one. */
  take(): Event | undefined {
    const event = this.#cpu.undelivered;
    this.#cpu.undelivered = undefined;
    return event;
  }
}
