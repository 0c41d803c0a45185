/** The registers of a processor, for whoever holds it from outside: no watcher is asked. */
import type { OutsideAccess } from '../engine.ts';
import { setControl } from './control-registers.ts';
import { readMsr, writeMsr } from './msr.ts';
import type { SystemCpu } from './system-cpu.ts';

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
}
