import { type TraceOutput, vcpuName } from './trace-writer.ts';

/** Where something is shown: on a vCPU's thread (domid << 16 | vCPU) or on a pCPU's. */
export type Track =
  | { readonly who: number; readonly cpu?: undefined }
  | { readonly cpu: number; readonly who?: undefined };

/** Processes and threads are numbered from 1: 0 is the idle task to those that read traces. */
const CPUS_PID = 100_000;
const THREADS_OF_A_PROCESS = 1000;
const PIECE = 1 << 16;

/**
 * Events of the Trace Event Format ("JSON Object Format"), one a line. Times are microseconds with three decimals, which
 * are nanoseconds.
 */
export class ChromeEvents {
  readonly #output: TraceOutput;
  readonly #nameOf: (domid: number) => string | undefined;
  readonly #processes = new Set<number>();
  readonly #threads = new Set<number>();
  // No displayTimeUnit: there are versions of Perfetto that take it for the unit of the times themselves.
  #text = '{"traceEvents":[';
  #first = true;

  constructor(output: TraceOutput, nameOf: (domid: number) => string | undefined) {
    this.#output = output;
    this.#nameOf = nameOf;
  }

  /** Something that took from one moment to another. */
  slice(track: Track, name: string, fromNs: number, toNs: number, cat: string, args: object): void {
    this.#put(track, { ph: 'X', name, cat, ts: us(fromNs), dur: us(Math.max(0, toNs - fromNs)), args });
  }

  /** Something that took no time. */
  instant(track: Track, name: string, ns: number, args: object): void {
    this.#put(track, { ph: 'i', name, cat: 'event', ts: us(ns), s: 't', args });
  }

  /** The start of an arrow, in the slice that is there then. */
  arrowStart(track: Track, id: number, ns: number): void {
    this.#put(track, { ph: 's', name: 'event', cat: 'arrow', ts: us(ns), id });
  }

  /** Its end, in the slice that begins then or is there. */
  arrowEnd(track: Track, id: number, ns: number): void {
    // Of two events of a moment whichever is read first is the earlier one, and slices are written when they end.
    this.#put(track, { ph: 'f', name: 'event', cat: 'arrow', ts: us(ns + 1), id, bp: 'e' });
  }

  /** Numbers that are in force from now on. */
  counter(name: string, ns: number, args: Readonly<Record<string, number>>): void {
    this.#introduceCpus();
    this.#line({ ph: 'C', name, ts: us(ns), pid: CPUS_PID, args });
  }

  flush(): void {
    if (this.#text !== '') this.#output(this.#text);
    this.#text = '';
  }

  end(): void {
    // By now it may be known what they are called.
    for (const pid of this.#processes) {
      if (pid !== CPUS_PID) this.#metadata('process_name', pid, pid, { name: this.#domainName(pid - 1) });
    }
    this.#text += '\n]}\n';
    this.flush();
  }

  #put(track: Track, event: object): void {
    const { pid, tid } = this.#thread(track);
    this.#line({ ...event, pid, tid });
  }

  #line(event: object): void {
    this.#text += `${this.#first ? '' : ','}\n${JSON.stringify(event)}`;
    this.#first = false;
    if (this.#text.length > PIECE) this.flush();
  }

  #thread({ who, cpu }: Track): { pid: number; tid: number } {
    const pid = who === undefined ? CPUS_PID : (who >>> 16) + 1;
    const number = (who === undefined ? cpu : who & 0xffff) as number;
    const tid = pid * THREADS_OF_A_PROCESS + number + 1;
    if (!this.#threads.has(tid)) {
      this.#threads.add(tid);
      if (who === undefined) this.#introduceCpus();
      else this.#introduce(pid, this.#domainName(who >>> 16), who >>> 16);
      this.#metadata('thread_name', pid, tid, { name: who === undefined ? `pCPU ${number}` : vcpuName(who) });
    }
    return { pid, tid };
  }

  #domainName(domid: number): string {
    const name = this.#nameOf(domid);
    return name === undefined ? `Domain ${domid}` : `${name} (domain ${domid})`;
  }

  #introduceCpus(): void {
    this.#introduce(CPUS_PID, 'Physical CPUs', -1);
  }

  #introduce(pid: number, name: string, place: number): void {
    if (this.#processes.has(pid)) return;
    this.#processes.add(pid);
    this.#metadata('process_name', pid, pid, { name });
    this.#metadata('process_sort_index', pid, pid, { sort_index: place });
  }

  #metadata(name: string, pid: number, tid: number, args: object): void {
    this.#line({ ph: 'M', name, pid, tid, args });
  }
}

function us(ns: number): number {
  return Math.round(ns) / 1000;
}
