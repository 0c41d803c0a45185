import { equal } from 'node:assert/strict';
import test from 'node:test';
import { ConsoleText } from './console-text.ts';

function shown(...pieces: string[]): string {
  const text = new ConsoleText();
  for (const piece of pieces) text.write(piece);
  return text.text;
}

test('a carriage return goes to the start of the line, and what follows replaces what was there', () => {
  equal(shown('10 %\r20 %\r\ndone'), '20 %\ndone');
});

test('a shell rubs out a character by a backspace, a space and a backspace', () => {
  equal(shown('lss', '\b \b', ' /'), 'ls /'.padEnd(4));
});

test('control sequences do nothing, also where they come in two pieces', () => {
  equal(shown('\x1b[1;31mred\x1b[m', ' \x1b[', '6nplain'), 'red plain');
});
