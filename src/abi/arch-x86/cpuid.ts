// public/arch-x86/cpuid.h — Xen's CPUID leaves

// The leaves start here, or at the next multiple of 0x100 where another interface (viridian) took the place.
export const XEN_CPUID_FIRST_LEAF = 0x40000000;
// Leaf 0: EAX = the highest leaf, EBX ECX EDX = "XenVMMXenVMM".
export const XEN_CPUID_SIGNATURE_EBX = 0x566e6558;
export const XEN_CPUID_SIGNATURE_ECX = 0x65584d4d;
export const XEN_CPUID_SIGNATURE_EDX = 0x4d4d566e;
// Leaf 1: EAX = version, major in the upper half.
// Leaf 2: EAX = hypercall pages, EBX = the MSR that fills one, ECX = these.
export const _XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 0;
export const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1 << 0;
// Leaf 3: time. Subleaf 0: EAX TSC flags, EBX mode, ECX kHz, EDX incarnation; 1: offset and scale; 2: host kHz.
// Leaf 4, HVM: EAX = these, EBX = vCPU id, ECX = domid.
export const XEN_HVM_CPUID_APIC_ACCESS_VIRT = 1 << 0; // APIC registers need no exit
export const XEN_HVM_CPUID_X2APIC_VIRT = 1 << 1; // x2APIC MSRs need no exit
export const XEN_HVM_CPUID_IOMMU_MAPPINGS = 1 << 2; // foreign and granted pages are in the IOMMU too
export const XEN_HVM_CPUID_VCPU_ID_PRESENT = 1 << 3; // EBX is valid
export const XEN_HVM_CPUID_DOMID_PRESENT = 1 << 4; // ECX is valid
export const XEN_HVM_CPUID_EXT_DEST_ID = 1 << 5; // MSI and IO-APIC destinations have 15 bits
export const XEN_HVM_CPUID_UPCALL_VECTOR = 1 << 6; // HVMOP_set_evtchn_upcall_vector vectors need no EOI workaround
// Leaf 5, PV: EAX bits 0-7 = machine address width.
export const XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK = 0xff;
export const XEN_CPUID_MAX_NUM_LEAVES = 5;
