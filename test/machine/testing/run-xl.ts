/** bin/xl as its users run it: a process of its own, with all that stands behind it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../../src/abi/elfnote.ts';
import { elf, words } from '../../../src/dom0/builder/testing/kernels.ts';

export const XL = fileURLToPath(new URL('../../../bin/xl', import.meta.url));
/** A run that takes longer is stuck: the process is killed, and the test fails by its status. */
const PATIENCE_MS = 60_000;

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status; undefined where a signal ended the process. */
  readonly status: number | undefined;
}

/** A process that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves once what it has put on either output holds `text`; rejects where it ends first. */
  until(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** A folder for a test file's guests, removed after its tests. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xenolith-machine-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts `bin/xl` with these arguments in `folder`. Its input stays open until the test ends it. */
export function startXl(folder: string, argv: readonly string[], environment?: Record<string, string>): Running {
  return start(folder, [XL, ...argv], environment);
}

/** Starts a program, as `startXl` does xl. */
export function start(folder: string, command: readonly string[], environment: Record<string, string> = {}): Running {
  const [program = '', ...argv] = command;
  const child = spawn(program, argv, { cwd: folder, env: { ...process.env, ...environment } });
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of waiting) look();
    });
  }
  child.stdin.on('error', () => {}); // it may end before it has read everything
  const patience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (status) => {
      clearTimeout(patience);
      resolve({ ...output, status: status ?? undefined });
    });
  });
  const until = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!(output.stdout + output.stderr).includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`it ended without ${JSON.stringify(text)}: ${JSON.stringify(output)}`)));
    });
  return { child, until, ended };
}

/** Runs `bin/xl` to its end, with nothing to read. */
export async function runXl(
  folder: string,
  argv: readonly string[],
  environment?: Record<string, string>,
): Promise<Ended> {
  const { child, ended } = startXl(folder, argv, environment);
  child.stdin.end();
  return await ended;
}

/** Writes a file of a test's guest; returns its name. */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

/** Where the kernels of these tests lie, and start. */
export const KERNEL_BASE = 0x1000000;

/** A PVH kernel of a few bytes of 32-bit code. */
export function kernelOf(code: readonly number[]): Uint8Array {
  return elf({
    segments: [{ paddr: KERNEL_BASE, bytes: Uint8Array.from(code), memorySize: 0x3000 }],
    notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(KERNEL_BASE) }],
  });
}
