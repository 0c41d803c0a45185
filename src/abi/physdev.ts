// public/physdev.h — HYPERVISOR_physdev_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import type { Domid } from './xen.ts';

export const PHYSDEVOP_eoi = 12; // the interrupt was served
export const PHYSDEVOP_pirq_eoi_gmfn_v1 = 17;
export const PHYSDEVOP_pirq_eoi_gmfn_v2 = 28;
export const PHYSDEVOP_irq_status_query = 5;
export const PHYSDEVOP_set_iopl = 6; // PV only
export const PHYSDEVOP_set_iobitmap = 7; // PV only
export const PHYSDEVOP_apic_read = 8;
export const PHYSDEVOP_apic_write = 9;
export const PHYSDEVOP_alloc_irq_vector = 10;
export const PHYSDEVOP_free_irq_vector = 11;
export const PHYSDEVOP_map_pirq = 13;
export const PHYSDEVOP_unmap_pirq = 14;
export const PHYSDEVOP_manage_pci_add = 15;
export const PHYSDEVOP_manage_pci_remove = 16;
export const PHYSDEVOP_restore_msi = 19;
export const PHYSDEVOP_manage_pci_add_ext = 20;
export const PHYSDEVOP_setup_gsi = 21;
export const PHYSDEVOP_get_free_pirq = 23;
export const PHYSDEVOP_pci_mmcfg_reserved = 24;
export const PHYSDEVOP_pci_device_add = 25;
export const PHYSDEVOP_pci_device_remove = 26;
export const PHYSDEVOP_restore_msi_ext = 27;
export const PHYSDEVOP_prepare_msix = 30;
export const PHYSDEVOP_release_msix = 31;
export const PHYSDEVOP_dbgp_op = 29;
export const _XENIRQSTAT_needs_eoi = 0;
export const XENIRQSTAT_needs_eoi = 1 << 0;
export const _XENIRQSTAT_shared = 1;
export const XENIRQSTAT_shared = 1 << 1;
export const MAP_PIRQ_TYPE_MSI = 0x0;
export const MAP_PIRQ_TYPE_GSI = 0x1;
export const MAP_PIRQ_TYPE_UNKNOWN = 0x2;
export const MAP_PIRQ_TYPE_MSI_SEG = 0x3;
export const MAP_PIRQ_TYPE_MULTI_MSI = 0x4;
export const XEN_PCI_MMCFG_RESERVED = 0x1;
export const XEN_PCI_DEV_EXTFN = 0x1;
export const XEN_PCI_DEV_VIRTFN = 0x2;
export const XEN_PCI_DEV_PXM = 0x4;
export const PHYSDEVOP_DBGP_RESET_PREPARE = 1;
export const PHYSDEVOP_DBGP_RESET_DONE = 2;
export const PHYSDEVOP_DBGP_BUS_UNKNOWN = 0;
export const PHYSDEVOP_DBGP_BUS_PCI = 1;

/** struct physdev_eoi: end of an interrupt */
export class PhysdevEoi {
  static readonly C_NAME = 'struct physdev_eoi';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get irq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set irq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct physdev_irq_status_query: what an interrupt needs */
export class PhysdevIrqStatusQuery {
  static readonly C_NAME = 'struct physdev_irq_status_query';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get irq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set irq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: out: XENIRQSTAT_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct physdev_set_iopl: I/O privilege of a PV guest */
export class PhysdevSetIopl {
  static readonly C_NAME = 'struct physdev_set_iopl';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get iopl(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set iopl(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct physdev_set_iobitmap: I/O ports of a PV guest's user mode */
export class PhysdevSetIobitmap {
  static readonly C_NAME = 'struct physdev_set_iobitmap';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get bitmap(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set bitmap(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get bitmapLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get bitmapHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct physdev_map_pirq: an interrupt for a domain */
export class PhysdevMapPirq {
  static readonly C_NAME = 'struct physdev_map_pirq';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 int32: MAP_PIRQ_TYPE_* */
  get type(): number { return this.#memory.getInt32(this.#base + 0x4, true); }
  set type(value: number) { this.#memory.setInt32(this.#base + 0x4, value, true); }
  /** 0x8 int32: GSI */
  get index(): number { return this.#memory.getInt32(this.#base + 0x8, true); }
  set index(value: number) { this.#memory.setInt32(this.#base + 0x8, value, true); }
  /** 0xc int32: in and out */
  get pirq(): number { return this.#memory.getInt32(this.#base + 0xc, true); }
  set pirq(value: number) { this.#memory.setInt32(this.#base + 0xc, value, true); }
  /** 0x10 int32 */
  get bus(): number { return this.#memory.getInt32(this.#base + 0x10, true); }
  set bus(value: number) { this.#memory.setInt32(this.#base + 0x10, value, true); }
  /** 0x14 int32 */
  get devfn(): number { return this.#memory.getInt32(this.#base + 0x14, true); }
  set devfn(value: number) { this.#memory.setInt32(this.#base + 0x14, value, true); }
  /** 0x18 int32 */
  get entry_nr(): number { return this.#memory.getInt32(this.#base + 0x18, true); }
  set entry_nr(value: number) { this.#memory.setInt32(this.#base + 0x18, value, true); }
  /** 0x20 uint64 */
  get table_base(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set table_base(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  get table_baseLo(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set table_baseLo(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
  get table_baseHi(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  set table_baseHi(value: number) { this.#memory.setUint32(this.#base + 0x24, value, true); }
}

/** struct physdev_unmap_pirq: takes it back */
export class PhysdevUnmapPirq {
  static readonly C_NAME = 'struct physdev_unmap_pirq';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 int32 */
  get pirq(): number { return this.#memory.getInt32(this.#base + 0x4, true); }
  set pirq(value: number) { this.#memory.setInt32(this.#base + 0x4, value, true); }
}

/** struct physdev_pci_device: one PCI function */
export class PhysdevPciDevice {
  static readonly C_NAME = 'struct physdev_pci_device';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get seg(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set seg(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint8 */
  get bus(): number { return this.#memory.getUint8(this.#base + 0x2); }
  set bus(value: number) { this.#memory.setUint8(this.#base + 0x2, value); }
  /** 0x3 uint8 */
  get devfn(): number { return this.#memory.getUint8(this.#base + 0x3); }
  set devfn(value: number) { this.#memory.setUint8(this.#base + 0x3, value); }
}
