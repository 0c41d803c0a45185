import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { ConsoleAttachment } from './console-attachment.ts';

const AROUND = { look() {}, gone() {}, holdInput() {} };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (string: string) => new TextEncoder().encode(string);

test('output from before anyone listens is kept, in order', () => {
  const heard: string[] = [];
  const console = new ConsoleAttachment(AROUND);
  equal(console.output(bytes('one ')), 4);
  equal(console.output(bytes('two ')), 4);
  console.onOutput((output) => heard.push(text(output)));
  console.output(bytes('three'));
  deepEqual(heard, ['one ', 'two ', 'three']);
});

test('typing waits while the daemon asks for a pause, and goes on in order', () => {
  const given: string[] = [];
  const console = new ConsoleAttachment(AROUND);
  console.onInput((input) => given.push(text(input)));
  console.write(bytes('a'));
  console.inputPaused(true);
  console.write(bytes('b'));
  console.write(bytes('c'));
  deepEqual(given, ['a']);
  console.inputPaused(false);
  deepEqual(given, ['a', 'b', 'c']);
});

test('a long paste stops where the daemon asks for a pause', () => {
  const given: number[] = [];
  const console = new ConsoleAttachment(AROUND);
  console.onInput((input) => {
    given.push(input.length);
    console.inputPaused(true);
  });
  console.write(new Uint8Array(10_000));
  deepEqual(given, [4096]);
  console.inputPaused(false);
  deepEqual(given, [4096, 4096]);
});

test('whoever types is held while the guest does not read, and let go with it', () => {
  const held: boolean[] = [];
  const console = new ConsoleAttachment({ ...AROUND, holdInput: (hold) => held.push(hold) });
  console.inputPaused(true);
  console.inputPaused(true);
  console.inputPaused(false);
  console.inputPaused(true);
  console.closed();
  deepEqual(held, [true, false, true, false]);
});
