/** Task switches of a guest (APM vol. 2, 15.14.1). */
import { EVENT_REFUSED } from '../mmu/mmu.ts';
import { OFFSET_EVENT } from '../state.ts';
import type { SystemCpu } from '../system/system-cpu.ts';
import { VMEXIT_TASK_SWITCH } from './vmcb.ts';

// Bits of EXITINFO2
const BY_IRET = 1n << 36n;
const BY_JUMP = 1n << 38n;
/** The event that is being delivered has an error code, in bits 31:0. */
export const TASK_SWITCH_HAS_ERROR = 1n << 44n;

/** Whether the guest is left instead: once the instruction is undone. */
export function leavesForTaskSwitch(cpu: SystemCpu, selector: number, kind: 'jump' | 'call' | 'return'): boolean {
  if (!cpu.svm.intercepts(VMEXIT_TASK_SWITCH)) return false;
  const info2 = kind === 'return' ? BY_IRET : kind === 'jump' ? BY_JUMP : 0n;
  cpu.svm.pending = { code: VMEXIT_TASK_SWITCH, info1: BigInt(selector), info2 };
  cpu.state.setU32(OFFSET_EVENT, EVENT_REFUSED);
  return true;
}
