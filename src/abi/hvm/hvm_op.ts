// public/hvm/hvm_op.h — HYPERVISOR_hvm_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from '../accessors.ts';
import type { Domid, Gfn } from '../xen.ts';

export const HVMOP_set_param = 0;
export const HVMOP_get_param = 1;
export const HVMOP_flush_tlbs = 5;
export const HVMOP_pagetable_dying = 9;
export const HVMOP_get_time = 10;
export const HVMOP_xentrace = 11;
export const HVMOP_get_mem_type = 15;
export const HVMOP_set_evtchn_upcall_vector = 23;
export const HVMOP_guest_request_vm_event = 24;
export const HVMOP_altp2m = 25;

/** struct xen_hvm_param: the argument of HVMOP_set_param and HVMOP_get_param */
export class XenHvmParam {
  static readonly C_NAME = 'struct xen_hvm_param';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get pad(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set pad(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: in: HVM_PARAM_* */
  get index(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get value(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get valueLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set valueLo(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  get valueHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set valueHi(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

export const HVMMEM_ram_rw = 0;
export const HVMMEM_ram_ro = 1; // writes go nowhere
export const HVMMEM_mmio_dm = 2; // accesses go to the device model
export const HVMMEM_unused = 3;
export const HVMMEM_ioreq_server = 4; // writes, or more, go to an ioreq server

/** struct xen_hvm_pagetable_dying: the guest is about to drop a page table */
export class XenHvmPagetableDying {
  static readonly C_NAME = 'struct xen_hvm_pagetable_dying';
  static readonly SIZE = 0x10;
  static readonly LENGTH_pad = 3;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16, 3 of them */
  pad(i: number): number { return this.#memory.getUint16(this.#base + 0x2 + i * 2, true); }
  set_pad(i: number, value: number) { this.#memory.setUint16(this.#base + 0x2 + i * 2, value, true); }
  /** 0x8 uint64: of its top */
  get gpa(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set gpa(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
}

/** struct xen_hvm_get_time: system time */
export class XenHvmGetTime {
  static readonly C_NAME = 'struct xen_hvm_get_time';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: out, ns */
  get now(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set now(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  get nowLo(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nowLo(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  get nowHi(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nowHi(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_hvm_xentrace: a record for Xen's trace buffer */
export class XenHvmXentrace {
  static readonly C_NAME = 'struct xen_hvm_xentrace';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get event(): number { return this.#memory.getUint16(this.#base + 0x0, true); }
  set event(value: number) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16 */
  get extra_bytes(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set extra_bytes(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 28 bytes */
  get extra(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x4, 28); }
}

/** struct xen_hvm_get_mem_type: what kind of memory is at a frame */
export class XenHvmGetMemType {
  static readonly C_NAME = 'struct xen_hvm_get_mem_type';
  static readonly SIZE = 0x10;
  static readonly LENGTH_pad = 2;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get domid(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set domid(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: out: HVMMEM_* */
  get mem_type(): number { return this.#memory.getUint16(this.#base + 0x2, true); }
  set mem_type(value: number) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint16, 2 of them */
  pad(i: number): number { return this.#memory.getUint16(this.#base + 0x4 + i * 2, true); }
  set_pad(i: number, value: number) { this.#memory.setUint16(this.#base + 0x4 + i * 2, value, true); }
  /** 0x8 uint64 */
  get pfn(): Gfn { return getUint53(this.#memory, this.#base + 0x8) as Gfn; }
  set pfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x8, value); }
}

export const HVM_IOREQSRV_BUFIOREQ_OFF = 0;
export const HVM_IOREQSRV_BUFIOREQ_LEGACY = 1;
export const HVM_IOREQSRV_BUFIOREQ_ATOMIC = 2;

/** struct xen_hvm_evtchn_upcall_vector: the interrupt vector of one vCPU's events */
export class XenHvmEvtchnUpcallVector {
  static readonly C_NAME = 'struct xen_hvm_evtchn_upcall_vector';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint8: delivered through the LAPIC, so it wants an EOI */
  get vector(): number { return this.#memory.getUint8(this.#base + 0x4); }
  set vector(value: number) { this.#memory.setUint8(this.#base + 0x4, value); }
}

export const HVMOP_ALTP2M_INTERFACE_VERSION = 0x00000001;
