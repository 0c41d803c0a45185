import type { HvmCpu, HvmSegment } from '../../libs/ctrl/ctrl.ts';

/** MTRRdefType: MTRRs enabled, everything write-back. */
export const MTRR_DEFAULT_WRITE_BACK = 0x806n;

/**
 * The boot processor at PHYS32_ENTRY, as docs/misc/pvh.pandoc asks for: 32-bit protected mode, paging off, flat
 * segments, a TSS, interrupts off, EBX at the start info. What is not named there is zero.
 */
export function bootProcessor(entry: number, startInfoGpa: number): HvmCpu {
  return {
    rax: 0,
    rbx: startInfoGpa,
    rcx: 0,
    rdx: 0,
    rbp: 0,
    rsi: 0,
    rdi: 0,
    rsp: 0,
    rip: entry,
    rflags: RFLAGS_RESERVED,
    cr0: CR0_PE | CR0_ET,
    cr3: 0,
    cr4: 0,
    dr6: DR6_DEFAULT,
    dr7: DR7_DEFAULT,
    cs: flat(CODE_READ_ACCESSED),
    ds: flat(DATA_WRITE_ACCESSED),
    es: flat(DATA_WRITE_ACCESSED),
    fs: UNUSABLE,
    gs: UNUSABLE,
    ss: flat(DATA_WRITE_ACCESSED),
    tr: { sel: 0, base: 0, limit: 0x67, arbytes: PRESENT | TSS32_BUSY },
    ldtr: UNUSABLE,
  };
}

const CR0_PE = 1 << 0;
const CR0_ET = 1 << 4;
/** Bit 1 of EFLAGS always reads as set. */
const RFLAGS_RESERVED = 1 << 1;
const DR6_DEFAULT = 0xffff0ff0;
const DR7_DEFAULT = 0x400;

// HvmSegment.arbytes
const PRESENT = 1 << 7;
const CODE_OR_DATA = 1 << 4;
const SIZE_32 = 1 << 10;
const GRANULARITY_4K = 1 << 11;
const CODE_READ_ACCESSED = 0xb;
const DATA_WRITE_ACCESSED = 0x3;
const TSS32_BUSY = 0xb;

/** Not present: loading from or through it faults. */
const UNUSABLE: HvmSegment = { sel: 0, base: 0, limit: 0, arbytes: 0 };

function flat(type: number): HvmSegment {
  return { sel: 0, base: 0, limit: 0xffffffff, arbytes: PRESENT | CODE_OR_DATA | SIZE_32 | GRANULARITY_4K | type };
}
