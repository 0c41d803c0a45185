import { XEN_DOMCTL_scheduler_op } from '../../abi/domctl.ts';
import {
  XEN_DOMCTL_SCHEDOP_getinfo,
  XEN_DOMCTL_SCHEDOP_getvcpuinfo,
  XEN_DOMCTL_SCHEDOP_putinfo,
  XEN_DOMCTL_SCHEDOP_putvcpuinfo,
  XEN_DOMCTL_SCHEDRT_extra,
  XEN_SCHEDULER_CREDIT,
  XEN_SCHEDULER_CREDIT2,
  XEN_SCHEDULER_RTDS,
  type XenDomctlSchedRtds,
  XenDomctlSchedparamVcpu,
  XenDomctlSchedulerOp,
} from '../../abi/domctl-sched.ts';
import {
  XEN_SYSCTL_CPUPOOL_OP_ADDCPU,
  XEN_SYSCTL_CPUPOOL_OP_CREATE,
  XEN_SYSCTL_CPUPOOL_OP_DESTROY,
  XEN_SYSCTL_CPUPOOL_OP_FREEINFO,
  XEN_SYSCTL_CPUPOOL_OP_INFO,
  XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN,
  XEN_SYSCTL_CPUPOOL_OP_RMCPU,
  XEN_SYSCTL_CPUPOOL_PAR_ANY,
  XEN_SYSCTL_SCHEDOP_getinfo,
  XEN_SYSCTL_SCHEDOP_putinfo,
  XenSysctlCpupoolOp,
  XenSysctlSchedulerOp,
} from '../../abi/sysctl-sched.ts';
import { ENOENT } from '../../abi/errno.ts';
import { XEN_SYSCTL_cpupool_op, XEN_SYSCTL_scheduler_op } from '../../abi/sysctl.ts';
import type { Domid } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { HypercallError, type Hypercaller } from '../call/call.ts';
import { BITMAP_BYTES, domctl, pointBitmap, sysctl } from './requests.ts';

/** What a domain gets of the processors under credit and credit2. */
export interface CreditParameters {
  readonly weight: number;
  /** Percent of a processor; 0 for no limit. */
  readonly cap: number;
}

/** What a vCPU gets under rtds, in microseconds. */
export interface RtdsParameters {
  readonly period: number;
  readonly budget: number;
  readonly extratime: boolean;
}

/** struct xen_sysctl_credit_schedule and xen_sysctl_credit2_schedule; credit2 has the rate limit alone. */
export interface PoolParameters {
  readonly tslice_ms?: number;
  readonly ratelimit_us: number;
  readonly vcpu_migr_delay_us?: number;
}

export interface Cpupool {
  readonly id: number;
  /** XEN_SCHEDULER_* */
  readonly sched: number;
  readonly domains: number;
  /** Bit n is processor n. */
  readonly cpus: bigint;
}

/** Scheduling and cpupools, as libxc has them. Every operation throws a HypercallError where Xen refuses. */
export class SchedCalls {
  readonly #call: Hypercaller;

  constructor(call: Hypercaller) {
    this.#call = call;
  }

