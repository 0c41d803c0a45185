import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { onEndSignal } from './signals.ts';

test('a signal that asks to end is told with its number, once for each', async () => {
  const heard: string[] = [];
  const stop = onEndSignal(({ name, number }) => heard.push(`${name} ${number}`));
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    const told = new Promise((resolve) => process.once(name, resolve));
    process.kill(process.pid, name);
    await told;
  }
  stop();
  deepEqual(heard, ['SIGHUP 1', 'SIGINT 2', 'SIGTERM 15']);
});

test('who has stopped listening leaves signals as they were', () => {
  const before = process.listenerCount('SIGTERM');
  onEndSignal(() => {})();
  equal(process.listenerCount('SIGTERM'), before);
});
