import { XEN_DOMCTL_SCHEDOP_putinfo, XenDomctlSchedparamVcpu, XenDomctlSchedulerOp } from '../../abi/domctl-sched.ts';
import { RUNSTATE_running } from '../../abi/vcpu.ts';
import { EXIT_BUDGET } from '../../cpu/engine.ts';
import type { Limits } from '../common/hypervisor.ts';
import { type Guest, TestMachine } from './test-machine.ts';

/** What a script's step takes. */
const STEP_NS = 25_000;

export interface Contender {
  readonly weight?: number;
  readonly cap?: number;
  readonly vcpus?: number;
  readonly rtds?: { readonly periodUs: number; readonly budgetUs: number; readonly extra: boolean };
}

/** Domains that compute as much as they are let, on a machine whose time passes only as they do. */
export class Contest {
  readonly machine: TestMachine;
  readonly guests: Guest[] = [];
  /** When `run` was first called. */
  startNs = -1;

  constructor(limits: Partial<Limits>) {
    this.machine = new TestMachine(limits);
    this.machine.engine.onStep = () => this.machine.host.spend(STEP_NS);
  }

  /** A domain all of whose vCPUs compute for ever. */
  spinner({ weight = 0, cap = 0, vcpus = 1, rtds }: Contender): Guest {
    const guest = this.machine.domain({ pages: 1, vcpus });
    const { domain } = guest;
    const { scheduler } = domain.cpupool;
    const operation = new XenDomctlSchedulerOp(new DataView(new ArrayBuffer(XenDomctlSchedulerOp.SIZE)), 0);
    operation.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    operation.credit2.weight = weight;
    operation.credit2.cap = cap;
    if (rtds === undefined) scheduler.adjustDomain(domain, operation);
    for (const vcpu of domain.vcpus) {
      guest.cpu(vcpu.vcpuId).load(function* () {
        for (;;) yield EXIT_BUDGET;
      });
      if (rtds === undefined) continue;
      const row = new XenDomctlSchedparamVcpu(new DataView(new ArrayBuffer(XenDomctlSchedparamVcpu.SIZE)), 0);
      row.rtds.period = rtds.periodUs;
      row.rtds.budget = rtds.budgetUs;
      row.rtds.flags = rtds.extra ? 1 : 0;
      scheduler.adjustVcpu?.(vcpu, row, true);
    }
    this.start(guest);
    this.guests.push(guest);
    return guest;
  }

  /** Lets a guest run, all its vCPUs up. */
  start(guest: Guest): void {
    for (const vcpu of guest.domain.vcpus) vcpu.up();
    guest.domain.controllerPauseCount -= 1;
    guest.domain.unpause();
  }

  /** Lets so much time pass. */
  run(ns: number): void {
    const { host, xen } = this.machine;
    if (this.startNs < 0) this.startNs = xen.now();
    const end = xen.now() + ns;
    while (xen.now() < end) if (!host.turn()) host.advance(Math.min(1_000_000, end - xen.now()));
  }

  /** What part of the time since the first run each spinner executed, in order. */
  shares(): number[] {
    const now = this.machine.xen.now();
    const ran = ({ domain }: Guest) =>
      domain.vcpus.reduce((sum, { runstate }) => sum + runstate.timeNs(RUNSTATE_running, now), 0);
    return this.guests.map((guest) => ran(guest) / (now - this.startNs));
  }
}
