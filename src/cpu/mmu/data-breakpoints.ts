/** Data breakpoints: DR0 to DR3 with R/W 01 (writes) or 11 (reads and writes) (SDM vol. 3B, 17.2.4 and 17.2.5). */
import * as state from '../state.ts';

const OFFSET_DR7 = state.OFFSET_DR + 7 * 8;
/** Of DR7: which breakpoints are enabled. */
export const DR7_ENABLED = 0xff;
/** Bytes by the LEN field; 10 is 8 bytes. */
const LENGTHS = [1, 2, 8, 4] as const;

/** Any breakpoints are enabled: the processor goes step by step then, and accesses the slow way. */
export function breakpointsEnabled(registers: state.VcpuState): boolean {
  return (registers.u32(OFFSET_DR7) & DR7_ENABLED) !== 0;
}

/** Whether accesses must be looked at one by one. */
export function dataBreakpointsEnabled(registers: state.VcpuState): boolean {
  const dr7 = registers.u32(OFFSET_DR7);
  if ((dr7 & DR7_ENABLED) === 0) return false;
  for (let index = 0; index < 4; index++) {
    if (isEnabled(dr7, index) && watches(dr7, index, true)) return true;
  }
  return false;
}

/** The bits of DR6 for the breakpoints that an access touches. */
export function dataBreakpointHits(
  registers: state.VcpuState,
  lo: number,
  hi: number,
  bytes: number,
  isWrite: boolean,
): number {
  const dr7 = registers.u32(OFFSET_DR7);
  let hits = 0;
  for (let index = 0; index < 4; index++) {
    if (!isEnabled(dr7, index) || !watches(dr7, index, isWrite)) continue;
    const at = state.OFFSET_DR + index * 8;
    const length = LENGTHS[(dr7 >>> (18 + index * 4)) & 3] as number;
    const first = (registers.u32(at) & -length) >>> 0;
    const isNear = registers.u32(at + 4) === hi >>> 0;
    if (isNear && first < (lo >>> 0) + bytes && lo >>> 0 < first + length) hits |= 1 << index;
  }
  return hits;
}

function isEnabled(dr7: number, index: number): boolean {
  return ((dr7 >>> (index * 2)) & 3) !== 0;
}

function watches(dr7: number, index: number, isWrite: boolean): boolean {
  const kind = (dr7 >>> (16 + index * 4)) & 3;
  return kind === 3 || (kind === 1 && isWrite);
}
