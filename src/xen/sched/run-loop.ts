import { RUNSTATE_runnable, RUNSTATE_running } from '../../abi/vcpu.ts';
import type { TimerHandle } from '../../lib/ports.ts';
import type { Hypervisor } from '../common/hypervisor.ts';
import type { Vcpu } from '../common/vcpu.ts';
import type { Pcpu } from './pcpu.ts';

/**
 * The longest and the shortest slice. The one bounds how wrong an estimate can be: who begins to write his own code may
 * become a thousand times slower within a slice. The other is worth the switch.
 */
const MAX_SLICE_INSTRUCTIONS = 300_000;
const MIN_SLICE_INSTRUCTIONS = 2_000;
/** How long vCPUs may keep the thread before the host's events have their turn. */
const TURN_NS = 1_000_000;

/** What the loop serves besides timers and vCPUs: dom0, which runs on the same thread. */
export interface Dom0Thread {
  /** It has events. */
  readonly upcallRaised: boolean;
  /** Hands dom0 its pending events; nothing where there are none. */
  deliverUpcall(): void;
}

/**
 * Executes what the pCPUs have, in turns, on this thread. With nothing to do it waits for the next timer, and uses no
 * processor.
 */
export class RunLoop {
  readonly #xen: Hypervisor;
  readonly #dom0: Dom0Thread;
  readonly #runVcpu: (vcpu: Vcpu, budget: number) => number;
  #started = false;
  #turnPending = false;
  #inTurn = false;
  #alarm: TimerHandle | undefined;
  #alarmNs = Number.POSITIVE_INFINITY;
  /** The vCPU that executed last, while nobody else has. */
  #last: Vcpu | undefined;

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

  // The host's events have just had their turn.
  readonly #onAlarm = (): void => {
    this.#disarm();
    if (this.#started && !this.#turnPending) this.#turn();
  };

  #turn(): void {
    this.#turnPending = false;
    if (!this.#started) return;
    this.#inTurn = true;
    let nowNs = this.#xen.now();
    const endNs = nowNs + TURN_NS;
    let more = true;
    while (more && this.#started && nowNs < endNs) {
      const afterNs = this.#step(nowNs);
      more = afterNs !== undefined;
      nowNs = afterNs ?? nowNs;
    }
    this.#inTurn = false;
    if (!this.#started) return;
    if (more || this.#dom0.upcallRaised) this.wake();
    else this.#waitForTimer();
  }

  /** Timers, dom0's events, one slice of one vCPU. The time after it; undefined where no vCPU is runnable. */
  #step(nowNs: number): number | undefined {
    const xen = this.#xen;
    xen.timers.expire(nowNs);
    const startNs = this.#serveDom0(nowNs);
    const cpu = xen.scheduler.next(startNs);
    const vcpu = cpu?.current;
    this.#tellLast(vcpu);
    if (cpu === undefined || vcpu === undefined) return undefined;
    return this.#serveDom0(this.#slice(cpu, vcpu, startNs));
  }

  /** Dom0's events, if there are any. The time after them: asking for it costs as much as a short slice. */
  #serveDom0(nowNs: number): number {
    if (!this.#dom0.upcallRaised) return nowNs;
    this.#dom0.deliverUpcall();
    return this.#xen.now();
  }

  /** Returns when it ended. */
  #slice(cpu: Pcpu, vcpu: Vcpu, startNs: number): number {
    const { scheduler } = this.#xen;
    const untilTimerNs = this.#xen.timers.nextNs - startNs;
    const wanted = Math.floor(Math.min(scheduler.sliceNs(cpu), untilTimerNs) * vcpu.speed);
    const budget = Math.min(Math.max(wanted, MIN_SLICE_INSTRUCTIONS), MAX_SLICE_INSTRUCTIONS);

    vcpu.running = true;
    vcpu.runstate.change(RUNSTATE_running, startNs);
    vcpu.copyRunstate();
    scheduler.enter(cpu);
    const done = this.#guarded(vcpu, budget);
    vcpu.running = false;

    const endNs = this.#xen.now();
    scheduler.leave(cpu, vcpu, endNs - startNs);
    // Short slices say little: most of them is the switch.
    if (done >= MIN_SLICE_INSTRUCTIONS && endNs > startNs) vcpu.noteSpeed(done / (endNs - startNs));
    vcpu.runstate.change(vcpu.runnable ? RUNSTATE_runnable : vcpu.restingState, endNs);
    this.#last = vcpu;
    return endNs;
  }

  /** Who executed last and does not go on has that in its runstate area too, where others of its domain see it. */
  #tellLast(next: Vcpu | undefined): void {
    const last = this.#last;
    if (last === next) return;
    this.#last = undefined;
    if (last !== undefined && !last.domain.dying) last.copyRunstate();
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
    const { platform, bootNs, timers } = this.#xen;
    const atNs = timers.latestNs;
    if (atNs === this.#alarmNs) return;
    this.#disarm();
    if (!Number.isFinite(atNs)) return;
    this.#alarmNs = atNs;
    this.#alarm = platform.clock.setTimer(bootNs + atNs, this.#onAlarm, bootNs + timers.nextNs);
  }

  #disarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#alarmNs = Number.POSITIVE_INFINITY;
  }
}
