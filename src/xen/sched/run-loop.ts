import { RUNSTATE_runnable, RUNSTATE_running } from '../../abi/vcpu.ts';
import type { TimerHandle } from '../../lib/ports.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';

/** Instructions of one time slice: about half a millisecond of the software processor. */
const SLICE_INSTRUCTIONS = 200_000;
/** A slice before a timer is due is shorter, but worth the switch. */
const MIN_SLICE_INSTRUCTIONS = 2_000;
/** How long vCPUs may keep the thread before the host's events have their turn. */
const TURN_NS = 1_000_000;
const FIRST_GUESS_PER_NS = 0.1;

/** What the loop serves besides timers and vCPUs: dom0, which runs on the same thread. */
export interface Dom0Thread {
  /** It has events. */
  readonly upcallRaised: boolean;
  /** Hands dom0 its pending events; nothing where there are none. */
  deliverUpcall(): void;
}

/** Runs all vCPUs in turn on this thread. With nothing to do it waits for the next timer, and uses no processor. */
export class RunLoop {
  readonly #xen: Hypervisor;
  readonly #dom0: Dom0Thread;
  readonly #runVcpu: (vcpu: Vcpu, budget: number) => number;
  #started = false;
  #turnPending = false;
  #inTurn = false;
  #alarm: TimerHandle | undefined;
  #alarmNs = Number.POSITIVE_INFINITY;
  /** Instructions a nanosecond, as last seen. */
  #speed = FIRST_GUESS_PER_NS;

  /** @param runVcpu runs one vCPU for about a budget of instructions and returns how many it did */
  constructor(xen: Hypervisor, dom0: Dom0Thread, runVcpu: (vcpu: Vcpu, budget: number) => number) {
    this.#xen = xen;
    this.#dom0 = dom0;
    this.#runVcpu = runVcpu;
    xen.scheduler.onRunnable = () => this.wake();
  }

  /** Lets vCPUs run, timers fire and dom0 have its events, from now on. */
  start(): void {
    this.#started = true;
    this.wake();
  }

  /** Everything stands still until `start`. */
  stop(): void {
    this.#started = false;
    this.#disarm();
  }

  /** There is something to do: a runnable vCPU, an event for dom0, an earlier timer. Returns at once. */
  wake(): void {
    if (!this.#started || this.#turnPending || this.#inTurn) return;
    this.#turnPending = true;
    this.#xen.platform.defer(() => this.#turn());
  }

  #turn(): void {
    this.#turnPending = false;
    if (!this.#started) return;
    this.#inTurn = true;
    const end = this.#xen.now() + TURN_NS;
    let more = true;
    while (more && this.#started && this.#xen.now() < end) more = this.#step();
    this.#inTurn = false;
    if (!this.#started) return;
    if (more || this.#dom0.upcallRaised) this.wake();
    else this.#waitForTimer();
  }

  /** Timers, dom0's events, one slice of one vCPU. False where no vCPU is runnable. */
  #step(): boolean {
    const xen = this.#xen;
    xen.timers.expire(xen.now());
    this.#dom0.deliverUpcall();
    const vcpu = xen.scheduler.next();
    if (vcpu === undefined) return false;
    this.#slice(vcpu);
    this.#dom0.deliverUpcall();
    return true;
  }

  #slice(vcpu: Vcpu): void {
    const xen = this.#xen;
    const startNs = xen.now();
    const untilTimer = Math.max(MIN_SLICE_INSTRUCTIONS, (xen.timers.nextNs - startNs) * this.#speed);
    const budget = Math.floor(Math.min(SLICE_INSTRUCTIONS, untilTimer));

    vcpu.running = true;
    if (vcpu.runstate.state !== RUNSTATE_running) {
      vcpu.runstate.change(RUNSTATE_running, startNs);
      vcpu.copyRunstate();
    }
    const done = this.#guarded(vcpu, budget);
    vcpu.running = false;

    const endNs = xen.now();
    if (done >= MIN_SLICE_INSTRUCTIONS && endNs > startNs) {
      this.#speed = (this.#speed * 3 + done / (endNs - startNs)) / 4;
    }
    if (!vcpu.runnable) vcpu.runstate.change(vcpu.restingState, endNs);
    else if (xen.scheduler.othersWait(vcpu)) vcpu.runstate.change(RUNSTATE_runnable, endNs);
  }

  /** A broken invariant of ours costs the domain it was met in, as a BUG_ON costs real Xen's host. */
  #guarded(vcpu: Vcpu, budget: number): number {
    try {
      return this.#runVcpu(vcpu, budget);
    } catch (bug) {
      const text = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
      for (const line of text.split('\n')) this.#xen.log(line);
      vcpu.domain.crash(`a bug of the hypervisor's in ${vcpu.name}`);
      return 0;
    }
  }

  #waitForTimer(): void {
    const nextNs = this.#xen.timers.nextNs;
    if (nextNs === this.#alarmNs) return;
    this.#disarm();
    if (!Number.isFinite(nextNs)) return;
    this.#alarmNs = nextNs;
    this.#alarm = this.#xen.platform.clock.setTimer(this.#xen.bootNs + nextNs, () => {
      this.#disarm();
      this.wake();
    });
  }

  #disarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#alarmNs = Number.POSITIVE_INFINITY;
  }
}
