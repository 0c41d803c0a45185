import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { SymbolMap } from './symbol-map.ts';

test('an address is told by the function that it lies in', () => {
  const map = new SymbolMap('ffffffff81000100 t second\nffffffff81000000 T first\nffffffff82000000 D data\nnonsense\n');
  equal(map.lookup(0xffffffff81000000n), 'first+0x0');
  equal(map.lookup(0xffffffff810000ffn), 'first+0xff');
  equal(map.lookup(0xffffffff81000100n), 'second+0x0');
  equal(map.lookup(0xffffffff80ffffffn), undefined, 'before all code');
  equal(map.lookup(0xffffffff82000000n), undefined, 'data');
  equal(new SymbolMap('').lookup(1n), undefined);
});
