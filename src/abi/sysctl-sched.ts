// public/sysctl.h — CPU pools and schedulers
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { XenctlBitmap } from './xen.ts';

export const XEN_SYSCTL_CPUPOOL_OP_CREATE = 1;
export const XEN_SYSCTL_CPUPOOL_OP_DESTROY = 2;
export const XEN_SYSCTL_CPUPOOL_OP_INFO = 3;
export const XEN_SYSCTL_CPUPOOL_OP_ADDCPU = 4;
export const XEN_SYSCTL_CPUPOOL_OP_RMCPU = 5;
export const XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN = 6;
export const XEN_SYSCTL_CPUPOOL_OP_FREEINFO = 7;
export const XEN_SYSCTL_CPUPOOL_PAR_ANY = 0xffffffff;

/** struct xen_sysctl_cpupool_op: CPUs that share a scheduler */
export class XenSysctlCpupoolOp {
  static readonly C_NAME = 'struct xen_sysctl_cpupool_op';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_SYSCTL_CPUPOOL_OP_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get cpupool_id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set cpupool_id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: XEN_SCHEDULER_* */
  get sched_id(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set sched_id(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get domid(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set domid(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32 */
  get cpu(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set cpu(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32: out */
  get n_dom(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set n_dom(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 struct */
  get cpumap(): XenctlBitmap { return new XenctlBitmap(this.#memory, this.#base + 0x18); }
}

export const XEN_SYSCTL_SCHEDOP_putinfo = 0;
export const XEN_SYSCTL_SCHEDOP_getinfo = 1;
export const XEN_SYSCTL_SCHED_RATELIMIT_MAX = 500000;
export const XEN_SYSCTL_SCHED_RATELIMIT_MIN = 100;
export const XEN_SYSCTL_CSCHED_TSLICE_MAX = 1000;
export const XEN_SYSCTL_CSCHED_TSLICE_MIN = 1;
export const XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US = 0x186a0;

/** struct xen_sysctl_credit_schedule: the credit scheduler's own parameters */
export class XenSysctlCreditSchedule {
  static readonly C_NAME = 'struct xen_sysctl_credit_schedule';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get tslice_ms(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set tslice_ms(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get ratelimit_us(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set ratelimit_us(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get vcpu_migr_delay_us(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set vcpu_migr_delay_us(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_sysctl_credit2_schedule: the credit2 scheduler's own parameter */
export class XenSysctlCredit2Schedule {
  static readonly C_NAME = 'struct xen_sysctl_credit2_schedule';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get ratelimit_us(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set ratelimit_us(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_sysctl_scheduler_op: reads or sets a scheduler's parameters */
export class XenSysctlSchedulerOp {
  static readonly C_NAME = 'struct xen_sysctl_scheduler_op';
  static readonly SIZE = 0x20;
  static readonly C_PATHS = {
    schedule: 'u.sched_arinc653.schedule', sched_credit: 'u.sched_credit', sched_credit2: 'u.sched_credit2',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get cpupool_id(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cpupool_id(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_SCHEDULER_* */
  get sched_id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set sched_id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: XEN_SYSCTL_SCHEDOP_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0x10 uint64: a xen_sysctl_arinc653_schedule */
  get schedule(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set schedule(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get scheduleLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get scheduleHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x10 struct */
  get sched_credit(): XenSysctlCreditSchedule { return new XenSysctlCreditSchedule(this.#memory, this.#base + 0x10); }
  /** 0x10 struct */
  get sched_credit2(): XenSysctlCredit2Schedule {
    return new XenSysctlCredit2Schedule(this.#memory, this.#base + 0x10);
  }
}
