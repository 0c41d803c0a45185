/** The memory of domains of a machine in this process: libxenforeignmemory. docs/scripting.md. */
import type { ForeignMemory } from '../../libs/foreignmemory/foreignmemory.ts';
import type { EmbeddedMachine } from './machine.ts';

export { type Domid, domid, type Gfn, gfn } from '../../abi/xen.ts';
export { HypercallError } from '../../libs/call/call.ts';
export type { ForeignMemory };

/** Opens it, as xenforeignmemory_open does. */
export function openForeignMemory(machine: Pick<EmbeddedMachine, 'dom0'>): ForeignMemory {
  return machine.dom0.foreignmemory;
}
