import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, transcript } from './testing/transcript.ts';

// docs/misc/xenstore.txt, "Transactions"; what conflicts is the C daemon's rule (xenstored_transaction.c)

transcript('what a transaction writes is its own until it commits', [
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'WRITE@1 /a/b|x', 'OK'],
  ['dom0', 'READ@1 /a/b|', 'x'],
  ['dom0', 'DIRECTORY@1 /a|', 'b|'],
  ['dom0', 'READ /a/b|', 'ENOENT'],
  ['dom0', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'READ /a/b|', 'x'],
  ['dom0', 'TRANSACTION_END@1 T|', 'ENOENT'],
]);

transcript('an aborted transaction leaves nothing behind', [
  ['dom0', 'WRITE /a|x', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'RM@1 /a|', 'OK'],
  ['dom0', 'WRITE@1 /b|y', 'OK'],
  ['dom0', 'TRANSACTION_END@1 F|', 'OK'],
  ['dom0', 'DIRECTORY /|', 'tool|a|'],
  ['dom0', 'CONTROL check|', 'OK'],
]);

transcript('what was read and changed by others since makes the commit fail', [
  ['dom0', 'WRITE /a|a', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'READ@1 /a|', 'a'],
  ['dom0', 'WRITE /a|b', 'OK'],
  ['dom0', 'READ@1 /a|', 'a'],
  ['dom0', 'WRITE@1 /a|c', 'OK'],
  ['dom0', 'READ@1 /a|', 'c'],
  ['dom0', 'TRANSACTION_END@1 T|', 'EAGAIN'],
  ['dom0', 'READ /a|', 'b'],
]);

transcript('so does a node that was not there and now is, and one that was and is not', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'TRANSACTION_START |', '2|'],
  ['dom0', 'READ@1 /b|', 'ENOENT'],
  ['dom0', 'READ@2 /a|', ''],
  ['dom0', 'WRITE /b|', 'OK'],
  ['dom0', 'RM /a|', 'OK'],
  ['dom0', 'TRANSACTION_END@1 T|', 'EAGAIN'],
  ['dom0', 'TRANSACTION_END@2 T|', 'EAGAIN'],
]);

transcript('changes elsewhere do not conflict, nor does what was changed before the first look at it', [
  ['dom0', 'WRITE /a|a', 'OK'],
  ['dom0', 'WRITE /b|b', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'WRITE /a|A', 'OK'],
  ['dom0', 'READ@1 /a|', 'A'],
  ['dom0', 'WRITE /b|B', 'OK'],
  ['dom0', 'WRITE@1 /a|1', 'OK'],
  ['dom0', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'READ /a|', '1'],
  ['dom0', 'READ /b|', 'B'],
]);

transcript('of two transactions that read what the other wrote, the second to commit fails', [
  ['dom0', 'WRITE /a|', 'OK'],
  ['dom0', 'WRITE /b|', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'TRANSACTION_START |', '2|'],
  ['dom0', 'READ@1 /a|', ''],
  ['dom0', 'READ@2 /b|', ''],
  ['dom0', 'WRITE@1 /b|1', 'OK'],
  ['dom0', 'WRITE@2 /a|2', 'OK'],
  ['dom0', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'TRANSACTION_END@2 T|', 'EAGAIN'],
  ['dom0', 'READ /a|', ''],
  ['dom0', 'READ /b|', '1'],
]);

transcript('watches fire on the commit, not before, in the order of the first access', [
  ['dom0', 'WRITE /a/b|', 'OK'],
  ['dom0', 'WRITE /c|', 'OK'],
  ['dom0', 'WATCH /|tok|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/|tok|'],
  ['dom0', 'WATCH /a/b|child|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a/b|child|'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'READ@1 /c|', ''],
  ['dom0', 'RM@1 /a|', 'OK'],
  ['dom0', 'WRITE@1 /c|1', 'OK'],
  ['dom0', 'WRITE@1 /c|2', 'OK'],
  ['dom0', 'READ /c|', ''],
  ['dom0', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/c|tok|'],
  ['dom0', 'WATCH_EVENT', '/a|tok|'],
  ['dom0', 'WATCH_EVENT', '/a/b|child|'],
]);

transcript('a node made and removed within a transaction was never there', [
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'WRITE@1 /a/b|x', 'OK'],
  ['dom0', 'RM@1 /a|', 'OK'],
  ['dom0', 'READ@1 /a/b|', 'ENOENT'],
  ['dom0', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'DIRECTORY /|', 'tool|'],
]);

