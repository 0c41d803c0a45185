import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A program under measurement, and what it has printed so far. */
export interface Run {
  readonly child: ChildProcess;
  readonly startedMs: number;
  /** What it has written to both its outputs so far. */
  output(): string;
  /** Its finished lines so far, each with the milliseconds from the start until its end was there. */
  lines(): readonly Line[];
  /** Resolves, with the milliseconds since its start, when a line holds the text; rejects when the program ends first. */
  until(text: string): Promise<number>;
  /** Resolves, with the milliseconds since its start, when the program ended with status 0. */
  ended(): Promise<number>;
  /** Ends it as its user would, if it still runs, and waits until it is gone. */
  stop(): Promise<void>;
}

export interface Line {
  readonly text: string;
  readonly atMs: number;
}

/** For what a program does at its end. */
const PATIENCE_MS = 10_000;

/** Starts a program with its own input and output, so that what it prints can be timed. */
export function start(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  timeoutMs: number,
): Run {
  const startedMs = performance.now();
  const [program = '', ...parameters] = command;
  const child = spawn(program, parameters, { env: { ...process.env, ...environment }, stdio: 'pipe' });
  const output = { text: '' };
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const one of waiting) one();
  };
  let end: { readonly atMs: number; readonly reason: string } | undefined;
  const finish = (reason: string) => {
    end ??= { atMs: performance.now() - startedMs, reason };
    wake();
  };

  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1');
    stream.on('data', (text: string) => {
      const begun = output.text.slice(output.text.lastIndexOf('\n') + 1);
      output.text += text;
      for (const line of (begun + text).split('\n').slice(0, -1))
        lines.push({ text: line, atMs: performance.now() - startedMs });
      wake();
    });
  }
  child.on('error', (error) => finish(error.message));
  child.on('close', (status, signal) => finish(status === 0 ? '' : `ended with ${signal ?? status}`));
  const timer = setTimeout(() => {
    finish(`not done after ${timeoutMs / 1000} s`);
    child.kill('SIGKILL');
  }, timeoutMs);
  timer.unref();

  const wait = (met: () => number | undefined) =>
    new Promise<number>((resolve, reject) => {
      const check = () => {
        const value = met();
        if (value === undefined && end === undefined) return;
        waiting.delete(check);
        if (value !== undefined) resolve(value);
        else
          reject(new Error(`${program}: ${end?.reason || 'ended too early'}; it printed last:\n${tail(output.text)}`));
      };
      waiting.add(check);
      check();
    });

  return {
    child,
    startedMs,
    output: () => output.text,
    lines: () => lines,
    until: (text) => wait(() => (output.text.includes(text) ? performance.now() - startedMs : undefined)),
    ended: () => wait(() => (end?.reason === '' ? end.atMs : undefined)),
    stop: async () => {
      clearTimeout(timer);
      if (end === undefined) child.kill('SIGTERM');
      const lateMs = performance.now() + PATIENCE_MS;
      while (end === undefined) {
        if (performance.now() > lateMs) child.kill('SIGKILL');
        await sleep(5);
      }
    },
  };
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Linux counts processor time for /proc in hundredths of a second (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used, all its threads, in seconds (proc(5), /proc/PID/stat, utime + stime). */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How much of a process is in the host's memory, and how much of that is its largest mapping: the guest's RAM. */
export function residentMiB(pid: number): { total: number; largestMapping: number } {
  let total = 0;
  let largestMapping = 0;
  for (const match of readFileSync(`/proc/${pid}/smaps`, 'latin1').matchAll(/^Rss: +(\d+) kB$/gm)) {
    const mebibytes = Number(match[1]) / 1024;
    total += mebibytes;
    largestMapping = Math.max(largestMapping, mebibytes);
  }
  return { total, largestMapping };
}

/** A shell script that ran a program without becoming it would hide the program's figures. */
export function assertNoChildren(pid: number): void {
  const children = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim(),
  );
  if (children.some((one) => one !== '')) throw new Error(`process ${pid} works through others: ${children.join(' ')}`);
}

function tail(text: string): string {
  return text.split('\n').slice(-15).join('\n');
}
