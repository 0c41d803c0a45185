// public/vm_event.h, and public/domctl.h for what sets it up
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

export const VM_EVENT_INTERFACE_VERSION = 7;

export const XEN_VM_EVENT_ENABLE = 0;
export const XEN_VM_EVENT_DISABLE = 1;
export const XEN_VM_EVENT_RESUME = 2;
export const XEN_VM_EVENT_GET_VERSION = 3;

export const XEN_DOMCTL_VM_EVENT_OP_PAGING = 1;
export const XEN_DOMCTL_VM_EVENT_OP_MONITOR = 2;
export const XEN_DOMCTL_VM_EVENT_OP_SHARING = 3;

/** struct xen_domctl_vm_event_op: a ring on which somebody is told of what a domain does */
export class XenDomctlVmEventOp {
  static readonly C_NAME = 'struct xen_domctl_vm_event_op';
  static readonly SIZE = 0xc;
  static readonly C_PATHS = { version: 'u.version' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_VM_EVENT_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_VM_EVENT_OP_* */
  get mode(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set mode(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: out, XEN_VM_EVENT_GET_VERSION */
  get version(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const XEN_DOMCTL_MONITOR_OP_ENABLE = 0;
export const XEN_DOMCTL_MONITOR_OP_DISABLE = 1;
export const XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES = 2;

/** struct xen_domctl_monitor_op: which events of a domain are told */
export class XenDomctlMonitorOp {
  static readonly C_NAME = 'struct xen_domctl_monitor_op';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = { option: 'u' };
  static readonly LENGTH_option = 4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_MONITOR_OP_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_MONITOR_EVENT_*; out: which of them there are, a bit each */
  get event(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set event(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32[4]: how the event is told, in a way of its own for each */
  option(i: number): number { return this.#memory.getUint32(this.#base + 0x8 + i * 4, true); }
  set_option(i: number, value: number): void { this.#memory.setUint32(this.#base + 0x8 + i * 4, value, true); }
}
