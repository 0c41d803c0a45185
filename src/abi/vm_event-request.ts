// public/vm_event.h — what stands in the ring
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt } from './accessors.ts';
import { VmEventRegsX86 } from './vm_event-registers.ts';

export const VM_EVENT_FLAG_VCPU_PAUSED = 1 << 0; // request: the vCPU waits for the response; response: it goes on
export const VM_EVENT_FLAG_FOREIGN = 1 << 1;
export const VM_EVENT_FLAG_EMULATE = 1 << 2; // the instruction is done without the restriction it met
export const VM_EVENT_FLAG_EMULATE_NOWRITE = 1 << 3;
export const VM_EVENT_FLAG_TOGGLE_SINGLESTEP = 1 << 4;
export const VM_EVENT_FLAG_SET_EMUL_READ_DATA = 1 << 5;
export const VM_EVENT_FLAG_DENY = 1 << 6; // the register is not written
export const VM_EVENT_FLAG_ALTERNATE_P2M = 1 << 7;
export const VM_EVENT_FLAG_SET_REGISTERS = 1 << 8;
export const VM_EVENT_FLAG_SET_EMUL_INSN_DATA = 1 << 9;
export const VM_EVENT_FLAG_GET_NEXT_INTERRUPT = 1 << 10;
export const VM_EVENT_FLAG_FAST_SINGLESTEP = 1 << 11;
export const VM_EVENT_FLAG_NESTED_P2M = 1 << 12;
export const VM_EVENT_FLAG_RESET_VMTRACE = 1 << 13;

export const VM_EVENT_REASON_UNKNOWN = 0;
export const VM_EVENT_REASON_MEM_ACCESS = 1;
export const VM_EVENT_REASON_MEM_SHARING = 2;
export const VM_EVENT_REASON_MEM_PAGING = 3;
export const VM_EVENT_REASON_WRITE_CTRLREG = 4;
export const VM_EVENT_REASON_MOV_TO_MSR = 5;
export const VM_EVENT_REASON_SOFTWARE_BREAKPOINT = 6;
export const VM_EVENT_REASON_SINGLESTEP = 7;
export const VM_EVENT_REASON_GUEST_REQUEST = 8;
export const VM_EVENT_REASON_DEBUG_EXCEPTION = 9;
export const VM_EVENT_REASON_CPUID = 10;
export const VM_EVENT_REASON_INTERRUPT = 12;
export const VM_EVENT_REASON_DESCRIPTOR_ACCESS = 13;
export const VM_EVENT_REASON_EMUL_UNIMPLEMENTED = 14;
export const VM_EVENT_REASON_VMEXIT = 15;

export const VM_EVENT_X86_CR0 = 0;
export const VM_EVENT_X86_CR3 = 1;
export const VM_EVENT_X86_CR4 = 2;
export const VM_EVENT_X86_XCR0 = 3;

export const VM_EVENT_DESC_IDTR = 1;
export const VM_EVENT_DESC_GDTR = 2;
export const VM_EVENT_DESC_LDTR = 3;
export const VM_EVENT_DESC_TR = 4;

export const MEM_ACCESS_R = 1 << 0;
export const MEM_ACCESS_W = 1 << 1;
export const MEM_ACCESS_X = 1 << 2;
export const MEM_ACCESS_GLA_VALID = 1 << 3;
export const MEM_ACCESS_FAULT_WITH_GLA = 1 << 4;
export const MEM_ACCESS_FAULT_IN_GPT = 1 << 5;

