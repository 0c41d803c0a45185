// public/elfnote.h — notes named "Xen" in a kernel's ELF file

export const XEN_ELFNOTE_INFO = 0; // of the old __xen_guest string
export const XEN_ELFNOTE_ENTRY = 1; // PV: virtual address of the first instruction
export const XEN_ELFNOTE_HYPERCALL_PAGE = 2; // virtual address of the page to fill
export const XEN_ELFNOTE_VIRT_BASE = 3; // virtual address of the first byte of memory
export const XEN_ELFNOTE_PADDR_OFFSET = 4; // what the ELF's paddr fields count from
export const XEN_ELFNOTE_XEN_VERSION = 5; // "xen-3.0"
export const XEN_ELFNOTE_GUEST_OS = 6; // string
export const XEN_ELFNOTE_GUEST_VERSION = 7; // string
export const XEN_ELFNOTE_LOADER = 8; // "generic"
export const XEN_ELFNOTE_PAE_MODE = 9; // "yes", "no" or "bimodal"
export const XEN_ELFNOTE_FEATURES = 10; // XENFEAT_* names joined by |, ! before what it must not have
export const XEN_ELFNOTE_BSD_SYMTAB = 11; // "yes": load the symbol table too
export const XEN_ELFNOTE_HV_START_LOW = 12; // lowest virtual address Xen may use
export const XEN_ELFNOTE_L1_MFN_VALID = 13; // pairs (mask, value) that tell a present PTE
export const XEN_ELFNOTE_SUSPEND_CANCEL = 14; // 1: copes with a suspend that comes back
export const XEN_ELFNOTE_INIT_P2M = 15; // where the initial P2M is to be mapped
export const XEN_ELFNOTE_MOD_START_PFN = 16; // 1: takes the module unmapped
export const XEN_ELFNOTE_SUPPORTED_FEATURES = 17; // a bit for each XENFEAT_*
export const XEN_ELFNOTE_PHYS32_ENTRY = 18; // PVH: physical address of the first instruction
export const XEN_ELFNOTE_MAX = 18;
export const XEN_ELFNOTE_CRASH_INFO = 0x1000001;
export const XEN_ELFNOTE_CRASH_REGS = 0x1000002;
export const XEN_ELFNOTE_DUMPCORE_NONE = 0x2000000;
export const XEN_ELFNOTE_DUMPCORE_HEADER = 0x2000001;
export const XEN_ELFNOTE_DUMPCORE_XEN_VERSION = 0x2000002;
export const XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION = 0x2000003;
