/** The package as `npm pack` makes it, in an empty folder: its types check, its modules work, and so does its xl. */
import { equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'xenolith-package-'));
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const OPTIONS = [
  ...'--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2023'.split(' '),
  ...['--types', 'node'],
];
const installed = join(folder, 'node_modules/xenolith');

before(() => {
  run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
  mkdirSync(installed, { recursive: true });
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  run('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']);
  // What npm would fetch: the dependency, and the types of Node that a program in TypeScript has.
  for (const name of ['zstddec', '@types/node', 'undici-types']) {
    cpSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a program that uses every module type-checks, strictly, its declarations included', () => {
  for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
  run(TSC, [...OPTIONS, ...Object.keys(PROGRAMS)]);
});

test('so does every example of the manuals; the one of a test is a test that passes, the one of a page prints it', () => {
  const examples = ['scripting', 'xenstore'].flatMap((name) => {
    const text = readFileSync(join(ROOT, `docs/${name}.md`), 'utf8');
    return [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  });
  const files = examples.map((code, index) => {
    writeFileSync(join(folder, `example-${index}.ts`), code);
    return `example-${index}.ts`;
  });
  run(TSC, [...OPTIONS, ...files]);
  const [ofTest, , ofPage] = files;
  match(run(process.execPath, ['--test', ofTest ?? '']), /^ℹ pass 1$/m);
  match(run(process.execPath, [ofPage ?? '']), /^(?!0+$)[0-9a-f]{32}\n$/);
});

test('a machine of its own runs a guest', () => {
  equal(run(process.execPath, ['embedded.ts']), 'hello on tick 3, poweroff, woken\n');
});

test('a host is started, and its guest, its store and its events are there', () => {
  equal(run(process.execPath, ['remote.ts']), 'created unpaused shutdown destroyed\n');
});

test('xl runs from where npm puts it', () => {
  match(run(join(installed, 'bin/xl'), ['create', '-n', '/dev/null', 'name="a"', 'type="pvh"', 'kernel="k"']), /"a"/);
});

const PROGRAMS = {
  'embedded.ts': `
import { EVTCHNSTAT_unbound } from 'xenolith/abi/event_channel';
import { openCtrl } from 'xenolith/ctrl';
import { domid, openEvtchn } from 'xenolith/evtchn';
import { gfn, openForeignMemory } from 'xenolith/foreignmemory';
import { type GrantTables, openGnttab } from 'xenolith/gnttab';
import { type Domain, type DomainEnd, startMachine } from 'xenolith/machine';

const machine = await startMachine({ memoryMiB: 32, deterministic: { seed: 1 } });
const guest: Domain = await machine.toolstack.create({ name: 'hello', kernel: 'builtin:hello', memory: 8 }, { paused: true });
const name: string | undefined = await machine.store.read(\`/local/domain/\${guest.domid}/name\`);
const line = guest.waitForConsole(/tick 3/);

const { ctrl } = openCtrl(machine);
const page = openForeignMemory(machine).map(domid(guest.domid), [gfn(0x100)]);
if (ctrl.domain_getinfo(domid(guest.domid))?.paused !== true || page[0]?.length !== 4096) throw new Error('no guest');
openForeignMemory(machine).unmap(page);
const gnttab: GrantTables = openGnttab(machine);
if (typeof gnttab.mapGrantRef !== 'function' || EVTCHNSTAT_unbound !== 1) throw new Error('no grants');

const [one, other] = [openEvtchn(machine), openEvtchn(machine)];
const port = one.bindUnboundPort(domid(0));
const woken = new Promise<string>((resolve) => one.onEvent(port, () => resolve('woken')));
other.notify(other.bindInterdomain(domid(0), port));

await guest.unpause();
const end: DomainEnd = await guest.wait();
console.log(\`\${name} on \${await line}, \${end.reason}, \${await woken}\`);
await machine.stop();
`,
  'remote.ts': `
import { connectToolstack, type DomainEvent, ToolstackError } from 'xenolith/toolstack';
import { connectStore } from 'xenolith/xenstore';

const home = \`\${import.meta.dirname}/home\`;
const toolstack = await connectToolstack({ home, start: true, memoryMiB: 32 });
const events: string[] = [];
const gone = new Promise<void>((resolve) => {
  toolstack.on('event', (event: DomainEvent) => {
    events.push(event.event);
    if (event.event === 'destroyed') resolve();
  });
});
const store = await connectStore(\`\${home}/xenstored/socket\`);
const guest = await toolstack.create('name="t"\\ntype="pvh"\\nkernel="builtin:hello"\\nmemory=8\\n');
await gone;
if ((await store.read(\`/local/domain/\${guest.domid}\`)) !== undefined) throw new Error('it is still there');
try {
  await guest.pause();
} catch (error) {
  if (!(error instanceof ToolstackError)) throw error;
}
console.log(events.join(' '));
store.close();
toolstack.close();
await toolstack.do('host', 'stop');
`,
};

function run(command: string, parameters: readonly string[], cwd: string = folder): string {
  // With the Node that runs now, as a user's would be; and what it runs is no part of this test.
  const { NODE_TEST_CONTEXT: _, ...rest } = process.env;
  const env = { ...rest, PATH: `${dirname(process.execPath)}:${rest.PATH}` };
  const { status, stdout, stderr } = spawnSync(command, parameters, { cwd, encoding: 'utf8', timeout: 120_000, env });
  equal(status, 0, `${command} ${parameters.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
