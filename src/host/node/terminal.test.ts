import { deepEqual, equal } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'xenolith-terminal-'));
after(() => rmSync(folder, { recursive: true }));

const START = `import { NodeTerminal } from '${new URL('./terminal.ts', import.meta.url)}';
const terminal = new NodeTerminal((line) => console.error('report: ' + line));`;
const NODE = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e'] as const;

test('piped input arrives, then its end, once; the process can end with the pipe still open', async () => {
  const body = `${START}
    const heard = [];
    terminal.onInput((bytes) => {
      heard.push(bytes === undefined ? 'end' : Buffer.from(bytes).toString());
      if (bytes === undefined) setImmediate(() => terminal.write(Buffer.from(JSON.stringify(heard))));
    });`;
  const piped = spawnSync(process.execPath, [...NODE, body], { input: 'some', encoding: 'utf8' });
  deepEqual([piped.stdout, piped.stderr, piped.status], ['["some","end"]', '', 0]);

  const open = spawn(process.execPath, [...NODE, `${START} terminal.onInput(() => {}); terminal.close();`]);
  equal(await new Promise((resolve) => open.on('exit', resolve)), 0);
});

test('a reader of the output that went away ends nothing', async () => {
  const body = `${START}
    for (let i = 0; i < 50; i++) terminal.write(new Uint8Array(100_000));
    console.error('still here');`;
  const child = spawn(process.execPath, [...NODE, body]);
  child.stdout.destroy();
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  equal(errors, 'still here\n');
});

test('on a pipe there is no raw mode, no size, and nobody sits there', () => {
  const body = `${START}
    terminal.setRawMode(true);
    console.log(terminal.interactive, terminal.raw, terminal.size());
    terminal.close();`;
  const { stdout, status } = spawnSync(process.execPath, [...NODE, body], { input: '', encoding: 'utf8' });
  deepEqual([stdout, status], ['false false undefined\n', 0]);
});

const script = spawnSync('script', ['--version']).status === 0;
const ENDS: readonly (readonly [how: string, code: string])[] = [
  ['close', 'terminal.close();'],
  ['process.exit', 'process.exit(3);'],
  ['an uncaught error', `throw new Error('ours');`],
  ['a rejection nobody handles', `Promise.reject(new Error('ours'));`],
  ['SIGTERM', `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`],
  ['SIGINT', `process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000);`],
];
for (const [how, code] of ENDS) {
  test(`the terminal is as it was after ${how} in raw mode`, { skip: script ? false : 'needs script(1)' }, () => {
    const body = `${START} terminal.onInput(() => {}); terminal.setRawMode(true);
      (await import('node:child_process')).execSync('stty -g > ${folder}/raw', { stdio: 'inherit' });
      ${code}`;
    const commands = ['stty -g > "$FOLDER/before"', '"$NODE" $FLAGS "$BODY" 2> /dev/null', 'stty -g > "$FOLDER/after"'];
    const environment = { NODE: process.execPath, FLAGS: NODE.join(' '), BODY: body, FOLDER: folder };
    spawnSync('script', ['-qec', commands.join('; '), '/dev/null'], { env: { ...process.env, ...environment } });
    const [before, raw, afterwards] = ['before', 'raw', 'after'].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    equal(before === raw, false, 'it was raw in between');
    equal(afterwards, before);
  });
}
