// public/hvm/dm_op.h — HYPERVISOR_dm_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

export const XEN_DMOP_create_ioreq_server = 1;
export const XEN_DMOP_get_ioreq_server_info = 2;
export const XEN_DMOP_map_io_range_to_ioreq_server = 3;
export const XEN_DMOP_unmap_io_range_from_ioreq_server = 4;
export const XEN_DMOP_set_ioreq_server_state = 5;
export const XEN_DMOP_destroy_ioreq_server = 6;
export const XEN_DMOP_track_dirty_vram = 7;
export const XEN_DMOP_set_pci_intx_level = 8;
export const XEN_DMOP_set_isa_irq_level = 9;
export const XEN_DMOP_set_pci_link_route = 10;
export const XEN_DMOP_modified_memory = 11;
export const XEN_DMOP_set_mem_type = 12;
export const XEN_DMOP_inject_event = 13;
export const XEN_DMOP_inject_msi = 14;
export const XEN_DMOP_map_mem_type_to_ioreq_server = 15;
export const XEN_DMOP_remote_shutdown = 16;
export const XEN_DMOP_relocate_memory = 17;
export const XEN_DMOP_pin_memory_cacheattr = 18;
export const XEN_DMOP_set_irq_level = 19;
export const XEN_DMOP_nr_vcpus = 20;

export const XEN_DMOP_EVENT_ext_int = 0;
export const XEN_DMOP_EVENT_nmi = 2;
export const XEN_DMOP_EVENT_hw_exc = 3;
export const XEN_DMOP_EVENT_sw_int = 4; // INT n
export const XEN_DMOP_EVENT_pri_sw_exc = 5; // INT1
export const XEN_DMOP_EVENT_sw_exc = 6; // INT3, INTO

/** struct xen_dm_op_buf: a buffer of a call; the first holds the operation */
export class XenDmOpBuf {
  static readonly C_NAME = 'struct xen_dm_op_buf';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: guest pointer */
  get h(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set h(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get size(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set size(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct xen_dm_op_modified_memory: buffer 1 is an array of extents that somebody wrote to */
export class XenDmOpModifiedMemory {
  static readonly C_NAME = 'struct xen_dm_op_modified_memory';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: out: the index of one that is wrong, plus 1 */
  get nr_extents(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_extents(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: 0; where to go on */
  get opaque(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set opaque(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_dm_op_modified_memory_extent: frames that somebody wrote to */
export class XenDmOpModifiedMemoryExtent {
  static readonly C_NAME = 'struct xen_dm_op_modified_memory_extent';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get nr(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get first_pfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set first_pfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct xen_dm_op_set_mem_type: how frames are to be treated */
export class XenDmOpSetMemType {
  static readonly C_NAME = 'struct xen_dm_op_set_mem_type';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: frames; what is left where it goes on */
  get nr(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: HVMMEM_* */
  get mem_type(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set mem_type(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint64 */
  get first_pfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set first_pfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct xen_dm_op_inject_event: an exception or interrupt for a vCPU */
export class XenDmOpInjectEvent {
  static readonly C_NAME = 'struct xen_dm_op_inject_event';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpuid(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpuid(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint8 */
  get vector(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set vector(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
  /** 0x5 uint8: XEN_DMOP_EVENT_* */
  get type(): number { return this.#memory.getUint8(this.#base + 0x5); }
  set type(value: number) { this.#memory.setUint8(this.#base + 0x5, value); }
  /** 0x6 uint8: of the instruction that software events come from */
  get insn_len(): number { return this.#memory.getUint8(this.#base + 0x6); }
  set insn_len(value: number) { this.#memory.setUint8(this.#base + 0x6, value); }
  /** 0x7 uint8 */
  get pad0(): number { return this.#memory.getUint8(this.#base + 0x7); }
  set pad0(value: number) { this.#memory.setUint8(this.#base + 0x7, value); }
  /** 0x8 uint32: all ones: none */
  get error_code(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set error_code(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad1(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad1(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: for #PF */
  get cr2(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set cr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}

/** struct xen_dm_op_inject_msi: a message-signalled interrupt */
export class XenDmOpInjectMsi {
  static readonly C_NAME = 'struct xen_dm_op_inject_msi';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get data(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set data(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get addr(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set addr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct xen_dm_op_remote_shutdown: another domain stops */
export class XenDmOpRemoteShutdown {
  static readonly C_NAME = 'struct xen_dm_op_remote_shutdown';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: SHUTDOWN_* */
  get reason(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set reason(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_dm_op_nr_vcpus: how many vCPUs a domain has */
export class XenDmOpNrVcpus {
  static readonly C_NAME = 'struct xen_dm_op_nr_vcpus';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: out */
  get vcpus(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpus(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}
