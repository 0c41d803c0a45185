// public/hvm/hvm_info_table.h — what the toolstack tells hvmloader
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from '../accessors.ts';

export const HVM_INFO_PFN = 0x09f;
export const HVM_INFO_OFFSET = 0x800;
export const HVM_INFO_PADDR = 0x9f800;
export const HVM_MAX_VCPUS = 128;

/** struct hvm_info_table: at HVM_INFO_PADDR */
export class HvmInfoTable {
  static readonly C_NAME = 'struct hvm_info_table';
  static readonly SIZE = 0x30;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 8 bytes: "HVM INFO" */
  get signature(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 8); }
  /** 0x8 uint32 */
  get length(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set length(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint8: makes the bytes' sum 0 */
  get checksum(): number { return this.#memory.getUint8(this.#base + 0xc); }
  set checksum(value: number) { this.#memory.setUint8(this.#base + 0xc, value); }
  /** 0xd uint8: whether to build MADT and MP tables */
  get apic_mode(): number { return this.#memory.getUint8(this.#base + 0xd); }
  set apic_mode(value: number) { this.#memory.setUint8(this.#base + 0xd, value); }
  /** 0x10 uint32 */
  get nr_vcpus(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set nr_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint32: first page after RAM below 4 GiB */
  get low_mem_pgend(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set low_mem_pgend(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x18 uint32: first page of the special ones below 4 GiB */
  get reserved_mem_pgstart(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set reserved_mem_pgstart(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32: first page after RAM above 4 GiB, or 0 */
  get high_mem_pgend(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set high_mem_pgend(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 16 bytes: a bit a vCPU */
  get vcpu_online(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x20, 16); }
}
