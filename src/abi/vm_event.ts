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
  static readonly C_PATHS = { version: 'u.version', port: 'u.enable.port' };
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
  /** 0x8 uint32: out, XEN_VM_EVENT_ENABLE: where the domain answers requests */
  get port(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set port(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}

export const XEN_DOMCTL_MONITOR_OP_ENABLE = 0;
export const XEN_DOMCTL_MONITOR_OP_DISABLE = 1;
export const XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES = 2;
export const XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP = 3;
export const XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS = 4;

export const XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG = 0;
export const XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR = 1;
export const XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP = 2;
export const XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT = 3;
export const XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST = 4;
export const XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION = 5;
export const XEN_DOMCTL_MONITOR_EVENT_CPUID = 6;
export const XEN_DOMCTL_MONITOR_EVENT_INTERRUPT = 8;
export const XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS = 9;
export const XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED = 10;
export const XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT = 11;
export const XEN_DOMCTL_MONITOR_EVENT_VMEXIT = 12;

/** struct xen_domctl_monitor_op: which events of a domain are told, and how */
export class XenDomctlMonitorOp {
  static readonly C_NAME = 'struct xen_domctl_monitor_op';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = {
    cr_index: 'u.mov_to_cr.index',
    cr_sync: 'u.mov_to_cr.sync',
    cr_onchangeonly: 'u.mov_to_cr.onchangeonly',
    cr_pad1: 'u.mov_to_cr.pad1',
    cr_pad2: 'u.mov_to_cr.pad2',
    cr_bitmask: 'u.mov_to_cr.bitmask',
    msr: 'u.mov_to_msr.msr',
    msr_onchangeonly: 'u.mov_to_msr.onchangeonly',
    request_sync: 'u.guest_request.sync',
    request_allow_userspace: 'u.guest_request.allow_userspace',
    debug_sync: 'u.debug_exception.sync',
    vmexit_sync: 'u.vmexit.sync',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_MONITOR_OP_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_MONITOR_EVENT_*; out: which of them there are, a bit each */
  get event(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set event(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint8: VM_EVENT_X86_* */
  get cr_index(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set cr_index(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0x9 uint8: the vCPU waits for an answer */
  get cr_sync(): number { return this.#memory.getUint8(this.#base + 0x9); }
  set cr_sync(value: number) { this.#memory.setUint8(this.#base + 0x9, value); }
  /** 0xa uint8 */
  get cr_onchangeonly(): number { return this.#memory.getUint8(this.#base + 0xa); }
  set cr_onchangeonly(value: number) { this.#memory.setUint8(this.#base + 0xa, value); }
  /** 0xb uint8 */
  get cr_pad1(): number { return this.#memory.getUint8(this.#base + 0xb); }
  set cr_pad1(value: number) { this.#memory.setUint8(this.#base + 0xb, value); }
  /** 0xc uint32 */
  get cr_pad2(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set cr_pad2(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: bits whose change is no event */
  get cr_bitmask(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set cr_bitmask(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x8 uint32 */
  get msr(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set msr(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint8 */
  get msr_onchangeonly(): number { return this.#memory.getUint8(this.#base + 0xc); }
  set msr_onchangeonly(value: number) { this.#memory.setUint8(this.#base + 0xc, value); }
  /** 0x8 uint8 */
  get request_sync(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set request_sync(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0x9 uint8 */
  get request_allow_userspace(): number { return this.#memory.getUint8(this.#base + 0x9); }
  set request_allow_userspace(value: number) { this.#memory.setUint8(this.#base + 0x9, value); }
  /** 0x8 uint8 */
  get debug_sync(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set debug_sync(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0x8 uint8 */
  get vmexit_sync(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set vmexit_sync(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
}
