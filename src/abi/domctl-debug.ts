// public/domctl.h — debuggers, and checks of Xen's own books
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

/** struct xen_domctl_set_access_required: whether mem access needs a listener */
export class XenDomctlSetAccessRequired {
  static readonly C_NAME = 'struct xen_domctl_set_access_required';
  static readonly SIZE = 0x1;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get access_required(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set access_required(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
}

/** struct xen_domctl_audit_p2m: what is wrong with a domain's p2m */
export class XenDomctlAuditP2m {
  static readonly C_NAME = 'struct xen_domctl_audit_p2m';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: frames of the domain that are nowhere */
  get orphans(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set orphans(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64: frames whose m2p entry leads to another frame */
  get m2p_bad(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set m2p_bad(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: p2m entries whose frame leads elsewhere */
  get p2m_bad(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set p2m_bad(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}

export const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF = 0;
export const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON = 1;

/** struct xen_domctl_debug_op: single steps of a vCPU */
export class XenDomctlDebugOp {
  static readonly C_NAME = 'struct xen_domctl_debug_op';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_DEBUG_OP_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_domctl_gdbsx_memio: a debugger reads or writes a guest's memory */
export class XenDomctlGdbsxMemio {
  static readonly C_NAME = 'struct xen_domctl_gdbsx_memio';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: top of other page tables, for PV */
  get pgd3val(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set pgd3val(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64: linear address in the guest */
  get gva(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set gva(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: the debugger's buffer */
  get uva(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set uva(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint32: bytes */
  get len(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set len(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint8: 1 writes to the guest */
  get gwr(): number { return this.#memory.getUint8(this.#base + 0x1c); }
  set gwr(value: number) { this.#memory.setUint8(this.#base + 0x1c, value); }
  /** 0x20 uint32: out: bytes that were not copied */
  get remain(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set remain(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
}

/** struct xen_domctl_gdbsx_pauseunp_vcpu */
export class XenDomctlGdbsxPauseunpVcpu {
  static readonly C_NAME = 'struct xen_domctl_gdbsx_pauseunp_vcpu';
  static readonly SIZE = 0x4;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
}

/** struct xen_domctl_gdbsx_domstatus: what stopped a domain */
export class XenDomctlGdbsxDomstatus {
  static readonly C_NAME = 'struct xen_domctl_gdbsx_domstatus';
  static readonly SIZE = 0xc;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint8 */
  get paused(): number { return this.#memory.getUint8(this.#base + 0x0); }
  set paused(value: number) { this.#memory.setUint8(this.#base + 0x0, value); }
  /** 0x4 uint32: a vCPU that met an event, or all ones */
  get vcpu_id(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set vcpu_id(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get vcpu_ev(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set vcpu_ev(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
}
