/** #AC: misaligned accesses of users, where CR0.AM and RFLAGS.AC ask for it (SDM vol. 3A, 6.15). */
import * as state from '../state.ts';

export function checksAlignment(cpu: state.VcpuState): boolean {
  const ac = (cpu.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_AC) !== 0;
  return ac && cpu.cpl === 3 && (cpu.u32(state.OFFSET_CR0) & state.CR0_AM) !== 0;
}
