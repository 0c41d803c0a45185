import { EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, ENOSPC } from '../../abi/errno.ts';
import { assert } from '../../lib/assert.ts';
import type { SchedulerCore } from '../sched/core.ts';
import { ALL_CPUS, countCpus, type CpuMask, hasCpu, highestCpu, lowestCpu } from '../sched/cpu-mask.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { makeScheduler } from '../sched/schedulers.ts';
import type { Domain } from './domain.ts';

/** pCPUs that share a scheduler, and the domains that run on them (Xen's struct cpupool). */
export class Cpupool {
  readonly id: number;
  readonly scheduler: Scheduler;
  cpus: CpuMask = 0;
  readonly domains = new Set<Domain>();

  constructor(id: number, scheduler: Scheduler) {
    this.id = id;
    this.scheduler = scheduler;
  }
}

/** All pools. Pool-0 has all pCPUs at first, always keeps pCPU 0, and is never destroyed. */
export class Cpupools {
  readonly #core: SchedulerCore;
  /** By id, ascending. */
  #pools: Cpupool[] = [];
  /** pCPUs in no pool. */
  free: CpuMask;

  constructor(core: SchedulerCore, defaultScheduler: number) {
    this.#core = core;
    this.free = core.online;
    const first = this.create(0, defaultScheduler);
    assert(first instanceof Cpupool, 'the scheduler that Xen starts with is one it has');
    for (const cpu of core.cpus) this.addCpu(first, cpu.id);
  }

  /** Pool-0, where dom0 and most domains are. */
  get first(): Cpupool {
    return this.#pools[0] as Cpupool;
  }

  find(id: number): Cpupool | undefined {
    return this.#pools.find((pool) => pool.id === id);
  }

  /** The pool with an id, or with the next higher one there is. */
  findFrom(id: number): Cpupool | undefined {
    return this.#pools.find((pool) => pool.id >= id);
  }

  /** Makes an empty pool with a scheduler of its own; `id` undefined takes the one after the highest. Or an errno. */
  create(id: number | undefined, schedulerId: number): Cpupool | number {
    if (this.#pools.length >= 2 * this.#core.cpus.length) return -ENOSPC;
    const chosen = id ?? (this.#pools.at(-1) as Cpupool).id + 1;
    if (this.find(chosen) !== undefined) return -EEXIST;
    const scheduler = makeScheduler(schedulerId, this.#core);
    if (scheduler === undefined) return -ENOENT;
    const pool = new Cpupool(chosen, scheduler);
    this.#pools = [...this.#pools, pool].sort((a, b) => a.id - b.id);
    return pool;
  }

  destroy(pool: Cpupool): number {
    if (pool.domains.size > 0 || pool.cpus !== 0) return -EBUSY;
    this.#pools = this.#pools.filter((other) => other !== pool);
    return 0;
  }

  /** Gives a free pCPU to a pool; `id` undefined takes any. */
  addCpu(pool: Cpupool, id: number | undefined): number {
    const chosen = id ?? lowestCpu(this.free);
    if (chosen < 0) return -ENODEV;
    const cpu = this.#core.cpus[chosen];
    if (cpu === undefined) return -EINVAL;
    if (!hasCpu(this.free, chosen)) return -ENODEV;
    this.free &= ~cpu.mask;
    pool.cpus |= cpu.mask;
    cpu.pool = pool;
    pool.scheduler.addCpu(cpu);
    this.#rearrange(pool);
    this.#core.tickle(cpu);
    return 0;
  }

  /** Takes a pCPU out of a pool; `id` undefined takes the highest. The last one stays while domains need it. */
  removeCpu(pool: Cpupool, id: number | undefined): number {
    const chosen = id ?? highestCpu(pool.cpus);
    const cpu = this.#core.cpus[chosen];
    if (cpu === undefined || (pool === this.first && chosen === 0)) return -EINVAL;
    if (cpu.pool !== pool) return -EADDRNOTAVAIL;
    if (countCpus(pool.cpus) === 1) {
      for (const domain of pool.domains) if (!domain.dying) return -EBUSY;
      for (const domain of [...pool.domains]) this.move(domain, this.first);
    }
    pool.cpus &= ~cpu.mask;
    if (cpu.current !== undefined) this.#core.detach(cpu.current);
    pool.scheduler.removeCpu(cpu);
    cpu.pool = undefined;
    this.free |= cpu.mask;
    this.#rearrange(pool);
    return 0;
  }

  /** Gives Pool-0 a pCPU that was away. Or an errno. */
  plug(id: number): number {
    const cpu = this.#core.cpus[id];
    if (cpu === undefined) return -EINVAL;
    if (hasCpu(this.#core.online, id)) return -EEXIST;
    this.#core.offline &= ~cpu.mask;
    this.free |= cpu.mask;
    return this.addCpu(this.first, id);
  }

  /** Takes a pCPU away that Pool-0 has, or nobody; pCPU 0 stays. Or an errno. */
  unplug(id: number): number {
    const cpu = this.#core.cpus[id];
    if (cpu === undefined || id === 0) return -EINVAL;
    if (!hasCpu(this.#core.online, id)) return -EEXIST;
    if (cpu.pool !== undefined && cpu.pool !== this.first) return -ENODEV;
    const removed = cpu.pool === undefined ? 0 : this.removeCpu(cpu.pool, id);
    if (removed !== 0) return removed;
    this.free &= ~cpu.mask;
    this.#core.offline |= cpu.mask;
    return 0;
  }

  /** A domain is gone. */
  removeDomain(domain: Domain): void {
    domain.cpupool.domains.delete(domain);
    domain.cpupool.scheduler.removeDomain(domain);
  }

  /** Moves a domain to another pool. Affinities of its vCPUs are forgotten, as they named pCPUs of the old one. */
  move(domain: Domain, to: Cpupool): number {
    if (domain.cpupool === to) return 0;
    if (to.cpus === 0) return -ENOENT;
    if (domain.vcpus.some((vcpu) => vcpu.placement.overridden !== undefined)) return -EBUSY;
    domain.cpupool.domains.delete(domain);
    to.domains.add(domain);
    this.#core.move(domain, to);
    return 0;
  }

  /** The pCPUs of a pool changed: vCPUs that are left with none may run on any. */
  #rearrange(pool: Cpupool): void {
    for (const domain of pool.domains) {
      for (const vcpu of domain.vcpus) {
        if ((vcpu.placement.hard & pool.cpus) === 0) {
          domain.xen.log(`Breaking affinity for ${vcpu.name}`);
          vcpu.placement.hard = ALL_CPUS;
        }
        this.#core.affinityChanged(vcpu);
      }
    }
  }
}
