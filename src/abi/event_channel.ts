// public/event_channel.h
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from './accessors.ts';
import type { Domid, Gfn, Port } from './xen.ts';

export const EVTCHNOP_bind_interdomain = 0;
export const EVTCHNOP_bind_virq = 1;
export const EVTCHNOP_bind_pirq = 2;
export const EVTCHNOP_close = 3;
export const EVTCHNOP_send = 4;
export const EVTCHNOP_status = 5;
export const EVTCHNOP_alloc_unbound = 6;
export const EVTCHNOP_bind_ipi = 7;
export const EVTCHNOP_bind_vcpu = 8;
export const EVTCHNOP_unmask = 9;
export const EVTCHNOP_reset = 10;
export const EVTCHNOP_init_control = 11;
export const EVTCHNOP_expand_array = 12;
export const EVTCHNOP_set_priority = 13;

/** struct evtchn_alloc_unbound: a port in dom that remote_dom may bind to */
export class EvtchnAllocUnbound {
  static readonly C_NAME = 'struct evtchn_alloc_unbound';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x2 uint16: in */
  get remote_dom(): Domid { return this.#memory.getUint16(this.#base + 0x2, true) as Domid; }
  set remote_dom(value: Domid) { this.#memory.setUint16(this.#base + 0x2, value, true); }
  /** 0x4 uint32: out */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x4, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct evtchn_bind_interdomain: a port bound to another domain's unbound one */
export class EvtchnBindInterdomain {
  static readonly C_NAME = 'struct evtchn_bind_interdomain';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get remote_dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set remote_dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in */
  get remote_port(): Port { return this.#memory.getUint32(this.#base + 0x4, true) as Port; }
  set remote_port(value: Port) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out */
  get local_port(): Port { return this.#memory.getUint32(this.#base + 0x8, true) as Port; }
  set local_port(value: Port) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct evtchn_bind_virq: a port for a VIRQ_* */
export class EvtchnBindVirq {
  static readonly C_NAME = 'struct evtchn_bind_virq';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get virq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set virq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: 0 unless the VIRQ is one a vCPU */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x8, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const BIND_PIRQ__WILL_SHARE = 1;

/** struct evtchn_bind_pirq: a port for a physical interrupt */
export class EvtchnBindPirq {
  static readonly C_NAME = 'struct evtchn_bind_pirq';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get pirq(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set pirq(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: BIND_PIRQ__* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x8, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

/** struct evtchn_bind_ipi: a port from any vCPU to one */
export class EvtchnBindIpi {
  static readonly C_NAME = 'struct evtchn_bind_ipi';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: who receives */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: out */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x4, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct evtchn_close: frees a port */
export class EvtchnClose {
  static readonly C_NAME = 'struct evtchn_close';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct evtchn_send: raises the other end of a port */
export class EvtchnSend {
  static readonly C_NAME = 'struct evtchn_send';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

export const EVTCHNSTAT_closed = 0;
export const EVTCHNSTAT_unbound = 1;
export const EVTCHNSTAT_interdomain = 2;
export const EVTCHNSTAT_pirq = 3;
export const EVTCHNSTAT_virq = 4;
export const EVTCHNSTAT_ipi = 5;

/** struct evtchn_status: what a port is */
export class EvtchnStatus {
  static readonly C_NAME = 'struct evtchn_status';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = {
    unbound_dom: 'u.unbound.dom', interdomain_dom: 'u.interdomain.dom', interdomain_port: 'u.interdomain.port',
    pirq: 'u.pirq', virq: 'u.virq',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x4, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out: EVTCHNSTAT_* */
  get status(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set status(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: out: who is notified */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint16: EVTCHNSTAT_unbound: who may bind */
  get unbound_dom(): Domid { return this.#memory.getUint16(this.#base + 0x10, true) as Domid; }
  set unbound_dom(value: Domid) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x10 uint16: EVTCHNSTAT_interdomain */
  get interdomain_dom(): Domid { return this.#memory.getUint16(this.#base + 0x10, true) as Domid; }
  set interdomain_dom(value: Domid) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x14 uint32 */
  get interdomain_port(): Port { return this.#memory.getUint32(this.#base + 0x14, true) as Port; }
  set interdomain_port(value: Port) { this.#memory.setUint32(this.#base + 0x14, value, true); }
  /** 0x10 uint32: EVTCHNSTAT_pirq */
  get pirq(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set pirq(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x10 uint32: EVTCHNSTAT_virq */
  get virq(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set virq(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
}

/** struct evtchn_bind_vcpu: moves a port's notification to a vCPU */
export class EvtchnBindVcpu {
  static readonly C_NAME = 'struct evtchn_bind_vcpu';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct evtchn_unmask: clears a port's mask bit, and delivers what waited */
export class EvtchnUnmask {
  static readonly C_NAME = 'struct evtchn_unmask';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct evtchn_reset: closes all ports of a domain */
export class EvtchnReset {
  static readonly C_NAME = 'struct evtchn_reset';
  static readonly SIZE = 0x2;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint16: in */
  get dom(): Domid { return this.#memory.getUint16(this.#base + 0x0, true) as Domid; }
  set dom(value: Domid) { this.#memory.setUint16(this.#base + 0x0, value, true); }
}

/** struct evtchn_init_control: switches a vCPU to FIFO events */
export class EvtchnInitControl {
  static readonly C_NAME = 'struct evtchn_init_control';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in */
  get control_gfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set control_gfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint32: in: of the control block in that page */
  get offset(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set offset(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32: in */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint8: out */
  get link_bits(): number { return this.#memory.getUint8(this.#base + 0x10); }
  set link_bits(value: number) { this.#memory.setUint8(this.#base + 0x10, value); }
  /** 0x11 7 bytes */
  get _pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x11, 7); }
}

/** struct evtchn_expand_array: gives one more page of event words */
export class EvtchnExpandArray {
  static readonly C_NAME = 'struct evtchn_expand_array';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: in */
  get array_gfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set array_gfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
}

/** struct evtchn_set_priority: FIFO only */
export class EvtchnSetPriority {
  static readonly C_NAME = 'struct evtchn_set_priority';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in */
  get port(): Port { return this.#memory.getUint32(this.#base + 0x0, true) as Port; }
  set port(value: Port) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: EVTCHN_FIFO_PRIORITY_* */
  get priority(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set priority(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct evtchn_op: the argument of event_channel_op_compat */
export class EvtchnOp {
  static readonly C_NAME = 'struct evtchn_op';
  static readonly SIZE = 0x1c;
  static readonly C_PATHS = { arg: 'u' };
  /** where the op's own struct lies */
  static readonly AT_u = 0x4;
  static readonly LENGTH_arg = 6;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: EVTCHNOP_* */
  get cmd(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set cmd(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32, 6 of them */
  arg(i: number): number { return this.#memory.getUint32(this.#base + 0x4 + i * 4, true); }
  set_arg(i: number, value: number) { this.#memory.setUint32(this.#base + 0x4 + i * 4, value, true); }
}

// The 2-level ABI's limit in 64-bit guests; 1024 in 32-bit ones.
export const EVTCHN_2L_NR_CHANNELS = 4096;

// FIFO ABI: priorities, then bits of an event word.
export const EVTCHN_FIFO_PRIORITY_MAX = 0;
export const EVTCHN_FIFO_PRIORITY_DEFAULT = 7;
export const EVTCHN_FIFO_PRIORITY_MIN = 15;
export const EVTCHN_FIFO_MAX_QUEUES = 16;
export const EVTCHN_FIFO_PENDING = 31;
export const EVTCHN_FIFO_MASKED = 30;
export const EVTCHN_FIFO_LINKED = 29;
export const EVTCHN_FIFO_BUSY = 28; // Xen rewrites the link
export const EVTCHN_FIFO_LINK_BITS = 17;
export const EVTCHN_FIFO_LINK_MASK = 0x1ffff;
export const EVTCHN_FIFO_NR_CHANNELS = 1 << 17;

/** struct evtchn_fifo_control_block: one a vCPU */
export class EvtchnFifoControlBlock {
  static readonly C_NAME = 'struct evtchn_fifo_control_block';
  static readonly SIZE = 0x48;
  static readonly LENGTH_head = 16;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: a bit a priority with events */
  get ready(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set ready(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get _rsvd(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set _rsvd(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32, 16 of them: first port of each priority's queue */
  head(i: number): number { return this.#memory.getUint32(this.#base + 0x8 + i * 4, true); }
  set_head(i: number, value: number) { this.#memory.setUint32(this.#base + 0x8 + i * 4, value, true); }
}
