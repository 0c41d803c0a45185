import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FuzzMachine } from './fuzz-machine.ts';
import { SeededRandom } from './fuzz-random.ts';
import { CallRunner, describeCall, fuzz, parseCall } from './fuzz-run.ts';

// A hostile guest: see README.md. The long runs are made by hand.

const CORPUS = readFileSync(new URL('hypercall-corpus.txt', import.meta.url), 'utf8');

function corpusOf(who: string): readonly string[] {
  return CORPUS.split('\n').flatMap((line) => (line.startsWith(`${who} `) ? [line.split(' ').slice(2).join(' ')] : []));
}

test('a guest that makes calls of all kinds harms nobody, and leaves nothing behind', () => {
  const report = fuzz({ calls: 8_000, seed: 4, privileged: false });
  deepEqual(report.findings, []);
  equal(report.calls, 8_000);
});

test('a privileged domain may harm others, but not Xen', () => {
  deepEqual(fuzz({ calls: 3_000, seed: 4, privileged: true }).findings, []);
});

test('the same seed makes the same calls, with the same answers', () => {
  const [one, other] = [0, 1].map(() => fuzz({ calls: 500, seed: 99, privileged: false }));
  deepEqual(one?.outcomes, other?.outcomes);
  equal(one?.parts, other?.parts);
});

for (const who of ['guest', 'privileged']) {
  test(`every call of the corpus, by a ${who} domain, is answered and no more`, () => {
    const random = new SeededRandom(1);
    let machine = new FuzzMachine(who === 'privileged', random);
    const lines = corpusOf(who);
    ok(lines.length > 50, `${lines.length} calls`);
    for (const line of lines) {
      const call = parseCall(line);
      ok(call, line);
      equal(describeCall(call), line);
      equal(typeof new CallRunner(machine, random).make(call), 'number', line);
      const alive = machine.machine.xen.domains.has(machine.guest.domain.id);
      if (alive && who === 'guest') machine.letTimePass();
      deepEqual(machine.problems(), [], line);
      if (who === 'guest') {
        deepEqual(machine.destroy(), [], line);
        machine.renew(random);
      } else if (!alive || machine.guest.domain.shuttingDown) {
        machine = new FuzzMachine(true, random);
      }
    }
  });
}
