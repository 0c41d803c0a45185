// public/xen.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { setLow32 } from '../accessors.ts';
import { CompatArchVcpuInfo } from '../arch-x86/xen-x86_32.ts';
import { VcpuTimeInfo } from '../xen.ts';
import { CompatArchSharedInfo } from './arch-x86/xen.ts';

/** struct multicall_entry, as 32-bit code lays it out. */
export class CompatMulticallEntry {
  static readonly C_NAME = 'struct multicall_entry';
  static readonly SIZE = 0x20;
  static readonly LENGTH_args = 6;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: a __HYPERVISOR_* number */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: what the call returned */
  get result(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set result(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
  /** 0x8 uint32, 6 of them */
  args(i: number): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x8 + i * 4, true)); }
  set_args(i: number, value: bigint) { setLow32(this.#memory, this.#base + 0x8 + i * 4, value); }
}

/** struct vcpu_info, as 32-bit code lays it out. */
export class CompatVcpuInfo {
  static readonly C_NAME = 'struct vcpu_info';
  static readonly SIZE = 0x40;
  /** where the selector lies */
  static readonly AT_evtchn_pending_sel = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: non-zero when an event waits; the guest clears it before it looks */
  get evtchn_upcall_pending(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set evtchn_upcall_pending(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: non-zero forbids upcalls; PV only */
  get evtchn_upcall_mask(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set evtchn_upcall_mask(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x4 uint32: bit n: word n of evtchn_pending has news */
  get evtchn_pending_sel(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x4, true)); }
  set evtchn_pending_sel(value: bigint) { setLow32(this.#memory, this.#base + 0x4, value); }
  get evtchn_pending_selLo(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set evtchn_pending_selLo(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  get evtchn_pending_selHi(): number { return 0; }
  /** 0x8 struct */
  get arch(): CompatArchVcpuInfo { return new CompatArchVcpuInfo(this.#memory, this.#base + 0x8); }
  /** 0x20 struct */
  get time(): VcpuTimeInfo { return new VcpuTimeInfo(this.#memory, this.#base + 0x20); }
}

/** struct shared_info, as 32-bit code lays it out. */
export class CompatSharedInfo {
  static readonly C_NAME = 'struct shared_info';
  static readonly SIZE = 0x928;
  static readonly C_PATHS = { wc_sec_hi: 'arch.wc_sec_hi' };
  static readonly LENGTH_vcpu_info = 32;
  /** where the pending bitmap starts: port p is bit p % 32 of the 32-bit word p / 32, whatever the size of C's long */
  static readonly AT_evtchn_pending = 0x800;
  static readonly LENGTH_evtchn_pending = 32;
  /** where the mask bitmap starts, laid out as the pending one */
  static readonly AT_evtchn_mask = 0x880;
  static readonly LENGTH_evtchn_mask = 32;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 32 of 0x40 bytes: of the first XEN_LEGACY_MAX_VCPUS vCPUs */
  vcpu_info(i: number): CompatVcpuInfo { return new CompatVcpuInfo(this.#memory, this.#base + 0x0 + i * 0x40); }
  /** 0x800 uint32, 32 of them: a bit a port, set by Xen, cleared by the guest */
  evtchn_pending(i: number): number { return this.#memory.getUint32(this.#base + 0x800 + i * 4, true); }
  set_evtchn_pending(i: number, value: number) { this.#memory.setUint32(this.#base + 0x800 + i * 4, value, true); }
  /** 0x880 uint32, 32 of them: a bit a port, written by the guest alone */
  evtchn_mask(i: number): number { return this.#memory.getUint32(this.#base + 0x880 + i * 4, true); }
  set_evtchn_mask(i: number, value: number) { this.#memory.setUint32(this.#base + 0x880 + i * 4, value, true); }
  /** 0x900 uint32: odd while the wall clock is being written */
  get wc_version(): number { return this.#memory.getUint32(this.#base + 0x900, true); }
  set wc_version(value: number) { this.#memory.setUint32(this.#base + 0x900, value, true); }
  /** 0x904 uint32: Unix time at system time 0, low half */
  get wc_sec(): number { return this.#memory.getUint32(this.#base + 0x904, true); }
  set wc_sec(value: number) { this.#memory.setUint32(this.#base + 0x904, value, true); }
  /** 0x908 uint32 */
  get wc_nsec(): number { return this.#memory.getUint32(this.#base + 0x908, true); }
  set wc_nsec(value: number) { this.#memory.setUint32(this.#base + 0x908, value, true); }
  /** 0x90c struct */
  get arch(): CompatArchSharedInfo { return new CompatArchSharedInfo(this.#memory, this.#base + 0x90c); }
  /** 0x924 uint32: high half of wc_sec; there was no room beside it */
  get wc_sec_hi(): number { return this.#memory.getUint32(this.#base + 0x924, true); }
  set wc_sec_hi(value: number) { this.#memory.setUint32(this.#base + 0x924, value, true); }
}
