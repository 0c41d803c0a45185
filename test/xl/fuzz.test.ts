import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../src/dom0/xl/commands/table.ts';
import { RunningCommand, TestHost } from './testing/test-host.ts';

/** Words that are something to some command, and nothing to most. */
const WORDS = [
  ...['idle', '0', '1', '32768', '65535', '4294967296', '99999999999', '-1', 'all', '-', '^0', 'Pool-0', 'nmi', 'h'],
  ...['1m', '0x10', '1e9', 'idle.cfg', 'nofile', '/dev/null', '../..', 'a=1', 'name="z"', 'memory=-1', 'type="pvh"'],
  ...['-a', '-v', '-l', '-d', '-p', '-s', '-c', '-n', '-r', '--json', '--count=1', '--for', 'console:x', '"', '['],
  ...['\0', '9'.repeat(300)],
];
/** They go on until they are interrupted, or end the host. */
const ENDLESS = ['host', 'events', 'trace', 'top', 'wait', 'console', 'logs', 'shutdown', 'reboot', 'suspend'];

test('whatever is typed is answered: no word of a command is an internal error', async () => {
  const host = await TestHost.start(32);
  // A linear congruential generator: the same words each time.
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const commands = COMMANDS.filter(({ name }) => !ENDLESS.includes(name));
  for (let run = 0; run < 500; run++) {
    const name = commands[random(commands.length)]?.name ?? '';
    const words = Array.from({ length: random(5) }, () => WORDS[random(WORDS.length)] ?? '');
    // A create that shows its console would stay.
    const argv = [name, ...words.filter((word) => name !== 'create' || word !== '-c')];
    const { status, err } = await new RunningCommand(host.connect(), argv, host.folder, false).answer;
    // 255 is what xl's Flask commands exit with where there is no Flask.
    ok(
      [0, 1, 2, 255].includes(status) && !err.includes('internal error'),
      `${JSON.stringify(argv)}: ${status}: ${err}`,
    );
  }
  equal(await host.stop(), 0);
});
