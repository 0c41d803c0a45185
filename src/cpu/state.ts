/**
 * The registers of one vCPU, as a block in machine memory that wasm code and TypeScript share.
 * Offsets are relative to the block. Names are the manual's.
 */

// General registers, in encoding order (SDM vol. 2A, table 3-1). 8 bytes each.
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
export const R8 = 8;
export const R9 = 9;
export const R10 = 10;
export const R11 = 11;
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

// Segment registers, in encoding order (Sreg field).
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
/** Not Sreg encodings: the two system segments kept in the same form. */
export const LDTR = 6;
export const TR = 7;

export const OFFSET_GPR = 0x000;
/** Always zero: the base of an address that has none. */
export const OFFSET_ZERO = 0x080;
/** AL, while XLAT forms its address. */
export const OFFSET_IMPLICIT_INDEX = 0x088;
export const OFFSET_RIP = 0x090;
/** Lazy flags; see flags.ts. */
export const OFFSET_FLAGS_RESULT = 0x098;
export const OFFSET_FLAGS_AUX = 0x0a0;
/** u32: the bits of RFLAGS that are not in the lazy pair: TF IF DF IOPL NT RF VM AC VIF VIP ID. */
export const OFFSET_RFLAGS_REST = 0x0a8;
/** u32: CPL, 0 to 3. */
export const OFFSET_CPL = 0x0ac;
/** u32: MODE_* of state.mode(): the width of code and what of it is cached. */
export const OFFSET_MODE = 0x0b0;
/** u32: address of the TLB in use (depends on CPL, AC and SMAP). */
export const OFFSET_TLB = 0x0b4;
/** i64: XORed into RIP to form a jump cache tag, so that modes, and users of different address spaces, share no entries. */
export const OFFSET_MODE_TAG = 0x0b8;
/** i64: RIP of the first byte of the page that is executed. */
export const OFFSET_IP_BASE = 0x0c0;
/** u32: record that faulted, 0 when the fetch itself did. */
export const OFFSET_PC = 0x0c8;
/** u32 pair: why wasm code stopped; see interpreter/engine. */
export const OFFSET_EVENT = 0x0d0;
export const OFFSET_EVENT_DATA = 0x0d4;
/** u32: nonzero when `run` must stop at the next block boundary. */
export const OFFSET_STOP = 0x0d8;
/** u32: WINDOW_* while somebody waits for an interrupt window, else 0; STI and its like then set OFFSET_STOP. */
export const OFFSET_WINDOW = 0x0cc;
/** The hypervisor waits. Generated code looks at bit 0, which is in both. */
export const WINDOW_REQUESTED = 3;
/** A virtual interrupt of guest mode waits. */
export const WINDOW_VIRTUAL = 5;
/** u64: RIP at which an interrupt shadow is in force (the instruction after STI, MOV SS), or NO_SHADOW. */
export const OFFSET_SHADOW_RIP = 0x0f8;
export const NO_SHADOW = 0x8000000000000000n;
/** i32: what was left of the budget when `run` returned. */
export const OFFSET_BUDGET = 0x0dc;
/** 16 bytes by which TypeScript hands values to wasm and back. */
export const OFFSET_SCRATCH = 0x0e0;
/** u64: linear address of the memory operand of a system instruction. */
export const OFFSET_OPERAND_ADDRESS = 0x0f0;

/** 8 segments of 24 bytes: u16 selector, u16 attributes (AR bytes, SDM 24.4.1), u32 limit in bytes, u64 base. */
export const OFFSET_SEGMENTS = 0x100;
export const SEGMENT_SIZE = 0x18;
export const SEGMENT_SELECTOR = 0x0;
export const SEGMENT_ATTRIBUTES = 0x2;
export const SEGMENT_LIMIT = 0x4;
export const SEGMENT_BASE = 0x8;
/** u64 base, u32 limit */
export const OFFSET_GDTR = 0x1c0;
export const OFFSET_IDTR = 0x1d0;

