import { equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { Buddy, NO_FRAME } from './buddy.ts';

test('a block of order n is aligned to 2^n frames', () => {
  const buddy = new Buddy(5, 1000);
  for (const order of [0, 3, 5, 8, 2]) equal(buddy.take(order) % 2 ** order, 0);
});

test('every frame of the range is handed out once, and no other', () => {
  const buddy = new Buddy(5, 37);
  const seen = new Set<number>();
  for (let frame = buddy.take(0); frame !== NO_FRAME; frame = buddy.take(0)) seen.add(frame);
  equal(seen.size, 32);
  equal(Math.min(...seen), 5);
  equal(Math.max(...seen), 36);
  equal(buddy.freeFrames, 0);
});

test('frames given back in any order join to the blocks they came from', () => {
  const buddy = new Buddy(64, 128);
  equal(buddy.take(6), 64);
  equal(buddy.take(0), NO_FRAME);
  for (let frame = 64; frame < 128; frame++) buddy.give(64 + ((frame * 37) % 64), 0);
  equal(buddy.freeFrames, 64);
  equal(buddy.take(6), 64);
});

test('a request larger than the largest free block fails though enough single frames are free', () => {
  const buddy = new Buddy(64, 128);
  const held = Array.from({ length: 64 }, () => buddy.take(0));
  for (const frame of held) if (frame % 2 === 0) buddy.give(frame, 0);
  equal(buddy.freeFrames, 32);
  equal(buddy.take(1), NO_FRAME);
  notEqual(buddy.take(0), NO_FRAME);
});

test('single frames are taken out of the blocks they are in, and make the blocks whole again', () => {
  const buddy = new Buddy(16, 16 + 64);
  equal(buddy.takeFrame(15), false);
  const taken = [47, 16, 79, 48, 40, 41];
  for (const frame of taken) {
    equal(buddy.takeFrame(frame), true, `${frame}`);
    equal(buddy.takeFrame(frame), false, `${frame} is taken`);
  }
  equal(buddy.freeFrames, 64 - taken.length);
  const others = new Set<number>();
  for (let frame = buddy.take(0); frame !== NO_FRAME; frame = buddy.take(0)) others.add(frame);
  equal(others.size, 64 - taken.length);
  for (const frame of [...others, ...taken]) buddy.give(frame, 0);
  equal(buddy.take(5), 32, 'a block of 32 is whole again');
});
