/** What of delivering events is the interpreter's: where a fault was, and the generated way for interrupts. */
import { MODE_CODE_64 } from '../mode.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import * as state from '../state.ts';
import type { Interrupt } from './instance.ts';
import * as record from './record.ts';

/** RIP of the instruction whose record stopped the run. */
export function setFaultingRip(registers: state.VcpuState, memory: MachineMemory, pc: number, mode: number): void {
  const place = memory.view.getUint16(pc + record.RECORD_PLACE, true);
  const rip = registers.u64(state.OFFSET_IP_BASE) + BigInt(place & 0xfff);
  registers.rip = (mode & MODE_CODE_64) !== 0 ? BigInt.asUintN(64, rip) : rip & 0xffffffffn;
}

/** Below are vectors that mean more than a handler: NMIs', for one. */
const FIRST_PLAIN_VECTOR = 16;

/** Delivers an external interrupt where that is no more than a frame on a stack; false where nothing was done. */
export function interruptPlainly(
  registers: state.VcpuState,
  interrupt: Interrupt | undefined,
  vector: number,
): boolean {
  if (interrupt === undefined || vector < FIRST_PLAIN_VECTOR) return false;
  registers.setU32(state.OFFSET_EVENT, vector + 1);
  if (interrupt(registers.base) !== 0) return true;
  registers.setU32(state.OFFSET_EVENT, 0);
  return false;
}
