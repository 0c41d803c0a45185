// public/xen.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, setLow32 } from '../accessors.ts';
import type { Mfn, Port } from '../xen.ts';

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
