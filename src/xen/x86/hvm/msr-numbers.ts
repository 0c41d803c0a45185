// Numbers and values of MSRs that more than one file speaks of (SDM vol. 4).

export const MSR_INTEL_PLATFORM_INFO = 0xce;
export const PLATFORM_INFO_CPUID_FAULTING = 0x80000000;