// Control registers and MSRs, u64 each.
export const OFFSET_CR0 = 0x1e0;
export const OFFSET_CR2 = 0x1e8;
export const OFFSET_CR3 = 0x1f0;
export const OFFSET_CR4 = 0x1f8;
export const OFFSET_EFER = 0x200;
export const OFFSET_XCR0 = 0x208;
export const OFFSET_STAR = 0x210;
export const OFFSET_LSTAR = 0x218;
export const OFFSET_CSTAR = 0x220;
export const OFFSET_SFMASK = 0x228;
export const OFFSET_KERNEL_GS_BASE = 0x230;
export const OFFSET_SYSENTER_CS = 0x238;
export const OFFSET_SYSENTER_ESP = 0x240;
export const OFFSET_SYSENTER_EIP = 0x248;
export const OFFSET_TSC_AUX = 0x250;
export const OFFSET_PAT = 0x258;
/** i64 added to the host's TSC. */
export const OFFSET_TSC_OFFSET = 0x260;
export const OFFSET_DEBUGCTL = 0x268;
/** DR0..DR7, u64 each */
export const OFFSET_DR = 0x280;
/** PDPTEs loaded by MOV to CR3 in PAE paging (SDM vol. 3A, 4.4.1), 4 x u64 */
export const OFFSET_PDPTE = 0x2c0;

/** 16 x 16 bytes */
export const OFFSET_XMM = 0x300;
export const OFFSET_MXCSR = 0x400;
/** 8 slots of 16 bytes, physical registers R0..R7; MM0..MM7 are their low 8 bytes. */
export const OFFSET_X87 = 0x410;
/** u16 FCW, FSW, FTW (abridged, 1 = not empty), FOP; u64 FIP, FDP; u16 FCS, FDS */
export const OFFSET_X87_CONTROL = 0x490;
/** 16 bytes each: operands and result of a vector operation that TypeScript computes (see system/vector-slow.ts). */
export const OFFSET_VECTOR_A = 0x4c0;
export const OFFSET_VECTOR_B = 0x4d0;
export const OFFSET_VECTOR_RESULT = 0x4e0;
/** u32: what the two words of lazy flags are; 0 wherever TypeScript or the interpreter looks. See region/lazy-flags.ts. */
export const OFFSET_FLAGS_KIND = 0x4f0;

/** u32: machine address of the PML4 where generated code may walk the tables by itself, else 0: see emit/tlb-refill.ts. */
export const OFFSET_WALK_ROOT = 0x500;
/** u32 and u64: where in the nested cache a guest frame is, and the tag of its entries (emit/nested-layout.ts). */
export const OFFSET_NESTED_BIAS = 0x504;
export const OFFSET_NESTED_KEY = 0x508;
/**
 * By TLB: of the RW and US bits of an entry, a mask and what is wanted under it, u8 each, for reads and for writes.
 */
export const OFFSET_WALK_RIGHTS = 0x510;
export const WALK_RIGHTS_SIZE = 8;
export const WALK_RIGHTS_READ = 0;
export const WALK_RIGHTS_WRITE = 2;
/** u32: 1 where global pages are respected. */
export const OFFSET_WALK_GLOBAL = 0x530;

/**
 * u64 each: the stamps of what is remembered of fetches in this address space, and in all (mmu/fetch-cache.ts), above
 * FETCH_STAMP_SHIFT bits, which are 0.
 */
export const OFFSET_FETCH_LOCAL = 0x538;
export const OFFSET_FETCH_GLOBAL = 0x540;
export const FETCH_STAMP_SHIFT = 23;
/** u32: the lower half of OFFSET_MODE_TAG at CPL 3 in this address space. */
export const OFFSET_USER_BIAS = 0x548;
/** u32: the same at other CPLs. Kernels of many domains have their code at the same addresses. */
export const OFFSET_KERNEL_BIAS = 0x550;
/** u32: 1 while NMIs wait for IRET. */
export const OFFSET_NMI_BLOCKED = 0x54c;

