// public/xen.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, setLow32 } from '../accessors.ts';
import { CompatArchVcpuInfo } from '../arch-x86/xen-x86_32.ts';
import { type Mfn, type Port, VcpuTimeInfo } from '../xen.ts';
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

/** struct start_info, as 32-bit code lays it out. */
export class CompatStartInfo {
  static readonly C_NAME = 'struct start_info';
  static readonly SIZE = 0x458;
  static readonly C_PATHS = {
    mfn: 'console.domU.mfn', evtchn: 'console.domU.evtchn', info_off: 'console.dom0.info_off',
    info_size: 'console.dom0.info_size',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 32 bytes: "xen-<major>.<minor>-<platform>" */
  get magic(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 32); }
  /** 0x20 uint32: the domain's pages */
  get nr_pages(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set nr_pages(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  /** 0x24 uint32: machine address of shared_info */
  get shared_info(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set shared_info(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
  /** 0x28 uint32: SIF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x28, value, true); }
  /** 0x2c uint32: XenStore's ring */
  get store_mfn(): Mfn { return this.#memory.getUint32(this.#base + 0x2c, true) as Mfn; }
  set store_mfn(value: Mfn) { this.#memory.setUint32(this.#base + 0x2c, value, true); }
  /** 0x30 uint32: XenStore's event channel */
  get store_evtchn(): Port { return this.#memory.getUint32(this.#base + 0x30, true) as Port; }
  set store_evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x34 uint32: console ring (domU) */
  get mfn(): Mfn { return this.#memory.getUint32(this.#base + 0x34, true) as Mfn; }
  set mfn(value: Mfn) { this.#memory.setUint32(this.#base + 0x34, value, true); }
  /** 0x38 uint32: console's event channel (domU) */
  get evtchn(): Port { return this.#memory.getUint32(this.#base + 0x38, true) as Port; }
  set evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x38, value, true); }
  /** 0x34 uint32: where dom0_vga_console_info lies in this struct (dom0) */
  get info_off(): number { return this.#memory.getUint32(this.#base + 0x34, true); }
  set info_off(value: number) { this.#memory.setUint32(this.#base + 0x34, value, true); }
  /** 0x38 uint32: its size (dom0) */
  get info_size(): number { return this.#memory.getUint32(this.#base + 0x38, true); }
  set info_size(value: number) { this.#memory.setUint32(this.#base + 0x38, value, true); }
  /** 0x3c uint32: virtual address of the top page table */
  get pt_base(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x3c, true)); }
  set pt_base(value: bigint) { setLow32(this.#memory, this.#base + 0x3c, value); }
  /** 0x40 uint32 */
  get nr_pt_frames(): number { return this.#memory.getUint32(this.#base + 0x40, true); }
  set nr_pt_frames(value: number) { this.#memory.setUint32(this.#base + 0x40, value, true); }
  /** 0x44 uint32: virtual address of the initial P2M */
  get mfn_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x44, true)); }
  set mfn_list(value: bigint) { setLow32(this.#memory, this.#base + 0x44, value); }
  /** 0x48 uint32: virtual address of the module, or its frame with SIF_MOD_START_PFN */
  get mod_start(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x48, true)); }
  set mod_start(value: bigint) { setLow32(this.#memory, this.#base + 0x48, value); }
  /** 0x4c uint32: bytes */
  get mod_len(): number { return this.#memory.getUint32(this.#base + 0x4c, true); }
  set mod_len(value: number) { this.#memory.setUint32(this.#base + 0x4c, value, true); }
  /** 0x50 1024 bytes: NUL-terminated */
  get cmd_line(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x50, 1024); }
  /** 0x450 uint32 */
  get first_p2m_pfn(): number { return this.#memory.getUint32(this.#base + 0x450, true); }
  set first_p2m_pfn(value: number) { this.#memory.setUint32(this.#base + 0x450, value, true); }
  /** 0x454 uint32 */
  get nr_p2m_frames(): number { return this.#memory.getUint32(this.#base + 0x454, true); }
  set nr_p2m_frames(value: number) { this.#memory.setUint32(this.#base + 0x454, value, true); }
}
