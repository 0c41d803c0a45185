/** What one engine made of code, another of the same program begins with, for frames that hold that code. */
import { equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { EXIT_HLT } from '../engine.ts';
import { RAX, RCX } from '../state.ts';
import { CODE, DATA, TestProcessor } from '../testing/processor.ts';
import { InterpreterEngine } from './engine.ts';
import type { CodeShelf } from './kept-code.ts';

const TIMES = 3000;
// mov ecx, TIMES; 1: add eax, STEP; dec ecx; jnz 1b; hlt
const loop = (step: number): number[] => [0xb9, ...int32(TIMES), 0x83, 0xc0, step, 0xff, 0xc9, 0x75, 0xf9, 0xf4];

test('a later engine decodes and translates nothing of what an earlier one has, in whatever frame it is', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  ok(first.counts().regions > 0);
  const second = engine('eager', first.keep());
  equal(run(second, loop(1), CODE + 0x5000), BigInt(TIMES));
  equal(second.counts().decoded, 0);
  equal(second.counts().regions, 0);
});

test('both take the same number of instructions', () => {
  const first = engine(true);
  run(first, loop(1), CODE);
  const second = engine(true, first.keep());
  run(second, loop(1), CODE);
  equal(second.instructions(), first.instructions());
});

test('code that differs in one byte is another', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  const second = engine('eager', first.keep());
  equal(run(second, loop(2), CODE), BigInt(2 * TIMES));
  notEqual(second.counts().decoded, 0);
  equal(run(second, loop(1), CODE), BigInt(TIMES));
});

test('what a third engine finds is what both before it made', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  const second = engine('eager', first.keep());
  run(second, loop(2), CODE);
  const third = engine('eager', second.keep());
  equal(run(third, loop(1), CODE), BigInt(TIMES));
  equal(run(third, loop(2), CODE), BigInt(2 * TIMES));
  equal(third.counts().decoded, 0);
  equal(third.counts().regions, 0);
});

test('a region is not kept without a page that is always changed: where it was entered is what was there', () => {
  // DATA: mov eax, imm32; ret. CODE: mov ecx, 40; 1: inc dword [DATA + 1]; call DATA; dec ecx; jnz 1b; hlt
  const changed = [0xb8, 0, 0, 0, 0, 0xc3];
  const code = [0xb9, ...int32(40), 0xff, 0x04, 0x25, ...int32(DATA + 1), 0xe8, ...int32(DATA - (CODE + 17))];
  code.push(0xff, 0xc9, 0x75, 0xf0, 0xf4);
  const first = engine('eager');
  first.load(DATA, changed);
  equal(run(first, code, CODE), 40n);
  const second = engine('eager', first.keep());
  second.load(DATA, changed);
  equal(run(second, code, CODE), 40n);
  equal(second.instructions(), first.instructions());
});

test('a page that changes beside its code is found as it was before, and as it was then', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  run(first, loop(2), CODE + 0x400);
  const second = engine('eager', first.keep());
  equal(run(second, loop(1), CODE), BigInt(TIMES));
  equal(run(second, loop(2), CODE + 0x400), BigInt(2 * TIMES));
  equal(second.counts().decoded, 0);
});

test('an instruction across two pages is kept with both', () => {
  const at = DATA - 3;
  const code = [0xb8, ...int32(0x1234), 0xf4];
  const first = engine('eager');
  equal(run(first, code, at), 0x1234n);
  const second = engine('eager', first.keep());
  equal(run(second, code, at), 0x1234n);
  // That it does not end in its page was found out again.
  equal(second.counts().decoded, 1);
  second.load(DATA, [1, 0, 0xf4]);
  equal(run(second, code.slice(0, 3), at), 0x011234n);
});

test('machine code that fits no more is made anew', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  const second = engine('eager', first.keep(), { deserialize: () => undefined });
  equal(run(second, loop(1), CODE), BigInt(TIMES));
  equal(second.counts().regions, 0);
});

test('a module is made when a page is there that has a region of it, and kept again where none was', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  let made = 0;
  const counted = (bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module => {
    made++;
    return new WebAssembly.Module(bytes);
  };
  const second = engine('eager', first.keep(), { deserialize: counted });
  run(second, loop(2), CODE);
  equal(made, 0);
  const third = engine('eager', second.keep(), { deserialize: counted });
  equal(run(third, loop(1), CODE), BigInt(TIMES));
  equal(made > 0, true);
  equal(third.counts().regions, 0);
});

test('what had to make room is not kept', () => {
  const first = engine('eager');
  run(first, loop(1), CODE);
  for (let segment = 0; segment < 8; segment++) first.makeRoom();
  equal(first.keep(), undefined);
});

interface Tested {
  keep(): Uint8Array[] | undefined;
  makeRoom(): void;
  counts(): { decoded: number; regions: number };
  instructions(): number;
  load(address: number, bytes: readonly number[]): void;
  readonly processor: TestProcessor;
}

function engine(regions: true | 'eager', found?: Uint8Array[], other: Partial<CodeShelf> = {}): Tested {
  const shelf: CodeShelf = {
    found,
    // V8's own are in host/: any bytes from which the module can be had again will do.
    serialize: () => Uint8Array.of(1),
    deserialize: (bytes) => new WebAssembly.Module(bytes),
    ...other,
  };
  let made: InterpreterEngine | undefined;
  const processor = new TestProcessor({}, (memory) => {
    made = new InterpreterEngine(memory, ALL_INSTRUCTIONS, { regions, shelf, compile });
    return made;
  });
  const engine = made as unknown as InterpreterEngine;
  return {
    keep: () => engine.keep(),
    makeRoom: () => engine.code.makeRoom(),
    counts: () => ({ decoded: engine.code.counts.decoded, regions: engine.regions?.made.regions ?? 0 }),
    instructions: () => processor.vcpu.instructions,
    load: (address, bytes) => processor.load(address, bytes),
    processor,
  };
}

const modules = new Map<string, WebAssembly.Module>();

// Generated once.
function compile(name: string, generate: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const module = modules.get(name) ?? new WebAssembly.Module(generate());
  modules.set(name, module);
  return module;
}

function run({ processor }: Tested, code: readonly number[], at: number): bigint {
  processor.state.setGpr(RAX, 0n);
  processor.state.setGpr(RCX, 0n);
  equal(processor.run(code, at, 1_000_000), EXIT_HLT);
  return processor.state.gpr(RAX);
}

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
