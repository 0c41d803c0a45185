import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/**
 * The bytes from RIP on, as many as can be fetched and at most `most`: within CS's limit, and executable here.
 * What cannot be fetched raises nothing.
 */
export function codeBytes(cpu: SystemCpu, most: number): number[] {
  const { state: registers, mmu } = cpu;
  const cr2 = registers.u64(state.OFFSET_CR2);
  const bytes: number[] = [];
  for (let index = 0; index < most; index++) {
    const at = linearAt(registers, index);
    const machine = at === undefined ? -1 : mmu.translateFetch(at.lo, at.hi);
    if (machine < 0) break;
    bytes.push(cpu.machine.getUint8(machine));
  }
  registers.setU64(state.OFFSET_CR2, cr2);
  registers.setU32(state.OFFSET_EVENT, 0);
  return bytes;
}

/** Linear address of the byte at RIP + `index`; undefined outside of CS. */
function linearAt(registers: state.VcpuState, index: number): { lo: number; hi: number } | undefined {
  const offset = registers.u32(state.OFFSET_RIP) + index;
  if (registers.is64Bit) {
    const hi = (registers.u32(state.OFFSET_RIP + 4) + (offset > 0xffffffff ? 1 : 0)) >>> 0;
    return { lo: offset >>> 0, hi };
  }
  if (offset > registers.segmentLimit(state.CS)) return undefined;
  return { lo: (offset + Number(registers.segmentBase(state.CS))) >>> 0, hi: 0 };
}
