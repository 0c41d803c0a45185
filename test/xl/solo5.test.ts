/**
 * How Solo5's own tests start their Xen kernels (Solo5/solo5, tests/tests.bats: xen_run, expect_success and
 * xen_expect_abort): the same words through a shell, both outputs in one, with kernels of ours in the place of theirs.
 */
import { equal, match, ok } from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { put, scratchFolder, start, startXl, XL } from '../machine/testing/run-xl.ts';
import { type Report, reportingKernel } from './testing/reporting-kernel.ts';

// Before the folder is removed, which is registered next.
after(async () => {
  await startXl(folder, ['host', 'stop'], environment).ended;
});
const folder = scratchFolder();
const environment = {
  XENOLITH_HOME: join(folder, 'host'),
  XENOLITH_MEMORY: '64',
  PATH: `${dirname(XL)}:${process.env.PATH}`,
};

/** One of Solo5's tests: a folder with a kernel in it. */
function kernel(name: string, report: Report): string {
  mkdirSync(join(folder, name));
  return put(folder, `${name}/${name}.xen`, reportingKernel(report));
}

/** xen_run: what `run` of bats puts into $status and $output. */
async function xenRun(
  file: string,
  options: string,
  more = '',
): Promise<{ status: number | undefined; output: string }> {
  const [name = ''] = file.split('/');
  const command = `xl create -F -c ${more} /dev/null \
    name=\\"${name}\\" kernel=\\"${file}\\" \
    type=\\"pvh\\" memory=32 cmdline=\\"${options}\\"`;
  const { child, ended } = start(folder, ['sh', '-c', `exec timeout --foreground 60s ${command} 2>&1`], environment);
  child.stdin.end();
  const { status, stdout: output } = await ended;
  return { status, output };
}

test('a test that succeeds: status 0, and what it said; its name and command line are what the quotes hold', async () => {
  const { status, output } = await xenRun(kernel('test_hello', { word: 'SUCCESS', lines: 1 }), 'Hello_Solo5');
  equal(status, 0, output);
  match(output, /^Waiting for domain test_hello \(domid [0-9]+\) to die$/m);
  match(output, /^Hello_Solo5\r?\nSUCCESS\r?$/m);
});

test('a test without options has an empty command line', async () => {
  const { status, output } = await xenRun(kernel('test_fpu', { word: 'SUCCESS', lines: 1 }), '');
  equal(status, 0, output);
  match(output, /^\r?\nSUCCESS\r?$/m);
});

test('a test that aborts crashes its domain, and xl’s status is 0 all the same, as create_domain of xl has it', async () => {
  const { status, output } = await xenRun(kernel('test_abort', { word: 'ABORT', lines: 1 }), 'x');
  equal(status, 0, output);
  match(output, /^ABORT\r?$/m);
  match(output, /^Domain [0-9]+ has shut down, reason code 3 0x3$/m);
});

test('with --exit-status the status tells how it ended', async () => {
  equal((await xenRun('test_abort/test_abort.xen', 'x', '--exit-status')).status, 10);
  equal((await xenRun('test_hello/test_hello.xen', 'x', '--exit-status')).status, 0);
});

test('nothing is lost of what a test says before it ends, however much it is', async () => {
  const lines = 400;
  const { status, output } = await xenRun(kernel('test_output', { word: 'ABORT', lines }), 'y'.repeat(80));
  equal(status, 0);
  equal(output.split('y'.repeat(80)).length - 1, lines);
  ok(output.includes('ABORT'));
});

test('a kernel that is not there is not taken for a test that aborted', async () => {
  const { status, output } = await xenRun('test_gone/test_gone.xen', 'x');
  equal(status, 1, output);
});
