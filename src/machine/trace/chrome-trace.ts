import { RUNSTATE_offline, RUNSTATE_runnable, RUNSTATE_running } from '../../abi/vcpu.ts';
import {
  TRC_64_FLAG,
  TRC_HVM_INJ_VIRQ,
  TRC_HVM_INTR_WINDOW,
  TRC_HVM_VMENTRY,
  TRC_HVM_VMEXIT,
} from '../../abi/trace.ts';
import { TRC_X_EVENT_RAISED, TRC_X_IPI } from '../../xen/trace/events.ts';
import type { TraceRecord } from '../../xen/trace/trace-record.ts';
import { ChromeEvents, type Track } from './chrome-events.ts';
import { exitName, nameEvent, RUNSTATE_NAMES, runstateChange, type TraceFields } from './event-names.ts';
import { HypercallReader, type ReadCall, type ReadReturn } from './hypercall-reader.ts';
import { type TraceOutput, type TraceWriter, vcpuName } from './trace-writer.ts';

/** Subclass of TRC_HVM records that tell what an exit was about. */
const HVM_HANDLER = 0x00082000;
const SUBCLASS_MASK = 0x0ffff000;

/** Those among them that are about the entry that follows. */
const ON_THE_WAY_IN: ReadonlySet<number> = new Set([TRC_HVM_INJ_VIRQ, TRC_HVM_INTR_WINDOW]);

/** A slice that is not over. */
interface OpenSlice {
  readonly name: string;
  readonly fromNs: number;
  args: object;
}

/** What a vCPU is in the middle of. */
class VcpuState {
  /** RUNSTATE_*, and since when; undefined until it is known. */
  runstate: number | undefined;
  sinceNs = 0;
  cpu = 0;
  exit: OpenSlice | undefined;
  readonly calls: OpenSlice[] = [];
  /** An arrow that ends where the vCPU takes the event. */
  arrow: number | undefined;
}

/**
 * The Trace Event Format that Perfetto and chrome://tracing open. A domain is a process, a vCPU a thread: on it what it
 * did (running, runnable, blocked) as slices, in those the exits, in those the hypercalls with their arguments. The pCPUs
 * are a process too, whose threads show which vCPU each executes. Arrows go from who raises an event, or sends an IPI, to
 * the vCPU that takes it; a counter tells how many vCPUs run and wait.
 */
export class ChromeTraceWriter implements TraceWriter {
  readonly #events: ChromeEvents;
  readonly #hypercalls = new HypercallReader((read) => this.#hypercall(read));
  readonly #vcpus = new Map<number, VcpuState>();
  #arrows = 0;
  #lastNs = 0;
  /** vCPUs by RUNSTATE_*. */
  readonly #counts = [0, 0, 0, 0];

  /** @param nameOf what a domain is called */
  constructor(output: TraceOutput, nameOf: (domid: number) => string | undefined = () => undefined) {
    this.#events = new ChromeEvents(output, nameOf);
  }

  lost(cpu: number, count: number, firstNs: number): void {
    this.#hypercalls.forget();
    this.#events.instant({ cpu }, 'lost records', firstNs, { count });
    for (const state of this.#vcpus.values()) {
      state.exit = undefined;
      state.calls.length = 0;
      state.runstate = undefined;
      state.arrow = undefined;
    }
    this.#counts.fill(0);
  }

  record(record: TraceRecord): void {
    this.#lastNs = record.stampNs;
    if (this.#hypercalls.take(record)) return;
    const { event, stampNs: ns } = record;
    const change = runstateChange(event);
    if (change !== undefined) {
      this.#runstate(record.extra(0), record.cpu, change[0], change[1], ns);
      return;
    }
    const who = (record.domid << 16) | record.vcpuId;
    switch (event) {
      case TRC_HVM_VMEXIT:
      case TRC_HVM_VMEXIT | TRC_64_FLAG:
        this.#state(who).exit = { name: exitName(record.extra(0)), fromNs: ns, args: nameEvent(record).fields };
        return;
      case TRC_HVM_VMENTRY:
        this.#closeExit(who, ns);
        return;
      case TRC_X_EVENT_RAISED:
      case TRC_X_IPI:
        this.#raised(record, who);
        return;
      case TRC_HVM_INJ_VIRQ:
        this.#arrived(who, ns);
        break;
      default:
    }
    this.#other(record, who);
  }

  flush(): void {
    this.#events.flush();
  }

  end(): void {
    this.#hypercalls.flush();
    for (const [who, state] of this.#vcpus) {
      this.#closeCalls(who, this.#lastNs);
      this.#closeExit(who, this.#lastNs);
      this.#closeRunstate(who, state, this.#lastNs);
    }
    this.#events.end();
  }

