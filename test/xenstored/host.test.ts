import { deepEqual, equal, match } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { TestHost } from '../xl/testing/test-host.ts';
import { TEST_XENSTORE, whyNoStock, XENSTORE_CONTROL } from './testing/stock.ts';

/** Runs a stock program against a host's store, to its end. */
async function run(host: TestHost, program: string, ...parameters: readonly string[]) {
  const environment = { ...process.env, XENSTORED_PATH: '', XENSTORED_RUNDIR: join(host.folder, 'xenstored') };
  const { XENSTORED_PATH: _, ...env } = environment;
  const child = spawn(program, parameters, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  const [status] = await once(child, 'close');
  equal(status, 0, `${program} ${parameters.join(' ')}`);
  return output;
}

const missing = whyNoStock('xenstore-ls', XENSTORE_CONTROL, TEST_XENSTORE);

suite('stock programs and a running host', { skip: missing ?? false }, () => {
  test('see its domains, and a live update of the store in between is noticed by nobody', async () => {
    const host = await TestHost.start();
    try {
      const empty = await host.store();
      equal((await host.xl('create -q idle.cfg')).status, 0);
      const before = await run(host, 'xenstore-ls', '-f', '-p');
      match(before, /^\/local\/domain\/1\/name = "idle" +\(n0,r1\)$/m);

      await run(host, XENSTORE_CONTROL, 'live-update', '-F', 'xenstored');
      equal(await run(host, 'xenstore-ls', '-f', '-p'), before);
      await run(host, 'xenstore-write', '/local/domain/1/control/sysrq', 'h');
      await run(host, TEST_XENSTORE, '-i', '3');

      equal((await host.xl('destroy idle')).status, 0);
      // As with libxl, the folders of all domains stay.
      deepEqual(await host.store(), [...empty, '/libxl = ', '/vm = '].toSorted());
      await run(host, XENSTORE_CONTROL, 'check');
    } finally {
      await host.stop();
    }
  });
});
