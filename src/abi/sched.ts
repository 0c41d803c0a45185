// public/sched.h — HYPERVISOR_sched_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import type { Domid } from './xen.ts';

export const SCHEDOP_yield = 0; // give the CPU away, stay runnable
export const SCHEDOP_block = 1; // until an event; unmasks upcalls
export const SCHEDOP_shutdown = 2;
export const SCHEDOP_poll = 3; // until one of some ports is pending, events masked
export const SCHEDOP_remote_shutdown = 4; // of another domain, by the control domain
export const SCHEDOP_shutdown_code = 5; // tell the reason, go on until all is shut down
export const SCHEDOP_watchdog = 6;
export const SCHEDOP_pin_override = 7;

/** struct sched_shutdown: the argument of SCHEDOP_shutdown and _shutdown_code */
export class SchedShutdown {
  static readonly C_NAME = 'struct sched_shutdown';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: SHUTDOWN_* */
  get reason(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set reason(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct sched_poll: the argument of SCHEDOP_poll */
export class SchedPoll {
  static readonly C_NAME = 'struct sched_poll';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: array of evtchn_port_t */
  get ports(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set ports(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get portsLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get portsHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0x10 uint64: system time, ns; 0 for none */
  get timeout(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set timeout(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get timeoutLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set timeoutLo(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  get timeoutHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set timeoutHi(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

/** struct sched_remote_shutdown: the argument of SCHEDOP_remote_shutdown */
export class SchedRemoteShutdown {
  static readonly C_NAME = 'struct sched_remote_shutdown';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domain_id(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domain_id(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: SHUTDOWN_* */
  get reason(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set reason(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct sched_watchdog: the argument of SCHEDOP_watchdog */
export class SchedWatchdog {
  static readonly C_NAME = 'struct sched_watchdog';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: 0 makes a new one */
  get id(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: s; 0 disarms */
  get timeout(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set timeout(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct sched_pin_override: the argument of SCHEDOP_pin_override */
export class SchedPinOverride {
  static readonly C_NAME = 'struct sched_pin_override';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 int32: negative undoes it */
  get pcpu(): number { return this.#memory.getInt32(this.#base + 0x0, true); }
  set pcpu(value: number) { this.#memory.setInt32(this.#base + 0x0, value, true); }
}

export const SHUTDOWN_poweroff = 0;
export const SHUTDOWN_reboot = 1;
export const SHUTDOWN_suspend = 2;
export const SHUTDOWN_crash = 3;
export const SHUTDOWN_watchdog = 4; // its watchdog ran out
export const SHUTDOWN_soft_reset = 5; // into a new kernel, memory kept (kexec)
export const SHUTDOWN_MAX = 5;
