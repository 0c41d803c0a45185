/** `xl sched-rtds` on a host under that scheduler: xl(1) has these examples. */
import { equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedMachine, startMachine } from '../../src/machine/modules/machine.ts';

let machine: EmbeddedMachine;
before(async () => {
  machine = await startMachine({ memoryMiB: 32, xen: 'sched=rtds' });
  await machine.toolstack.create({ name: 'vm1', kernel: 'builtin:hello', memory: 8, vcpus: 3 }, { paused: true });
});
after(async () => {
  await machine.stop();
});

const HEAD = 'Name                                ID    Period    Budget  Extratime\n';
const VCPU_HEAD = 'Name                                ID VCPU    Period    Budget  Extratime\n';
const DOM0 = 'Domain-0                             0';
const VM1 = 'vm1                                  1';

/** Commands one after the other: what each prints, or says and exits with 1. */
const CALLS: readonly (readonly [words: string, out: string, err?: string])[] = [
  [
    '',
    `Cpupool Pool-0: sched=RTDS\n${HEAD}${DOM0}     10000      4000        yes\n${VM1}     10000      4000        yes\n`,
  ],
  ['-d vm1', `${HEAD}${VM1}     10000      4000        yes\n`],
  ['-d vm1 -v 0 -p 100 -b 50 -e 1 -v 2 -p 300 -b 150 -e 0', ''],
  [
    '-d vm1 -v 0 -v 2',
    `${VCPU_HEAD}${VM1}    0       100        50        yes\n${VM1}    2       300       150         no\n`,
  ],
  ['-d vm1 -v all -p 500 -b 250 -e 1', ''],
  [
    '-v all',
    `Cpupool Pool-0: sched=RTDS\n${VCPU_HEAD}${DOM0}    0     10000      4000        yes\n${[0, 1, 2]
      .map((vcpu) => `${VM1}    ${vcpu}       500       250        yes\n`)
      .join('')}`,
  ],
  ['-c Pool-0 -d vm1', '', 'Specifying a cpupool is not allowed with other options.\n'],
  ['-v 0', '', 'Missing parameters.\n'],
  ['-d vm1 -p 1', '', 'Must specify VCPU.\n'],
  ['-d vm1 -v 0 -v all', '', 'Incorrect VCPU IDs.\n'],
  ['-d vm1 -v 0 -p 100', '', 'Incorrect number of period, budget and extratime\n'],
  ['-c nowhere', '', "unknown cpupool 'nowhere'\n"],
];

for (const [words, out, err = ''] of CALLS) {
  test(`xl sched-rtds ${words}`, async () => {
    const argv = words === '' ? [] : words.split(' ');
    const { status, output, errors } = await machine.toolstack.run(['sched-rtds', ...argv]);
    equal(errors, err);
    equal(output, out);
    equal(status, err === '' ? 0 : 1);
  });
}
