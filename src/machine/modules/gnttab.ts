/** Memory that domains of a machine in this process have granted dom0: libxengnttab. docs/scripting.md. */
import type { GrantTables } from '../../libs/gnttab/gnttab.ts';
import type { EmbeddedMachine } from './machine.ts';

export { type Domid, domid, type GrantRef, grantRef } from '../../abi/xen.ts';
export { HypercallError } from '../../libs/call/call.ts';
export type { GrantTables };

/** Opens it, as xengnttab_open does. */
export function openGnttab(machine: Pick<EmbeddedMachine, 'dom0'>): GrantTables {
  return machine.dom0.gnttab;
}
