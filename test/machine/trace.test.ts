/** What a machine records, in the three formats that it is written in. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TRACE_EXTRA_SHIFT, TRC_HD_CYCLE_FLAG, TRC_LOST_RECORDS, TRC_TRACE_CPU_CHANGE } from '../../src/abi/trace.ts';
import type { Domid } from '../../src/abi/xen.ts';
import { TRACE_CLASSES, type TraceClass, type TraceFormat } from '../../src/dom0/xl/services.ts';
import { TraceRun } from '../../src/machine/trace/trace-run.ts';
import { SmallMachine } from './testing/small-machine.ts';

const XENALYZE = '/usr/bin/xenalyze';

/** Yields, asks for CPUID and tells another of it, 50 times; then powers off. */
const CHATTERBOX = `main:
  mov r12d, 50
again:
  mov eax, 29
  xor edi, edi
  xor esi, esi
  vmmcall
  xor eax, eax
  cpuid
  mov eax, 32
  mov edi, 4
  lea rsi, [send]
  vmmcall
  dec r12d
  jnz again
  mov eax, 29
  mov edi, 2
  lea rsi, [reason]
  vmmcall
  hlt
align 8
send: dd 1
reason: dd 0
`;

interface Recorded {
  readonly bytes: Buffer;
  readonly records: number;
  readonly lost: number;
}

/** Two domains, of which the first sends events to dom0. */
function recorded(format: TraceFormat, events: readonly TraceClass[] = TRACE_CLASSES, bufferBytes = 4 << 20): Recorded {
  const machine = new SmallMachine();
  const pieces: (string | Uint8Array)[] = [];
  const run = new TraceRun(
    {
      control: machine.xen.traceControl,
      nameOf: (domid) => (domid === 0 ? 'Domain-0' : undefined),
      output: (piece) => pieces.push(piece),
      failed: (error) => {
        throw error;
      },
    },
    { format, events, domains: undefined, cpus: undefined, bufferBytes, follow: false },
  );
  const first = machine.domain(CHATTERBOX);
  machine.domain(CHATTERBOX);
  const port = machine.ctrl.evtchn_alloc_unbound(first.domid, 0 as Domid);
  const channels = machine.events;
  channels.open().bindInterdomain(first.domid, port);
  machine.ctrl.domain_unpause(first.domid);
  machine.ctrl.domain_unpause((first.domid + 1) as Domid);
  machine.run(20);
  const { records, lost } = run.end();
  equal(machine.xen.traceControl.capacity, 0, 'the ring is given back');
  return { bytes: Buffer.concat(pieces.map((piece) => Buffer.from(piece))), records, lost };
}

const DEFAULT = new Map<TraceFormat, Recorded>();

/** The same, everything recorded: once for all tests. */
function recordedOnce(format: TraceFormat): Recorded {
  const known = DEFAULT.get(format) ?? recorded(format);
  DEFAULT.set(format, known);
  return known;
}

type Line = Record<string, unknown>;

function lines(recording: Recorded): Line[] {
  return recording.bytes
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

test('JSON lines: hypercalls by their names, with arguments and the fields of structures, and what they returned', () => {
  const all = lines(recordedOnce('jsonl'));
  const own = all.filter(({ vcpu }) => vcpu === 'd1v0');
  const call = own.findIndex(({ name }) => name === 'EVTCHNOP_send');
  deepEqual(
    own.slice(call - 2, call + 5).map(({ ns: _, cpu: __, vcpu: ___, ...rest }) => rest),
    [
      { event: 'vmexit', code: 'VMEXIT_VMMCALL', rip: own[call - 2]?.rip },
      { event: 'vmmcall', eax: 32 },
      { event: 'hypercall', name: 'EVTCHNOP_send', args: { port: 1 } },
      { event: 'event_raised', domid: 0, port: 1, notifies: 0, state: 'interdomain', virq: 0 },
      { event: 'hypercall_return', name: 'EVTCHNOP_send', result: 0 },
      { event: 'vmentry' },
      { event: 'vmexit', code: 'VMEXIT_VMMCALL', rip: own[call + 4]?.rip },
    ],
  );
  const created = all.find(({ name }) => name === 'XEN_DOMCTL_createdomain') as { args: Line } | undefined;
  equal(created?.args.max_evtchn_port, 1023);
  const allocated = all.findLast(({ name }) => name === 'EVTCHNOP_alloc_unbound');
  deepEqual([allocated?.event, allocated?.result, allocated?.changed], ['hypercall_return', 0, { port: 1 }]);
  equal(all.filter(({ event }) => event === 'domain_created').length, 2);
});

test('JSON lines: time never goes back, and a moment has one place', () => {
  const times = lines(recordedOnce('jsonl')).map(({ ns }) => ns as number);
  ok(times.every((ns, index) => index === 0 || ns >= (times[index - 1] as number)));
});

test('classes: p2m entries without grants, though Xen has one class for both', () => {
  const names = new Set(lines(recorded('jsonl', ['memory', 'domain'])).map(({ event }) => event as string));
  deepEqual(names, new Set(['set_p2m_entry', 'domain_created']));
});

interface ChromeEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: number;
  readonly bp?: string;
  readonly s?: string;
  readonly args?: Record<string, unknown>;
}

