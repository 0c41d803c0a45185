import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { XenolithError } from '../../lib/errors.ts';
import { loadKernel } from './kernel-image.ts';
import { bzImage, elf, number } from './testing/kernels.ts';

const vmlinux = elf({ notes: [{ type: 18, description: number(0x1000000, 4) }] });
const ascii = (text: string) => new TextEncoder().encode(text.padEnd(0x300, '\0'));

describe('loadKernel', () => {
  test('takes an ELF file as it is, or under gzip', async () => {
    const plain = await loadKernel('vmlinux', vmlinux);
    assert.deepEqual([plain.format, plain.compression, plain.notes.physEntry], ['ELF', 'none', 0x1000000]);
    const packed = await loadKernel('vmlinux.gz', new Uint8Array(gzipSync(vmlinux)));
    assert.deepEqual([packed.format, packed.compression, packed.notes.physEntry], ['ELF', 'gzip', 0x1000000]);
  });

  test('takes a bzImage, with its payload packed or not; relocations may follow the ELF', async () => {
    const payload = new Uint8Array([...vmlinux, 0, 0, 0, 0, 1, 2, 3, 4]);
    const packed = await loadKernel('vmlinuz', bzImage(new Uint8Array(gzipSync(payload))));
    assert.deepEqual([packed.format, packed.compression, packed.notes.physEntry], ['bzImage', 'gzip', 0x1000000]);
    const plain = await loadKernel('vmlinuz', bzImage(payload));
    assert.deepEqual([plain.format, plain.compression, plain.notes.physEntry], ['bzImage', 'none', 0x1000000]);
  });

  test('says what a file is that is no kernel', async () => {
    const refused = (bytes: Uint8Array, found: string) =>
      assert.rejects(loadKernel('guest.img', bytes), {
        code: 'KERNEL_FORMAT',
        message: `guest.img: ${found}, expected a kernel: a bzImage or an ELF file`,
      });
    await refused(new Uint8Array(0), 'an empty file');
    await refused(ascii('070701'), 'an initramfs (cpio)');
    await refused(ascii('#!/bin/sh'), 'a script');
    await refused(ascii('hello'), 'a file that starts with 68 65 6c 6c');
  });

  test('a bzImage cut short says where its payload was to be', async () => {
    const image = bzImage(new Uint8Array(gzipSync(vmlinux)));
    await assert.rejects(loadKernel('vmlinuz', image.subarray(0, 1200)), {
      code: 'KERNEL_TRUNCATED',
      message: /^vmlinuz: truncated: its payload, at 0x440 to 0x[0-9a-f]+, is past the file's 1200 bytes$/,
    });
    await assert.rejects(loadKernel('vmlinuz', image.subarray(0, 0x220)), { code: 'KERNEL_TRUNCATED' });
  });

  test('a bzImage from before payloads had a place in the header is refused (boot protocol 2.08)', async () => {
    await assert.rejects(loadKernel('vmlinuz', bzImage(vmlinux, undefined, 0x207)), {
      message: 'vmlinuz: a bzImage of boot protocol 2.07, expected 2.08 (Linux 2.6.24)',
    });
  });

  test('any flipped byte gives a kernel or one sentence that starts with the file', async () => {
    const guest = elf({ bits: 32, machine: 3, guestString: 'GUEST_OS=x,VIRT_BASE=0x1000\0' });
    for (const file of [vmlinux, guest, bzImage(new Uint8Array(gzipSync(vmlinux)))]) {
      for (let at = 0; at < file.length; at++) {
        const bad = file.slice();
        bad[at] = (bad[at] as number) ^ 0xff;
        try {
          await loadKernel('k', bad);
        } catch (error) {
          assert.ok(error instanceof XenolithError, `byte ${at}: ${String(error)}`);
          assert.match(error.message, /^k: /);
        }
      }
    }
  });
});