/** struct vm_event_mem_access: an access that mem access does not allow */
export class VmEventMemAccess {
  static readonly C_NAME = 'struct vm_event_mem_access';
  static readonly SIZE = 0x20;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get gfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set gfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64: in the page */
  get offset(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set offset(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64: the linear address, with MEM_ACCESS_GLA_VALID */
  get gla(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set gla(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
  /** 0x18 uint32: MEM_ACCESS_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x18, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x18, value, true); }
  /** 0x1c uint32 */
  get _pad(): number { return this.#memory.getUint32(this.#base + 0x1c, true); }
  set _pad(value: number) { this.#memory.setUint32(this.#base + 0x1c, value, true); }
}

/** struct vm_event_write_ctrlreg: a control register is about to be written */
export class VmEventWriteCtrlreg {
  static readonly C_NAME = 'struct vm_event_write_ctrlreg';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: VM_EVENT_X86_* */
  get index(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set index(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get _pad(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set _pad(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64 */
  get new_value(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set new_value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get old_value(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set old_value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}

/** struct vm_event_mov_to_msr: an MSR is about to be written */
export class VmEventMovToMsr {
  static readonly C_NAME = 'struct vm_event_mov_to_msr';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get msr(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set msr(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get new_value(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set new_value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint64 */
  get old_value(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set old_value(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}

/** struct vm_event_singlestep: an instruction was executed */
export class VmEventSinglestep {
  static readonly C_NAME = 'struct vm_event_singlestep';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: of RIP */
  get gfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set gfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
}

/** struct vm_event_debug: INT3, or #DB */
export class VmEventDebug {
  static readonly C_NAME = 'struct vm_event_debug';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64: of RIP */
  get gfn(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set gfn(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64: bits of DR6 */
  get pending_dbg(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set pending_dbg(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint32 */
  get insn_length(): number { return this.#memory.getUint32(this.#base + 0x10, true); }
  set insn_length(value: number) { this.#memory.setUint32(this.#base + 0x10, value, true); }
  /** 0x14 uint8: X86_EVENTTYPE_* */
  get type(): number { return this.#memory.getUint8(this.#base + 0x14); }
  set type(value: number) { this.#memory.setUint8(this.#base + 0x14, value); }
  /** 0x15 3 bytes */
  get _pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x15, 3); }
}

/** struct vm_event_cpuid: CPUID, of which the registers hold the results */
export class VmEventCpuid {
  static readonly C_NAME = 'struct vm_event_cpuid';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get insn_length(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set insn_length(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get leaf(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set leaf(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get subleaf(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set subleaf(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get _pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set _pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
}

/** struct vm_event_desc_access: a descriptor table register is about to be read or written */
export class VmEventDescAccess {
  static readonly C_NAME = 'struct vm_event_desc_access';
  static readonly SIZE = 0x18;
  static readonly C_PATHS = {
    instr_info: 'arch.vmx.instr_info',
    _pad1: 'arch.vmx._pad1',
    exit_qualification: 'arch.vmx.exit_qualification',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: Intel only */
  get instr_info(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set instr_info(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32 */
  get _pad1(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set _pad1(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint64: Intel only */
  get exit_qualification(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set exit_qualification(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
  /** 0x10 uint8: VM_EVENT_DESC_* */
  get descriptor(): number { return this.#memory.getUint8(this.#base + 0x10); }
  set descriptor(value: number) { this.#memory.setUint8(this.#base + 0x10, value); }
  /** 0x11 uint8 */
  get is_write(): number { return this.#memory.getUint8(this.#base + 0x11); }
  set is_write(value: number) { this.#memory.setUint8(this.#base + 0x11, value); }
  /** 0x12 6 bytes */
  get _pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x12, 6); }
}

/** struct vm_event_interrupt_x86: an interrupt is about to be delivered */
export class VmEventInterruptX86 {
  static readonly C_NAME = 'struct vm_event_interrupt_x86';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get vector(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set vector(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: X86_EVENTTYPE_* */
  get type(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set type(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32 */
  get error_code(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set error_code(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get _pad(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set _pad(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64 */
  get cr2(): bigint { return this.#memory.getBigUint64(this.#base + 0x10, true); }
  set cr2(value: bigint) { this.#memory.setBigUint64(this.#base + 0x10, value, true); }
}

/** struct vm_event_vmexit: the vCPU left the guest */
export class VmEventVmexit {
  static readonly C_NAME = 'struct vm_event_vmexit';
  static readonly SIZE = 0x10;
  static readonly C_PATHS = { reason: 'arch.vmx.reason', qualification: 'arch.vmx.qualification' };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get reason(): bigint { return this.#memory.getBigUint64(this.#base + 0x0, true); }
  set reason(value: bigint) { this.#memory.setBigUint64(this.#base + 0x0, value, true); }
  /** 0x8 uint64 */
  get qualification(): bigint { return this.#memory.getBigUint64(this.#base + 0x8, true); }
  set qualification(value: bigint) { this.#memory.setBigUint64(this.#base + 0x8, value, true); }
}

/** struct vm_event_st: a request or a response */
export class VmEvent {
  static readonly C_NAME = 'struct vm_event_st';
  static readonly SIZE = 0x190;
  static readonly C_PATHS = {
    mem_access: 'u.mem_access',
    write_ctrlreg: 'u.write_ctrlreg',
    mov_to_msr: 'u.mov_to_msr',
    desc_access: 'u.desc_access',
    singlestep: 'u.singlestep',
    software_breakpoint: 'u.software_breakpoint',
    debug_exception: 'u.debug_exception',
    cpuid: 'u.cpuid',
    interrupt: 'u.interrupt.x86',
    vmexit: 'u.vmexit',
    regs: 'data.regs.x86',
    read: 'data.emul.read',
  };
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: VM_EVENT_INTERFACE_VERSION */
  get version(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set version(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint32: VM_EVENT_FLAG_* */
  get flags(): number { return this.#memory.getUint32(this.#base + 0x4, true); }
  set flags(value: number) { this.#memory.setUint32(this.#base + 0x4, value, true); }
  /** 0x8 uint32: VM_EVENT_REASON_* */
  get reason(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set reason(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get vcpu_id(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set vcpu_id(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint16 */
  get altp2m_idx(): number { return this.#memory.getUint16(this.#base + 0x10, true); }
  set altp2m_idx(value: number) { this.#memory.setUint16(this.#base + 0x10, value, true); }
  /** 0x12 6 bytes */
  get _pad(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x12, 6); }
  /** 0x18 struct */
  get mem_access(): VmEventMemAccess { return new VmEventMemAccess(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get write_ctrlreg(): VmEventWriteCtrlreg { return new VmEventWriteCtrlreg(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get mov_to_msr(): VmEventMovToMsr { return new VmEventMovToMsr(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get desc_access(): VmEventDescAccess { return new VmEventDescAccess(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get singlestep(): VmEventSinglestep { return new VmEventSinglestep(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get software_breakpoint(): VmEventDebug { return new VmEventDebug(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get debug_exception(): VmEventDebug { return new VmEventDebug(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get cpuid(): VmEventCpuid { return new VmEventCpuid(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get interrupt(): VmEventInterruptX86 { return new VmEventInterruptX86(this.#memory, this.#base + 0x18); }
  /** 0x18 struct */
  get vmexit(): VmEventVmexit { return new VmEventVmexit(this.#memory, this.#base + 0x18); }
  /** 0x38 struct */
  get regs(): VmEventRegsX86 { return new VmEventRegsX86(this.#memory, this.#base + 0x38); }
  /** 0x38 struct vm_event_emul_read_data: the first word is its size */
  get read(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x38, 344); }
}
