import type { MonitorHandler } from '../../../src/libs/ctrl/monitor-listener.ts';
import { StateCalls } from '../../../src/libs/ctrl/state-calls.ts';
import { SmallMachine } from './small-machine.ts';

/** What a kernel below is preceded by: it has set itself up when it is told to go. */
const GATE = `
main:
  cmp dword [go], 0
  je main
  jmp begin
align 4096
go:
  dd 0
align 4096
begin:
`;

/** A domain whose kernel is about to begin, and whoever listens to it. */
export function watched(source: string, handler: MonitorHandler) {
  const machine = new SmallMachine();
  const guest = machine.start(`${GATE}${source}`);
  machine.run(0.1);
  const listener = machine.listen(guest.domid, handler);
  const state = new StateCalls(machine.xen.dom0);
  const run = (ms = 0.2): void => {
    guest.write('go', 1);
    machine.run(ms);
  };
  return { machine, guest, listener, state, run, calls: listener.calls, domid: guest.domid };
}
