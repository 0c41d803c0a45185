/** tsc_mode and timer_mode of xl.cfg(5): what Xen is told of a domain's time, and xl list -l tells. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { domid, openCtrl } from '../../src/machine/modules/ctrl.ts';
import { type EmbeddedMachine, startMachine } from '../../src/machine/modules/machine.ts';

let machine: EmbeddedMachine;
before(async () => {
  machine = await startMachine({ memoryMiB: 32 });
});
after(async () => {
  await machine.stop();
});

const GUEST = { name: 'g', kernel: 'builtin:hello', memory: 8 };

for (const [word, mode] of [
  ['default', 0],
  ['always_emulate', 1],
  ['native', 2],
] as const) {
  test(`tsc_mode = "${word}" is mode ${mode} to Xen, and to the guest by CPUID`, async () => {
    const { toolstack } = machine;
    const guest = await toolstack.create({ ...GUEST, tsc_mode: word, timer_mode: 2 }, { paused: true });
    equal(openCtrl(machine).tools.domain_get_tsc_info(domid(guest.domid)), mode);
    const [, row] = JSON.parse(await toolstack.do('list', '-l')) as { config: { b_info: Record<string, unknown> } }[];
    const { tsc_mode: told, timer_mode: timers } = row?.config.b_info ?? {};
    deepEqual([told, timers], [mode === 0 ? undefined : word, 'no_missed_ticks_pending']);
    await guest.destroy();
  });
}
