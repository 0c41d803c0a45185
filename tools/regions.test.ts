/** The tool on a kernel of our own that does little but go round in a loop: what is known of it is what is printed. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SYMBOLS } from '../guests/hello/symbols.ts';
import { pvhElf } from '../guests/lib/elf.ts';
import { START64, START64_PAGES } from '../guests/lib/start64.ts';
import { Assembler } from '../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../src/cpu/instructions/all.ts';
import type { HotRegion, Summary } from './regions-report.ts';
import { type CpuProfile, sorted } from './regions-samples.ts';

const TOOL = fileURLToPath(new URL('regions.ts', import.meta.url));
const KERNEL = 0x100000;
const TIMES = 20_000_000;
const LOOP_LENGTH = 4;
const SOURCE = `
main:
  mov ecx, ${TIMES}
around:
  mov [counter], ecx
  add rax, rcx
  dec ecx
  jne around
  mov edi, SCHEDOP_shutdown
  mov rsi, shutdown_reason
  mov eax, HYPERVISOR_sched_op
  call hypercall
  jmp die
shutdown_reason:
  dd SHUTDOWN_poweroff
align 4096
counter:
  dd 0
`;

/** As --json has a region. */
interface Printed extends Omit<HotRegion, 'region'>, Pick<HotRegion['region'], 'instructions' | 'waysOut'> {
  readonly rip: string;
  readonly listing: readonly string[];
  readonly wat: string;
  readonly blocks: readonly { readonly entries: number; readonly instructions: number }[];
}

const folder = mkdtempSync(join(tmpdir(), 'regions-'));
after(() => rmSync(folder, { recursive: true }));

const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble([START64, SOURCE, START64_PAGES].join('\n'), {
  ...{ origin: KERNEL, width: 32, symbols: SYMBOLS },
});
const around = `0x${symbols.get('around')?.toString(16)}`;
const config = join(folder, 'loop.cfg');
const map = join(folder, 'loop.map');
writeFileSync(join(folder, 'loop'), pvhElf(bytes, KERNEL, Number(symbols.get('entry'))));
writeFileSync(config, `name = "loop"\ntype = "pvh"\nmemory = 16\nkernel = "${join(folder, 'loop')}"\n`);
writeFileSync(map, `${around.slice(2).padStart(16, '0')} T around\n`);

test('the region of a loop is the hottest, with what was counted of it', () => {
  const { summary, regions } = JSON.parse(runTool('--json', '--wat')) as {
    summary: Summary;
    regions: readonly Printed[];
  };
  const [hot] = regions;
  ok(hot !== undefined);
  equal(hot.rip, around);
  ok(hot.listing.some((line) => line.endsWith(`jne ${around}`)));
  match(hot.wat, /^ {2}\(func \$region-\d+ .*return_call_indirect.*\)$/s);

  // Interpreted until it was hot, which took a while.
  ok(hot.instructions > (TIMES * LOOP_LENGTH) / 2);
  ok(hot.instructions < summary.instructions);
  const inBlocks = hot.blocks.map(({ entries, instructions }) => entries * instructions);
  equal(
    inBlocks.reduce((sum, times) => sum + times, 0),
    hot.instructions,
  );
  equal(inBlocks[0], Math.max(...inBlocks));
  ok(summary.share.regions > 0.5);
  ok(Math.abs(summary.share.regions + summary.share.interpreter - 1) < 1e-9);
  ok(regions.reduce((sum, { share }) => sum + share, 0) <= summary.share.regions + 1e-9);
  ok(regions.reduce((sum, { timeShare, calledShare }) => sum + timeShare + calledShare, 0) <= 1);
  const ways = Object.values(summary.waysOut).reduce((sum, times) => sum + times, 0);
  equal(ways, summary.entries);
  // Nothing else ends it, but for the interpreter that sees it through.
  ok(hot.waysOut.budget > 0);
});

test('for who reads it, names are shown where they are known', () => {
  const text = runTool('--top', '1', '--symbols', map);
  match(text, /^instructions +8\d\.\d M: \d+\.\d % in regions, \d+\.\d % in the interpreter$/m);
  match(text, new RegExp(`^1 .* ${around} +around\\+0x0$`, 'm'));
  match(text, new RegExp(`^ {2}block at ${around} <around\\+0x0>: entered [\\d,]+ times$`, 'm'));
  match(text, new RegExp(`^ {4}0x[0-9a-f]+ +[0-9a-f]+ +jne ${around}$`, 'm'));
});

test('what cannot be run is told in a sentence', () => {
  const { stderr, status } = spawnSync(process.execPath, [TOOL, '--suite', 'awk,perl'], { encoding: 'utf8' });
  equal(status, 2);
  match(stderr, /^regions: --suite awk,perl: there is no program 'perl', only sha256, /);

  const missing = spawnSync(process.execPath, [TOOL, '--guest', join(folder, 'no.cfg')], { encoding: 'utf8' });
  equal(missing.status, 1);
  match(missing.stderr, /no\.cfg: no such file.*\nregions: the guest was not started\n$/s);
});

test('samples: time in what a region calls is its own, measuring and idle time are nobody’s', () => {
  const frame = (functionName: string, url = '') => ({ functionName, url });
  const nodes: CpuProfile['nodes'] = [
    { id: 1, callFrame: frame('(root)'), children: [2, 4, 5, 6, 7] },
    { id: 2, callFrame: frame('region-7', 'wasm://wasm/1'), children: [3] },
    { id: 3, callFrame: frame('slowRead', 'file:///src/cpu/interpreter/vcpu.ts') },
    { id: 4, callFrame: frame('(idle)') },
    { id: 5, callFrame: frame('wasm-function[2]', 'wasm://wasm/0') },
    { id: 6, callFrame: frame('meter', 'file:///src/cpu/region/region-profile.ts') },
    { id: 7, callFrame: frame('make', 'file:///src/cpu/region/region-cache.ts'), children: [8] },
    { id: 8, callFrame: frame('(garbage collector)') },
  ];
  const samples = [2, 3, 4, 5, 6, 8];
  const found = sorted({ nodes, samples, timeDeltas: samples.map(() => 1e6) });
  deepEqual(found.regions, new Map([[7, { own: 1, called: 1 }]]));
  const { busy, idle, interpreter, making, typescript, native } = found;
  deepEqual(
    { busy, idle, interpreter, making, typescript, native },
    { busy: 4, idle: 1, interpreter: 1, making: 1, typescript: 0, native: 0 },
  );
});

function runTool(...options: string[]): string {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', TOOL, '--guest', config, ...options],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  equal(status, 0, stderr);
  return stdout;
}
