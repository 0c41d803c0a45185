import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseElf } from './elf.ts';
import { EM_386, EM_AARCH64, elf } from './testing/kernels.ts';

describe('parseElf', () => {
  test('reads 64-bit and 32-bit kernels alike', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    for (const [bits, machine, name] of [
      [64, 62, 'x86-64'],
      [32, EM_386, 'x86-32'],
    ] as const) {
      const segments = [{ paddr: 0x200000, vaddr: 0x80200000n, bytes, memorySize: 0x5000, alignment: 0x1000 }];
      const file = parseElf('k', elf({ bits, machine, entry: 0x80200010, segments }));
      assert.equal(file.bits, bits);
      assert.equal(file.machine, name);
      assert.equal(file.entry, 0x80200010n);
      assert.equal(file.segments.length, 1);
      const segment = file.segments[0];
      assert.equal(segment?.physicalAddress, 0x200000);
      assert.equal(segment?.virtualAddress, 0x80200000n);
      assert.equal(segment?.memorySize, 0x5000);
      assert.equal(segment?.alignment, 0x1000);
      assert.deepEqual([...(segment?.bytes ?? [])], [1, 2, 3]);
    }
  });

  test('leaves out segments without a size or an access right, as libelf does', () => {
    const real = { paddr: 0x100000, memorySize: 0x1000 };
    const segments = [{ paddr: 0x100000, memorySize: 0 }, { paddr: 0x100000, memorySize: 0x1000, flags: 0 }, real];
    assert.deepEqual(
      parseElf('k', elf({ segments })).segments.map((segment) => segment.memorySize),
      [0x1000],
    );
  });

  test('a file cut anywhere inside headers or segments is told to be truncated', () => {
    const whole = elf({ segments: [{ paddr: 0x100000, bytes: new Uint8Array(64).fill(7) }] });
    const needed = 64 + 56 + 64;
    for (let size = 6; size < needed; size++) {
      const cut = whole.subarray(0, size);
      assert.throws(() => parseElf('vmlinux', cut), { code: 'KERNEL_TRUNCATED', message: /^vmlinux: truncated: / });
    }
    assert.equal(parseElf('vmlinux', whole.subarray(0, needed)).segments.length, 1);
  });

  test('says what a segment misses', () => {
    const whole = elf({ segments: [{ paddr: 0x100000, bytes: new Uint8Array(0x1000) }] });
    assert.throws(() => parseElf('vmlinux', whole.subarray(0, 0x800)), {
      message: "vmlinux: truncated: segment 0, at 0x78 to 0x1078, is past the file's 2048 bytes",
    });
  });

  test('refuses kernels for other machines by their name', () => {
    assert.throws(() => parseElf('Image', elf({ machine: EM_AARCH64 })), {
      code: 'KERNEL_MACHINE',
      message: 'Image: a kernel for aarch64, expected one for x86 (32 or 64 bits)',
    });
    const bigEndian = elf();
    bigEndian[5] = 2;
    assert.throws(() => parseElf('k', bigEndian), { code: 'KERNEL_MACHINE', message: /big-endian/ });
  });

  test('refuses what cannot be put into memory', () => {
    const refused = (segments: Parameters<typeof elf>[0] & object, message: RegExp) =>
      assert.throws(() => parseElf('k', elf(segments)), { code: 'KERNEL_SEGMENTS', message });
    refused({ segments: [] }, /without a loadable segment/);
    refused({ segments: [{ paddr: 0, bytes: new Uint8Array(8), memorySize: 4 }] }, /8 bytes in the file, 4 in memory/);
    refused({ segments: [{ paddr: 2 ** 53, memorySize: 4096 }] }, /no machine has that memory/);
    const overlapping = [
      { paddr: 0x300000, memorySize: 0x1000 },
      { paddr: 0x100000, memorySize: 0x200001 },
    ];
    refused({ segments: overlapping }, /overlap in physical memory: 0x100000 to 0x300001 and 0x300000 to 0x301000/);
  });

  test('survives any flipped byte', () => {
    const whole = elf({ notes: [{ type: 18, description: [0, 0, 0, 1] }] });
    for (let at = 0; at < whole.length; at++) {
      const bad = whole.slice();
      bad[at] = (bad[at] as number) ^ 0xff;
      try {
        parseElf('k', bad);
      } catch (error) {
        assert.equal((error as Error).name, 'XenolithError', String(error));
      }
    }
  });
});
