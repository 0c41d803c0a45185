// public/io/netif.h — the network device protocol
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../accessors.ts';
import type { GrantRef } from '../xen.ts';

export const XEN_NETIF_NR_SLOTS_MIN = 18; // slots of one packet that every backend takes

export const _XEN_NETIF_CTRL_HASH_TYPE_IPV4 = 0;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV4 = 1 << 0;
export const _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP = 1;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP = 1 << 1;
export const _XEN_NETIF_CTRL_HASH_TYPE_IPV6 = 2;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV6 = 1 << 2;
export const _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP = 3;
export const XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP = 1 << 3;
export const XEN_NETIF_CTRL_HASH_ALGORITHM_NONE = 0;
export const XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ = 1;

/** struct xen_netif_ctrl_request: a request on the control ring */
export class XenNetifCtrlRequest {
  static readonly C_NAME = 'struct xen_netif_ctrl_request';
  static readonly SIZE = 0x10;
  static readonly LENGTH_data = 3;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: the response repeats it */
  get id(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: XEN_NETIF_CTRL_TYPE_* */
  get type(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set type(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32, 3 of them */
  data(i: number): number { return this.#memory.getUint32(this.#base + 0x4 + i * 4, true); }
  set_data(i: number, value: number) { this.#memory.setUint32(this.#base + 0x4 + i * 4, value, true); }
}

export const XEN_NETIF_CTRL_TYPE_INVALID = 0;
export const XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS = 1;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS = 2;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_KEY = 3;
export const XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE = 4;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE = 5;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING = 6;
export const XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM = 7;
export const XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE = 8;
export const XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING = 9;
export const XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING = 10;

/** struct xen_netif_ctrl_response: the answer */
export class XenNetifCtrlResponse {
  static readonly C_NAME = 'struct xen_netif_ctrl_response';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get id(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get type(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set type(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: XEN_NETIF_CTRL_STATUS_* */
  get status(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set status(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get data(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set data(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const XEN_NETIF_CTRL_STATUS_SUCCESS = 0;
export const XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED = 1;
export const XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER = 2;
export const XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW = 3;

/** struct xen_netif_gref: a grant the backend may keep mapped */
export class XenNetifGref {
  static readonly C_NAME = 'struct xen_netif_gref';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get ref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set ref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: XEN_NETIF_CTRLF_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get status(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set status(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
}

export const _XEN_NETIF_CTRLF_GREF_readonly = 0;
export const XEN_NETIF_CTRLF_GREF_readonly = 1 << 0;

// netif_tx_request.flags.
export const _NETTXF_csum_blank = 0;
export const NETTXF_csum_blank = 1 << 0; // the checksum is yet to be filled in
export const _NETTXF_data_validated = 1;
export const NETTXF_data_validated = 1 << 1; // the checksum needs no check
export const _NETTXF_more_data = 2;
export const NETTXF_more_data = 1 << 2; // the packet goes on in the next slot
export const _NETTXF_extra_info = 3;
export const NETTXF_extra_info = 1 << 3; // the next slot is a netif_extra_info
export const XEN_NETIF_MAX_TX_SIZE = 0xffff;

/** struct netif_tx_request: a piece of a packet to send */
export class NetifTxRequest {
  static readonly C_NAME = 'struct netif_tx_request';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get gref(): GrantRef { return this.#memory.getUint32(this.#base + 0x0, true) as GrantRef; }
  set gref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16: in the page */
  get offset(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set offset(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16: NETTXF_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x8 uint16: the response repeats it */
  get id(): number { return this.#memory.getUint16(this.#base + 0x8, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x8, value, true); }
  /** 0xa uint16: bytes; in the first slot, of the whole packet */
  get size(): number { return this.#memory.getUint16(this.#base + 0xa, true); }
  set size(value: number) { this.#memory.setUint16(this.#base + 0xa, value, true); }
}

export const XEN_NETIF_EXTRA_TYPE_NONE = 0;
export const XEN_NETIF_EXTRA_TYPE_GSO = 1;
export const XEN_NETIF_EXTRA_TYPE_MCAST_ADD = 2;
export const XEN_NETIF_EXTRA_TYPE_MCAST_DEL = 3;
export const XEN_NETIF_EXTRA_TYPE_HASH = 4;
export const XEN_NETIF_EXTRA_TYPE_MAX = 5;
export const _XEN_NETIF_EXTRA_FLAG_MORE = 0;
export const XEN_NETIF_EXTRA_FLAG_MORE = 1 << 0;
export const XEN_NETIF_GSO_TYPE_NONE = 0;
export const XEN_NETIF_GSO_TYPE_TCPV4 = 1;
export const XEN_NETIF_GSO_TYPE_TCPV6 = 2;

/** struct netif_extra_info: more about a packet, in a slot of its own */
export class NetifExtraInfo {
  static readonly C_NAME = 'struct netif_extra_info';
  static readonly SIZE = 0x8;
  static readonly C_PATHS = {
    gso_size: 'u.gso.size', gso_type: 'u.gso.type', gso_pad: 'u.gso.pad', gso_features: 'u.gso.features',
    mcast_addr: 'u.mcast.addr', hash_type: 'u.hash.type', hash_algorithm: 'u.hash.algorithm',
    hash_value: 'u.hash.value',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XEN_NETIF_EXTRA_TYPE_* */
  get type(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set type(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: XEN_NETIF_EXTRA_FLAG_* */
  get flags(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set flags(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16: payload of each segment */
  get gso_size(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set gso_size(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint8: XEN_NETIF_GSO_TYPE_* */
  get gso_type(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set gso_type(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
  /** 0x5 uint8 */
  get gso_pad(): number { return this.#memory.getUint8(this.#base + 0x5); }
  set gso_pad(value: number) { this.#memory.setUint8(this.#base + 0x5, value); }
  /** 0x6 uint16 */
  get gso_features(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set gso_features(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
  /** 0x2 6 bytes: MAC address */
  get mcast_addr(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x2, 6); }
  /** 0x2 uint8: XEN_NETIF_CTRL_HASH_TYPE_*, by bit number */
  get hash_type(): number { return this.#memory.getUint8(this.#base + 0x2); }
  set hash_type(value: number) { this.#memory.setUint8(this.#base + 0x2, value); }
  /** 0x3 uint8: XEN_NETIF_CTRL_HASH_ALGORITHM_* */
  get hash_algorithm(): number { return this.#memory.getUint8(this.#base + 0x3); }
  set hash_algorithm(value: number) { this.#memory.setUint8(this.#base + 0x3, value); }
  /** 0x4 4 bytes */
  get hash_value(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x4, 4); }
}

/** struct netif_tx_response: the answer */
export class NetifTxResponse {
  static readonly C_NAME = 'struct netif_tx_response';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get id(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 int16: NETIF_RSP_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x2, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x2, value, true); }
}

/** struct netif_rx_request: a page to receive into */
export class NetifRxRequest {
  static readonly C_NAME = 'struct netif_rx_request';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: the response repeats it */
  get id(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32 */
  get gref(): GrantRef { return this.#memory.getUint32(this.#base + 0x4, true) as GrantRef; }
  set gref(value: GrantRef) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

// netif_rx_response.flags.
export const _NETRXF_data_validated = 0;
export const NETRXF_data_validated = 1 << 0; // the checksum needs no check
export const _NETRXF_csum_blank = 1;
export const NETRXF_csum_blank = 1 << 1; // the checksum is yet to be filled in
export const _NETRXF_more_data = 2;
export const NETRXF_more_data = 1 << 2; // the packet goes on in the next slot
export const _NETRXF_extra_info = 3;
export const NETRXF_extra_info = 1 << 3; // the next slot is a netif_extra_info
export const _NETRXF_gso_prefix = 4;
export const NETRXF_gso_prefix = 1 << 4; // this slot holds only a segment size

/** struct netif_rx_response: a piece of a packet received */
export class NetifRxResponse {
  static readonly C_NAME = 'struct netif_rx_response';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get id(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set id(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: in the page */
  get offset(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set offset(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint16: NETRXF_* */
  get flags(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 int16: bytes, or NETIF_RSP_* */
  get status(): number { return this.#memory.getInt16(this.#base + 0x6, true); }
  set status(value: number) { this.#memory.setInt16(this.#base + 0x6, value, true); }
}

export const NETIF_RSP_DROPPED = -2;
export const NETIF_RSP_ERROR = -1;
export const NETIF_RSP_OKAY = 0;
export const NETIF_RSP_NULL = 1; // for a slot that was no request
