// public/xen.h — what a PV kernel finds at its start
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import type { Mfn, Port } from './xen.ts';

/** struct start_info: what a PV kernel finds at RSI */
export class StartInfo {
  static readonly C_NAME = 'struct start_info';
  static readonly SIZE = 0x490;
  static readonly C_PATHS = {
    mfn: 'console.domU.mfn', evtchn: 'console.domU.evtchn', info_off: 'console.dom0.info_off',
    info_size: 'console.dom0.info_size',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 32 bytes: "xen-<major>.<minor>-<platform>" */
  get magic(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 32); }
  /** 0x20 uint64: the domain's pages */
  get nr_pages(): number { return getUint53(this.#memory, this.#base + 0x20); }
  set nr_pages(value: number) { setUint53(this.#memory, this.#base + 0x20, value); }
  /** 0x28 uint64: machine address of shared_info */
  get shared_info(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set shared_info(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
  /** 0x30 uint32: SIF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x38 uint64: XenStore's ring */
  get store_mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x38) as Mfn; }
  set store_mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x38, value); }
  /** 0x40 uint32: XenStore's event channel */
  get store_evtchn(): Port { return this.#memory.getUint32(this.#base + 0x40, true) as Port; }
  set store_evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x40, value, true); }
  /** 0x48 uint64: console ring (domU) */
  get mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x48) as Mfn; }
  set mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x48, value); }
  /** 0x50 uint32: console's event channel (domU) */
  get evtchn(): Port { return this.#memory.getUint32(this.#base + 0x50, true) as Port; }
  set evtchn(value: Port) { this.#memory.setUint32(this.#base + 0x50, value, true); }
  /** 0x48 uint32: where dom0_vga_console_info lies in this struct (dom0) */
  get info_off(): number { return this.#memory.getUint32(this.#base + 0x48, true); }
  set info_off(value: number) { this.#memory.setUint32(this.#base + 0x48, value, true); }
  /** 0x4c uint32: its size (dom0) */
  get info_size(): number { return this.#memory.getUint32(this.#base + 0x4c, true); }
  set info_size(value: number) { this.#memory.setUint32(this.#base + 0x4c, value, true); }
  /** 0x58 uint64: virtual address of the top page table */
  get pt_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x58, true); }
  set pt_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x58, value, true); }
  /** 0x60 uint64 */
  get nr_pt_frames(): number { return getUint53(this.#memory, this.#base + 0x60); }
  set nr_pt_frames(value: number) { setUint53(this.#memory, this.#base + 0x60, value); }
  /** 0x68 uint64: virtual address of the initial P2M */
  get mfn_list(): bigint { return this.#memory.getBigUint64(this.#base + 0x68, true); }
  set mfn_list(value: bigint) { this.#memory.setBigUint64(this.#base + 0x68, value, true); }
  /** 0x70 uint64: virtual address of the module, or its frame with SIF_MOD_START_PFN */
  get mod_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x70, true); }
  set mod_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x70, value, true); }
  /** 0x78 uint64: bytes */
  get mod_len(): number { return getUint53(this.#memory, this.#base + 0x78); }
  set mod_len(value: number) { setUint53(this.#memory, this.#base + 0x78, value); }
  /** 0x80 1024 bytes: NUL-terminated */
  get cmd_line(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x80, 1024); }
  /** 0x480 uint64 */
  get first_p2m_pfn(): number { return getUint53(this.#memory, this.#base + 0x480); }
  set first_p2m_pfn(value: number) { setUint53(this.#memory, this.#base + 0x480, value); }
  /** 0x488 uint64 */
  get nr_p2m_frames(): number { return getUint53(this.#memory, this.#base + 0x488); }
  set nr_p2m_frames(value: number) { setUint53(this.#memory, this.#base + 0x488, value); }
}

export const MAX_GUEST_CMDLINE = 1024;
// start_info.flags, hvm_start_info.flags.
export const SIF_PRIVILEGED = 1 << 0; // may use privileged hypercalls
export const SIF_INITDOMAIN = 1 << 1; // this is dom0
export const SIF_MULTIBOOT_MOD = 1 << 2; // the module is a list of modules
export const SIF_MOD_START_PFN = 1 << 3; // mod_start is a frame number
export const SIF_VIRT_P2M_4TOOLS = 1 << 4; // the toolstack reads a linear P2M
export const SIF_PM_MASK = 0xff00; // power management options of dom0

/** struct xen_multiboot_mod_list: one module of a SIF_MULTIBOOT_MOD list */
export class XenMultibootModList {
  static readonly C_NAME = 'struct xen_multiboot_mod_list';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: offset of its first byte; 0 ends the list */
  get mod_start(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set mod_start(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: offset of its last byte */
  get mod_end(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set mod_end(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: offset of its command line */
  get cmdline(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set cmdline(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const XEN_VGATYPE_TEXT_MODE_3 = 0x03;
export const XEN_VGATYPE_VESA_LFB = 0x23;
export const XEN_VGATYPE_EFI_LFB = 0x70;

/** struct dom0_vga_console_info: the screen the firmware left to dom0 */
export class Dom0VgaConsoleInfo {
  static readonly C_NAME = 'struct dom0_vga_console_info';
  static readonly SIZE = 0x28;
  static readonly C_PATHS = {
    font_height: 'u.text_mode_3.font_height', cursor_x: 'u.text_mode_3.cursor_x', cursor_y: 'u.text_mode_3.cursor_y',
    rows: 'u.text_mode_3.rows', columns: 'u.text_mode_3.columns', width: 'u.vesa_lfb.width',
    height: 'u.vesa_lfb.height', bytes_per_line: 'u.vesa_lfb.bytes_per_line',
    bits_per_pixel: 'u.vesa_lfb.bits_per_pixel', lfb_base: 'u.vesa_lfb.lfb_base', lfb_size: 'u.vesa_lfb.lfb_size',
    red_pos: 'u.vesa_lfb.red_pos', red_size: 'u.vesa_lfb.red_size', green_pos: 'u.vesa_lfb.green_pos',
    green_size: 'u.vesa_lfb.green_size', blue_pos: 'u.vesa_lfb.blue_pos', blue_size: 'u.vesa_lfb.blue_size',
    rsvd_pos: 'u.vesa_lfb.rsvd_pos', rsvd_size: 'u.vesa_lfb.rsvd_size', gbl_caps: 'u.vesa_lfb.gbl_caps',
    mode_attrs: 'u.vesa_lfb.mode_attrs', pad: 'u.vesa_lfb.pad', ext_lfb_base: 'u.vesa_lfb.ext_lfb_base',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XEN_VGATYPE_* */
  get video_type(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set video_type(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x4 uint16: pixels */
  get font_height(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set font_height(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get cursor_x(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set cursor_x(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint16 */
  get cursor_y(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set cursor_y(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16 */
  get rows(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set rows(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint16 */
  get columns(): number { return this.#memory.getUint16(this.#base + 0xc, true); }
  set columns(value: number) { this.#memory.setUint16(this.#base + 0xc, value, true); }
  /** 0x4 uint16 */
  get width(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set width(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get height(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set height(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint16 */
  get bytes_per_line(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set bytes_per_line(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16 */
  get bits_per_pixel(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set bits_per_pixel(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint32: physical address, low half */
  get lfb_base(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set lfb_base(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32: in 64 KiB */
  get lfb_size(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set lfb_size(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint8 */
  get red_pos(): number { return this.#memory.getUint8(this.#base + 0x14); }
  set red_pos(value: number) { this.#memory.setUint8(this.#base + 0x14, value); }
  /** 0x15 uint8 */
  get red_size(): number { return this.#memory.getUint8(this.#base + 0x15); }
  set red_size(value: number) { this.#memory.setUint8(this.#base + 0x15, value); }
  /** 0x16 uint8 */
  get green_pos(): number { return this.#memory.getUint8(this.#base + 0x16); }
  set green_pos(value: number) { this.#memory.setUint8(this.#base + 0x16, value); }
  /** 0x17 uint8 */
  get green_size(): number { return this.#memory.getUint8(this.#base + 0x17); }
  set green_size(value: number) { this.#memory.setUint8(this.#base + 0x17, value); }
  /** 0x18 uint8 */
  get blue_pos(): number { return this.#memory.getUint8(this.#base + 0x18); }
  set blue_pos(value: number) { this.#memory.setUint8(this.#base + 0x18, value); }
  /** 0x19 uint8 */
  get blue_size(): number { return this.#memory.getUint8(this.#base + 0x19); }
  set blue_size(value: number) { this.#memory.setUint8(this.#base + 0x19, value); }
  /** 0x1a uint8 */
  get rsvd_pos(): number { return this.#memory.getUint8(this.#base + 0x1a); }
  set rsvd_pos(value: number) { this.#memory.setUint8(this.#base + 0x1a, value); }
  /** 0x1b uint8 */
  get rsvd_size(): number { return this.#memory.getUint8(this.#base + 0x1b); }
  set rsvd_size(value: number) { this.#memory.setUint8(this.#base + 0x1b, value); }
  /** 0x1c uint32: VESA capabilities */
  get gbl_caps(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set gbl_caps(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint16: VESA mode attributes */
  get mode_attrs(): number { return this.#memory.getUint16(this.#base + 0x20, true); }
  set mode_attrs(value: number) { this.#memory.setUint16(this.#base + 0x20, value, true); }
  /** 0x22 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x22, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x22, value, true); }
  /** 0x24 uint32: physical address, high half */
  get ext_lfb_base(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set ext_lfb_base(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
}