function chromeEvents(recording: Recorded): ChromeEvent[] {
  return JSON.parse(recording.bytes.toString()).traceEvents;
}

test('Chrome trace: every event has what its phase asks for ("Trace Event Format", Event Descriptions)', () => {
  for (const event of chromeEvents(recordedOnce('chrome'))) {
    const where = JSON.stringify(event);
    ok(typeof event.name === 'string' && event.name !== '' && Number.isInteger(event.pid), where);
    if (event.ph !== 'M') ok(Number.isFinite(event.ts) && (event.ts as number) >= 0, where);
    if (event.ph !== 'C') ok(Number.isInteger(event.tid), where);
    switch (event.ph) {
      case 'X':
        ok(Number.isFinite(event.dur) && (event.dur as number) >= 0 && typeof event.cat === 'string', where);
        break;
      case 'i':
        equal(event.s, 't', where);
        break;
      case 's':
      case 'f':
        ok(Number.isInteger(event.id) && typeof event.cat === 'string', where);
        if (event.ph === 'f') equal(event.bp, 'e', where);
        break;
      case 'C':
        ok(Object.values(event.args ?? {}).every(Number.isFinite), where);
        break;
      case 'M':
        ok(['process_name', 'process_sort_index', 'thread_name'].includes(event.name), where);
        break;
      default:
        ok(false, where);
    }
  }
});

test('Chrome trace: slices of a thread lie within each other or apart, as nesting asks for', () => {
  const all = chromeEvents(recordedOnce('chrome')).filter(({ ph }) => ph === 'X');
  for (const thread of new Set(all.map(({ tid }) => tid))) {
    const slices = all.filter(({ tid }) => tid === thread);
    const open: number[] = [];
    const sorted = slices
      .map(({ ts = 0, dur = 0 }) => [Math.round(ts * 1000), Math.round((ts + dur) * 1000)] as const)
      .sort((one, other) => one[0] - other[0] || other[1] - one[1]);
    for (const [from, to] of sorted) {
      while ((open.at(-1) ?? from + 1) <= from) open.pop();
      ok(to <= (open.at(-1) ?? to), `${from}-${to} reaches beyond ${open.at(-1)}`);
      open.push(to);
    }
  }
});

test('Chrome trace: a domain is a process, its vCPUs threads; a hypercall lies in its exit, in the time it ran', () => {
  const events = chromeEvents(recordedOnce('chrome'));
  const named = (what: string) => new Set(events.filter(({ name }) => name === what).map(({ args }) => args?.name));
  deepEqual(named('process_name'), new Set(['Physical CPUs', 'Domain-0 (domain 0)', 'Domain 1', 'Domain 2']));
  deepEqual(named('thread_name'), new Set(['d0v0', 'd1v0', 'd2v0', 'pCPU 0', 'pCPU 1']));
  const send = events.find(({ name }) => name === 'EVTCHNOP_send') as Required<ChromeEvent>;
  deepEqual(send.args, { port: 1, result: 0 });
  const around = events.filter(
    ({ ph, tid, ts = 0, dur = 0 }) => ph === 'X' && tid === send.tid && ts < send.ts && ts + dur > send.ts + send.dur,
  );
  deepEqual(new Set(around.map(({ name }) => name)), new Set(['running', 'VMEXIT_VMMCALL']));
});

test('Chrome trace: an arrow goes from who raised an event to who took it, each from one slice to one', () => {
  const events = chromeEvents(recordedOnce('chrome'));
  const around = ({ tid, ts = 0 }: ChromeEvent) =>
    events.filter((each) => each.ph === 'X' && each.tid === tid && inside(ts, each)).map(({ name }) => name);
  const starts = events.filter(({ ph }) => ph === 's');
  ok(starts.length > 0);
  equal(new Set(starts.map(({ id }) => id)).size, starts.length);
  for (const end of events.filter(({ ph }) => ph === 'f')) {
    const start = starts.find(({ id }) => id === end.id);
    ok(start?.ts !== undefined && end.ts !== undefined && start.ts <= end.ts);
    deepEqual([start.pid, end.pid], [2, 1], 'from domain 1 to dom0');
    ok(around(start).includes('EVTCHNOP_send'));
    deepEqual(around(end), ['running']);
  }
});

