/** UMIP (SDM vol. 3A, 2.5): SGDT, SIDT, SLDT, SMSW and STR tell user code nothing. */
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/** True after #GP(0). */
export function refuseUserMode(cpu: SystemCpu): boolean {
  if (cpu.cpl === 0 || (cpu.state.u32(state.OFFSET_CR4) & state.CR4_UMIP) === 0) return false;
  cpu.generalProtection();
  return true;
}
