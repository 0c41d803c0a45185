/** Event channels of a machine in this process, as a process of dom0's has them: libxenevtchn. docs/scripting.md. */
import type { EventChannels } from '../../libs/evtchn/evtchn.ts';
import type { EmbeddedMachine } from './machine.ts';

export { type Domid, domid, type Port, port } from '../../abi/xen.ts';
export { HypercallError } from '../../libs/call/call.ts';
export type { EventChannels };

/** Opens them, as xenevtchn_open does: ports belong to who bound them, and others do not see them. */
export function openEvtchn(machine: Pick<EmbeddedMachine, 'dom0'>): EventChannels {
  return machine.dom0.openEvtchn();
}
