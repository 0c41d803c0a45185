import { RUNSTATE_blocked, RUNSTATE_runnable, RUNSTATE_running } from '../../abi/vcpu.ts';
import {
  TRC_ALL,
  TRC_CLS_SHIFT,
  TRC_HD_CYCLE_FLAG,
  TRC_SCHED_CONTINUE_RUNNING,
  TRC_SCHED_RUNSTATE_CHANGE,
  TRC_SUBCLS_SHIFT,
} from '../../abi/trace.ts';
import { assert } from '../../lib/assert.ts';
import {
  AT_CPU,
  AT_EXTRA,
  AT_HEADER,
  AT_STAMP,
  AT_VCPU,
  DOMID_IDLE,
  RECORD_BYTES,
  RECORD_WORDS,
  timed,
  TraceRecord,
} from './trace-record.ts';

const MOST_CPUS = 32;
const IDLE = DOMID_IDLE << 16;
const CONTINUE_RUNNING = timed(TRC_SCHED_CONTINUE_RUNNING, 1);

/** What records are asked for. */
export interface TraceFilter {
  /** TRC_* classes and subclasses, as Xen's event mask. */
  readonly events: number;
  /** pCPUs, as bits. */
  readonly cpus: number;
  /** Records that one of these domains made or that concern one of them; undefined for all. */
  readonly domains: readonly number[] | undefined;
}

/** Everything, of everybody. */
export const EVERYTHING: TraceFilter = { events: TRC_ALL, cpus: 0xffffffff, domains: undefined };

/** A vCPU as far as a record tells of it. */
export interface TracedVcpu {
  readonly vcpuId: number;
  readonly domain: { readonly id: number };
  readonly placement: { readonly cpu: number };
}

/** Receives what `take` takes. */
export interface TraceSink {
  /** Records were overwritten before they were read: so many of a pCPU's, and the stamp of the first of them. */
  lost(cpu: number, count: number, firstNs: number): void;
  /** The next record, which is the caller's only until it returns. */
  record(record: TraceRecord): void;
}

/**
 * What happened last, in a ring of records: once it is full, a new record takes the place of the oldest. One ring serves
 * all pCPUs, since one thread executes them all. Recording allocates nothing.
 *
 * Whose a record is follows from runstates: the vCPU that entered RUNSTATE_running last, until it leaves it.
 */
export class TraceBuffer {
  /** Records there is room for. */
  readonly capacity: number;
  readonly #words: Uint32Array;
  readonly #stamps: Float64Array;
  readonly #reader: TraceRecord;
  readonly #now: () => number;
  #events = 0;
  #cpus = 0;
  /** By domain id: 1 for those that are asked for; undefined where all are. */
  #wanted: Uint8Array | undefined;
  /** Records ever written, and those of them that were read or lost. */
  #written = 0;
  #read = 0;
  #slot = 0;
  #lastNs = 0;
  /** Who runs: domid << 16 | vCPU, and where. */
  #current = IDLE;
  #cpu = 0;
  readonly #lost = new Float64Array(MOST_CPUS);
  readonly #firstLostNs = new Float64Array(MOST_CPUS);

  /** @param now system time in ns */
  constructor(capacity: number, now: () => number, filter: TraceFilter = EVERYTHING) {
    assert(capacity > 0, 'a ring has room for a record');
    this.capacity = capacity;
    const memory = new ArrayBuffer(capacity * RECORD_BYTES);
    this.#words = new Uint32Array(memory);
    this.#stamps = new Float64Array(memory);
    this.#reader = new TraceRecord(memory);
    this.#now = now;
    this.filter = filter;
  }

