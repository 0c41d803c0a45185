import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_BYTES, type Frame, FrameReader, frame } from './frames.ts';

const copy = ({ kind, body }: Frame) => ({ kind, body: [...body] });

test('frames come out whole, however their bytes are cut', () => {
  const sent = [frame(1, new Uint8Array(0)), frame(2, Uint8Array.of(1, 2, 3)), frame(3, new Uint8Array(300).fill(7))];
  const bytes = Uint8Array.from(sent.flatMap((each) => [...each]));
  for (let piece = 1; piece <= bytes.length; piece++) {
    const reader = new FrameReader();
    const got: ReturnType<typeof copy>[] = [];
    for (let at = 0; at < bytes.length; at += piece) {
      const frames = reader.push(bytes.slice(at, at + piece));
      if (frames === 'oversized') throw new Error('none is too long');
      got.push(...frames.map(copy));
    }
    deepEqual(
      got.map(({ kind, body }) => [kind, body.length]),
      [
        [1, 0],
        [2, 3],
        [3, 300],
      ],
    );
  }
});

test('a frame may be a MiB, and not a byte longer', () => {
  const length = (bytes: number) => new Uint8Array(Uint32Array.of(bytes).buffer);
  deepEqual(new FrameReader().push(length(FRAME_BYTES)), []);
  equal(new FrameReader().push(Uint8Array.from([...length(FRAME_BYTES + 1), 1])), 'oversized');
  equal(new FrameReader().push(Uint8Array.from([...length(0), 1])), 'oversized', 'there is no frame without a kind');
});

test('bytes that mean nothing end in frames or a refusal, never in more memory than was sent', () => {
  // A linear congruential generator: the same bytes each time.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
  for (let run = 0; run < 2000; run++) {
    const reader = new FrameReader();
    for (let pushes = 0; pushes < 4; pushes++) {
      const frames = reader.push(Uint8Array.from({ length: random() }, random));
      if (frames === 'oversized') break;
      for (const { body } of frames) equal(body.length < FRAME_BYTES, true);
    }
  }
});
