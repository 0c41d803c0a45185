// public/argo.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from './accessors.ts';
import { DOMID_INVALID, type Domid } from './xen.ts';

export const XEN_ARGO_DOMID_ANY = DOMID_INVALID;
export const XEN_ARGO_MAX_RING_SIZE = 0x1000000;
/** Buffers of one message. */
export const XEN_ARGO_MAXIOV = 8;
/** Messages on the ring are padded to a multiple of this size. */
export const XEN_ARGO_MSG_SLOT_SIZE = 0x10;

/** struct xen_argo_iov: a buffer of the sender's */
export class XenArgoIov {
  static readonly C_NAME = 'struct xen_argo_iov';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: array of bytes */
  get iov_hnd(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set iov_hnd(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get iov_hndLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  get iov_hndHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  /** 0x8 uint32 */
  get iov_len(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set iov_len(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: 0 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

/** struct xen_argo_addr: one end of a message's way */
export class XenArgoAddr {
  static readonly C_NAME = 'struct xen_argo_addr';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get aport(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set aport(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16 */
  get domain_id(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set domain_id(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: 0 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
}

/** struct xen_argo_send_addr: from where to where */
export class XenArgoSendAddr {
  static readonly C_NAME = 'struct xen_argo_send_addr';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get src(): XenArgoAddr { return new XenArgoAddr(this.#memory, this.#base + 0x0); }
  /** 0x8 struct */
  get dst(): XenArgoAddr { return new XenArgoAddr(this.#memory, this.#base + 0x8); }
}

/** struct xen_argo_ring: what the receiver's first page starts with; messages follow */
export class XenArgoRing {
  static readonly C_NAME = 'struct xen_argo_ring';
  static readonly SIZE = 0x40;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: where the receiver reads next */
  get rx_ptr(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set rx_ptr(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: where Xen writes next */
  get tx_ptr(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set tx_ptr(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 56 bytes */
  get reserved(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x8, 56); }
}

/** struct xen_argo_register_ring: memory for messages from a partner, or from anybody */
export class XenArgoRegisterRing {
  static readonly C_NAME = 'struct xen_argo_register_ring';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get aport(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set aport(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: who may send */
  get partner_id(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set partner_id(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: 0 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint32: bytes for messages */
  get len(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set len(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_argo_unregister_ring: ends a ring */
export class XenArgoUnregisterRing {
  static readonly C_NAME = 'struct xen_argo_unregister_ring';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get aport(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set aport(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16 */
  get partner_id(): Domid { return this.#memory.getUint16(this.#base + 0x4, true) as Domid; }
  set partner_id(value: Domid) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: 0 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
}

// xen_argo_ring_data_ent.flags
export const XEN_ARGO_RING_EXISTS = 1 << 0;
export const XEN_ARGO_RING_SHARED = 1 << 1; // anybody may send
export const XEN_ARGO_RING_EMPTY = 1 << 2;
export const XEN_ARGO_RING_SUFFICIENT = 1 << 3; // space_required is there
export const XEN_ARGO_RING_EMSGSIZE = 1 << 4; // and never will be
export const XEN_ARGO_RING_EBUSY = 1 << 5; // too many domains wait for space

/** struct xen_argo_ring_data_ent: what is asked and told of a ring */
export class XenArgoRingDataEnt {
  static readonly C_NAME = 'struct xen_argo_ring_data_ent';
  static readonly SIZE = 0x14;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct: in */
  get ring(): XenArgoAddr { return new XenArgoAddr(this.#memory, this.#base + 0x0); }
  /** 0x8 uint16: out: XEN_ARGO_RING_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
  /** 0xc uint32: in: bytes; VIRQ_ARGO is raised when they are there */
  get space_required(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set space_required(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint32: out */
  get max_message_size(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set max_message_size(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct xen_argo_ring_data: head of an array of xen_argo_ring_data_ent */
export class XenArgoRingData {
  static readonly C_NAME = 'struct xen_argo_ring_data';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get nent(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nent(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_argo_ring_message_header: head of a message on the ring */
export class XenArgoRingMessageHeader {
  static readonly C_NAME = 'struct xen_argo_ring_message_header';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: with this header, without padding */
  get len(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set len(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 struct */
  get source(): XenArgoAddr { return new XenArgoAddr(this.#memory, this.#base + 0x4); }
  /** 0xc uint32: the sender's */
  get message_type(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set message_type(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const XEN_ARGO_OP_register_ring = 1;
export const XEN_ARGO_REGISTER_FLAG_FAIL_EXIST = 0x1;
export const XEN_ARGO_OP_unregister_ring = 2;
export const XEN_ARGO_OP_sendv = 3;
export const XEN_ARGO_OP_notify = 4;