  /** XEN_DOMCTL_SCHEDOP_getinfo of credit or credit2, whichever the domain is under. */
  credit_get(domid: Domid, sched: number): CreditParameters {
    return this.#domain(domid, sched, XEN_DOMCTL_SCHEDOP_getinfo, (op) => {
      const { weight, cap } = creditOf(op, sched);
      return { weight, cap };
    });
  }

  /** XEN_DOMCTL_SCHEDOP_putinfo */
  credit_set(domid: Domid, sched: number, { weight, cap }: CreditParameters): void {
    this.#domain(
      domid,
      sched,
      XEN_DOMCTL_SCHEDOP_putinfo,
      () => {},
      (op) => {
        const parameters = creditOf(op, sched);
        parameters.weight = weight;
        parameters.cap = cap;
      },
    );
  }

  /** XEN_DOMCTL_SCHEDOP_getinfo of rtds: what new vCPUs get. */
  rtds_get(domid: Domid): RtdsParameters {
    return this.#domain(domid, XEN_SCHEDULER_RTDS, XEN_DOMCTL_SCHEDOP_getinfo, (op) => readRtds(op.rtds));
  }

  /** XEN_DOMCTL_SCHEDOP_putinfo of rtds, for all vCPUs. */
  rtds_set(domid: Domid, parameters: RtdsParameters): void {
    this.#domain(
      domid,
      XEN_SCHEDULER_RTDS,
      XEN_DOMCTL_SCHEDOP_putinfo,
      () => {},
      (op) => writeRtds(op.rtds, parameters),
    );
  }

  /** XEN_DOMCTL_SCHEDOP_getvcpuinfo of rtds, of vCPU 0 on. */
  rtds_vcpu_get(domid: Domid, vcpus: readonly number[]): RtdsParameters[] {
    return this.#vcpus(domid, vcpus, XEN_DOMCTL_SCHEDOP_getvcpuinfo, () => {});
  }

  /** XEN_DOMCTL_SCHEDOP_putvcpuinfo of rtds. */
  rtds_vcpu_set(domid: Domid, vcpus: readonly number[], parameters: RtdsParameters): void {
    this.#vcpus(domid, vcpus, XEN_DOMCTL_SCHEDOP_putvcpuinfo, (rtds) => writeRtds(rtds, parameters));
  }

  /** XEN_SYSCTL_SCHEDOP_getinfo of a pool. */
  pool_get(pool: number, sched: number): PoolParameters {
    return this.#pool(pool, sched, XEN_SYSCTL_SCHEDOP_getinfo, () => {});
  }

  /** XEN_SYSCTL_SCHEDOP_putinfo; what is left out keeps the value it has. */
  pool_set(pool: number, sched: number, wanted: Partial<PoolParameters>): void {
    const all = { ...this.pool_get(pool, sched), ...wanted };
    this.#pool(pool, sched, XEN_SYSCTL_SCHEDOP_putinfo, (op) => {
      if (sched === XEN_SCHEDULER_CREDIT2) op.sched_credit2.ratelimit_us = all.ratelimit_us;
      else {
        op.sched_credit.tslice_ms = all.tslice_ms ?? 0;
        op.sched_credit.ratelimit_us = all.ratelimit_us;
        op.sched_credit.vcpu_migr_delay_us = all.vcpu_migr_delay_us ?? 0;
      }
    });
  }

  /** XEN_SYSCTL_CPUPOOL_OP_INFO of every pool. */
  cpupools(): Cpupool[] {
    const pools: Cpupool[] = [];
    for (let from = 0; ; ) {
      const pool = this.#nextPool(from);
      if (pool === undefined || pool.id < from) return pools;
      pools.push(pool);
      from = pool.id + 1;
    }
  }

  /** XEN_SYSCTL_CPUPOOL_OP_CREATE: an empty pool; returns its number. */
  cpupool_create(sched: number): number {
    const fill = (op: XenSysctlCpupoolOp) => {
      op.cpupool_id = XEN_SYSCTL_CPUPOOL_PAR_ANY;
      op.sched_id = sched;
    };
    return this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_CREATE, fill, (op) => op.cpupool_id);
  }

  cpupool_destroy(pool: number): void {
    this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, (op) => {
      op.cpupool_id = pool;
    });
  }

  cpupool_addcpu(pool: number, cpu: number): void {
    this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, (op) => {
      op.cpupool_id = pool;
      op.cpu = cpu;
    });
  }

  cpupool_removecpu(pool: number, cpu: number): void {
    this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, (op) => {
      op.cpupool_id = pool;
      op.cpu = cpu;
    });
  }

  cpupool_movedomain(pool: number, domid: Domid): void {
    this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, (op) => {
      op.cpupool_id = pool;
      op.domid = domid;
    });
  }

  /** XEN_SYSCTL_CPUPOOL_OP_FREEINFO: processors in no pool. */
  free_cpus(): bigint {
    return this.#cpupool(
      XEN_SYSCTL_CPUPOOL_OP_FREEINFO,
      () => {},
      (_op, cpus) => cpus,
    );
  }

  #nextPool(from: number): Cpupool | undefined {
    const fill = (op: XenSysctlCpupoolOp) => {
      op.cpupool_id = from;
    };
    try {
      return this.#cpupool(XEN_SYSCTL_CPUPOOL_OP_INFO, fill, (op, cpus) => ({
        id: op.cpupool_id,
        sched: op.sched_id,
        domains: op.n_dom,
        cpus,
      }));
    } catch (refused) {
      if (refused instanceof HypercallError && refused.errno === ENOENT) return undefined;
      throw refused;
    }
  }

  #cpupool<T = void>(
    operation: number,
    fill: (op: XenSysctlCpupoolOp) => void,
    read: (op: XenSysctlCpupoolOp, cpus: bigint) => T = () => undefined as T,
  ): T {
    return withBuffer(this.#call, BITMAP_BYTES, (masks, buffer) =>
      sysctl(this.#call, 'XEN_SYSCTL_cpupool_op', XEN_SYSCTL_cpupool_op, (view, at) => {
        const op = new XenSysctlCpupoolOp(view, at);
        op.op = operation;
        pointBitmap(op.cpumap, buffer);
        fill(op);
        return () => read(op, masks.getBigUint64(buffer, true));
      }),
    );
  }

  #pool(pool: number, sched: number, cmd: number, fill: (op: XenSysctlSchedulerOp) => void): PoolParameters {
    return sysctl(this.#call, 'XEN_SYSCTL_scheduler_op', XEN_SYSCTL_scheduler_op, (view, at) => {
      const op = new XenSysctlSchedulerOp(view, at);
      op.cpupool_id = pool;
      op.sched_id = sched;
      op.cmd = cmd;
      fill(op);
      return () => {
        if (sched === XEN_SCHEDULER_CREDIT2) return { ratelimit_us: op.sched_credit2.ratelimit_us };
        const { tslice_ms, ratelimit_us, vcpu_migr_delay_us } = op.sched_credit;
        return { tslice_ms, ratelimit_us, vcpu_migr_delay_us };
      };
    });
  }

  #domain<T>(
    domid: Domid,
    sched: number,
    cmd: number,
    read: (op: XenDomctlSchedulerOp) => T,
    fill: (op: XenDomctlSchedulerOp) => void = () => {},
  ): T {
    return domctl(this.#call, 'XEN_DOMCTL_scheduler_op', XEN_DOMCTL_scheduler_op, domid, (view, at) => {
      const op = new XenDomctlSchedulerOp(view, at);
      op.sched_id = sched;
      op.cmd = cmd;
      fill(op);
      return () => read(op);
    });
  }

  #vcpus(
    domid: Domid,
    vcpus: readonly number[],
    cmd: number,
    fill: (rtds: XenDomctlSchedRtds) => void,
  ): RtdsParameters[] {
    const size = Math.max(1, vcpus.length) * XenDomctlSchedparamVcpu.SIZE;
    return withBuffer(this.#call, size, (array, buffer) => {
      const row = (index: number) => new XenDomctlSchedparamVcpu(array, buffer + index * XenDomctlSchedparamVcpu.SIZE);
      vcpus.forEach((vcpu, index) => {
        row(index).vcpuid = vcpu;
        fill(row(index).rtds);
      });
      const prepare = (op: XenDomctlSchedulerOp) => {
        op.vcpus = BigInt(buffer);
        op.nr_vcpus = vcpus.length;
      };
      this.#domain(domid, XEN_SCHEDULER_RTDS, cmd, () => {}, prepare);
      return vcpus.map((_, index) => readRtds(row(index).rtds));
    });
  }
}

function creditOf(op: XenDomctlSchedulerOp, sched: number) {
  return sched === XEN_SCHEDULER_CREDIT ? op.credit : op.credit2;
}

function readRtds({ period, budget, flags }: XenDomctlSchedRtds): RtdsParameters {
  return { period, budget, extratime: (flags & XEN_DOMCTL_SCHEDRT_extra) !== 0 };
}

function writeRtds(rtds: XenDomctlSchedRtds, { period, budget, extratime }: RtdsParameters): void {
  rtds.period = period;
  rtds.budget = budget;
  rtds.flags = extratime ? XEN_DOMCTL_SCHEDRT_extra : 0;
}
