import type { Cpupool } from '../common/cpupool.ts';
import type { Vcpu } from '../common/vcpu.ts';

/**
 * A physical CPU as the machine presents it. All of them share one host thread: a pCPU that is not idle has the vCPU
 * that its pool's scheduler chose, and executes it when its turn on the thread comes.
 */
export class Pcpu {
  readonly id: number;
  /** undefined while it is in no pool. */
  pool: Cpupool | undefined;
  /** What it runs; undefined while it is idle. */
  current: Vcpu | undefined;
  /** It has to choose again before it executes anything more. */
  tickled = false;
  /** Nanoseconds `current` may still execute before the pCPU chooses again. */
  sliceLeftNs = 0;
  /** Nanoseconds `current` has executed since the pCPU took it. */
  ranNs = 0;
  /** The thread's time it has had, scaled by the weights of what it ran: whoever has least is next. */
  virtualNs = 0;
  #idleNs = 0;
  #takenNs = 0;
  #idleSinceNs: number;

  constructor(id: number, nowNs: number) {
    this.id = id;
    this.#idleSinceNs = nowNs;
  }

  /** Bit of this pCPU in a CpuMask. */
  get mask(): number {
    return 1 << this.id;
  }

  /** Takes another vCPU, or none. */
  take(vcpu: Vcpu | undefined, nowNs: number): void {
    if (this.current === undefined) this.#idleNs += nowNs - this.#idleSinceNs;
    this.#idleSinceNs = nowNs;
    this.current = vcpu;
    this.ranNs = 0;
    this.#takenNs = nowNs;
  }

  /** How long it has had its current vCPU, whether or not that executed: what rate limits are counted in. */
  heldNs(nowNs: number): number {
    return nowNs - this.#takenNs;
  }

  /** Nanoseconds without anything to run, until now. */
  idleNs(nowNs: number): number {
    return this.#idleNs + (this.current === undefined ? nowNs - this.#idleSinceNs : 0);
  }
}
