// public/hypfs.h — HYPERVISOR_hypfs_op: Xen's own file system
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

export const XEN_HYPFS_VERSION = 1;
/** With its zero byte. */
export const XEN_HYPFS_MAX_PATHLEN = 1024;

export const XEN_HYPFS_TYPE_DIR = 0;
export const XEN_HYPFS_TYPE_BLOB = 1;
export const XEN_HYPFS_TYPE_STRING = 2;
export const XEN_HYPFS_TYPE_UINT = 3;
export const XEN_HYPFS_TYPE_INT = 4;
export const XEN_HYPFS_TYPE_BOOL = 5;
export const XEN_HYPFS_ENC_PLAIN = 0;
export const XEN_HYPFS_ENC_GZIP = 1;

export const XEN_HYPFS_OP_get_version = 0;
export const XEN_HYPFS_OP_read = 1;
export const XEN_HYPFS_OP_write_contents = 2;

/** struct xen_hypfs_direntry: what a node is */
export class XenHypfsDirentry {
  static readonly C_NAME = 'struct xen_hypfs_direntry';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8: XEN_HYPFS_TYPE_* */
  get type(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set type(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x1 uint8: XEN_HYPFS_ENC_* */
  get encoding(): number { return this.#memory.getUint8(this.#base + 0x1); }
  set encoding(value: number) { this.#memory.setUint8(this.#base + 0x1, value); }
  /** 0x2 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: bytes of the contents */
  get content_len(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set content_len(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: 0 for what cannot be written */
  get max_write_len(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set max_write_len(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct xen_hypfs_dirlistentry: a node in a directory's contents; its name follows, with a zero byte */
export class XenHypfsDirlistentry {
  static readonly C_NAME = 'struct xen_hypfs_dirlistentry';
  static readonly SIZE = 0x10;
  /** where the name lies */
  static readonly AT_name = 0xe;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 struct */
  get e(): XenHypfsDirentry { return new XenHypfsDirentry(this.#memory, this.#base + 0x0); }
  /** 0xc uint16: bytes to the next one; 0 in the last */
  get off_next(): number { return this.#memory.getUint16(this.#base + 0xc, true); }
  set off_next(value: number) { this.#memory.setUint16(this.#base + 0xc, value, true); }
}
