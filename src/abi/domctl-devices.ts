// public/domctl.h — a domain's access to devices
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import type { Gfn, Mfn } from './xen.ts';

/** struct xen_domctl_irq_permission: may it use an interrupt */
export class XenDomctlIrqPermission {
  static readonly C_NAME = 'struct xen_domctl_irq_permission';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get pirq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set pirq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint8 */
  get allow_access(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set allow_access(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
  /** 0x5 3 bytes */
  get pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x5, 3); }
}

/** struct xen_domctl_iomem_permission: may it use device memory */
export class XenDomctlIomemPermission {
  static readonly C_NAME = 'struct xen_domctl_iomem_permission';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get first_mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x0) as Mfn; }
  set first_mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64 */
  get nr_mfns(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set nr_mfns(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint8 */
  get allow_access(): number { return this.#memory.getUint8(this.#base + 0x10); }
  set allow_access(value: number) { this.#memory.setUint8(this.#base + 0x10, value); }
}

/** struct xen_domctl_ioport_permission: may it use I/O ports */
export class XenDomctlIoportPermission {
  static readonly C_NAME = 'struct xen_domctl_ioport_permission';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get first_port(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set first_port(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint8 */
  get allow_access(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set allow_access(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
}

export const DPCI_ADD_MAPPING = 1;
export const DPCI_REMOVE_MAPPING = 0;

/** struct xen_domctl_memory_mapping: device memory in its physical address space */
export class XenDomctlMemoryMapping {
  static readonly C_NAME = 'struct xen_domctl_memory_mapping';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get first_gfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set first_gfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64 */
  get first_mfn(): Mfn { return getUint53(this.#memory, this.#base + 0x8) as Mfn; }
  set first_mfn(value: Mfn) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64 */
  get nr_mfns(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set nr_mfns(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint32: DPCI_*_MAPPING */
  get add_mapping(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set add_mapping(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32 */
  get padding(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set padding(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
}

/** struct xen_domctl_ioport_mapping: I/O ports under other numbers */
export class XenDomctlIoportMapping {
  static readonly C_NAME = 'struct xen_domctl_ioport_mapping';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get first_gport(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set first_gport(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get first_mport(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set first_mport(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get nr_ports(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_ports(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: DPCI_*_MAPPING */
  get add_mapping(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set add_mapping(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const XEN_DOMCTL_MEM_CACHEATTR_UC = 0;
export const XEN_DOMCTL_MEM_CACHEATTR_WC = 1;
export const XEN_DOMCTL_MEM_CACHEATTR_WT = 4;
export const XEN_DOMCTL_MEM_CACHEATTR_WP = 5;
export const XEN_DOMCTL_MEM_CACHEATTR_WB = 6;
export const XEN_DOMCTL_MEM_CACHEATTR_UCM = 7;
