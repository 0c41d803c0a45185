import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { wirePair } from './wire.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('what is sent arrives in order, never within send, and the end after all of it', async () => {
  const [one, other] = wirePair();
  const seen: (number | string)[] = [];
  other.onData((bytes) => seen.push(...bytes));
  other.onClose(() => seen.push('closed'));
  one.send(Uint8Array.of(1));
  one.send(Uint8Array.of(2));
  one.close();
  one.send(Uint8Array.of(3));
  deepEqual(seen, []);
  await turn();
  deepEqual(seen, [1, 2, 'closed']);
});

test('what a side that holds has not taken counts as unsent; once it is gone the sender hears of it', async () => {
  const [one, other] = wirePair();
  let drained = 0;
  let taken = 0;
  one.onDrain(() => drained++);
  other.onData((bytes) => {
    taken += bytes.length;
  });
  other.hold(true);
  one.send(new Uint8Array(100));
  await turn();
  deepEqual([one.unsent, taken, drained], [100, 0, 0]);
  other.hold(false);
  await turn();
  deepEqual([one.unsent, taken, drained], [0, 100, 1]);
});

test('a side that has closed gets nothing more', async () => {
  const [one, other] = wirePair();
  let got = 0;
  other.onData(() => got++);
  one.send(Uint8Array.of(1));
  other.close();
  await turn();
  equal(got, 0);
});
