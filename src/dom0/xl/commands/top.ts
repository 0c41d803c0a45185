import type { DomainInfo } from '../../../libs/ctrl/ctrl.ts';
import { right } from '../columns.ts';
import type { Context } from '../command.ts';
import { type CommandSpec, onHost, printJson } from '../define-command.ts';
import { EXIT_ERROR } from '../exit-status.ts';
import type { RunningHost } from '../services.ts';

const HEAD =
  '      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID';
const DELAY_SECONDS = 3;
const Q = 0x71;
const CTRL_C = 0x03;

/** `xl top`: xentop's columns, again and again on a terminal, once into anything else. */
export const top = onHost({
  name: 'top',
  summary: 'Monitor a host and the domains in real time',
  usage: '[options]',
  options: [
    '-b, --batch             Print tables one after the other, as into a file',
    '-i, --iterations=COUNT  End after so many',
    '-d, --delay=SECONDS     How long one stands',
  ],
  short: 'bi:d:',
  long: {
    batch: { value: false, letter: 'b' },
    iterations: { value: true, letter: 'i' },
    delay: { value: true, letter: 'd' },
  },
  json: true,
  run,
});

async function run(...[args, host, context]: Parameters<CommandSpec['run']>): Promise<number> {
  const { terminal, cancellation, clock } = context.services;
  const shown = terminal.interactive && !args.has('b') && !args.has('json');
  const iterations = Number(args.value('i') ?? (shown ? Number.POSITIVE_INFINITY : 1));
  const delay = Number(args.value('d') ?? DELAY_SECONDS);
  if (!(iterations >= 1) || !(delay > 0)) {
    context.say('xl top: expected numbers above 0, for example -i 5 -d 1');
    return EXIT_ERROR;
  }
  let leave = () => {};
  let left = false;
  const leaving = new Promise<void>((resolve) => {
    leave = () => {
      left = true;
      resolve();
    };
  });
  const stop = cancellation?.onCancel(leave);
  if (shown) {
    terminal.setRawMode(true);
    terminal.onInput((bytes) => {
      if (bytes === undefined || bytes.includes(Q) || bytes.includes(CTRL_C)) leave();
    });
  }
  let before: Sample | undefined;
  for (let count = 0; count < iterations && !left; count++) {
    if (count > 0) await Promise.race([leaving, pause(clock, delay)]);
    if (left) break;
    const now = await sample(host);
    if (args.has('json'))
      printJson(
        context,
        now.rows.map(({ info, name }) => jsonRow(info, name, now, before)),
      );
    else print(shown, table(now, before), context);
    before = now;
  }
  stop?.();
  if (shown) terminal.close();
  return 0;
}

interface Sample {
  readonly nowNs: bigint;
  readonly totalKib: number;
  readonly rows: readonly { readonly info: DomainInfo; readonly name: string }[];
}

async function sample(host: RunningHost): Promise<Sample> {
  const rows = [];
  for (const info of host.domains.list()) rows.push({ info, name: (await host.domains.nameOf(info.domid)) ?? '' });
  return { nowNs: host.clock.wallclockNs(), totalKib: host.ctrl.physinfo().total_pages * 4, rows };
}

function print(shown: boolean, text: string, { services }: Context): void {
  // The upper left corner, each line cleared to its end, and what was below.
  if (shown) services.stdout(`\u001b[H${text.replaceAll('\n', '\u001b[K\r\n')}\u001b[J`);
  else services.stdout(text);
}

function table(now: Sample, before: Sample | undefined): string {
  const lines = now.rows.map(({ info, name }) => {
    const { memory, limit, percent } = sizes(info, now);
    const maximum = limit === undefined ? ['no limit', 'n/a'] : [`${limit}`, percent(limit)];
    return [
      right(name.slice(0, 10), 10),
      stateOf(info),
      right(Math.floor(Number(info.cpu_time) / 1e9), 10),
      right(load(info, now, before).toFixed(1), 6),
      right(memory, 10),
      right(percent(memory), 6),
      right(maximum[0] ?? '', 10),
      right(maximum[1] ?? '', 9),
      right(info.nr_online_vcpus, 5),
      // No guest has a network or disks.
      '   0        0        0    0        0        0        0          0          0',
      right(info.ssidref, 4),
    ].join(' ');
  });
  return `${HEAD}\n${lines.join('\n')}\n`;
}

function sizes(info: DomainInfo, { totalKib }: Sample) {
  const limit = info.domid === 0 ? undefined : info.max_pages * 4;
  const percent = (kib: number) => ((kib * 100) / totalKib).toFixed(1);
  return { memory: info.tot_pages * 4, limit, percent };
}

/** Percent of a processor since the sample before. */
function load(info: DomainInfo, now: Sample, before: Sample | undefined): number {
  const last = before?.rows.find((row) => row.info.domid === info.domid)?.info;
  if (before === undefined || last === undefined || now.nowNs <= before.nowNs) return 0;
  return (Number(info.cpu_time - last.cpu_time) * 100) / Number(now.nowNs - before.nowNs);
}

/** dying, shut down, blocked, crashed, paused, running: xentop's order. */
function stateOf(info: DomainInfo): string {
  const crashed = info.shutdown && info.shutdown_reason === 3;
  const letter = (has: boolean, one: string) => (has ? one : '-');
  return [
    letter(info.dying, 'd'),
    letter(info.shutdown && !crashed, 's'),
    letter(info.blocked, 'b'),
    letter(crashed, 'c'),
    letter(info.paused, 'p'),
    letter(info.running, 'r'),
  ].join('');
}

function jsonRow(info: DomainInfo, name: string, now: Sample, before: Sample | undefined) {
  const { memory, limit } = sizes(info, now);
  return {
    name,
    domid: info.domid,
    state: stateOf(info),
    cpuSeconds: Number(info.cpu_time) / 1e9,
    cpuPercent: load(info, now, before),
    memoryKib: memory,
    maxMemoryKib: limit ?? null,
    vcpus: info.nr_online_vcpus,
  };
}

function pause(clock: RunningHost['clock'], seconds: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(clock.nowNs() + seconds * 1e9, resolve);
  });
}