function inside(moment: number, { ts = 0, dur = 0 }: ChromeEvent): boolean {
  return moment >= ts && moment < ts + dur;
}

/** The records of xentrace's file, by the rules of Xen's public/trace.h. */
function* fileRecords(bytes: Buffer): Generator<{ cpu: number; event: number; ns: number | undefined }> {
  let cpu = -1;
  let windowEnd = 0;
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.readUInt32LE(at);
    const event = header & 0x0fffffff;
    const extras = (header >>> TRACE_EXTRA_SHIFT) & 7;
    const isTimed = header >= TRC_HD_CYCLE_FLAG;
    if (event === TRC_TRACE_CPU_CHANGE) {
      equal(at, windowEnd, 'a window ends where it said');
      cpu = bytes.readUInt32LE(at + 4);
      windowEnd = at + 12 + bytes.readUInt32LE(at + 8);
    } else {
      yield { cpu, event, ns: isTimed ? Number(bytes.readBigUInt64LE(at + 4)) : undefined };
    }
    at += 4 + (isTimed ? 8 : 0) + extras * 4;
  }
  equal(windowEnd, bytes.length);
}

test('xentrace’s file: windows of one pCPU each, in which time goes on; no record that Xen has not', () => {
  const last = new Map<number, number>();
  const events = new Set<number>();
  for (const { cpu, event, ns } of fileRecords(recordedOnce('xentrace').bytes)) {
    events.add(event & 0x0ff00000);
    if (ns === undefined) continue;
    ok(ns > (last.get(cpu) ?? 0));
    last.set(cpu, ns);
  }
  deepEqual([...last.keys()].sort(), [0, 1, 2]);
  deepEqual(events, new Set([0, 0x100000, 0x200000]));
});

test('a ring that is too small loses the oldest records, and the file says how many', () => {
  const { bytes, records, lost } = recorded('xentrace', ['exit', 'sched'], 48 * 200);
  equal(records, 200);
  ok(lost > 200);
  equal([...fileRecords(bytes)][0]?.event, TRC_LOST_RECORDS);
  const told = lines(recorded('jsonl', ['exit', 'sched'], 48 * 200)).filter(({ event }) => event === 'lost_records');
  equal(
    told.reduce((sum, { count }) => sum + (count as number), 0),
    lost,
  );
});

/** Lines of xenalyze's that tell of nothing unusual. */
const USUAL = [
  /^Using SVM/,
  /^scan_for_new_pcpu: Activating/,
  /^Creating (vcpu|domain)/,
  /^init_pcpus: through first trace write/,
  // The first record of a vCPU tells that it was woken.
  /^First schedule for d\d+v\d+ doesn't take us into a running state/,
  /^read_record: read returned zero/,
  /^deactivate_pcpu: (Setting max_active_pcpu|setting d32768v\d+ to state LOST)/,
];

test('Xen’s xenalyze reads the file without a complaint, and counts what happened', {
  skip: existsSync(XENALYZE) ? false : `not installed: ${XENALYZE}`,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-trace-'));
  const file = join(folder, 'trace');
  writeFileSync(file, recordedOnce('xentrace').bytes);
  const { stdout, stderr, status } = spawnSync(XENALYZE, ['--svm-mode', '--cpu-hz', '1G', '--summary', file]);
  rmSync(folder, { recursive: true });
  equal(status, 0);
  const said = stderr.toString().trimEnd().split('\n');
  deepEqual(
    said.filter((line) => !USUAL.some((usual) => usual.test(line))),
    [],
  );
  const summary = stdout.toString();
  const guest = summary.slice(summary.indexOf('|-- Domain 1 --|'), summary.indexOf('|-- Domain 2 --|'));
  match(summary, /domctl +\[36\]: +[1-9]/);
  match(guest, /running: +51 /);
  match(guest, /VMEXIT_CPUID +52 /, 'the 50, and two at its start');
  match(guest, /VMEXIT_VMMCALL +101 /);
  match(guest, /\[ *sched_op\] +50 /, 'the last one, a shutdown, never ends');
  match(guest, /\[ *evtchn_op\] +50 /);
});
