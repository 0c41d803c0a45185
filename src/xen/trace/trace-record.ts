import { TRACE_EXTRA_MAX, TRACE_EXTRA_SHIFT, TRC_HD_CYCLE_FLAG } from '../../abi/trace.ts';

// A record in the ring, in 32-bit words: 0 the header as in Xen's struct t_rec; 1 domid << 16 | vCPU; 2 and 3 the time
// stamp, a float64; 4 the pCPU; 5 to 11 the extra words.
export const RECORD_WORDS = 12;
export const AT_HEADER = 0;
export const AT_VCPU = 1;
/** In float64s of the same memory. */
export const AT_STAMP = 1;
export const AT_CPU = 4;
export const AT_EXTRA = 5;
export const RECORD_BYTES = RECORD_WORDS * 4;

/** Bits of a header that are the event; it is bits 0 to 27 of struct t_rec. */
export const EVENT_MASK = 0x0fffffff;

/** The domain that a pCPU runs while it has nothing to run. */
export const DOMID_IDLE = 0x7fff;

/** The header of a record that has a time stamp of its own, with so many extra words. */
export function timed(event: number, extra: number): number {
  return (event | (extra << TRACE_EXTRA_SHIFT) | TRC_HD_CYCLE_FLAG) >>> 0;
}

/** The header of a record that belongs to the moment of the one before it. */
export function untimed(event: number, extra: number): number {
  return event | (extra << TRACE_EXTRA_SHIFT);
}

/** One record, while it is read: the same object shows each in turn. */
export class TraceRecord {
  readonly #words: Uint32Array;
  readonly #stamps: Float64Array;
  #at = 0;

  constructor(memory: ArrayBuffer) {
    this.#words = new Uint32Array(memory);
    this.#stamps = new Float64Array(memory);
  }

  /** Shows the record in slot `slot`. */
  show(slot: number): this {
    this.#at = slot * RECORD_WORDS;
    return this;
  }

  /** The header, as struct t_rec has it. */
  get header(): number {
    return this.#word(AT_HEADER);
  }

  /** TRC_*, or one of events.ts. */
  get event(): number {
    return this.header & EVENT_MASK;
  }

  /** Whether it has a time stamp of its own. */
  get timed(): boolean {
    return this.header >= TRC_HD_CYCLE_FLAG;
  }

  /** Nanoseconds of system time: its own, or those of the record before it. */
  get stampNs(): number {
    return this.#stamps[this.#at / 2 + AT_STAMP] as number;
  }

  /** The domain that ran; DOMID_IDLE where none did. */
  get domid(): number {
    return this.#word(AT_VCPU) >>> 16;
  }

  get vcpuId(): number {
    return this.#word(AT_VCPU) & 0xffff;
  }

  /** The pCPU it happened on. */
  get cpu(): number {
    return this.#word(AT_CPU);
  }

  /** How many extra words it has. */
  get extras(): number {
    return (this.header >>> TRACE_EXTRA_SHIFT) & TRACE_EXTRA_MAX;
  }

  /** An extra word; 0 beyond the last. */
  extra(index: number): number {
    return index < this.extras ? this.#word(AT_EXTRA + index) : 0;
  }

  #word(index: number): number {
    return this.#words[this.#at + index] as number;
  }
}
