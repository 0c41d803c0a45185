import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, textOf } from '../../libs/store/wire.ts';
import { Backlog } from './backlog.ts';

function textFrom(backlog: Backlog, from: number): string {
  let text = '';
  for (let at = from; at < backlog.end; ) {
    const piece = backlog.piece(at);
    text += textOf(piece);
    at += piece.length;
  }
  return text;
}

test('the last bytes are there, whatever the pieces they came in, while it grows and once it is full', () => {
  for (const limit of [1000, 5000, 10_000]) {
    for (const size of [1, 7, 999, 3000, 20_000]) {
      const backlog = new Backlog(limit);
      let all = '';
      for (let i = 0; all.length < 3 * limit; i++) {
        const piece = Array.from({ length: size }, (_, j) => String.fromCharCode(33 + ((i * 31 + j) % 90))).join('');
        all += piece;
        backlog.append(bytesOf(piece));
        if (size === 1 && i % 100 !== 0) continue;
        equal(backlog.end, all.length);
        equal(backlog.start, Math.max(0, all.length - limit));
        equal(textFrom(backlog, backlog.start), all.slice(-limit));
      }
    }
  }
});

test('a lower limit lets go of the oldest, a higher one keeps more from then on', () => {
  const backlog = new Backlog(10);
  backlog.append(bytesOf('0123456789'));
  backlog.limit = 4;
  equal(textFrom(backlog, backlog.start), '6789');
  backlog.append(bytesOf('ab'));
  equal(textFrom(backlog, backlog.start), '89ab');
  backlog.limit = 8000;
  backlog.append(bytesOf('c'.repeat(5000)));
  equal(textFrom(backlog, backlog.start), `89ab${'c'.repeat(5000)}`);
});
