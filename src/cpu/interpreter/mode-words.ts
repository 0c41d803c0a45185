/** What generated code finds in the state about the mode that it runs in. */
import type { Mmu } from '../mmu/mmu.ts';
import { modeOf } from '../mode.ts';
import * as state from '../state.ts';

/** Derives them from the registers; returns the mode. */
export function storeModeWords(registers: state.VcpuState, mmu: Mmu): number {
  const mode = modeOf(registers);
  registers.setU32(state.OFFSET_MODE, mode);
  registers.setU32(state.OFFSET_TLB, mmu.currentTlb());
  // The mode and CPL go where canonical RIPs have copies of bit 47: modes never share a tag.
  const { cpl } = registers;
  const bias = registers.u32(cpl === 3 ? state.OFFSET_USER_BIAS : state.OFFSET_KERNEL_BIAS);
  registers.setHalves(state.OFFSET_MODE_TAG, bias, ((mode | (cpl << 11)) << 16) >>> 0);
  return mode;
}
