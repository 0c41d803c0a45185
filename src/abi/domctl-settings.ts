// public/domctl.h — small changes to a domain
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from './accessors.ts';
import type { Domid, Port } from './xen.ts';

/** struct xen_domctl_setdomainhandle: the domain's UUID */
export class XenDomctlSetdomainhandle {
  static readonly C_NAME = 'struct xen_domctl_setdomainhandle';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 16 bytes */
  get handle(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 16); }
}

/** struct xen_domctl_setdebugging: whether a debugger is attached */
export class XenDomctlSetdebugging {
  static readonly C_NAME = 'struct xen_domctl_setdebugging';
  static readonly SIZE = 0x1;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get enable(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set enable(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
}

/** struct xen_domctl_settimeoffset: the wall clock's offset */
export class XenDomctlSettimeoffset {
  static readonly C_NAME = 'struct xen_domctl_settimeoffset';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 int64 */
  get time_offset_seconds(): bigint { return this.#memory.getBigInt64(this.#base + 0x0, true); }
  set time_offset_seconds(value: bigint) { this.#memory.setBigInt64(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_address_size: a PV domain's word */
export class XenDomctlAddressSize {
  static readonly C_NAME = 'struct xen_domctl_address_size';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: 32 or 64 */
  get size(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set size(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

export const XEN_DOMCTL_SENDTRIGGER_NMI = 0;
export const XEN_DOMCTL_SENDTRIGGER_RESET = 1;
export const XEN_DOMCTL_SENDTRIGGER_INIT = 2;
export const XEN_DOMCTL_SENDTRIGGER_POWER = 3;
export const XEN_DOMCTL_SENDTRIGGER_SLEEP = 4;

/** struct xen_domctl_sendtrigger: a button pressed */
export class XenDomctlSendtrigger {
  static readonly C_NAME = 'struct xen_domctl_sendtrigger';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_SENDTRIGGER_* */
  get trigger(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set trigger(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_domctl_set_target: the domain this one may control */
export class XenDomctlSetTarget {
  static readonly C_NAME = 'struct xen_domctl_set_target';
  static readonly SIZE = 0x2;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16 */
  get target(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set target(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_subscribe: a port raised on suspend */
export class XenDomctlSubscribe {
  static readonly C_NAME = 'struct xen_domctl_subscribe';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_set_virq_handler: the domain takes over a global VIRQ */
export class XenDomctlSetVirqHandler {
  static readonly C_NAME = 'struct xen_domctl_set_virq_handler';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get virq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set virq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}
