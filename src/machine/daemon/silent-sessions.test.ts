import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { SilentSessions } from './silent-sessions.ts';

test('the oldest that has asked for nothing makes room; those that ask stay', () => {
  const silent = new SilentSessions();
  const closed: string[] = [];
  const session = (name: string, isSilent: boolean) => ({ isSilent, close: () => closed.push(name) });
  for (const each of [session('a', false), session('b', true), session('c', true)]) silent.add(each);
  deepEqual([silent.endOldest(), silent.endOldest()], [true, true]);
  equal(silent.endOldest(), false);
  deepEqual(closed, ['b', 'c']);
});
