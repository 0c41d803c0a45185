/** The registers of a processor, for whoever holds it from outside: no watcher is asked. */
import type { OutsideAccess } from '../engine.ts';
import { ACCESS_EXECUTE, WALK_OK } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { setControl } from './control-registers.ts';
import { readMsr, writeMsr } from './msr.ts';
import type { SystemCpu } from './system-cpu.ts';

const CS_BASE = state.OFFSET_SEGMENTS + state.CS * state.SEGMENT_SIZE + state.SEGMENT_BASE;

export class ProcessorAccess implements OutsideAccess {
  readonly #cpu: SystemCpu;

  constructor(cpu: SystemCpu) {
    this.#cpu = cpu;
  }

  writeControl(register: 'cr0' | 'cr3' | 'cr4', lo: number, hi: number): boolean {
    return setControl(this.#cpu, register, lo, hi);
  }

  writeMsr(index: number, lo: number, hi: number): boolean {
    return writeMsr(this.#cpu, index, lo, hi);
  }

  readMsr(index: number, out: Uint32Array): boolean {
    return readMsr(this.#cpu, index, out);
  }

  physicalAddressOfRip(): number {
    const { state: registers, mmu } = this.#cpu;
    const base = registers.is64Bit ? 0 : registers.u32(CS_BASE);
    const lo = (registers.u32(state.OFFSET_RIP) + base) >>> 0;
    const hi = registers.is64Bit ? registers.u32(state.OFFSET_RIP + 4) : 0;
    const privilege = mmu.currentPrivilege();
    const result = mmu.unrestricted(() => mmu.walker.translate(lo, hi, ACCESS_EXECUTE, privilege));
    return result === WALK_OK ? mmu.walker.gpa : -1;
  }
}
