import { closeSync, openSync, writeSync } from 'node:fs';
import type { DomainStore } from '../../dom0/toolstack/store-access.ts';
import type { RunningTrace, TraceOptions, TraceSummary, TraceTarget } from '../../dom0/xl/services.ts';
import { XenolithError } from '../../lib/errors.ts';
import type { TraceControl } from '../../xen/trace/trace-control.ts';
import { TraceRun } from './trace-run.ts';
import type { TraceOutput } from './trace-writer.ts';

/** How often it is seen which domains there are: some live for a moment alone. */
const LOOK_MS = 250;

/** What is traced. */
export interface TracedMachine {
  readonly traceControl: TraceControl;
  readonly store: Pick<DomainStore, 'read'>;
  /** Called before it stops: what is being recorded is to be written whole. */
  beforeStop: () => Promise<void>;
}

/**
 * Records what happens on a machine, until it is stopped.
 *
 * @throws XenolithError where the file cannot be written, or somebody records already
 */
export function startTrace(machine: TracedMachine, options: TraceOptions, target: TraceTarget): RunningTrace {
  const { traceControl: control } = machine;
  if (control.capacity > 0) {
    throw new XenolithError('XL_TRACE', 'somebody records already: expected one xl trace at a time');
  }
  const file = 'path' in target ? new OutputFile(target.path) : undefined;
  const output: TraceOutput = file?.write ?? textOutput(target);
  let fail: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {}); // whoever waits hears of it; nobody may be waiting yet
  const names = new DomainNames(machine);
  const run = new TraceRun(
    {
      control,
      output,
      nameOf: names.of,
      failed: fail,
      ...('isBehind' in target ? { isBehind: target.isBehind } : {}),
    },
    options,
  );
  let stopped: Promise<TraceSummary> | undefined;
  const stop = async (): Promise<TraceSummary> => {
    run.pause();
    await names.end();
    const summary = run.end();
    file?.close();
    machine.beforeStop = async () => {};
    return summary;
  };
  const trace: RunningTrace = {
    failure,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
  machine.beforeStop = async () => void (await trace.stop());
  return trace;
}

/** Names of domains, those that are gone included, if they were there for a while. */
class DomainNames {
  readonly #machine: TracedMachine;
  readonly #names = new Map<number, string>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(machine: TracedMachine) {
    this.#machine = machine;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
    void this.#look();
  }

  readonly of = (domid: number): string | undefined => this.#names.get(domid);

  /** Looks once more, for the last time. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#look();
  }

  async #look(): Promise<void> {
    const { store, traceControl } = this.#machine;
    try {
      for (const domid of traceControl.domids) {
        const name = await store.read(`/local/domain/${domid}/name`);
        if (name !== undefined) this.#names.set(domid, name);
      }
    } catch {
      // The machine stops, and its store with it: what is known has to do.
    }
  }
}

class OutputFile {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, 'w');
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  readonly write = (piece: string | Uint8Array): void => {
    const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      throw this.#refusal(error);
    }
  };

  close(): void {
    closeSync(this.#file);
  }

  #refusal(error: unknown): XenolithError {
    return new XenolithError('XL_TRACE', `${this.#path}: cannot be written: ${(error as Error).message}`);
  }
}

function textOutput(target: TraceTarget): TraceOutput {
  return (piece) => {
    if ('write' in target && typeof piece === 'string') target.write(piece);
  };
}
