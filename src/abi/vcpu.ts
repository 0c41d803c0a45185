// public/vcpu.h — HYPERVISOR_vcpu_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import type { Gfn } from './xen.ts';

export const VCPUOP_initialise = 0; // vcpu_guest_context (PV) or vcpu_hvm_context (HVM)
export const VCPUOP_up = 1;
export const VCPUOP_down = 2;
export const VCPUOP_is_up = 3; // returns 1 or 0
export const VCPUOP_get_runstate_info = 4;
export const VCPUOP_register_runstate_memory_area = 5;
export const VCPUOP_set_periodic_timer = 6;
export const VCPUOP_stop_periodic_timer = 7;
export const VCPUOP_set_singleshot_timer = 8;
export const VCPUOP_stop_singleshot_timer = 9;
export const VCPUOP_register_vcpu_info = 10;
export const VCPUOP_send_nmi = 11;
export const VCPUOP_get_physid = 12;
export const VCPUOP_register_vcpu_time_memory_area = 13;

/** struct vcpu_runstate_info: where a vCPU's time went */
export class VcpuRunstateInfo {
  static readonly C_NAME = 'struct vcpu_runstate_info';
  static readonly SIZE = 0x30;
  static readonly LENGTH_time = 4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 int32: RUNSTATE_* */
  get state(): number { return this.#memory.getInt32(this.#base + 0x0, true); }
  set state(value: number) { this.#memory.setInt32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: system time, ns; top bit is XEN_RUNSTATE_UPDATE */
  get state_entry_time(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set state_entry_time(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get state_entry_timeLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set state_entry_timeLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get state_entry_timeHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set state_entry_timeHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64, 4 of them: ns in each RUNSTATE_* */
  time(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x10 + i * 8, true); }
  set_time(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x10 + i * 8, value, true); }
  timeLo(i: number): number { return this.#memory.getUint32(this.#base + 0x10 + i * 8, true); }
  set_timeLo(i: number, value: number) { this.#memory.setUint32(this.#base + 0x10 + i * 8, value, true); }
  timeHi(i: number): number { return this.#memory.getUint32(this.#base + 0x14 + i * 8, true); }
  set_timeHi(i: number, value: number) { this.#memory.setUint32(this.#base + 0x14 + i * 8, value, true); }
}

export const XEN_RUNSTATE_UPDATE = 0x8000000000000000n;

export const RUNSTATE_running = 0; // on a physical CPU
export const RUNSTATE_runnable = 1; // waits for one
export const RUNSTATE_blocked = 2; // waits for an event
export const RUNSTATE_offline = 3; // neither: paused or down

/** struct vcpu_register_runstate_memory_area: the guest address Xen keeps the runstate at */
export class VcpuRegisterRunstateMemoryArea {
  static readonly C_NAME = 'struct vcpu_register_runstate_memory_area';
  static readonly SIZE = 0x8;
  static readonly C_PATHS = { p: 'addr.p' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: virtual address of a vcpu_runstate_info */
  get p(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set p(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get pLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set pLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get pHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct vcpu_set_periodic_timer: VIRQ_TIMER again and again */
export class VcpuSetPeriodicTimer {
  static readonly C_NAME = 'struct vcpu_set_periodic_timer';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get period_ns(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set period_ns(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get period_nsLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set period_nsLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get period_nsHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set period_nsHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct vcpu_set_singleshot_timer: VIRQ_TIMER once */
export class VcpuSetSingleshotTimer {
  static readonly C_NAME = 'struct vcpu_set_singleshot_timer';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: system time */
  get timeout_abs_ns(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set timeout_abs_ns(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get timeout_abs_nsLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set timeout_abs_nsLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get timeout_abs_nsHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set timeout_abs_nsHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: VCPU_SSHOTTMR_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const _VCPU_SSHOTTMR_future = 0;
export const VCPU_SSHOTTMR_future = 1 << 0; // -ETIME if the time has passed

/** struct vcpu_register_vcpu_info: a place of the guest's choice for vcpu_info */
export class VcpuRegisterVcpuInfo {
  static readonly C_NAME = 'struct vcpu_register_vcpu_info';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: gfn of the page in translated guests */
  get mfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set mfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint32: in the page */
  get offset(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set offset(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get rsvd(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set rsvd(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

/** struct vcpu_get_physid: of dom0's pinned vCPU */
export class VcpuGetPhysid {
  static readonly C_NAME = 'struct vcpu_get_physid';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: APIC id in the low half, ACPI id in the high */
  get phys_id(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set phys_id(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get phys_idLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set phys_idLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get phys_idHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set phys_idHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct vcpu_register_time_memory_area: the guest address Xen keeps a vcpu_time_info at */
export class VcpuRegisterTimeMemoryArea {
  static readonly C_NAME = 'struct vcpu_register_time_memory_area';
  static readonly SIZE = 0x8;
  static readonly C_PATHS = { p: 'addr.p' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: virtual address */
  get p(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set p(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get pLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set pLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get pHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}