  set filter({ events, cpus, domains }: TraceFilter) {
    this.#events = events;
    this.#cpus = cpus;
    this.#wanted = domains && new Uint8Array(0x10000);
    for (const domid of domains ?? []) if (this.#wanted !== undefined) this.#wanted[domid] = 1;
  }

  /** Whether a record with this header would be kept, if its domain and its pCPU are asked for. */
  wants(header: number): boolean {
    // Xen's three questions: any bit, the class, the subclass.
    const mask = this.#events;
    return (
      (mask & header) !== 0 &&
      ((mask >>> TRC_CLS_SHIFT) & (header >>> TRC_CLS_SHIFT) & 0xfff) !== 0 &&
      ((mask >>> TRC_SUBCLS_SHIFT) & (header >>> TRC_SUBCLS_SHIFT) & 0xf) !== 0
    );
  }

  /**
   * Records something that the running vCPU did.
   *
   * @param header `timed` or `untimed` of trace-record.ts, which tells how many of the words count
   * @param subject the domain it concerns, which may be another
   */
  record(header: number, subject: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0): void {
    if (this.wants(header)) this.#write(this.#cpu, this.#current, header, subject, a, b, c, d, e, f, g);
  }

  /** Records something that happened on a pCPU, whoever runs. */
  recordOn(cpu: number, header: number, subject: number, a = 0, b = 0, c = 0, d = 0, e = 0): void {
    if (this.wants(header)) this.#write(cpu, this.#current, header, subject, a, b, c, d, e, 0, 0);
  }

  /** TRC_SCHED_RUNSTATE_CHANGE: a vCPU goes from a RUNSTATE_* to another; with it changes who runs. */
  runstate(vcpu: TracedVcpu, from: number, to: number): void {
    // dom0 is the thread itself and waits for nobody: it goes through runnable all the same, as vCPUs do in Xen.
    if (from >= RUNSTATE_blocked && to === RUNSTATE_running) {
      this.runstate(vcpu, from, RUNSTATE_runnable);
      this.runstate(vcpu, RUNSTATE_runnable, to);
      return;
    }
    const cpu = from === RUNSTATE_running ? this.#cpu : vcpu.placement.cpu;
    const who = nameOf(vcpu);
    const header = timed(TRC_SCHED_RUNSTATE_CHANGE | (from << 8) | (to << 4), 1);
    if (this.wants(header)) this.#write(cpu, this.#current, header, vcpu.domain.id, who, 0, 0, 0, 0, 0, 0);
    if (to === RUNSTATE_running) {
      this.#current = who;
      this.#cpu = cpu;
    } else if (from === RUNSTATE_running) {
      this.#current = IDLE;
    }
  }

  /** Recording begins, perhaps not for the first time: who ran by then may not any more. */
  nobodyRuns(): void {
    this.#current = IDLE;
    this.#cpu = 0;
  }

  /** Recording begins while a vCPU runs already, which is its first record. */
  continueRunning(vcpu: TracedVcpu): void {
    this.#current = nameOf(vcpu);
    this.#cpu = vcpu.placement.cpu;
    this.record(CONTINUE_RUNNING, vcpu.domain.id, this.#current);
  }

  /** The domain whose vCPU runs; DOMID_IDLE where none does. */
  get runningDomid(): number {
    return this.#current >>> 16;
  }

  /** Records that wait to be read. */
  get pending(): number {
    return this.#written - this.#read;
  }

  /** Hands over, the oldest first, what was recorded since the last time; at most so many records. */
  take(sink: TraceSink, most = Number.POSITIVE_INFINITY): void {
    for (let cpu = 0; cpu < MOST_CPUS; cpu++) {
      const count = this.#lost[cpu] as number;
      if (count > 0) sink.lost(cpu, count, this.#firstLostNs[cpu] as number);
      this.#lost[cpu] = 0;
    }
    const count = Math.min(this.pending, most);
    let slot = this.#read % this.capacity;
    this.#read += count;
    for (let left = count; left > 0; left--) {
      sink.record(this.#reader.show(slot));
      slot = slot + 1 === this.capacity ? 0 : slot + 1;
    }
  }

  /** Forgets what was not read. */
  clear(): void {
    this.#read = this.#written;
    this.#lost.fill(0);
  }

  #write(
    cpu: number,
    who: number,
    header: number,
    subject: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
    g: number,
  ): void {
    if (((this.#cpus >>> cpu) & 1) === 0) return;
    const wanted = this.#wanted;
    if (wanted !== undefined && wanted[subject] === 0 && wanted[who >>> 16] === 0) return;
    if (header >= TRC_HD_CYCLE_FLAG) {
      // No two stamps are alike, so that records of several pCPUs have one order.
      const nowNs = this.#now();
      this.#lastNs = nowNs > this.#lastNs ? nowNs : this.#lastNs + 1;
    }
    const slot = this.#slot;
    const at = slot * RECORD_WORDS;
    const words = this.#words;
    if (this.#written - this.#read >= this.capacity) this.#overwrite(at);
    words[at + AT_HEADER] = header;
    // A pCPU that idles has a vCPU of its own for that.
    words[at + AT_VCPU] = who === IDLE ? IDLE | cpu : who;
    this.#stamps[at / 2 + AT_STAMP] = this.#lastNs;
    words[at + AT_CPU] = cpu;
    words[at + AT_EXTRA] = a;
    words[at + AT_EXTRA + 1] = b;
    words[at + AT_EXTRA + 2] = c;
    words[at + AT_EXTRA + 3] = d;
    words[at + AT_EXTRA + 4] = e;
    words[at + AT_EXTRA + 5] = f;
    words[at + AT_EXTRA + 6] = g;
    this.#written += 1;
    this.#slot = slot + 1 === this.capacity ? 0 : slot + 1;
  }

  /** The oldest record goes, unread. */
  #overwrite(at: number): void {
    const cpu = this.#words[at + AT_CPU] as number;
    if (this.#lost[cpu] === 0) this.#firstLostNs[cpu] = this.#stamps[at / 2 + AT_STAMP] as number;
    this.#lost[cpu] = (this.#lost[cpu] as number) + 1;
    this.#read += 1;
  }
}

function nameOf(vcpu: TracedVcpu): number {
  return (vcpu.domain.id << 16) | vcpu.vcpuId;
}
