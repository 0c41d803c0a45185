import * as apic from './apic-registers.ts';

// Which registers x2APIC mode reads and writes as MSRs, and which of their bits exist (SDM vol. 3A, table 10-6).

/** LVT entries: mask and vector; the timer has a mode besides, the pins have delivery mode, polarity and trigger. */
const LVT_BITS = apic.APIC_LVT_MASKED | apic.APIC_VECTOR_MASK;
const LINT_BITS =
  LVT_BITS | apic.APIC_MODE_MASK | apic.APIC_INPUT_POLARITY | apic.APIC_LVT_REMOTE_IRR | apic.APIC_LVT_LEVEL_TRIGGER;

/** Bits of an LVT entry that can be written. */
export function lvtWritableBits(offset: number): number {
  switch (offset) {
    case apic.APIC_LVTT:
      return LVT_BITS | apic.APIC_TIMER_MODE_MASK;
    case apic.APIC_LVT0:
    case apic.APIC_LVT1:
      return LINT_BITS;
    case apic.APIC_LVTERR:
      return LVT_BITS;
    default:
      return LVT_BITS | apic.APIC_MODE_MASK;
  }
}

/** Whether RDMSR reads a register; others are #GP. */
export function isReadableInX2apic(offset: number): boolean {
  if (offset >= apic.APIC_ISR && offset < apic.APIC_ESR) return true;
  if (offset >= apic.APIC_LVTT && offset <= apic.APIC_LVTERR) return true;
  return READABLE.has(offset);
}

const READABLE: ReadonlySet<number> = new Set([
  apic.APIC_ID,
  apic.APIC_LVR,
  apic.APIC_TASKPRI,
  apic.APIC_PROCPRI,
  apic.APIC_LDR,
  apic.APIC_SPIV,
  apic.APIC_ESR,
  apic.APIC_CMCI,
  apic.APIC_ICR,
  apic.APIC_TMICT,
  apic.APIC_TMCCT,
  apic.APIC_TDCR,
]);

/** Bits of the low half that a WRMSR may set; undefined for a register that cannot be written. */
export function x2apicWritableBits(offset: number): number | undefined {
  switch (offset) {
    case apic.APIC_TASKPRI:
    case apic.APIC_SELF_IPI:
      return 0xff;
    case apic.APIC_EOI:
    case apic.APIC_ESR:
      return 0;
    case apic.APIC_SPIV:
      return apic.APIC_VECTOR_MASK | apic.APIC_SPIV_APIC_ENABLED | apic.APIC_SPIV_FOCUS_DISABLED;
    case apic.APIC_CMCI:
      return LVT_BITS | apic.APIC_SEND_PENDING | apic.APIC_MODE_MASK;
    case apic.APIC_ICR:
      return (
        apic.APIC_VECTOR_MASK |
        apic.APIC_MODE_MASK |
        apic.APIC_DEST_LOGICAL |
        apic.APIC_INT_ASSERT |
        apic.APIC_INT_LEVELTRIG |
        apic.APIC_SHORT_MASK
      );
    case apic.APIC_TMICT:
      return -1; // any
    case apic.APIC_TDCR:
      return 0xb;
    default:
      if (offset < apic.APIC_LVTT || offset > apic.APIC_LVTERR) return undefined;
      return lvtWritableBits(offset) | apic.APIC_SEND_PENDING;
  }
}
