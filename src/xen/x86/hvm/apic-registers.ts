// The local APIC's registers: Intel SDM vol. 3A, ch. 10 (chapter 11 in newer editions), table 10-1. Offsets in the
// MMIO page; x2APIC MSR = MSR_X2APIC_FIRST + (offset >> 4).

export const APIC_ID = 0x020; // Local APIC ID                 RO
export const APIC_LVR = 0x030; // Version                       RO
export const APIC_TASKPRI = 0x080; // Task priority                 RW
export const APIC_ARBPRI = 0x090; // Arbitration priority          RO
export const APIC_PROCPRI = 0x0a0; // Processor priority            RO
export const APIC_EOI = 0x0b0; // End of interrupt              WO
export const APIC_RRR = 0x0c0; // Remote read                   RO
export const APIC_LDR = 0x0d0; // Logical destination           RW
export const APIC_DFR = 0x0e0; // Destination format            RW
export const APIC_SPIV = 0x0f0; // Spurious interrupt vector     RW
export const APIC_ISR = 0x100; // In-service, 8 registers       RO
export const APIC_TMR = 0x180; // Trigger mode, 8 registers     RO
export const APIC_IRR = 0x200; // Interrupt request, 8          RO
export const APIC_ESR = 0x280; // Error status                  RW
export const APIC_CMCI = 0x2f0; // LVT corrected machine check   RW
export const APIC_ICR = 0x300; // Interrupt command, low        RW
export const APIC_ICR2 = 0x310; // Interrupt command, high       RW
export const APIC_LVTT = 0x320; // LVT timer                     RW
export const APIC_LVTTHMR = 0x330; // LVT thermal                   RW
export const APIC_LVTPC = 0x340; // LVT performance counters      RW
export const APIC_LVT0 = 0x350; // LVT LINT0                     RW
export const APIC_LVT1 = 0x360; // LVT LINT1                     RW
export const APIC_LVTERR = 0x370; // LVT error                     RW
export const APIC_TMICT = 0x380; // Timer initial count           RW
export const APIC_TMCCT = 0x390; // Timer current count           RO
export const APIC_TDCR = 0x3e0; // Timer divide configuration    RW
export const APIC_SELF_IPI = 0x3f0; // x2APIC only                   WO

export const APIC_VECTOR_MASK = 0xff;

// Spurious interrupt vector register
export const APIC_SPIV_APIC_ENABLED = 1 << 8;
export const APIC_SPIV_FOCUS_DISABLED = 1 << 9;

// Interrupt command register
export const APIC_MODE_MASK = 7 << 8;
export const APIC_DM_FIXED = 0 << 8;
export const APIC_DM_LOWEST = 1 << 8;
export const APIC_DM_SMI = 2 << 8;
export const APIC_DM_REMRD = 3 << 8;
export const APIC_DM_NMI = 4 << 8;
export const APIC_DM_INIT = 5 << 8;
export const APIC_DM_STARTUP = 6 << 8;
export const APIC_DEST_LOGICAL = 1 << 11;
export const APIC_SEND_PENDING = 1 << 12;
export const APIC_INT_ASSERT = 1 << 14;
export const APIC_INT_LEVELTRIG = 1 << 15;
export const APIC_SHORT_MASK = 3 << 18;
export const APIC_DEST_NOSHORT = 0 << 18;
export const APIC_DEST_SELF = 1 << 18;
export const APIC_DEST_ALLINC = 2 << 18;
export const APIC_DEST_ALLBUT = 3 << 18;

// Local vector table
export const APIC_INPUT_POLARITY = 1 << 13;
export const APIC_LVT_REMOTE_IRR = 1 << 14;
export const APIC_LVT_LEVEL_TRIGGER = 1 << 15;
export const APIC_LVT_MASKED = 1 << 16;
export const APIC_TIMER_MODE_MASK = 3 << 17;
export const APIC_TIMER_MODE_ONESHOT = 0 << 17;
export const APIC_TIMER_MODE_PERIODIC = 1 << 17;
export const APIC_TIMER_MODE_TSC_DEADLINE = 2 << 17;

// Error status register
export const APIC_ESR_SENDILL = 1 << 5;
export const APIC_ESR_RECVILL = 1 << 6;

export const APIC_DFR_FLAT = 0xffffffff;
export const APIC_DFR_CLUSTER = 0x0fffffff;

// IA32_APIC_BASE
export const APIC_BASE_BSP = 1 << 8;
export const APIC_BASE_EXTD = 1 << 10;
export const APIC_BASE_ENABLE = 1 << 11;
export const APIC_DEFAULT_PHYS_BASE = 0xfee00000;

export const MSR_X2APIC_FIRST = 0x800;
export const MSR_X2APIC_LAST = 0x8ff;
