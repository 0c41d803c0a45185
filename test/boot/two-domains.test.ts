/** Two Linux domains, of which one spins, floods its console and the store, and crashes: the other goes on. */
import { equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Domain,
  type DomainConsole,
  type EmbeddedMachine,
  startMachine,
} from '../../src/machine/modules/machine.ts';
import type { Guest } from '../../src/machine/guests/ensure-guest.ts';
import { debian } from './testing/shell.ts';

const PROMPT = '~ # ';
/** What the well-behaved domain does, and how long that took by its own clock, in hundredths of a second. */
const WORK = `s=$(cut -d' ' -f1 /proc/uptime | tr -d .); dd if=/dev/zero bs=64k count=48 2>/dev/null | md5sum; e=$(cut -d' ' -f1 /proc/uptime | tr -d .); echo took $((e-s))`;
/** Of a thing that takes one second alone, beside one that would take all: two, and the switches. */
const FAIR = 2.5;

const guest = await debian();
const skip = typeof guest === 'string' ? `no guest to boot: ${guest}` : false;

/** A domain and its shell. */
class Shell {
  readonly domain: Domain;
  readonly #console: DomainConsole;
  #output = '';
  #wake: () => void = () => {};

  constructor(domain: Domain, console: DomainConsole) {
    this.domain = domain;
    this.#console = console;
    console.on('data', (bytes: Buffer) => {
      this.#output = (this.#output + bytes.toString()).slice(-100_000);
      this.#wake();
    });
  }

  /** Types a line, and gives what came before the next prompt. */
  async run(line: string): Promise<string> {
    this.type(line);
    return this.until(PROMPT);
  }

  type(line: string): void {
    this.#output = '';
    this.#console.write(`${line}\n`);
  }

  async until(text: string): Promise<string> {
    while (!this.#output.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#output;
  }
}

let machine: EmbeddedMachine;
before(async () => {
  // Time goes by instructions: what is measured here is Xen's, and not the host's.
  machine = await startMachine({ memoryMiB: 320, deterministic: { seed: 4 } });
});
after(() => machine.stop());

async function boot(name: string): Promise<Shell> {
  const { kernel, ramdisk } = guest as Guest;
  const domain = await machine.toolstack.create({ name, kernel, ramdisk, cmdline: 'console=hvc0', memory: 128 });
  const shell = new Shell(domain, await domain.console());
  await shell.until(PROMPT);
  return shell;
}

test('a Linux domain that spins, floods and crashes leaves the other its half, its console and its memory', {
  skip,
}, async () => {
  const good = await boot('good');
  const bad = await boot('bad');
  const work = async (): Promise<number> => Number(/took (\d+)/.exec(await good.run(WORK))?.[1]);
  const alone = await work();
  ok(alone > 0, `${alone}`);

  bad.type('while :; do :; done');
  const besideSpinning = await work();
  ok(besideSpinning < alone * FAIR, `beside one that spins ${besideSpinning}, alone ${alone}`);
  bad.type('\x03');
  await bad.until(PROMPT);

  bad.type('while :; do dmesg; done');
  const besideFlooding = await work();
  ok(besideFlooding < alone * FAIR, `beside one that floods its console ${besideFlooding}, alone ${alone}`);
  bad.type('\x03');
  await bad.until(PROMPT);

  bad.type('echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger');
  const end = await bad.domain.wait();
  equal(end.reason, 'crash');
  match(await good.run('echo $((6*7))'), /\n42\r?\n/);
  const afterwards = await work();
  ok(afterwards < alone * 1.2, `with the other gone ${afterwards}, alone ${alone}`);
  good.type('poweroff');
  equal((await good.domain.wait()).reason, 'poweroff');
});
