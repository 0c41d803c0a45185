// public/sched.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';

/** struct sched_poll, as 32-bit code lays it out. */
export class CompatSchedPoll {
  static readonly C_NAME = 'struct sched_poll';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: array of evtchn_port_t */
  get ports(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x0, true)); }
  set ports(value: bigint) { setLow32(this.#memory, this.#base + 0x0, value); }
  get portsLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get portsHi(): number { return 0; }
  /** 0x4 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: system time, ns; 0 for none */
  get timeout(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set timeout(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get timeoutLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set timeoutLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get timeoutHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set timeoutHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}
