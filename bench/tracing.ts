/**
 * What recording costs: hypercalls a second of a guest that makes nothing else, with recording off and on, and how fast
 * records are written. `node bench/tracing.ts`; it starts no other machine.
 */
import { setTimeout } from 'node:timers/promises';
import { SYMBOLS } from '../guests/hello/symbols.ts';
import { KERNEL } from '../guests/measure/measure.ts';
import { START64, START64_PAGES } from '../guests/lib/start64.ts';
import { Assembler } from '../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../src/cpu/instructions/all.ts';
import { TRACE_CLASSES, TRACE_FORMATS, type TraceClass, type TraceFormat } from '../src/dom0/xl/services.ts';
import { NodeClock } from '../src/host/node/clock.ts';
import { defer, keepAlive } from '../src/host/node/event-loop.ts';
import { availableMemoryKib } from '../src/host/node/memory.ts';
import { NodeRandom } from '../src/host/node/random.ts';
import { type Machine, startMachine } from '../src/machine/machine.ts';
import { TraceRun } from '../src/machine/trace/trace-run.ts';
import { createGuest } from './hypercalls.ts';
import { table } from './statistics.ts';

const CALLS = 400_000;
const RUNS = 5;
const POLL_MS = 1;
const BUFFER_BYTES = 64 << 20;

interface Way {
  readonly name: string;
  /** What is recorded; undefined for nothing. */
  readonly events: readonly TraceClass[] | undefined;
}

const WAYS: readonly Way[] = [
  { name: 'off', events: undefined },
  { name: 'on, another class', events: ['domain'] },
  { name: 'on, hypercalls', events: ['hypercall'] },
  { name: 'on, exits', events: ['exit'] },
  { name: 'on, everything', events: TRACE_CLASSES },
  { name: 'off again', events: undefined },
];

async function main(): Promise<void> {
  const log = () => {};
  const machine = await startMachine(
    {
      clock: new NodeClock(),
      random: new NodeRandom(),
      defer,
      availableMemoryKib,
      log,
      alarm: console.error,
      trace: log,
      holdInput: log,
    },
    { guestMemoryKib: 64 * 1024, trace: [], observed: false },
  );
  const letGo = keepAlive();
  try {
    await rate(machine, undefined);
    const rows: string[][] = [];
    for (const { name, events } of WAYS) {
      const runs = [];
      for (let run = 0; run < RUNS; run++) runs.push(await rate(machine, events));
      // The others were disturbed more: caches are shared with whatever else the host does.
      const perCall = Math.min(...runs.map(({ ns }) => ns));
      const each = runs[0]?.records ?? 0;
      rows.push([name, `${Math.round(1e6 / perCall)} k/s`, `${perCall.toFixed(0)} ns`, (each / CALLS).toFixed(1)]);
    }
    console.log(table(['recording', 'hypercalls', 'each', 'records a call'], rows));
    console.log(table(['format', 'records written', 'bytes a record'], await formats(machine)));
  } finally {
    letGo();
    await machine.stop();
  }
}

/**
 * Nanoseconds of this process's processor time that a hypercall takes, whatever else the host does; and what was
 * recorded meanwhile.
 */
async function rate(machine: Machine, events: readonly TraceClass[] | undefined) {
  const run = events && record(machine, 'xentrace', events, () => {});
  const domid = createGuest(machine, kernel());
  const start = process.cpuUsage();
  machine.ctrl.domain_unpause(domid);
  while (machine.ctrl.domain_getinfo(domid)?.shutdown !== true) await setTimeout(POLL_MS);
  const { user, system } = process.cpuUsage(start);
  machine.ctrl.domain_destroy(domid);
  run?.pause();
  const summary = run?.end();
  return { ns: ((user + system) * 1000) / CALLS, records: (summary?.records ?? 0) + (summary?.lost ?? 0) };
}

/** How long it takes to write what a run has recorded. */
async function formats(machine: Machine): Promise<string[][]> {
  const rows: string[][] = [];
  for (const format of TRACE_FORMATS) {
    let bytes = 0;
    const run = record(machine, format, TRACE_CLASSES, (piece) => {
      bytes += piece.length;
    });
    await rate(machine, undefined);
    run.pause();
    const start = performance.now();
    const { records } = run.end();
    const seconds = (performance.now() - start) / 1000;
    rows.push([format, `${Math.round(records / seconds / 1000)} k/s`, (bytes / records).toFixed(0)]);
  }
  return rows;
}

function record(
  machine: Machine,
  format: TraceFormat,
  events: readonly TraceClass[],
  output: (piece: string | Uint8Array) => void,
): TraceRun {
  const failed = (error: unknown) => {
    throw error;
  };
  const host = { control: machine.traceControl, nameOf: () => undefined, output, failed };
  return new TraceRun(host, {
    format,
    events,
    domains: undefined,
    cpus: undefined,
    bufferBytes: BUFFER_BYTES,
    follow: false,
  });
}

/** Asks for Xen's version, CALLS times, and powers off. */
function kernel(): { readonly bytes: Uint8Array; readonly entry: number } {
  const source = `main:
    mov ebx, ${CALLS}
  again:
    mov eax, 17
    xor edi, edi
    xor esi, esi
    vmmcall
    dec ebx
    jnz again
    cli
    hlt
  `;
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble([START64, source, START64_PAGES].join('\n'), {
    origin: KERNEL,
    width: 32,
    symbols: SYMBOLS,
  });
  return { bytes, entry: Number(symbols.get('entry')) };
}

await main();
