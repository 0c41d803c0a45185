import type { TraceCategory } from '../dom0/xl/services.ts';
import type { Call, HypercallResult } from '../xen/common/call.ts';
import type { HypercallRow, Operation } from '../xen/hypercall-row.ts';
import { type HypercallTrace, HypercallTracer } from '../xen/trace.ts';

type Print = (line: string) => void;

/** What prints the hypercalls that were asked for; undefined where none were. */
export function hypercallTrace(categories: readonly TraceCategory[], print: Print): HypercallTrace | undefined {
  if (categories.includes('hypercalls')) return new HypercallTracer(print);
  return categories.includes('events') ? new EventTracer(print) : undefined;
}

/** Where xenstored's log goes: what it traces, once told to, apart from what it has to say. */
export function storeLog(log: Print, trace: Print): Print {
  return (line) => {
    if (line.startsWith(STORE_TRACE)) trace(`xenstored ${line.slice(STORE_TRACE.length)}`);
    else log(line);
  };
}

const STORE_TRACE = 'io: ';

/** Prints those hypercalls that event channels are worked with: bind, send, unmask, close. */
export class EventTracer implements HypercallTrace {
  readonly #tracer: HypercallTracer;

  constructor(print: Print) {
    this.#tracer = new HypercallTracer(print);
  }

  enter(call: Call, row: HypercallRow, operation: Operation | undefined): void {
    if (row.name === 'event_channel_op') this.#tracer.enter(call, row, operation);
  }

  leave(call: Call, row: HypercallRow, operation: Operation | undefined, result: HypercallResult): void {
    if (row.name === 'event_channel_op') this.#tracer.leave(call, row, operation, result);
  }
}

/** Counts hypercalls by the name of their operation, guests' apart from dom0's, and hands them on. */
export class CountingTracer implements HypercallTrace {
  readonly guests: Record<string, number> = {};
  readonly dom0: Record<string, number> = {};
  readonly #next: HypercallTrace | undefined;

  constructor(next: HypercallTrace | undefined) {
    this.#next = next;
  }

  enter(call: Call, row: HypercallRow, operation: Operation | undefined): void {
    const counts = call.domain.id === 0 ? this.dom0 : this.guests;
    const name = operation?.name ?? row.name;
    counts[name] = (counts[name] ?? 0) + 1;
    this.#next?.enter(call, row, operation);
  }

  leave(call: Call, row: HypercallRow, operation: Operation | undefined, result: HypercallResult): void {
    this.#next?.leave(call, row, operation, result);
  }
}
