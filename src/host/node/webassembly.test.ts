import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { collectGarbage } from './memory.ts';
import { deserializeWasm, serializeWasm } from './webassembly.ts';

// (module (func (export "a") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0];
const ADD = Uint8Array.from([...HEAD, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
type Add = (x: number, y: number) => number;
const isTried = process.versions.node.startsWith('24.');

test('what V8 has optimised is taken again', { skip: !isTried }, async () => {
  const module = new WebAssembly.Module(ADD);
  const { a } = new WebAssembly.Instance(module).exports as { a: Add };
  const unoptimised = serializeWasm(module)?.length ?? 0;
  let code = serializeWasm(module);
  for (let turn = 0; turn < 200 && (code?.length ?? 0) <= unoptimised; turn++) {
    for (let i = 0; i < 1e6; i++) a(i, i);
    await sleep(1);
    code = serializeWasm(module);
  }
  notEqual(code, undefined);
  // V8 throws away what it made of functions that are not called.
  setFlagsFromString('--stress-flush-code');
  collectGarbage();
  setFlagsFromString('--no-stress-flush-code');
  deepEqual(serializeWasm(module), code);
  const again = deserializeWasm(ADD, new Uint8Array(code ?? []));
  notEqual(again, undefined);
  equal((new WebAssembly.Instance(again as WebAssembly.Module).exports as { a: Add }).a(2, 3), 5);
});

test('what is no code of that module is not taken, and ends nothing', () => {
  equal(deserializeWasm(ADD, new Uint8Array(0)), undefined);
  equal(deserializeWasm(ADD, new Uint8Array(4096).fill(0x5a)), undefined);
});
