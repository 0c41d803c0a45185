import { deepEqual, equal } from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Domid } from '../../src/abi/xen.ts';
import { VIRQ_DOM_EXC } from '../../src/abi/xen.ts';
import { REQUESTS } from '../../src/dom0/xenstored/requests/table.ts';
import { Bench, settle } from '../../src/dom0/xenstored/testing/transcript.ts';
import type { Case } from './testing/transcript-file.ts';
import { readTranscripts } from './testing/transcript-file.ts';

const FILES = readTranscripts();

for (const { name, cases } of FILES) {
  suite(name, () => {
    for (const { title, steps } of cases) test(title, () => replay(name, steps));
  });
}

test('every request of the protocol has its transcript', () => {
  const expected = [...REQUESTS.values()].map((row) => `${row.name.toLowerCase().replaceAll('_', '-')}.txt`);
  deepEqual(FILES.map((file) => file.name).sort(), expected.sort());
});

async function replay(name: string, steps: Case['steps']): Promise<void> {
  const bench = new Bench();
  bench.introduce(1);
  bench.introduce(2);
  const clients = new Set(['dom0', 'dom1', 'dom2']);
  const numbers = new Map<string, string>();
  for (const { line, action } of steps) {
    const where = `${name}:${line}`;
    switch (action.kind) {
      case 'request': {
        const reply = await bench.client(action.who).ask(action.request);
        equal(reply, withNumber(action.reply, reply, numbers), where);
        break;
      }
      case 'event':
        await settle();
        equal(bench.client(action.who).takeEvent(), action.event, where);
        break;
      case 'xen':
        clients.add(change(bench, action.what, action.domid));
        await settle();
    }
  }
  for (const who of clients) deepEqual(bench.client(who).events, [], `${name}: events that ${who} was not to get`);
  equal(await bench.client('dom0').ask('CONTROL check|'), 'OK');
  deepEqual(
    bench.log.filter((text) => text.startsWith('check')),
    [],
  );
}

/** What is expected, with the number in place of a name in front: the one it has by now, or a new one of the reply. */
function withNumber(expected: string, reply: string, numbers: Map<string, string>): string {
  const name = /^<\w+>/.exec(expected)?.[0];
  if (name === undefined) return expected;
  const given = /^\d+/.exec(reply)?.[0] ?? '';
  const isNew = ![...numbers.values()].includes(given);
  const number = numbers.get(name) ?? (isNew ? given : 'another number');
  numbers.set(name, number);
  return number + expected.slice(name.length);
}

/** Returns the client it is about. */
function change(bench: Bench, what: string, domid: number): string {
  const guest = bench.xen.guests.get(domid as Domid);
  switch (what) {
    case 'guest':
      bench.addGuest(domid);
      break;
    case 'introduce':
      bench.introduce(domid);
      break;
    case 'stream':
      bench.addStream(`process${domid}`);
      return `process${domid}`;
    case 'shutdown':
      if (guest !== undefined) guest.info = { ...guest.info, shutdown: true };
      bench.xen.raiseVirq(VIRQ_DOM_EXC);
      break;
    case 'die':
      bench.xen.guests.delete(domid as Domid);
      bench.xen.raiseVirq(VIRQ_DOM_EXC);
      break;
    default:
      throw new Error(`xen cannot ${what}`);
  }
  bench.xen.deliver();
  return `dom${domid}`;
}
