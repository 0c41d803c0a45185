// TLFS, appendix "Hypervisor Synthetic MSRs", as Xen's hyperv-tlfs.h spells them

export const HV_X64_MSR_FIRST = 0x40000000;
/** Up to here they are Hyper-V's; Xen's own come after. */
export const HV_X64_MSR_END = 0x40000200;

export const HV_X64_MSR_GUEST_OS_ID = 0x40000000; // RW
export const HV_X64_MSR_HYPERCALL = 0x40000001; // RW
export const HV_X64_MSR_VP_INDEX = 0x40000002; // RO
export const HV_X64_MSR_TIME_REF_COUNT = 0x40000020; // RO, in 100 ns
export const HV_X64_MSR_REFERENCE_TSC = 0x40000021; // RW
export const HV_X64_MSR_TSC_FREQUENCY = 0x40000022; // RO, in Hz
export const HV_X64_MSR_APIC_FREQUENCY = 0x40000023; // RO, in Hz
export const HV_X64_MSR_EOI = 0x40000070; // WO
export const HV_X64_MSR_ICR = 0x40000071; // RW
export const HV_X64_MSR_TPR = 0x40000072; // RW
export const HV_X64_MSR_VP_ASSIST_PAGE = 0x40000073; // RW
export const HV_X64_MSR_SCONTROL = 0x40000080; // RW
export const HV_X64_MSR_SVERSION = 0x40000081; // RO
export const HV_X64_MSR_SIEFP = 0x40000082; // RW
export const HV_X64_MSR_SIMP = 0x40000083; // RW
export const HV_X64_MSR_EOM = 0x40000084; // WO
export const HV_X64_MSR_SINT0 = 0x40000090; // RW
export const HV_X64_MSR_SINT15 = 0x4000009f; // RW
export const HV_X64_MSR_STIMER0_CONFIG = 0x400000b0; // RW
export const HV_X64_MSR_STIMER3_COUNT = 0x400000b7; // RW
export const HV_X64_MSR_CRASH_P0 = 0x40000100; // RW
export const HV_X64_MSR_CRASH_P4 = 0x40000104; // RW
export const HV_X64_MSR_CRASH_CTL = 0x40000105; // RW