// What SVM adds (AMD APM vol. 2, chapter 15); all of it 0 where the guest has none.
/** u32: SVM_* */
export const OFFSET_SVM = 0x554;
/** A guest of the guest's runs: between VMRUN and #VMEXIT. */
export const SVM_GUEST_MODE = 1 << 0;
/** The global interrupt flag is clear: from #VMEXIT, or CLGI, to STGI. */
export const SVM_GIF_CLEAR = 1 << 1;
/** u32: exceptions that leave guest mode, a bit for each vector. */
export const OFFSET_EXCEPTION_EXITS = 0x558;
/** i64: what guest mode adds to the TSC. */
export const OFFSET_GUEST_TSC_OFFSET = 0x560;
export const OFFSET_VM_HSAVE_PA = 0x568;

// By what generated code tells the time-stamp counter without TypeScript, until so much was counted: system/tsc.ts.
/** u64: the host's counter where OFFSET_TSC_FROM was left of the budget. */
export const OFFSET_TSC_BASE = 0x570;
export const OFFSET_TSC_FROM = 0x578;
/** u32: so much, taken off the budget, it holds for; 0: it does not. */
export const OFFSET_TSC_WINDOW = 0x57c;
/** u32: ticks for each that is taken off, times TSC_RATE_ONE. */
export const OFFSET_TSC_RATE = 0x580;
export const TSC_RATE_ONE = 8;
/** u32: as how many instructions a reading counts beyond its own. */
export const OFFSET_TSC_READING = 0x584;

export const VCPU_STATE_SIZE = 0x600;

// RFLAGS (SDM vol. 1, 3.4.3)
export const FLAG_CF = 1 << 0;
export const FLAG_PF = 1 << 2;
export const FLAG_AF = 1 << 4;
export const FLAG_ZF = 1 << 6;
export const FLAG_SF = 1 << 7;
export const FLAG_TF = 1 << 8;
export const FLAG_IF = 1 << 9;
export const FLAG_DF = 1 << 10;
export const FLAG_OF = 1 << 11;
export const FLAG_IOPL = 3 << 12;
export const FLAG_NT = 1 << 14;
export const FLAG_RF = 1 << 16;
export const FLAG_VM = 1 << 17;
export const FLAG_AC = 1 << 18;
export const FLAG_VIF = 1 << 19;
export const FLAG_VIP = 1 << 20;
export const FLAG_ID = 1 << 21;
/** The six that arithmetic sets. */
export const FLAGS_STATUS = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

// Segment attributes as VMX holds them (SDM vol. 3C, table 24-2), shifted like a descriptor's bits 40..55.
export const ATTRIBUTE_TYPE = 0xf;
export const ATTRIBUTE_S = 1 << 4;
export const ATTRIBUTE_DPL = 3 << 5;
export const ATTRIBUTE_P = 1 << 7;
export const ATTRIBUTE_AVL = 1 << 12;
export const ATTRIBUTE_L = 1 << 13;
export const ATTRIBUTE_DB = 1 << 14;
export const ATTRIBUTE_G = 1 << 15;

// Control register bits the hypervisor and the processor share (SDM vol. 3A, 2.5)
export const CR0_PE = 1 << 0;
export const CR0_MP = 1 << 1;
export const CR0_EM = 1 << 2;
export const CR0_TS = 1 << 3;
export const CR0_ET = 1 << 4;
export const CR0_NE = 1 << 5;
export const CR0_WP = 1 << 16;
export const CR0_AM = 1 << 18;
export const CR0_NW = 1 << 29;
export const CR0_CD = 1 << 30;
export const CR0_PG = 0x80000000;
export const CR4_VME = 1 << 0;
export const CR4_PVI = 1 << 1;
export const CR4_TSD = 1 << 2;
export const CR4_DE = 1 << 3;
export const CR4_PSE = 1 << 4;
export const CR4_PAE = 1 << 5;
export const CR4_MCE = 1 << 6;
export const CR4_PGE = 1 << 7;
export const CR4_PCE = 1 << 8;
export const CR4_OSFXSR = 1 << 9;
export const CR4_OSXMMEXCPT = 1 << 10;
export const CR4_UMIP = 1 << 11;
export const CR4_FSGSBASE = 1 << 16;
export const CR4_PCIDE = 1 << 17;
export const CR4_OSXSAVE = 1 << 18;
export const CR4_SMEP = 1 << 20;
export const CR4_SMAP = 1 << 21;
export const EFER_SCE = 1 << 0;
export const EFER_LME = 1 << 8;
export const EFER_LMA = 1 << 10;
export const EFER_NXE = 1 << 11;
export const EFER_SVME = 1 << 12;
export const EFER_FFXSR = 1 << 14;

