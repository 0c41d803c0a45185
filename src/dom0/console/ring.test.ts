import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { XenconsInterface } from '../../abi/io/console.ts';
import { bytesOf, textOf } from '../../libs/store/wire.ts';
import { ConsoleRing } from './ring.ts';

// public/io/console.h: in[1024] to the guest, out[2048] from it, indices that run freely

function rings(): { page: XenconsInterface; ring: ConsoleRing } {
  const bytes = new Uint8Array(4096);
  return { page: new XenconsInterface(new DataView(bytes.buffer), 0), ring: new ConsoleRing(bytes) };
}

function guestWrites(page: XenconsInterface, text: string): void {
  for (const byte of bytesOf(text)) {
    page.out[page.out_prod % 2048] = byte;
    page.out_prod = (page.out_prod + 1) >>> 0;
  }
}

test('output comes in order, around the end of the ring and past 2^32', () => {
  const { page, ring } = rings();
  page.out_cons = 0xffff_ffff - 1000;
  page.out_prod = page.out_cons;
  const text = Array.from({ length: 2048 }, (_, i) => String.fromCharCode(32 + (i % 90))).join('');
  guestWrites(page, text);
  equal(textOf(ring.take(100)), text.slice(0, 100));
  equal(textOf(ring.take(10_000)), text.slice(100));
  equal(ring.take(10_000).length, 0);
  equal(page.out_cons, page.out_prod);
});

test('input goes in as far as there is room', () => {
  const { page, ring } = rings();
  page.in_cons = 0xffff_fff0;
  page.in_prod = 0xffff_fff0;
  const text = Array.from({ length: 1500 }, (_, i) => String.fromCharCode(32 + (i % 90))).join('');
  equal(ring.give(bytesOf(text)), 1024);
  equal(ring.give(bytesOf(text)), 0);
  const read = Array.from({ length: 1024 }, (_, i) => page.in[(0xffff_fff0 + i) % 1024] ?? 0);
  equal(textOf(Uint8Array.from(read)), text.slice(0, 1024));
});

for (const hostile of [2049, 0x8000_0000, 0xffff_ffff]) {
  test(`a ring that claims to hold ${hostile} bytes is left alone until it makes sense again`, () => {
    const { page, ring } = rings();
    page.out_prod = hostile;
    page.in_prod = hostile;
    const before = [page.out_cons, page.out_prod, page.in_cons, page.in_prod];
    deepEqual([ring.take(10_000).length, ring.give(bytesOf('x'))], [0, 0]);
    deepEqual([page.out_cons, page.out_prod, page.in_cons, page.in_prod], before);

    page.out_prod = 0;
    page.in_prod = 0;
    guestWrites(page, 'ok');
    equal(textOf(ring.take(10)), 'ok');
  });
}
