/** Where things are in an attacker's memory: guest-physical addresses, and the linear ones that lead there. */

/** Real-mode vectors are below. How many more exceptions are gone on from (u32). */
export const PATIENCE = 0x800;
/** Loop counters of 16-bit and 32-bit code, u32 each. */
export const COUNTERS = 0x900;

// Tables of 64-bit and PAE paging.
export const PML4 = 0x1000;
export const PDPT = 0x2000;
export const PD = 0x3000;
/** Of the first 2 MiB, page by page. */
export const PT = 0x4000;
/** Of other linear addresses, to frames in any order. */
export const PT_ALIAS = 0x5000;
/** Of the ends of the address space. */
export const PDPT_ENDS = 0x6000;
export const PD_ENDS = 0x7000;
export const PT_ENDS = 0x8000;
/** Another root, for MOV to CR3. */
export const PML4_OTHER = 0x9000;
// Tables of 32-bit paging.
export const DIRECTORY = 0xa000;
export const PT_32 = 0xb000;
export const FIRST_TABLE = PML4;
export const LAST_TABLE = PT_32;

export const GDT = 0xc000;
/** PDPTEs of PAE paging, 32 bytes. */
export const PDPTES = 0xc400;
export const TSS = 0xc800;
export const IDT = 0xd000;
/** 16 bytes a vector. */
export const HANDLERS = 0xe000;
/** Where they all go on. */
export const HANDLER = 0xf000;
export const IST_STACK = 0x12000;
export const KERNEL_STACK = 0x13000;

export const VMCB = 0x14000;
export const HOST_SAVE = 0x16000;
export const IOPM = 0x17000;
export const MSRPM = 0x1a000;
/** Four levels, a page each. */
export const NESTED_TABLES = 0x1c000;

export const CODE = 0x20000;
/** Of each vCPU; its guest's guest has the last two pages of it. */
export const CODE_SIZE = 0x8000;
export const INNER_CODE = 0x6000;
export const DATA = 0x40000;
export const STACK = 0x60000;
export const RAM_PAGES = 512;
/** Guest frames with memory where frame numbers take on another bit, or end. */
export const FAR_FRAMES = [0xfffff, 0x100000, 0x3ffff, 0x40000, 0x7ffffff, 0xfffffff, 0x10000000] as const;

/** Linear addresses at which 64-bit tables show the first 2 MiB. */
export const ALIASES = [0n, 0x400000n, 0x40000000n, 0xc0000000n, 0x100000000n] as const;
/** Of 2 MiB by PT_ALIAS: the last ones below 1 GiB and below 4 GiB among them. */
export const SCATTERED = [0x200000n, 0x3fe00000n, 0xffe00000n, 0xffff800000000000n, 0xffffffffffe00000n] as const;
/** 2 MiB by PT_ENDS. */
export const LOW_END = 0x7fffffe00000n;

// Selectors
export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const USER_CODE_32 = 0x1b;
export const USER_DATA = 0x23;
export const USER_CODE = 0x2b;
export const KERNEL_CODE_32 = 0x30;
export const TASK = 0x38;
export const SMALL_DATA = 0x48;
export const EXPAND_DOWN = 0x50;
export const KERNEL_CODE_16 = 0x58;
