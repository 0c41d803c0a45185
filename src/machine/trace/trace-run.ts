import { TRC_DOM0OP, TRC_GUEST, TRC_HVM, TRC_MEM, TRC_PV, TRC_SCHED } from '../../abi/trace.ts';
import type { TraceClass, TraceFormat, TraceOptions, TraceSummary } from '../../dom0/xl/services.ts';
import { XenolithError } from '../../lib/errors.ts';
import { TRC_X_CALL, TRC_X_EVENT, TRC_X_GRANT } from '../../xen/trace/events.ts';
import { EVERYTHING, type TraceSink } from '../../xen/trace/trace-buffer.ts';
import type { TraceControl } from '../../xen/trace/trace-control.ts';
import { DOMID_IDLE, type TraceRecord } from '../../xen/trace/trace-record.ts';
import { ChromeTraceWriter } from './chrome-trace.ts';
import { JsonLinesWriter } from './json-lines.ts';
import type { TraceOutput, TraceWriter } from './trace-writer.ts';
import { XentraceWriter } from './xentrace-file.ts';

/** How often it is seen whether records wait. */
const POLL_MS = 10;
/** So many are read at once: formatting them takes some ms, for which the machine stands. */
const RECORDS_AT_ONCE = 4096;
const CPUS_ALL = 0xffffffff;

/** The masks of Xen's trace classes, and of ours, that a class of `xl trace` takes. */
const CLASS_MASKS: Readonly<Record<TraceClass, number>> = {
  exit: TRC_HVM,
  hypercall: TRC_PV | TRC_X_CALL,
  event: TRC_X_EVENT,
  grant: TRC_MEM | TRC_X_GRANT,
  sched: TRC_SCHED,
  memory: TRC_MEM,
  domain: TRC_DOM0OP,
  guest: TRC_GUEST,
};
/** TRC_MEM_PAGE_GRANT_* are the first three of TRC_MEM. */
const LAST_GRANT_EVENT = 3;

/** What a run needs of the machine. */
export interface TraceRunHost {
  readonly control: TraceControl;
  /** What a domain is called; undefined where nobody knows. */
  nameOf(domid: number): string | undefined;
  readonly output: TraceOutput;
  /** Whoever reads does not keep up: nothing is written for now. */
  isBehind?(): boolean;
  /** Writing failed: nothing more comes of it. */
  failed(error: unknown): void;
}

/** Recording, from its start to its end: one at a time. */
export class TraceRun implements TraceSink {
  readonly #host: TraceRunHost;
  readonly #writer: TraceWriter;
  readonly #everyPoll: boolean;
  readonly #drops: 'grants' | 'others' | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #records = 0;
  #lost = 0;
  #broken = false;

  constructor(host: TraceRunHost, { format, events, domains, cpus, bufferBytes, follow }: TraceOptions) {
    this.#host = host;
    this.#writer = writerOf(format, host);
    this.#everyPoll = follow;
    this.#drops = dropsOf(events);
    const mask = events.reduce((sum, name) => (sum | CLASS_MASKS[name]) >>> 0, 0);
    const { control } = host;
    if (!control.allocate(bufferBytes)) {
      throw new XenolithError('XL_TRACE', `no memory for a buffer of ${bufferBytes >> 20} MiB: expected a smaller one`);
    }
    control.filter = { events: mask, cpus: cpus ?? CPUS_ALL, domains };
    control.enable();
    this.#timer = setInterval(() => this.#poll(), POLL_MS);
    this.#timer.unref();
  }

  /** Records no more. */
  pause(): void {
    clearInterval(this.#timer);
    this.#host.control.disable();
  }

  /** Writes what is there, and gives the ring back. */
  end(): TraceSummary {
    this.pause();
    const { control } = this.#host;
    this.#guarded(() => {
      control.take(this);
      this.#writer.end();
    });
    control.release();
    control.filter = EVERYTHING;
    return { records: this.#records, lost: this.#lost };
  }

  lost(cpu: number, count: number, firstNs: number): void {
    this.#lost += count;
    this.#writer.lost(cpu, count, firstNs);
  }

  record(record: TraceRecord): void {
    if (this.#drops !== undefined && isMemory(record.event)) {
      const isGrant = (record.event & 0xfff) <= LAST_GRANT_EVENT;
      if (isGrant === (this.#drops === 'grants')) return;
    }
    this.#records += 1;
    this.#writer.record(record);
  }

  #poll(): void {
    const { control, isBehind } = this.#host;
    if (isBehind?.() === true) return;
    // Reading takes time from what is being looked at: it waits, where nobody waits for it, until the ring is half full.
    if (!this.#everyPoll && control.pending < control.capacity / 2) return;
    this.#guarded(() => {
      control.take(this, RECORDS_AT_ONCE);
      this.#writer.flush();
    });
  }

  /** Writes, unless that has failed before: then it is over. */
  #guarded(write: () => void): void {
    if (this.#broken) return;
    try {
      write();
    } catch (error) {
      this.#broken = true;
      this.pause();
      this.#host.failed(error);
    }
  }
}

function writerOf(format: TraceFormat, { output, nameOf }: TraceRunHost): TraceWriter {
  switch (format) {
    case 'jsonl':
      return new JsonLinesWriter(output);
    case 'chrome':
      return new ChromeTraceWriter(output, (domid) => (domid === DOMID_IDLE ? undefined : nameOf(domid)));
    case 'xentrace':
      return new XentraceWriter(output);
  }
}

/** Grants and p2m entries are one class to Xen. */
function dropsOf(events: readonly TraceClass[]): 'grants' | 'others' | undefined {
  const grants = events.includes('grant');
  if (grants === events.includes('memory')) return undefined;
  return grants ? 'others' : 'grants';
}

function isMemory(event: number): boolean {
  return (event & 0x0ffff000) === TRC_MEM;
}
