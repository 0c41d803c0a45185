// public/version.h — who Xen is: HYPERVISOR_xen_version
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from './accessors.ts';

// All but version, pagesize and those with a length return 0 and fill the struct at arg.
export const XENVER_version = 0; // returns major << 16 | minor
export const XENVER_extraversion = 1; // char[16], such as ".7"
export const XENVER_compile_info = 2;
export const XENVER_capabilities = 3; // char[1024], such as "hvm-3.0-x86_64"
export const XENVER_changeset = 4; // char[64]
export const XENVER_platform_parameters = 5;
export const XENVER_get_features = 6;
export const XENVER_pagesize = 7; // returns bytes
export const XENVER_guest_handle = 8; // the 16 bytes of the caller's UUID
export const XENVER_commandline = 9; // char[1024]
export const XENVER_build_id = 10; // returns the length

export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;

/** struct xen_compile_info: who compiled Xen, with what */
export class XenCompileInfo {
  static readonly C_NAME = 'struct xen_compile_info';
  static readonly SIZE = 0x90;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 64 bytes */
  get compiler(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 64); }
  /** 0x40 16 bytes */
  get compile_by(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x40, 16); }
  /** 0x50 32 bytes */
  get compile_domain(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x50, 32); }
  /** 0x70 32 bytes */
  get compile_date(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x70, 32); }
}

/** struct xen_platform_parameters: where Xen's part of a PV address space starts */
export class XenPlatformParameters {
  static readonly C_NAME = 'struct xen_platform_parameters';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get virt_start(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set virt_start(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
}

/** struct xen_feature_info: 32 of the XENFEAT_* bits */
export class XenFeatureInfo {
  static readonly C_NAME = 'struct xen_feature_info';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: which 32 */
  get submap_idx(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set submap_idx(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: out */
  get submap(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set submap(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_build_id: followed by len bytes */
export class XenBuildId {
  static readonly C_NAME = 'struct xen_build_id';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room for the id */
  get len(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set len(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}
