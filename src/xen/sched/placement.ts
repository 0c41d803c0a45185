import { ALL_CPUS, type CpuMask } from './cpu-mask.ts';
import type { Pcpu } from './pcpu.ts';

/** Where a vCPU may run, would rather run, and runs. */
export class Placement {
  /** The only pCPUs it may run on, as far as they are in its domain's pool. */
  hard: CpuMask = ALL_CPUS;
  /** The pCPUs it is put on where there is a choice. */
  soft: CpuMask = ALL_CPUS;
  /** The hard affinity that SCHEDOP_pin_override put aside. */
  overridden: CpuMask | undefined;
  /** The pCPU it runs on or ran on last, as toolstacks are told. */
  cpu = 0;
  /** The pCPU that has it as its current one. */
  on: Pcpu | undefined;
  /** A scheduler knows it: true of all but dom0's, which is the thread itself. */
  known = false;
  /** What its pool's scheduler keeps of it (Xen's sched_unit.priv). */
  unit: object | undefined;

  /** Some of the pCPUs it may run on are better than others. */
  get hasPreference(): boolean {
    return (this.soft & this.hard) !== 0 && (this.hard & ~this.soft) !== 0;
  }
}
