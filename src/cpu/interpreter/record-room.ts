/** The room for records: segments that are filled one after the other, round and round. */
import { assert } from '../../lib/assert.ts';
import { RECORD_SEGMENTS, RECORDS } from './layout.ts';
import { RECORD_SIZE } from './record.ts';

/** So many bytes of a segment are kept free: what a batch of regions copies has to fit too. */
const RESERVE = 512 * 1024;

export class RecordRoom {
  /** Of a segment. */
  readonly size: number;
  readonly #reserve: number;
  /** The one that is filled. */
  segment = 0;
  /** Where the next record goes. */
  next = RECORDS;

  /** `bytes` is all the room there is. */
  constructor(bytes: number) {
    this.size = Math.floor(bytes / RECORD_SEGMENTS / RECORD_SIZE) * RECORD_SIZE;
    this.#reserve = Math.min(RESERVE, this.size / 2);
  }

  /** Where the segment ends. */
  get end(): number {
    return RECORDS + (this.segment + 1) * this.size;
  }

  /** No room was used twice. */
  isFirstRound = true;

  /** Bytes up to where the next record goes, in the first round. */
  get used(): number {
    return this.next - RECORDS;
  }

  /** Goes on where another room of the same size was in its first round. */
  restore(segment: number, used: number): void {
    this.segment = segment;
    this.next = RECORDS + used;
  }

  get isLow(): boolean {
    return this.next > this.end - this.#reserve;
  }

  take(records: number): void {
    this.next += records * RECORD_SIZE;
    assert(this.next <= this.end, 'there is room for what a batch of regions copies');
  }

  /** Goes on to the oldest segment. */
  turn(): void {
    this.segment = (this.segment + 1) % RECORD_SEGMENTS;
    if (this.segment === 0) this.isFirstRound = false;
    this.next = this.end - this.size;
  }
}
