// public/memory.h — 32-bit guests' layout
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setLow32, setUint53 } from '../accessors.ts';
import type { Domid } from '../xen.ts';

/** struct xen_reserved_device_memory, as 32-bit code lays it out. */
export class CompatXenReservedDeviceMemory {
  static readonly C_NAME = 'struct xen_reserved_device_memory';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get start_pfn(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set start_pfn(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get nr_pages(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_pages(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_reserved_device_memory_map, as 32-bit code lays it out. */
export class CompatXenReservedDeviceMemoryMap {
  static readonly C_NAME = 'struct xen_reserved_device_memory_map';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = { seg: 'dev.pci.seg', bus: 'dev.pci.bus', devfn: 'dev.pci.devfn' };
  /** where physdev_pci_device lies, unless XENMEM_RDM_ALL */
  static readonly AT_dev = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XENMEM_RDM_ALL */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_entries(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_entries(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: array of xen_reserved_device_memory */
  get buffer(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x8, true)); }
  set buffer(value: bigint) { setLow32(this.#memory, this.#base + 0x8, value); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return 0; }
  /** 0xc uint16 */
  get seg(): number { return this.#memory.getUint16(this.#base + 0xc, true); }
  set seg(value: number) { this.#memory.setUint16(this.#base + 0xc, value, true); }
  /** 0xe uint8 */
  get bus(): number { return this.#memory.getUint8(this.#base + 0xe); }
  set bus(value: number) { this.#memory.setUint8(this.#base + 0xe, value); }
  /** 0xf uint8 */
  get devfn(): number { return this.#memory.getUint8(this.#base + 0xf); }
  set devfn(value: number) { this.#memory.setUint8(this.#base + 0xf, value); }
}

/** struct xen_mem_acquire_resource, as 32-bit code lays it out. */
export class CompatXenMemAcquireResource {
  static readonly C_NAME = 'struct xen_mem_acquire_resource';
  static readonly SIZE = 0x1c;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: XENMEM_resource_* */
  get type(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set type(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: ioreq server, or XENMEM_resource_grant_table_id_* */
  get id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: 0 with no frame_list asks for the size */
  get nr_frames(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_frames(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: the first */
  get frame(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set frame(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint32: array of frame numbers: out for PV callers, in for HVM ones */
  get frame_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x18, true)); }
  set frame_list(value: bigint) { setLow32(this.#memory, this.#base + 0x18, value); }
  get frame_listLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get frame_listHi(): number { return 0; }
}

/** struct xen_mem_access_op, as 32-bit code lays it out. */
export class CompatXenMemAccessOp {
  static readonly C_NAME = 'struct xen_mem_access_op';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XENMEM_access_op_* */
  get op(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set op(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: XENMEM_access_* */
  get access(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set access(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x2, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32 */
  get nr(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get pfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set pfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint32 */
  get pfn_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x10, true)); }
  set pfn_list(value: bigint) { setLow32(this.#memory, this.#base + 0x10, value); }
  get pfn_listLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get pfn_listHi(): number { return 0; }
  /** 0x14 uint32 */
  get access_list(): bigint { return BigInt(this.#memory.getUint32(this.#base + 0x14, true)); }
  set access_list(value: bigint) { setLow32(this.#memory, this.#base + 0x14, value); }
  get access_listLo(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  get access_listHi(): number { return 0; }
}
