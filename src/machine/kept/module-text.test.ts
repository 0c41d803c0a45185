import { deepEqual, equal } from 'node:assert/strict';
import { stripTypeScriptTypes } from 'node:module';
import { test } from 'node:test';
import { functionOf, PARAMETERS } from './module-text.ts';

const MODULE = `import { readFileSync, type Stats } from 'node:fs';
import type { Other } from './other.ts';
import {
  first,
  second as renamed,
} from './numbers.ts';
import * as all from './all.ts';
export { third, third as fourth } from './numbers.ts';

const hidden = 1;
export const sum = first + renamed + hidden + all.ten;
export function twice(value: number): number {
  return 2 * value;
}
export class Counter {
  readonly url = import.meta.url;
}
export const later = () => import('./late.ts');
export interface Gone {
  readonly stats: Stats | Other;
}
export { hidden, type Gone as AlsoGone };
export const text = 'a line';
`;

test('a module is a function of what it imports, and returns what it exports', async () => {
  const body = functionOf(stripTypeScriptTypes(MODULE));
  const modules: Record<string, object> = {
    'node:fs': { readFileSync },
    './numbers.ts': { first: 1, second: 2, third: 3 },
    './all.ts': { ten: 10 },
  };
  const run = new Function(...PARAMETERS, body);
  const exports = run(
    (name: string) => modules[name],
    (name: string) => Promise.resolve(name),
    { url: 'file:///here' },
  );
  deepEqual(Object.keys(exports).sort(), ['Counter', 'fourth', 'hidden', 'later', 'sum', 'text', 'third', 'twice']);
  equal(exports.sum, 14);
  equal(exports.fourth, 3);
  equal(exports.twice(4), 8);
  equal(new exports.Counter().url, 'file:///here');
  equal(await exports.later(), './late.ts');
});

test('lines stay where they are, so that an error tells of the right one', () => {
  const body = functionOf(stripTypeScriptTypes(MODULE));
  const line = (text: string) => text.split('\n').findIndex((one) => one.includes('return 2 * value'));
  equal(line(body), line(MODULE));
});

function readFileSync(): void {}