transcript('a transaction does not start in a transaction, and an unknown one is ENOENT', [
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'TRANSACTION_START@1 |', 'EBUSY'],
  ['dom0', 'READ@7 /tool|', 'ENOENT'],
  ['dom1', 'READ@1 /tool|', 'ENOENT'],
  ['dom0', 'TRANSACTION_END T|', 'ENOENT'],
  ['dom0', 'TRANSACTION_END@1 X|', 'EINVAL'],
  ['dom0', 'WATCH@7 /a|tok|', 'OK'],
  ['dom0', 'WATCH_EVENT', '/a|tok|'],
]);

transcript('who may not read what a transaction read, gets no error of it that tells more', [
  ['dom0', 'WRITE /a|x', 'OK'],
  ['dom1', 'TRANSACTION_START |', '1|'],
  ['dom1', 'READ@1 /a|', 'EACCES'],
  ['dom1', 'WRITE@1 /a|y', 'EACCES'],
  ['dom1', 'TRANSACTION_END@1 T|', 'OK'],
  ['dom0', 'READ /a|', 'x'],
]);

transcript('a parent that was read before others made or removed its child does not upset anything', [
  ['dom0', 'WRITE /a/gone|', 'OK'],
  ['dom0', 'TRANSACTION_START |', '1|'],
  ['dom0', 'DIRECTORY@1 /a|', 'gone|'],
  ['dom0', 'WRITE /a/come|', 'OK'],
  ['dom0', 'RM /a/gone|', 'OK'],
  ['dom0', 'RM@1 /a/come|', 'OK'],
  ['dom0', 'WRITE@1 /a/gone|', 'OK'],
  ['dom0', 'DIRECTORY@1 /a|', 'gone|'],
  ['dom0', 'RM@1 /a|', 'OK'],
  ['dom0', 'TRANSACTION_END@1 T|', 'EAGAIN'],
  ['dom0', 'DIRECTORY /a|', 'come|'],
  ['dom0', 'CONTROL check|', 'OK'],
]);

test('a node cannot be committed into the hands of a domain that died meanwhile', async () => {
  const bench = new Bench();
  bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /a|', 'OK'],
    ['dom0', 'TRANSACTION_START |', '1|'],
    ['dom0', 'SET_PERMS@1 /a|n1|', 'OK'],
    ['dom0', 'RELEASE 1|', 'OK'],
  ]);
  bench.xen.guests.clear();
  await bench.run([
    ['dom0', 'TRANSACTION_END@1 T|', 'ENOMEM'],
    ['dom0', 'GET_PERMS /a|', 'n0|'],
    ['dom0', 'CONTROL check|', 'OK'],
  ]);
  deepEqual(bench.log, []);
});

// --- random operations against a model that copies everything

type Model = Map<string, string>;

interface OpenTransaction {
  readonly id: number;
  readonly model: Model;
  /** What each path was when the transaction first touched it. */
  readonly seen: Map<string, string | undefined>;
}

