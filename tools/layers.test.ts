import { deepEqual, match } from 'node:assert/strict';
import test from 'node:test';
import { LAYERS, type Layer } from './layer-table.ts';
import { checkLayers, checkReferences } from './layers.ts';

const source = (path: string, text = '') => ({ path, text });

test('a core layer may not import a layer that is not in its row, nor Node, nor an unnamed package', () => {
  const findings = checkLayers([
    source('src/xen/a.ts', "import { b } from '../host/b.ts';\nimport fs from 'node:fs';\nimport z from 'zstddec';\n"),
    source('src/host/b.ts', "import fs from 'node:fs';\n"),
    source('src/dom0/builder/c.ts', "import { ZSTDDecoder } from 'zstddec';\n"),
  ]);
  deepEqual(
    findings.map((one) => one.split(':', 2).join(':')),
    ['src/xen/a.ts:1', 'src/xen/a.ts:2', 'src/xen/a.ts:3'],
  );
});

test('xen sees the engine contract and the types of the MMU, not the engine', () => {
  const findings = checkLayers([
    source(
      'src/xen/a.ts',
      [
        "import { run } from '../cpu/engine.ts';",
        "import type { Tlb } from '../cpu/mmu/tlb.ts';",
        "import { Tlb as Value } from '../cpu/mmu/tlb.ts';",
        "import type { Interpreter } from '../cpu/interpreter/interpreter.ts';",
      ].join('\n'),
    ),
    source('src/cpu/engine.ts'),
    source('src/cpu/mmu/tlb.ts'),
    source('src/cpu/interpreter/interpreter.ts'),
  ]);
  deepEqual(
    findings.map((one) => one.split(':', 2).join(':')),
    ['src/xen/a.ts:3', 'src/xen/a.ts:4'],
  );
});

test('the interpreter and the JIT are strangers, and so are two backends', () => {
  const findings = checkLayers([
    source('src/cpu/interpreter/a.ts', "import { b } from '../jit/b.ts';\n"),
    source('src/cpu/jit/b.ts'),
    source('src/dom0/backends/blk/a.ts', "import { b } from '../net/b.ts';\n"),
    source('src/dom0/backends/net/b.ts'),
  ]);
  deepEqual(findings, [
    'src/cpu/interpreter/a.ts:1: src/cpu/interpreter/ and src/cpu/jit/ never import each other',
    'src/dom0/backends/blk/a.ts:1: the parts of src/dom0/backends/ never import each other',
  ]);
});

test('a ring of imports is found, across several lines and dynamic imports, and a ring of types is none', () => {
  const ring = checkLayers([
    source('src/lib/a.ts', "import {\n  b,\n  type C,\n} from './b.ts';\n"),
    source('src/lib/b.ts', "const a = await import('./a.ts');\n"),
  ]);
  deepEqual(ring, ['import cycle: src/lib/a.ts -> src/lib/b.ts -> src/lib/a.ts']);
  const types = checkLayers([
    source('src/lib/a.ts', "import { b } from './b.ts';\n"),
    source('src/lib/b.ts', "import type { a } from './a.ts';\n"),
  ]);
  deepEqual(types, []);
});

test('an import of a file that is not there, or of test code, is named', () => {
  const findings = checkLayers([
    source('src/lib/a.ts', "import { b } from './gone.ts';\nexport * from './b.test.ts';\n"),
    source('src/lib/b.test.ts'),
  ]);
  deepEqual(findings.length, 2);
  match(findings[0] ?? '', /there is no src\/lib\/gone\.ts/);
  match(findings[1] ?? '', /for tests alone/);
});

test('a tsconfig refers to exactly the layers of its row', () => {
  const abi = LAYERS.find((layer) => layer.folder === 'src/abi/') as Layer;
  const check = (tsconfig: object) => checkReferences(abi, JSON.stringify(tsconfig), () => true);
  const base = '../../tsconfig.core.json';
  deepEqual(check({ extends: base, references: [{ path: '../../src/lib' }] }), []);
  deepEqual(check({ extends: base }), ['src/abi/tsconfig.json: no reference to src/lib/, which it may import']);
  deepEqual(check({ extends: base, references: [{ path: '../../src/lib' }, { path: '../../src/cpu' }] }), [
    'src/abi/tsconfig.json: refers to src/cpu/, which it may not import',
  ]);
});