// Exceptions (SDM vol. 3A, table 6-1)
export const EXCEPTION_DE = 0;
export const EXCEPTION_DB = 1;
export const EXCEPTION_NMI = 2;
export const EXCEPTION_BP = 3;
export const EXCEPTION_OF = 4;
export const EXCEPTION_BR = 5;
export const EXCEPTION_UD = 6;
export const EXCEPTION_NM = 7;
export const EXCEPTION_DF = 8;
export const EXCEPTION_TS = 10;
export const EXCEPTION_NP = 11;
export const EXCEPTION_SS = 12;
export const EXCEPTION_GP = 13;
export const EXCEPTION_PF = 14;
export const EXCEPTION_MF = 16;
export const EXCEPTION_AC = 17;
export const EXCEPTION_MC = 18;
export const EXCEPTION_XM = 19;

/**
 * Registers by name, over the block that wasm code uses. 64-bit registers are read as halves (`…Lo`, `…Hi`)
 * or, where it is not hot, as bigint.
 */
export class VcpuState {
  readonly view: DataView;
  /** Address of the block in machine memory. */
  readonly base: number;

  constructor(memory: ArrayBufferLike, base: number) {
    this.view = new DataView(memory, base, VCPU_STATE_SIZE);
    this.base = base;
  }

  u16(offset: number): number {
    return this.view.getUint16(offset, true);
  }
  setU16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true);
  }
  u32(offset: number): number {
    return this.view.getUint32(offset, true);
  }
  setU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }
  u64(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }
  setU64(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, value, true);
  }
  setHalves(offset: number, lo: number, hi: number): void {
    this.view.setUint32(offset, lo, true);
    this.view.setUint32(offset + 4, hi, true);
  }

  gpr(index: number): bigint {
    return this.u64(OFFSET_GPR + index * 8);
  }
  setGpr(index: number, value: bigint): void {
    this.setU64(OFFSET_GPR + index * 8, value);
  }
  gprLo(index: number): number {
    return this.u32(OFFSET_GPR + index * 8);
  }
  gprHi(index: number): number {
    return this.u32(OFFSET_GPR + index * 8 + 4);
  }
  setGprHalves(index: number, lo: number, hi: number): void {
    this.setHalves(OFFSET_GPR + index * 8, lo, hi);
  }

  get rip(): bigint {
    return this.u64(OFFSET_RIP);
  }
  set rip(value: bigint) {
    this.setU64(OFFSET_RIP, value);
  }

  get cpl(): number {
    return this.u32(OFFSET_CPL);
  }

  /** EFER.LMA and CS.L: 64-bit code. */
  get is64Bit(): boolean {
    return (this.u32(OFFSET_EFER) & EFER_LMA) !== 0 && (this.segmentAttributes(CS) & ATTRIBUTE_L) !== 0;
  }

  segmentSelector(segment: number): number {
    return this.u16(OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_SELECTOR);
  }
  segmentAttributes(segment: number): number {
    return this.u16(OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_ATTRIBUTES);
  }
  segmentLimit(segment: number): number {
    return this.u32(OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_LIMIT);
  }
  segmentBase(segment: number): bigint {
    return this.u64(OFFSET_SEGMENTS + segment * SEGMENT_SIZE + SEGMENT_BASE);
  }
  /** Loads the hidden part as given; checks are the caller's. `limit` in bytes, already scaled by G. */
  setSegment(segment: number, selector: number, attributes: number, limit: number, base: bigint): void {
    const at = OFFSET_SEGMENTS + segment * SEGMENT_SIZE;
    this.setU16(at + SEGMENT_SELECTOR, selector);
    this.setU16(at + SEGMENT_ATTRIBUTES, attributes);
    this.setU32(at + SEGMENT_LIMIT, limit);
    this.setU64(at + SEGMENT_BASE, base);
  }
}