  #runstate(who: number, cpu: number, from: number, to: number, ns: number): void {
    const state = this.#state(who);
    if (from === RUNSTATE_running) {
      this.#closeCalls(who, ns);
      this.#closeExit(who, ns);
    }
    this.#closeRunstate(who, state, ns);
    if (state.runstate !== undefined) this.#count(state.runstate, -1);
    this.#count(to, 1);
    state.runstate = to;
    state.sinceNs = ns;
    state.cpu = cpu;
    // dom0 has no interrupts: it takes its events when it runs.
    if (to === RUNSTATE_running && who >>> 16 === 0) this.#arrived(who, ns);
    if (from <= RUNSTATE_runnable !== to <= RUNSTATE_runnable || to === RUNSTATE_running) this.#counter(ns);
  }

  #closeRunstate(who: number, { runstate, sinceNs, cpu }: VcpuState, ns: number): void {
    if (runstate === undefined || runstate === RUNSTATE_offline) return;
    this.#events.slice({ who }, RUNSTATE_NAMES[runstate] as string, sinceNs, ns, 'sched', { cpu });
    if (runstate === RUNSTATE_running) this.#events.slice({ cpu }, vcpuName(who), sinceNs, ns, 'sched', {});
  }

  #closeExit(who: number, ns: number): void {
    const state = this.#state(who);
    const { exit } = state;
    if (exit === undefined) return;
    state.exit = undefined;
    this.#events.slice({ who }, exit.name, exit.fromNs, ns, 'exit', exit.args);
  }

  #hypercall(read: ReadCall | ReadReturn): void {
    const { calls } = this.#state(read.who);
    if (read.kind === 'call') {
      calls.push({ name: read.name, fromNs: read.ns, args: read.args });
      return;
    }
    const call = calls.pop();
    if (call === undefined) return;
    const { result, changed } = read;
    const args = { ...call.args, result, ...(Object.keys(changed).length === 0 ? {} : { changed }) };
    this.#events.slice({ who: read.who }, call.name, call.fromNs, read.ns, 'hypercall', args);
  }

  /** Those whose end was not seen: the last one in is the innermost. */
  #closeCalls(who: number, ns: number): void {
    const { calls } = this.#state(who);
    for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
      this.#events.slice({ who }, call.name, call.fromNs, ns, 'hypercall', call.args);
    }
  }

  /** An event or an interrupt from another goes to a vCPU: an arrow to where that takes it, one at a time. */
  #raised(record: TraceRecord, who: number): void {
    const { name, fields } = nameEvent(record);
    const { stampNs: ns } = record;
    const from = this.#trackOf(record, who);
    this.#events.instant(from, name, ns, fields);
    const isIpi = record.event === TRC_X_IPI;
    const target = (record.extra(0) << 16) | record.extra(isIpi ? 1 : 2);
    const state = this.#state(target);
    if (from.who === undefined || target === who || state.arrow !== undefined) return;
    this.#arrows += 1;
    state.arrow = this.#arrows;
    this.#events.arrowStart(from, this.#arrows, ns);
  }

  #arrived(who: number, ns: number): void {
    const state = this.#state(who);
    if (state.arrow === undefined) return;
    this.#events.arrowEnd({ who }, state.arrow, ns);
    state.arrow = undefined;
  }

  /** What explains an exit goes to its slice, everything else is a moment. */
  #other(record: TraceRecord, who: number): void {
    const { event } = record;
    const { name, fields } = nameEvent(record);
    const { exit } = this.#state(who);
    const explains = (event & SUBCLASS_MASK) === HVM_HANDLER && !ON_THE_WAY_IN.has(event);
    if (exit !== undefined && explains) {
      exit.args = { ...exit.args, ...withoutClash(exit.args, name, fields) };
      return;
    }
    this.#events.instant(this.#trackOf(record, who), name, record.stampNs, fields);
  }

  #trackOf(record: TraceRecord, who: number): Track {
    return vcpuName(who) === 'idle' ? { cpu: record.cpu } : { who };
  }

  #count(runstate: number, change: number): void {
    this.#counts[runstate] = (this.#counts[runstate] as number) + change;
  }

  #counter(ns: number): void {
    const [running = 0, runnable = 0] = this.#counts;
    this.#events.counter('vCPUs', ns, { running, runnable });
  }

  #state(who: number): VcpuState {
    const known = this.#vcpus.get(who);
    if (known !== undefined) return known;
    const state = new VcpuState();
    this.#vcpus.set(who, state);
    return state;
  }
}

function withoutClash(args: object, name: string, fields: TraceFields): object {
  return Object.keys(fields).some((field) => field in args) ? { [name]: fields } : { about: name, ...fields };
}
