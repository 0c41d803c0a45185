// public/vcpu.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct vcpu_runstate_info, as 32-bit code lays it out. */
export class CompatVcpuRunstateInfo {
  static readonly C_NAME = 'struct vcpu_runstate_info';
  static readonly SIZE = 0x2c;
  static readonly LENGTH_time = 4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 int32: RUNSTATE_* */
  get state(): number { return this.#memory.getInt32(this.#base + 0x0, true); }
  set state(value: number) { this.#memory.setInt32(this.#base + 0x0, value, true); }
  /** 0x4 uint64: system time, ns; top bit is XEN_RUNSTATE_UPDATE */
  get state_entry_time(): bigint { return this.#memory.getBigUint64(this.#base + 0x4, true); }
  set state_entry_time(value: bigint) { this.#memory.setBigUint64(this.#base + 0x4, value, true); }
  get state_entry_timeLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set state_entry_timeLo(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  get state_entry_timeHi(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set state_entry_timeHi(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint64, 4 of them: ns in each RUNSTATE_* */
  time(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0xc + i * 8, true); }
  set_time(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0xc + i * 8, value, true); }
  timeLo(i: number): number { return this.#memory.getUint32(this.#base + 0xc + i * 8, true); }
  set_timeLo(i: number, value: number) { this.#memory.setUint32(this.#base + 0xc + i * 8, value, true); }
  timeHi(i: number): number { return this.#memory.getUint32(this.#base + 0x10 + i * 8, true); }
  set_timeHi(i: number, value: number) { this.#memory.setUint32(this.#base + 0x10 + i * 8, value, true); }
}

/** struct vcpu_set_singleshot_timer, as 32-bit code lays it out. */
export class CompatVcpuSetSingleshotTimer {
  static readonly C_NAME = 'struct vcpu_set_singleshot_timer';
  static readonly SIZE = 0xc;
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
