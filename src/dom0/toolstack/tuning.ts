import { XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_CREDIT2, XEN_SCHEDULER_RTDS } from '../../abi/domctl-sched.ts';
import { XEN_SYSCTL_cpu_policy_host } from '../../abi/sysctl.ts';
import type { Domid } from '../../abi/xen.ts';
import { HypercallError } from '../../libs/call/call.ts';
import type { SchedCalls } from '../../libs/ctrl/sched-calls.ts';
import type { StateCalls } from '../../libs/ctrl/state-calls.ts';
import type { ToolCalls } from '../../libs/ctrl/tool-calls.ts';
import { changedRows, type CpuidRule } from './cpuid-rules.ts';
import { allCpus, parseCpuRange } from './cpu-range.ts';
import type { DomainConfig, DomainScheduling } from './domain-config.ts';
import { DomainError } from './errors.ts';
import type { DomainStore } from './store-access.ts';

/** What is set of a domain besides memory, files and registers. */
export interface Tuning {
  /** Pool, parameters and affinities. Throws a DomainError that names the key. */
  schedule(domid: Domid, config: DomainConfig): Promise<void>;
  /** How far its wall clock is from UTC. */
  setTimeOffset(domid: Domid, seconds: number): void;
  /** What it is told of its TSC. */
  setTscMode(domid: Domid, mode: number): void;
  /** What it sees of the processor. Throws a DomainError where Xen will not have that. */
  setCpuid(domid: Domid, rules: readonly CpuidRule[]): void;
}

/** What of libs/ctrl it takes. */
export interface TuningCalls {
  readonly tools: ToolCalls;
  readonly sched: SchedCalls;
  readonly state: StateCalls;
}

/** By Xen's own calls. */
export class HostTuning implements Tuning {
  readonly #tools: ToolCalls;
  readonly #sched: SchedCalls;
  readonly #state: StateCalls;
  readonly #store: DomainStore;
  readonly #cpus: () => number;

  /** `cpus` counts the host's processors. */
  constructor(calls: TuningCalls, store: DomainStore, cpus: () => number) {
    this.#tools = calls.tools;
    this.#state = calls.state;
    this.#sched = calls.sched;
    this.#store = store;
    this.#cpus = cpus;
  }

  async schedule(domid: Domid, config: DomainConfig): Promise<void> {
    const { scheduling } = config;
    if (scheduling === undefined) return;
    const pool = await this.#pool(scheduling.pool);
    if (pool.id !== 0) this.#sched.cpupool_movedomain(pool.id, domid);
    this.#setParameters(domid, pool.sched, scheduling);
    for (let vcpu = 0; vcpu < config.maxVcpus; vcpu++) {
      const hard = this.#limited(this.#mask('cpus', scheduling.cpus, vcpu), scheduling.cpuMasks ?? []);
      const soft = this.#mask('cpus_soft', scheduling.cpusSoft, vcpu);
      if (hard === undefined && soft === undefined) continue;
      const wanted = { ...(hard === undefined ? {} : { hard }), ...(soft === undefined ? {} : { soft }) };
      this.#tools.vcpu_setaffinity(domid, vcpu, wanted);
    }
  }

  setTimeOffset(domid: Domid, seconds: number): void {
    this.#tools.domain_set_time_offset(domid, seconds);
  }

  setTscMode(domid: Domid, mode: number): void {
    this.#tools.domain_set_tsc_info(domid, mode);
  }

  setCpuid(domid: Domid, rules: readonly CpuidRule[]): void {
    const now = this.#state.cpu_policy_get_domain(domid);
    const host = this.#state.cpu_policy_get_system(XEN_SYSCTL_cpu_policy_host);
    try {
      this.#state.cpu_policy_set_domain(domid, { leaves: changedRows(rules, now.leaves, host.leaves), msrs: [] });
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
      const what =
        'cpuid: more than the processor has, or what no processor could have: expected features to be taken away';
      throw new DomainError('DOMAIN_CPUID', `${what}, for example cpuid = "host,sse4.2=0"`, 'cpuid');
    }
  }

  async #pool(nameOrId: string | undefined): Promise<{ readonly id: number; readonly sched: number }> {
    const pools = this.#sched.cpupools();
    for (const pool of pools) {
      if (pool.id === 0 && nameOrId === undefined) return pool;
      const name = await this.#store.read(`/local/pool/${pool.id}/name`);
      if (name === nameOrId || `${pool.id}` === nameOrId) return pool;
    }
    const what = `pool = "${nameOrId}": no such cpupool: expected one of xl cpupool-list, for example pool = "Pool-0"`;
    throw new DomainError('DOMAIN_SCHEDULING', what, 'pool');
  }

  /** What the pool's scheduler knows of them; each scheduler has parameters of its own. */
  #setParameters(domid: Domid, sched: number, wanted: DomainScheduling): void {
    const { weight, cap, period, budget, extratime } = wanted;
    if (sched === XEN_SCHEDULER_CREDIT || sched === XEN_SCHEDULER_CREDIT2) {
      if (weight === undefined && cap === undefined) return;
      const now = this.#sched.credit_get(domid, sched);
      this.#sched.credit_set(domid, sched, { weight: weight ?? now.weight, cap: cap ?? now.cap });
    } else if (sched === XEN_SCHEDULER_RTDS) {
      if (period === undefined && budget === undefined && extratime === undefined) return;
      const now = this.#sched.rtds_get(domid);
      this.#sched.rtds_set(domid, {
        period: period ?? now.period,
        budget: budget ?? now.budget,
        extratime: extratime ?? now.extratime,
      });
    }
  }

  /** What is left of a vCPU's processors under the host's masks. */
  #limited(hard: bigint | undefined, masks: readonly string[]): bigint | undefined {
    if (masks.length === 0) return hard;
    const limit = masks.reduce((all, mask) => all & (this.#mask('vm.cpumask', mask, 0) ?? all), allCpus(this.#cpus()));
    const left = limit & (hard ?? limit);
    if (left !== 0n) return left;
    const what = `vcpu hard affinity map is empty: cpus lie outside of the host's mask, ${masks.join(' and ')}`;
    throw new DomainError(
      'DOMAIN_SCHEDULING',
      `${what}: expected some within, or --ignore-global-affinity-masks`,
      'cpus',
    );
  }

  /** Of one text for all vCPUs, or a list with one for each; what a list does not name may run anywhere. */
  #mask(key: string, texts: DomainScheduling['cpus'], vcpu: number): bigint | undefined {
    const text = typeof texts === 'string' ? texts : texts?.[vcpu];
    if (text === undefined) return undefined;
    const topology = this.#tools.cputopoinfo();
    const ofNode = (node: number) =>
      topology.reduce((mask, each, cpu) => (each.node === node ? mask | (1n << BigInt(cpu)) : mask), 0n);
    const mask = parseCpuRange(text, this.#cpus(), ofNode);
    if (typeof mask === 'string')
      throw new DomainError('DOMAIN_SCHEDULING', `${key} = "${mask}`.replace(': ', '": '), key);
    return mask;
  }
}
