/** Guest-physical memory as the processor reaches it for itself: control blocks, permission maps. */
import { NESTED_READ, NESTED_SCALE, NESTED_WRITE, type NestedPaging } from '../engine.ts';
import type { CodeWatch } from '../mmu/bus.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { PHYSICAL_BITS } from '../mmu/walk.ts';

const PAGE = 4096;
export const PHYSICAL_LIMIT = 2 ** PHYSICAL_BITS;

export class PhysicalMemory {
  readonly #memory: MachineMemory;
  readonly #nested: NestedPaging;
  readonly #code: CodeWatch;

  constructor(memory: MachineMemory, nested: NestedPaging, code: CodeWatch) {
    this.#memory = memory;
    this.#nested = nested;
    this.#code = code;
  }

  /** The page at an address; undefined where no memory is. To be written: what was decoded of it is forgotten. */
  page(gpa: number, isWrite: boolean): DataView | undefined {
    const machine = this.#machinePage(gpa, isWrite ? NESTED_WRITE : NESTED_READ);
    if (machine < 0) return undefined;
    if (isWrite && this.#code.holdsCode(machine / PAGE)) this.#code.written(machine, PAGE);
    return new DataView(this.#memory.buffer, machine, PAGE);
  }

  /** A byte; all ones where no memory is. */
  byte(gpa: number): number {
    const machine = this.#machinePage(gpa, NESTED_READ);
    return machine < 0 ? 0xff : (this.#memory.u8[machine + (gpa % PAGE)] as number);
  }

  #machinePage(gpa: number, intent: number): number {
    if (gpa >= PHYSICAL_LIMIT) return -1;
    const gfn = Math.floor(gpa / PAGE);
    const entry = this.#nested.lookupUnrestricted?.(gfn, intent) ?? this.#nested.lookup(gfn, intent);
    return (entry & intent) === 0 ? -1 : Math.floor(entry / NESTED_SCALE) * PAGE;
  }
}
