// public/io/xs_wire.h — XenStore's messages and ring
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../accessors.ts';

// xsd_sockmsg.type.
export const XS_CONTROL = 0;
export const XS_DEBUG = XS_CONTROL;
export const XS_DIRECTORY = 1;
export const XS_READ = 2;
export const XS_GET_PERMS = 3;
export const XS_WATCH = 4;
export const XS_UNWATCH = 5;
export const XS_TRANSACTION_START = 6;
export const XS_TRANSACTION_END = 7;
export const XS_INTRODUCE = 8;
export const XS_RELEASE = 9;
export const XS_GET_DOMAIN_PATH = 10;
export const XS_WRITE = 11;
export const XS_MKDIR = 12;
export const XS_RM = 13;
export const XS_SET_PERMS = 14;
export const XS_WATCH_EVENT = 15;
export const XS_ERROR = 16;
export const XS_IS_DOMAIN_INTRODUCED = 17;
export const XS_RESUME = 18;
export const XS_SET_TARGET = 19;
export const XS_RESET_WATCHES = 21; // 20 was XS_RESTRICT
export const XS_DIRECTORY_PART = 22;
export const XS_TYPE_COUNT = 23;
export const XS_INVALID = 0xffff;

export const XS_WRITE_NONE = 'NONE';
export const XS_WRITE_CREATE = 'CREATE';
export const XS_WRITE_CREATE_EXCL = 'CREATE|EXCL';

/** struct xsd_sockmsg: before every message; len bytes follow */
export class XsdSockmsg {
  static readonly C_NAME = 'struct xsd_sockmsg';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XS_* */
  get type(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set type(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: the reply repeats it */
  get req_id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set req_id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: transaction, or 0 */
  get tx_id(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set tx_id(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: bytes that follow */
  get len(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set len(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

// The fields of a XS_WATCH_EVENT, by position.
export const XS_WATCH_PATH = 0;
export const XS_WATCH_TOKEN = 1;

export const XENSTORE_RING_SIZE = 1024;

/** struct xenstore_domain_interface: the ring page; indexes run freely, modulo 2^32 */
export class XenstoreDomainInterface {
  static readonly C_NAME = 'struct xenstore_domain_interface';
  static readonly SIZE = 0x81c;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 1024 bytes: to xenstored */
  get req(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 1024); }
  /** 0x400 1024 bytes: from xenstored */
  get rsp(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x400, 1024); }
  /** 0x800 uint32 */
  get req_cons(): number { return this.#memory.getUint32(this.#base + 0x800, true); }
  set req_cons(value: number) { this.#memory.setUint32(this.#base + 0x800, value, true); }
  /** 0x804 uint32 */
  get req_prod(): number { return this.#memory.getUint32(this.#base + 0x804, true); }
  set req_prod(value: number) { this.#memory.setUint32(this.#base + 0x804, value, true); }
  /** 0x808 uint32 */
  get rsp_cons(): number { return this.#memory.getUint32(this.#base + 0x808, true); }
  set rsp_cons(value: number) { this.#memory.setUint32(this.#base + 0x808, value, true); }
  /** 0x80c uint32 */
  get rsp_prod(): number { return this.#memory.getUint32(this.#base + 0x80c, true); }
  set rsp_prod(value: number) { this.#memory.setUint32(this.#base + 0x80c, value, true); }
  /** 0x810 uint32: XENSTORE_SERVER_FEATURE_* */
  get server_features(): number { return this.#memory.getUint32(this.#base + 0x810, true); }
  set server_features(value: number) { this.#memory.setUint32(this.#base + 0x810, value, true); }
  /** 0x814 uint32: XENSTORE_CONNECTED or XENSTORE_RECONNECT */
  get connection(): number { return this.#memory.getUint32(this.#base + 0x814, true); }
  set connection(value: number) { this.#memory.setUint32(this.#base + 0x814, value, true); }
  /** 0x818 uint32: XENSTORE_ERROR_* */
  get error(): number { return this.#memory.getUint32(this.#base + 0x818, true); }
  set error(value: number) { this.#memory.setUint32(this.#base + 0x818, value, true); }
}

// Beyond the payload's limit the connection is dropped, beyond the paths' the request fails.
export const XENSTORE_PAYLOAD_MAX = 4096;
export const XENSTORE_ABS_PATH_MAX = 3072;
export const XENSTORE_REL_PATH_MAX = 2048;
export const XENSTORE_SERVER_FEATURE_RECONNECTION = 1;
export const XENSTORE_SERVER_FEATURE_ERROR = 2; // the ring page has the field error
export const XENSTORE_CONNECTED = 0;
export const XENSTORE_RECONNECT = 1;
export const XENSTORE_ERROR_NONE = 0;
export const XENSTORE_ERROR_COMM = 1;
export const XENSTORE_ERROR_RINGIDX = 2;
export const XENSTORE_ERROR_PROTO = 3;
