// public/domctl.h — where a domain runs
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { XenctlBitmap } from './xen.ts';

/** struct xen_domctl_nodeaffinity: NUMA nodes a domain's memory comes from */
export class XenDomctlNodeaffinity {
  static readonly C_NAME = 'struct xen_domctl_nodeaffinity';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get nodemap(): XenctlBitmap { return new XenctlBitmap(this.#memory, this.#base + 0x0); }
}

export const _XEN_VCPUAFFINITY_HARD = 0;
export const XEN_VCPUAFFINITY_HARD = 1 << 0;
export const _XEN_VCPUAFFINITY_SOFT = 1;
export const XEN_VCPUAFFINITY_SOFT = 1 << 1;
export const _XEN_VCPUAFFINITY_FORCE = 2;
export const XEN_VCPUAFFINITY_FORCE = 1 << 2;

/** struct xen_domctl_vcpuaffinity: physical CPUs of a vCPU */
export class XenDomctlVcpuaffinity {
  static readonly C_NAME = 'struct xen_domctl_vcpuaffinity';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_VCPUAFFINITY_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 where it may run */
  get cpumap_hard(): XenctlBitmap { return new XenctlBitmap(this.#memory, this.#base + 0x8); }
  /** 0x18 where it would rather run */
  get cpumap_soft(): XenctlBitmap { return new XenctlBitmap(this.#memory, this.#base + 0x18); }
}

export const XEN_SCHEDULER_CREDIT = 5;
export const XEN_SCHEDULER_CREDIT2 = 6;
export const XEN_SCHEDULER_ARINC653 = 7;
export const XEN_SCHEDULER_RTDS = 8;
export const XEN_SCHEDULER_NULL = 9;

/** struct xen_domctl_sched_credit: a domain's share */
export class XenDomctlSchedCredit {
  static readonly C_NAME = 'struct xen_domctl_sched_credit';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get weight(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set weight(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: percent of a CPU; 0 for none */
  get cap(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set cap(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
}

/** struct xen_domctl_sched_credit2: a domain's share */
export class XenDomctlSchedCredit2 {
  static readonly C_NAME = 'struct xen_domctl_sched_credit2';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get weight(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set weight(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: percent of a CPU; 0 for none */
  get cap(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set cap(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
}

export const _XEN_DOMCTL_SCHEDRT_extra = 0;
export const XEN_DOMCTL_SCHEDRT_extra = 1 << 0;

/** struct xen_domctl_sched_rtds: a vCPU's real-time share */
export class XenDomctlSchedRtds {
  static readonly C_NAME = 'struct xen_domctl_sched_rtds';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: us */
  get period(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set period(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: us a period */
  get budget(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set budget(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: XEN_DOMCTL_SCHEDRT_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_domctl_schedparam_vcpu: one vCPU's parameters */
export class XenDomctlSchedparamVcpu {
  static readonly C_NAME = 'struct xen_domctl_schedparam_vcpu';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = { credit: 'u.credit', credit2: 'u.credit2', rtds: 'u.rtds' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get credit(): XenDomctlSchedCredit { return new XenDomctlSchedCredit(this.#memory, this.#base + 0x0); }
  /** 0x0 struct */
  get credit2(): XenDomctlSchedCredit2 { return new XenDomctlSchedCredit2(this.#memory, this.#base + 0x0); }
  /** 0x0 struct */
  get rtds(): XenDomctlSchedRtds { return new XenDomctlSchedRtds(this.#memory, this.#base + 0x0); }
  /** 0xc uint32 */
  get vcpuid(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set vcpuid(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const XEN_DOMCTL_SCHEDOP_putinfo = 0;
export const XEN_DOMCTL_SCHEDOP_getinfo = 1;
export const XEN_DOMCTL_SCHEDOP_putvcpuinfo = 2;
export const XEN_DOMCTL_SCHEDOP_getvcpuinfo = 3;

/** struct xen_domctl_scheduler_op: reads or sets a domain's parameters */
export class XenDomctlSchedulerOp {
  static readonly C_NAME = 'struct xen_domctl_scheduler_op';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = {
    credit: 'u.credit', credit2: 'u.credit2', rtds: 'u.rtds', vcpus: 'u.v.vcpus', nr_vcpus: 'u.v.nr_vcpus',
    padding: 'u.v.padding',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SCHEDULER_* */
  get sched_id(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set sched_id(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_SCHEDOP_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 struct */
  get credit(): XenDomctlSchedCredit { return new XenDomctlSchedCredit(this.#memory, this.#base + 0x8); }
  /** 0x8 struct */
  get credit2(): XenDomctlSchedCredit2 { return new XenDomctlSchedCredit2(this.#memory, this.#base + 0x8); }
  /** 0x8 struct */
  get rtds(): XenDomctlSchedRtds { return new XenDomctlSchedRtds(this.#memory, this.#base + 0x8); }
  /** 0x8 uint64: array of xen_domctl_schedparam_vcpu */
  get vcpus(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set vcpus(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get vcpusLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get vcpusHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint32 */
  get nr_vcpus(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set nr_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get padding(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set padding(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}
