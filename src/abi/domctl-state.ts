// public/domctl.h — a domain's registers, memory and policy, for builders and migration
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { getUint53, setUint53 } from './accessors.ts';
import { HvmVmceVcpu } from './arch-x86/hvm/save.ts';
import type { Gfn } from './xen.ts';

/** struct xen_domctl_vcpucontext: a PV vCPU's registers */
export class XenDomctlVcpucontext {
  static readonly C_NAME = 'struct xen_domctl_vcpucontext';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: a vcpu_guest_context */
  get ctxt(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set ctxt(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get ctxtLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get ctxtHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

/** struct xen_domctl_ext_vcpucontext: a PV vCPU's compat and sysenter entries */
export class XenDomctlExtVcpucontext {
  static readonly C_NAME = 'struct xen_domctl_ext_vcpucontext';
  static readonly SIZE = 0x40;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get size(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set size(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get syscall32_callback_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set syscall32_callback_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get sysenter_callback_eip(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set sysenter_callback_eip(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint16 */
  get syscall32_callback_cs(): number { return this.#memory.getUint16(this.#base + 0x18, true); }
  set syscall32_callback_cs(value: number) { this.#memory.setUint16(this.#base + 0x18, value, true); }
  /** 0x1a uint16 */
  get sysenter_callback_cs(): number { return this.#memory.getUint16(this.#base + 0x1a, true); }
  set sysenter_callback_cs(value: number) { this.#memory.setUint16(this.#base + 0x1a, value, true); }
  /** 0x1c uint8 */
  get syscall32_disables_events(): number { return this.#memory.getUint8(this.#base + 0x1c); }
  set syscall32_disables_events(value: number) { this.#memory.setUint8(this.#base + 0x1c, value); }
  /** 0x1d uint8 */
  get sysenter_disables_events(): number { return this.#memory.getUint8(this.#base + 0x1d); }
  set sysenter_disables_events(value: number) { this.#memory.setUint8(this.#base + 0x1d, value); }
  /** 0x20 uint64 */
  get mcg_cap(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set mcg_cap(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  /** 0x20 struct */
  get vmce(): HvmVmceVcpu { return new HvmVmceVcpu(this.#memory, this.#base + 0x20); }
}

/** struct xen_domctl_vcpuextstate: a PV vCPU's XSAVE area */
export class XenDomctlVcpuextstate {
  static readonly C_NAME = 'struct xen_domctl_vcpuextstate';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get xfeature_mask(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set xfeature_mask(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: bytes */
  get size(): number { return getUint53(this.#memory, this.#base + 0x10); }
  set size(value: number) { setUint53(this.#memory, this.#base + 0x10, value); }
  /** 0x18 uint64 */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
}

/** struct xen_domctl_vcpu_msr: one MSR */
export class XenDomctlVcpuMsr {
  static readonly C_NAME = 'struct xen_domctl_vcpu_msr';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get index(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get reserved(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set reserved(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get value(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct xen_domctl_vcpu_msrs: a vCPU's MSRs */
export class XenDomctlVcpuMsrs {
  static readonly C_NAME = 'struct xen_domctl_vcpu_msrs';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vcpu(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vcpu(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get msr_count(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set msr_count(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: array of xen_domctl_vcpu_msr */
  get msrs(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set msrs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get msrsLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get msrsHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

/** struct xen_domctl_hvmcontext: all records of hvm/save.h */
export class XenDomctlHvmcontext {
  static readonly C_NAME = 'struct xen_domctl_hvmcontext';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: bytes; out: needed */
  get size(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set size(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x8 uint64: 0 asks for the size */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

/** struct xen_domctl_hvmcontext_partial: one record of hvm/save.h */
export class XenDomctlHvmcontextPartial {
  static readonly C_NAME = 'struct xen_domctl_hvmcontext_partial';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: HVM_SAVE_CODE_* */
  get type(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set type(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get instance(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set instance(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: bytes */
  get bufsz(): number { return getUint53(this.#memory, this.#base + 0x8); }
  set bufsz(value: number) { setUint53(this.#memory, this.#base + 0x8, value); }
  /** 0x10 uint64 */
  get buffer(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set buffer(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get bufferLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get bufferHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
}

/** struct xen_domctl_cpu_policy: the CPUID and MSR values a domain sees */
export class XenDomctlCpuPolicy {
  static readonly C_NAME = 'struct xen_domctl_cpu_policy';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: in: room; out: how many there are */
  get nr_leaves(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_leaves(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: in: room; out: how many there are */
  get nr_msrs(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_msrs(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: array of xen_cpuid_leaf */
  get leaves(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set leaves(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get leavesLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get leavesHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  /** 0x10 uint64: array of xen_msr_entry */
  get msrs(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set msrs(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get msrsLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get msrsHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint32: out: what was refused */
  get err_leaf(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set err_leaf(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32 */
  get err_subleaf(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set err_subleaf(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
  /** 0x20 uint32 */
  get err_msr(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  set err_msr(value: number) { this.#memory.setUint32(this.#base + 0x20, value, true); }
}

/** struct xen_domctl_tsc_info: how a domain's TSC runs */
export class XenDomctlTscInfo {
  static readonly C_NAME = 'struct xen_domctl_tsc_info';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: 0 default, 1 emulated, 2 native */
  get tsc_mode(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set tsc_mode(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get gtsc_khz(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set gtsc_khz(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: grows with each migration */
  get incarnation(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set incarnation(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64 */
  get elapsed_nsec(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set elapsed_nsec(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get elapsed_nsecLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set elapsed_nsecLo(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  get elapsed_nsecHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  set elapsed_nsecHi(value: number) { this.#memory.setUint32(this.#base + 0x14, value, true); }
}

// getpageframeinfo3: a frame's type, in the upper four bits of a 32-bit word.
export const XEN_DOMCTL_PFINFO_LTAB_SHIFT = 28;
export const XEN_DOMCTL_PFINFO_NOTAB = 0;
export const XEN_DOMCTL_PFINFO_L1TAB = 1 << 28;
export const XEN_DOMCTL_PFINFO_L2TAB = 1 << 29;
export const XEN_DOMCTL_PFINFO_L3TAB = 0x30000000;
export const XEN_DOMCTL_PFINFO_L4TAB = 1 << 30;
export const XEN_DOMCTL_PFINFO_LTABTYPE_MASK = 0x70000000;
export const XEN_DOMCTL_PFINFO_LPINTAB = 0x80000000;
export const XEN_DOMCTL_PFINFO_XTAB = 0xf0000000;
export const XEN_DOMCTL_PFINFO_XALLOC = 0xe0000000;
export const XEN_DOMCTL_PFINFO_BROKEN = 0xd0000000;
export const XEN_DOMCTL_PFINFO_LTAB_MASK = 0xf0000000;

/** struct xen_domctl_getpageframeinfo3: the types of frames */
export class XenDomctlGetpageframeinfo3 {
  static readonly C_NAME = 'struct xen_domctl_getpageframeinfo3';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get num(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set num(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint64: array of xen_pfn_t: frames in, frames and types out */
  get array(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set array(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  get arrayLo(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  get arrayHi(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
}

export const XEN_DOMCTL_SHADOW_OP_OFF = 0;
export const XEN_DOMCTL_SHADOW_OP_ENABLE = 32;
export const XEN_DOMCTL_SHADOW_OP_CLEAN = 11;
export const XEN_DOMCTL_SHADOW_OP_PEEK = 12;
export const XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION = 30;
export const XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION = 31;
export const XEN_DOMCTL_SHADOW_OP_ENABLE_TEST = 1;
export const XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY = 2;
export const XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT = 1 << 1;
export const XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY = 1 << 2;
export const XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE = 1 << 3;
export const XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL = 1 << 4;
export const XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL = 1 << 0;

/** struct xen_domctl_shadow_op_stats: of a log-dirty round */
export class XenDomctlShadowOpStats {
  static readonly C_NAME = 'struct xen_domctl_shadow_op_stats';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get fault_count(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set fault_count(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get dirty_count(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set dirty_count(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
}

/** struct xen_domctl_shadow_op: log-dirty mode and its bitmap */
export class XenDomctlShadowOp {
  static readonly C_NAME = 'struct xen_domctl_shadow_op';
  static readonly SIZE = 0x28;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: XEN_DOMCTL_SHADOW_OP_* */
  get op(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set op(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: XEN_DOMCTL_SHADOW_ENABLE_*, or LOGDIRTY_FINAL */
  get mode(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set mode(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: MiB for the p2m */
  get mb(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set mb(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get dirty_bitmap(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set dirty_bitmap(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get dirty_bitmapLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get dirty_bitmapHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint64: bits; out: filled */
  get pages(): number { return getUint53(this.#memory, this.#base + 0x18); }
  set pages(value: number) { setUint53(this.#memory, this.#base + 0x18, value); }
  /** 0x20 struct */
  get stats(): XenDomctlShadowOpStats { return new XenDomctlShadowOpStats(this.#memory, this.#base + 0x20); }
}

/** struct xen_domctl_hypercall_init: fills a hypercall page */
export class XenDomctlHypercallInit {
  static readonly C_NAME = 'struct xen_domctl_hypercall_init';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get gmfn(): Gfn { return getUint53(this.#memory, this.#base + 0x0) as Gfn; }
  set gmfn(value: Gfn) { setUint53(this.#memory, this.#base + 0x0, value); }
}

/** struct xen_domctl_vnuma: a domain's virtual NUMA */
export class XenDomctlVnuma {
  static readonly C_NAME = 'struct xen_domctl_vnuma';
  static readonly SIZE = 0x30;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get nr_vnodes(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set nr_vnodes(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get nr_vmemranges(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set nr_vmemranges(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get nr_vcpus(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set nr_vcpus(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64: array of uint */
  get vdistance(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set vdistance(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  get vdistanceLo(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  get vdistanceHi(): number { return this.#memory.getUint32(this.#base + 0x14, true); }
  /** 0x18 uint64: array of uint */
  get vcpu_to_vnode(): bigint { return this.#memory.getBigUint64(this.#base + 0x18, true); }
  set vcpu_to_vnode(value: bigint) { this.#memory.setBigUint64(this.#base + 0x18, value, true); }
  get vcpu_to_vnodeLo(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  get vcpu_to_vnodeHi(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  /** 0x20 uint64: array of uint */
  get vnode_to_pnode(): bigint { return this.#memory.getBigUint64(this.#base + 0x20, true); }
  set vnode_to_pnode(value: bigint) { this.#memory.setBigUint64(this.#base + 0x20, value, true); }
  get vnode_to_pnodeLo(): number { return this.#memory.getUint32(this.#base + 0x20, true); }
  get vnode_to_pnodeHi(): number { return this.#memory.getUint32(this.#base + 0x24, true); }
  /** 0x28 uint64: array of xen_vmemrange */
  get vmemrange(): bigint { return this.#memory.getBigUint64(this.#base + 0x28, true); }
  set vmemrange(value: bigint) { this.#memory.setBigUint64(this.#base + 0x28, value, true); }
  get vmemrangeLo(): number { return this.#memory.getUint32(this.#base + 0x28, true); }
  get vmemrangeHi(): number { return this.#memory.getUint32(this.#base + 0x2c, true); }
}
