/** When an engine leaves what it made of guests' code. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET, EXIT_HLT } from '../../cpu/engine.ts';
import { type EngineMaker, TestProcessor } from '../../cpu/testing/processor.ts';
import { defer } from '../../host/node/event-loop.ts';
import type { Clock } from '../../lib/ports.ts';
import type { EngineShelf, EngineStore } from './engine-store.ts';
import { KeptEngine } from './kept-engine.ts';

const HLT = 0xf4;
/** So many instructions are worth to be left. */
const MUCH = 12_000;
const HOST = { defer, collectGarbage: () => {} };

test('what an engine made is left when the machine ends, once', () => {
  const { engine, shelf, run } = machine();
  run(MUCH);
  deepEqual(shelf.done, []);
  engine.end();
  engine.end();
  deepEqual(shelf.done, ['put']);
});

test('a guest that is calm has what it made left, and at the end what it made since, if that is much', async () => {
  for (const [later, expected] of [
    [MUCH, ['put', 'put']],
    [100, ['put']],
  ] as const) {
    const { engine, shelf, run, look } = machine();
    engine.leaveSoon(look.clock);
    run(MUCH);
    await look.now();
    deepEqual(shelf.done, [], 'it was not calm since the look before');
    await look.now();
    deepEqual(shelf.done, ['put']);
    run(later, MUCH);
    engine.end();
    deepEqual(shelf.done, expected);
  }
});

test('what there is can be left at any time; what comes later is left later', async () => {
  const { engine, shelf, run, look } = machine();
  engine.leaveSoon(look.clock);
  run(MUCH);
  engine.leave();
  engine.leave();
  deepEqual(shelf.done, ['put']);
  run(MUCH, MUCH);
  await look.now();
  await look.now();
  deepEqual(shelf.done, ['put', 'put']);
});

test('what was found is used, and only touched when nothing came of it', () => {
  const first = machine();
  first.run(MUCH);
  first.engine.end();
  const second = machine(first.shelf.pieces);
  second.run(MUCH);
  second.engine.end();
  deepEqual(second.shelf.done, ['touch']);
});

test('what was found and has no room for more is cleared, for the next one to begin anew', () => {
  const { engine, shelf, run, code } = machine();
  run(MUCH);
  for (let segment = 0; segment < 8; segment++) code().makeRoom();
  engine.end();
  deepEqual(shelf.done, ['clear']);
});

test('without a store nothing is left', () => {
  const engine = new KeptEngine(undefined, () => 'kernel', HOST);
  const memory = new WebAssembly.Memory({ initial: 1792, maximum: 1792 });
  equal(engine.make(memory).keep(), undefined);
  engine.end();
});

/** A processor with a kept engine, whose shelf holds `found` and writes down what is done to it. */
function machine(found?: readonly Uint8Array[]) {
  const shelf = { done: [] as string[], pieces: found };
  const engineShelf: EngineShelf = {
    find: () => found,
    serialize: () => Uint8Array.of(1),
    deserialize: (bytes) => new WebAssembly.Module(bytes),
    touch: () => shelf.done.push('touch'),
    put: (pieces) => {
      ok(pieces.length > 0);
      shelf.pieces = pieces;
      shelf.done.push('put');
    },
    clear: () => shelf.done.push('clear'),
  };
  const store: EngineStore = { compile, shelf: () => engineShelf, release: () => {} };
  const engine = new KeptEngine(store, () => 'kernel', HOST);
  let made: ReturnType<KeptEngine['make']> | undefined;
  const make: EngineMaker = (memory) => {
    made = engine.make(memory);
    return made;
  };
  const processor = new TestProcessor({}, make);
  /** Executes instructions no two of which are alike, which were never seen if they begin with another number. */
  const run = (instructions: number, first = 0): void => {
    const code = Array.from({ length: instructions }, (_, at) => movEax(first + at)).flat();
    let exit = processor.run([...code, HLT]);
    while (exit === EXIT_BUDGET) exit = processor.continue();
    equal(exit, EXIT_HLT);
  };
  return { engine, shelf, run, look: looks(), code: () => (made as ReturnType<KeptEngine['make']>).code };
}

function movEax(value: number): number[] {
  return [0xb8, value & 0xff, value >> 8, 0, 0];
}

/** A clock whose one timer goes off when the test says so. */
function looks(): { clock: Clock; now: () => Promise<void> } {
  let timer: (() => void) | undefined;
  const clock: Clock = {
    nowNs: () => 0,
    nsPerInstruction: undefined,
    wallclockNs: () => 0n,
    setTimer: (_atNs: number, callback: () => void) => {
      timer = callback;
      return {
        cancel: () => {
          timer = undefined;
        },
      };
    },
  };
  const now = async (): Promise<void> => {
    const due = timer;
    timer = undefined;
    due?.();
    await new Promise<void>((resolve) => defer(resolve));
  };
  return { clock, now };
}

const modules = new Map<string, WebAssembly.Module>();

// Generated once.
function compile(name: string, generate: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  const module = modules.get(name) ?? new WebAssembly.Module(generate());
  modules.set(name, module);
  return module;
}
