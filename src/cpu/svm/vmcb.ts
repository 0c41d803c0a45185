/** The virtual machine control block and what #VMEXIT says in it (AMD APM vol. 2, appendix B and C). Offsets in bytes. */

// Control area. The bits of its first words are numbered as the exit codes of what they intercept.
export const INTERCEPT_WORDS = 0x000;
export const INTERCEPT_WORD_COUNT = 6;
export const IOPM_BASE_PA = 0x040;
export const MSRPM_BASE_PA = 0x048;
export const TSC_OFFSET = 0x050;
export const GUEST_ASID = 0x058;
/** u32: V_TPR, V_IRQ, V_INTR_PRIO, V_IGN_TPR, V_INTR_MASKING */
export const VINTR = 0x060;
export const V_INTR_VECTOR = 0x064;
export const INTERRUPT_SHADOW = 0x068;
export const EXITCODE = 0x070;
export const EXITINFO1 = 0x078;
export const EXITINFO2 = 0x080;
export const EXITINTINFO = 0x088;
export const NP_ENABLE = 0x090;
export const EVENTINJ = 0x0a8;
export const N_CR3 = 0x0b0;
export const NRIP = 0x0c8;
/** u8: how many bytes of the instruction follow; 0: none were fetched. */
export const FETCHED_BYTES = 0x0d0;

export const V_TPR = 0xff;
export const V_IRQ = 1 << 8;
export const V_INTR_PRIO_SHIFT = 16;
export const V_INTR_PRIO = 0xf << V_INTR_PRIO_SHIFT;
export const V_IGN_TPR = 1 << 20;
export const V_INTR_MASKING = 1 << 24;

// State save area. A segment is u16 selector, u16 attributes, u32 limit, u64 base.
export const SAVE_ES = 0x400;
export const SAVE_CS = 0x410;
export const SAVE_SS = 0x420;
export const SAVE_DS = 0x430;
export const SAVE_FS = 0x440;
export const SAVE_GS = 0x450;
export const SAVE_GDTR = 0x460;
export const SAVE_LDTR = 0x470;
export const SAVE_IDTR = 0x480;
export const SAVE_TR = 0x490;
export const SEGMENT_ATTRIBUTES = 2;
export const SEGMENT_LIMIT = 4;
export const SEGMENT_BASE = 8;
export const SAVE_CPL = 0x4cb;
export const SAVE_EFER = 0x4d0;
export const SAVE_CR4 = 0x548;
export const SAVE_CR3 = 0x550;
export const SAVE_CR0 = 0x558;
export const SAVE_DR7 = 0x560;
export const SAVE_DR6 = 0x568;
export const SAVE_RFLAGS = 0x570;
export const SAVE_RIP = 0x578;
export const SAVE_RSP = 0x5d8;
export const SAVE_RAX = 0x5f8;
export const SAVE_STAR = 0x600;
export const SAVE_LSTAR = 0x608;
export const SAVE_CSTAR = 0x610;
export const SAVE_SFMASK = 0x618;
export const SAVE_KERNEL_GS_BASE = 0x620;
export const SAVE_SYSENTER_CS = 0x628;
export const SAVE_SYSENTER_ESP = 0x630;
export const SAVE_SYSENTER_EIP = 0x638;
export const SAVE_CR2 = 0x640;
export const SAVE_G_PAT = 0x668;

// EVENTINJ and EXITINTINFO
export const EVENT_VECTOR = 0xff;
export const EVENT_TYPE_SHIFT = 8;
export const EVENT_TYPE_INTR = 0;
export const EVENT_TYPE_NMI = 2;
export const EVENT_TYPE_EXCEPTION = 3;
export const EVENT_TYPE_SOFTWARE = 4;
export const EVENT_EV = 1 << 11;
export const EVENT_V = 0x80000000;

// Exit codes
export const VMEXIT_CR0_READ = 0x00;
export const VMEXIT_CR0_WRITE = 0x10;
export const VMEXIT_DR0_READ = 0x20;
export const VMEXIT_DR0_WRITE = 0x30;
export const VMEXIT_EXCEPTION = 0x40;
export const VMEXIT_INTR = 0x60;
export const VMEXIT_NMI = 0x61;
export const VMEXIT_VINTR = 0x64;
export const VMEXIT_CR0_SEL_WRITE = 0x65;
export const VMEXIT_IDTR_READ = 0x66;
export const VMEXIT_GDTR_READ = 0x67;
export const VMEXIT_LDTR_READ = 0x68;
export const VMEXIT_TR_READ = 0x69;
export const VMEXIT_IDTR_WRITE = 0x6a;
export const VMEXIT_GDTR_WRITE = 0x6b;
export const VMEXIT_LDTR_WRITE = 0x6c;
export const VMEXIT_TR_WRITE = 0x6d;
export const VMEXIT_RDTSC = 0x6e;
export const VMEXIT_RDPMC = 0x6f;
export const VMEXIT_PUSHF = 0x70;
export const VMEXIT_POPF = 0x71;
export const VMEXIT_CPUID = 0x72;
export const VMEXIT_RSM = 0x73;
export const VMEXIT_IRET = 0x74;
export const VMEXIT_SWINT = 0x75;
export const VMEXIT_INVD = 0x76;
export const VMEXIT_PAUSE = 0x77;
export const VMEXIT_HLT = 0x78;
export const VMEXIT_INVLPG = 0x79;
export const VMEXIT_INVLPGA = 0x7a;
export const VMEXIT_IOIO = 0x7b;
export const VMEXIT_MSR = 0x7c;
export const VMEXIT_TASK_SWITCH = 0x7d;
export const VMEXIT_SHUTDOWN = 0x7f;
export const VMEXIT_VMRUN = 0x80;
export const VMEXIT_VMMCALL = 0x81;
export const VMEXIT_VMLOAD = 0x82;
export const VMEXIT_VMSAVE = 0x83;
export const VMEXIT_STGI = 0x84;
export const VMEXIT_CLGI = 0x85;
export const VMEXIT_SKINIT = 0x86;
export const VMEXIT_RDTSCP = 0x87;
export const VMEXIT_ICEBP = 0x88;
export const VMEXIT_WBINVD = 0x89;
export const VMEXIT_XSETBV = 0x8d;
export const VMEXIT_INVPCID = 0xa2;
export const VMEXIT_NPF = 0x400;
export const VMEXIT_INVALID = -1;

// EXITINFO1 of VMEXIT_NPF, beside the bits of a page fault's error code
export const NPF_FINAL_HI = 1 << 0; // bit 32: the guest's own physical address
export const NPF_TABLES_HI = 1 << 1; // bit 33: an address of one of its page tables
