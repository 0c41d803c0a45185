import type { Vcpu } from '../common/vcpu.ts';

/** Decides which vCPU runs next. One physical processor: the thread we are on. */
export interface Scheduler {
  /** XEN_SCHEDULER_* that toolstacks are told. */
  readonly id: number;
  readonly name: string;
  /** A vCPU came into being; it sleeps. */
  insert(vcpu: Vcpu): void;
  /** A vCPU goes away for good. */
  remove(vcpu: Vcpu): void;
  /** A vCPU became runnable. */
  wake(vcpu: Vcpu): void;
  /** A vCPU is not runnable any more. */
  sleep(vcpu: Vcpu): void;
  /** A running vCPU lets the others go first, dom0 among them. */
  yield(vcpu: Vcpu): void;
  /** Whether a running vCPU has to leave its processor at its next exit. */
  givesWay(vcpu: Vcpu): boolean;
  /** The vCPU to run next, which stays in line behind the others; undefined where none is runnable. */
  next(): Vcpu | undefined;
  /** Whether another vCPU than this one waits. */
  othersWait(vcpu: Vcpu): boolean;
  /** Told when the first vCPU becomes runnable. */
  onRunnable: () => void;
}
