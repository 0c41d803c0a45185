/** The host's processor: harness.c, compiled with the system's C compiler into a temporary directory. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Case, decodeOutcomes, encodeBatch, type Outcome, outputSize } from './protocol.ts';

/** Why the host cannot serve as the oracle, or false: for `test`'s `skip`. */
export function whyNoHost(): string | false {
  if (process.arch !== 'x64') return `the host's processor is ${process.arch}, not x86-64`;
  if (process.platform !== 'linux') return `the harness is written for Linux, not ${process.platform}`;
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no C compiler (cc) to build the harness with';
  }
}

export class Host {
  readonly #folder: string;
  readonly #child: ChildProcess;
  #buffered: Uint8Array[] = [];
  #bufferedBytes = 0;
  #wanted = 0;
  #resolve: ((bytes: Uint8Array) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'xenolith-native-'));
    const program = join(this.#folder, 'harness');
    const source = join(import.meta.dirname, 'harness.c');
    execFileSync('cc', ['-O2', '-o', program, source], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout?.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    this.#child.stdin?.on('error', () => {});
    this.#child.on('exit', (code, signal) => this.#reject?.(new Error(`harness.c ended with ${code ?? signal}`)));
  }

  /** Runs the cases of a batch; at most SLOTS. One batch at a time. */
  async run(cases: readonly Case[]): Promise<Outcome[]> {
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#wanted = outputSize(cases);
    this.#child.stdin?.write(encodeBatch(cases));
    return decodeOutcomes(cases, await answer);
  }

  close(): void {
    this.#reject = undefined;
    this.#child.stdin?.end();
    this.#child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #receive(chunk: Uint8Array): void {
    this.#buffered.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes < this.#wanted || this.#resolve === undefined) return;
    const all = Buffer.concat(this.#buffered);
    this.#buffered = [];
    this.#bufferedBytes = 0;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve(all);
  }
}
