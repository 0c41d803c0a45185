import { deepEqual } from 'node:assert/strict';
import test from 'node:test';
import { checkTidiness, functionsOf } from './tidy.ts';

const NO_PINS = { files: {}, functions: {} };
const lines = (count: number) => '// a line\n'.repeat(count);
const tidy = (path: string, text: string, pins = {}) => checkTidiness([{ path, text }], { ...NO_PINS, ...pins });

test('a file may have 400 lines, and a pinned one what its pin says, never more', () => {
  deepEqual(tidy('tools/a.ts', lines(400)), []);
  deepEqual(tidy('tools/a.ts', lines(401)), ['tools/a.ts: 401 lines; the limit is 400']);
  const pins = { files: { 'tools/a.ts': 500 } };
  deepEqual(tidy('tools/a.ts', lines(500), pins), []);
  deepEqual(tidy('tools/a.ts', lines(501), pins), ['tools/a.ts: 501 lines, grown past its pin of 500']);
  deepEqual(tidy('tools/a.ts', lines(801), { files: { 'tools/a.ts': 900 } }), [
    'tools/a.ts: 801 lines, and no file may pass 800',
  ]);
});

test('a pin may only shrink: a shorter file lowers it, a file within the limit or gone loses it', () => {
  const pins = { files: { 'tools/a.ts': 500 } };
  deepEqual(tidy('tools/a.ts', lines(450), pins), ['tools/a.ts: 450 lines; lower its pin of 500 in PINNED_FILES']);
  deepEqual(tidy('tools/a.ts', lines(9), pins), ['tools/a.ts: 9 lines; take its pin out of PINNED_FILES']);
  deepEqual(tidy('tools/b.ts', lines(9), pins), ['tools/a.ts: pinned, and not there any more']);
});

test('functions are found in every form the formatter leaves them in', () => {
  const text = `
export function plain(): void {
  if (true) {
    return;
  }
}
export async function wrapped(
  first: string,
): Promise<void> {
  return;
}
class A {
  get width(): number {
    return 1;
  }
  async #hidden(a: string): Promise<{ a: string }> {
    return { a };
  }
}
const arrow = (a: number) => {
  return a;
};
test('a rule', async () => {
  switch (1) {
    default:
  }
});
describe('a list', () => {
});
const table = {
  a: 1,
};
`;
  deepEqual(
    functionsOf(text).map(({ name, line, lines }) => [name, line, lines]),
    [
      ['plain', 2, 5],
      ['wrapped', 7, 5],
      ['width', 13, 3],
      ['#hidden', 16, 3],
      ['arrow', 20, 3],
      ['test', 23, 5],
    ],
  );
});

test('a function may have 70 lines', () => {
  const body = (count: number) => `function long() {\n${'  run();\n'.repeat(count - 2)}}\n`;
  deepEqual(tidy('tools/a.ts', body(70)), []);
  deepEqual(tidy('tools/a.ts', body(71)), ['tools/a.ts:1: long: 71 lines; the limit is 70']);
  deepEqual(tidy('tools/a.ts', body(71), { functions: { 'tools/a.ts:long': 71 } }), []);
});

test('words that put work off, or lie to the compiler, are named with their line and a way out', () => {
  deepEqual(tidy('docs/a.md', `one\n${'TO'}${'DO'} later\n`), [
    `docs/a.md:2: "${'TO'}${'DO'}": do it, or write an issue`,
  ]);
  deepEqual(tidy('tools/a.ts', `f(a ${'as'} any);\n`).length, 1);
  deepEqual(tidy('tools/a.ts', `const TODOS = 1; // as good ${'as'} any other\n`), []);
});

test('an ABI file names its header, whatever its own name', () => {
  const readme = { path: 'src/abi/README.md', text: 'The ABI.\n' };
  const abi = (text: string) => checkTidiness([readme, { path: 'src/abi/event_channel.ts', text }], NO_PINS);
  deepEqual(abi('// public/event_channel.h\n'), []);
  deepEqual(abi('// event channels\n'), [
    'src/abi/event_channel.ts: name its header at the top, as in // public/xen.h',
  ]);
});

test('a layer has a README of at most 60 lines that says what each of its folders is', () => {
  const check = (readme: string) =>
    checkTidiness(
      [
        { path: 'src/cpu/README.md', text: readme },
        { path: 'src/cpu/emit/code.ts', text: '' },
      ],
      NO_PINS,
    );
  deepEqual(check('- `emit/` the encoder\n'), []);
  deepEqual(check('The processor.\n'), ['src/cpu/README.md: does not say what emit/ is']);
  deepEqual(check(`emit/\n${lines(60)}`), ['src/cpu/README.md: 61 lines; the limit is 60']);
  deepEqual(tidy('src/dom0/xl/a.ts', ''), ['src/dom0/xl: has no README.md']);
});

test('a file is named by what it does, in kebab-case', () => {
  deepEqual(tidy('tools/memory-map.test.ts', ''), []);
  deepEqual(tidy('tools/memoryMap.ts', ''), ['tools/memoryMap.ts: file names are kebab-case']);
  deepEqual(tidy('tools/utils.ts', ''), ['tools/utils.ts: name a file by what it does']);
});