/** mulberry32: a seed is printed and repeats the run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test('random writes and reads in and out of transactions leave what a store that copies everything would have', async () => {
  const seed = Date.now() & 0xffffff;
  console.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const bench = new Bench();
  const dom0 = bench.client('dom0');
  // Flat and made beforehand, so that a write touches one node only and the model stays simple.
  const paths = Array.from({ length: 6 }, (_, i) => `/n${i}`);
  const global: Model = new Map();
  for (const path of paths) {
    await dom0.ask(`WRITE ${path}|0`);
    global.set(path, '0');
  }
  const open: OpenTransaction[] = [];
  const conflicts = { yes: 0, no: 0 };

  for (let step = 0; step < 3000; step++) {
    const where = random(4) === 0 ? undefined : open[random(open.length + 1)];
    const path = paths[random(paths.length)] ?? '';
    const at = where === undefined ? '' : `@${where.id}`;
    const current = () => (where?.seen.has(path) ? where.model.get(path) : global.get(path));
    switch (random(8)) {
      case 0:
        if (open.length < 4) {
          const id = Number((await dom0.ask('TRANSACTION_START |')).replace('|', ''));
          open.push({ id, model: new Map(), seen: new Map() });
        }
        break;
      case 1: {
        if (where === undefined) break;
        open.splice(open.indexOf(where), 1);
        const clash = [...where.seen].some(([seenPath, value]) => global.get(seenPath) !== value);
        conflicts[clash ? 'yes' : 'no']++;
        equal(await dom0.ask(`TRANSACTION_END${at} T|`), clash ? 'EAGAIN' : 'OK', `step ${step}, seed ${seed}`);
        if (!clash) for (const [changed, value] of where.model) global.set(changed, value);
        break;
      }
      case 2:
      case 3:
      case 4: {
        // Every value is new, so that the model sees each write as the store's generations do.
        const value = `${step}`;
        equal(await dom0.ask(`WRITE${at} ${path}|${value}`), 'OK');
        if (where === undefined) {
          global.set(path, value);
        } else {
          if (!where.seen.has(path)) where.seen.set(path, global.get(path));
          where.model.set(path, value);
        }
        break;
      }
      default: {
        const expected = current();
        equal(await dom0.ask(`READ${at} ${path}|`), expected, `step ${step}, seed ${seed}`);
        if (where !== undefined && !where.seen.has(path)) {
          where.seen.set(path, expected);
          where.model.set(path, expected ?? '');
        }
      }
    }
  }
  equal(await dom0.ask('CONTROL check|'), 'OK');
  deepEqual(bench.log, [], `seed ${seed}`);
  equal(conflicts.yes > 10 && conflicts.no > 10, true, `both outcomes were met often: ${JSON.stringify(conflicts)}`);
});

test('random making and removing of trees keeps every parent’s list and every owner’s count right', async () => {
  const seed = Date.now() & 0xffffff;
  console.log(`seed ${seed}`);
  const random = randomFrom(seed);
  const bench = new Bench();
  bench.introduce(1);
  await bench.run([
    ['dom0', 'WRITE /t|', 'OK'],
    ['dom0', 'SET_PERMS /t|b1|', 'OK'],
  ]);
  const path = () => `/t${Array.from({ length: 1 + random(3) }, () => `/${random(3)}`).join('')}`;
  const ids = ['', ''];
  for (let step = 0; step < 1500; step++) {
    const who = random(2);
    const client = bench.client(`dom${who}`);
    const at = random(2) === 0 ? ids[who] : '';
    switch (random(6)) {
      case 0:
        await client.ask(`RM${at} ${path()}|`);
        break;
      case 1:
        if (ids[who] === '') ids[who] = `@${(await client.ask('TRANSACTION_START |')).replace('|', '')}`;
        break;
      case 2:
        if (ids[who] !== '') await client.ask(`TRANSACTION_END${ids[who]} ${random(4) === 0 ? 'F' : 'T'}|`);
        ids[who] = '';
        break;
      case 3:
        await client.ask(`MKDIR${at} ${path()}|`);
        break;
      default:
        await client.ask(`WRITE${at} ${path()}|${step}`);
    }
    bench.clock.advanceMs(1000); // so that the write rate limit does not silence dom1
  }
  equal(await bench.client('dom0').ask('CONTROL check|'), 'OK');
  deepEqual(
    bench.log.filter((line) => line.startsWith('check')),
    [],
    `seed ${seed}`,
  );
});
