// public/arch-x86/hvm/start_info.h — what a PVH kernel finds at EBX
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from '../../accessors.ts';

export const XEN_HVM_START_MAGIC_VALUE = 0x336ec578; // "xEn3", the E with bit 7 set
// hvm_memmap_table_entry.type: ACPI's address range types.
export const XEN_HVM_MEMMAP_TYPE_RAM = 1;
export const XEN_HVM_MEMMAP_TYPE_RESERVED = 2;
export const XEN_HVM_MEMMAP_TYPE_ACPI = 3;
export const XEN_HVM_MEMMAP_TYPE_NVS = 4;
export const XEN_HVM_MEMMAP_TYPE_UNUSABLE = 5;
export const XEN_HVM_MEMMAP_TYPE_DISABLED = 6;
export const XEN_HVM_MEMMAP_TYPE_PMEM = 7;

/** struct hvm_start_info: where everything lies; all addresses physical, Xen keeps them below 4 GiB */
export class HvmStartInfo {
  static readonly C_NAME = 'struct hvm_start_info';
  static readonly SIZE = 0x38;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_HVM_START_MAGIC_VALUE */
  get magic(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set magic(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: 1 has the memory map, 0 ends before it */
  get version(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: SIF_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get nr_modules(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set nr_modules(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: of nr_modules hvm_modlist_entry */
  get modlist_paddr(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set modlist_paddr(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64: of a NUL-terminated string */
  get cmdline_paddr(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set cmdline_paddr(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
  /** 0x20 uint64: of ACPI's root */
  get rsdp_paddr(): number { return getUint53(this.#memory, this.#base + 0x20); }
  set rsdp_paddr(value: number) { setUint53(this.#memory, this.#base + 0x20, value); }
  /** 0x28 uint64: of memmap_entries hvm_memmap_table_entry */
  get memmap_paddr(): number { return getUint53(this.#memory, this.#base + 0x28); }
  set memmap_paddr(value: number) { setUint53(this.#memory, this.#base + 0x28, value); }
  /** 0x30 uint32 */
  get memmap_entries(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set memmap_entries(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x34 uint32: 0 */
  get reserved(): number { return this.#memory.getUint32(this.#base + 0x34, true); }
  set reserved(value: number) { this.#memory.setUint32(this.#base + 0x34, value, true); }
}

/** struct hvm_modlist_entry: one module, usually the initramfs */
export class HvmModlistEntry {
  static readonly C_NAME = 'struct hvm_modlist_entry';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get paddr(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set paddr(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: bytes */
  get size(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set size(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64 */
  get cmdline_paddr(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set cmdline_paddr(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64 */
  get reserved(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set reserved(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
}

/** struct hvm_memmap_table_entry: one range of the memory map */
export class HvmMemmapTableEntry {
  static readonly C_NAME = 'struct hvm_memmap_table_entry';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get addr(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set addr(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: bytes */
  get size(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set size(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint32: XEN_HVM_MEMMAP_TYPE_* */
  get type(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set type(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32: 0 */
  get reserved(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set reserved(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}
