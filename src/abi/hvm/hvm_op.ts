// public/hvm/hvm_op.h — HYPERVISOR_hvm_op
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import type { Domid } from '../xen.ts';

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
// Until 4.9; dm_op has them now.
export const HVMOP_set_pci_intx_level = 2;
export const HVMOP_set_isa_irq_level = 3;
export const HVMOP_set_pci_link_route = 4;

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
