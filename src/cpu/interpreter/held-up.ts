/** What holds a vCPU up: an access that nested paging refused, an event whose delivery met one, an exit from a guest's guest. */
import type { Intercepts } from '../engine.ts';
import type { Mmu } from '../mmu/mmu.ts';
import { leaveHeldUp } from '../svm/exit.ts';
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
    const { undelivered, svm } = this.#cpu;
    return this.#mmu.refused !== undefined || undelivered !== undefined || svm.pending !== undefined;
  }

  /** Leaves a guest's guest for it, or tells of an access that was refused; the registers are those of the instruction that made it. */
  tell(): void {
    const { refused } = this.#mmu;
    if (leaveHeldUp(this.#cpu, refused)) return;
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
