/**
 * The host's own processor as the oracle: host-oracle.c, built with gcc into a temporary directory, runs an instruction
 * from many states. Where there is no gcc or no x86-64 the tests are skipped, and say so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** Bytes of `struct state` in host-oracle.c, and where its fields are. */
export const STATE_BYTES = 168;
export const X87_AT = 0;
export const MXCSR_AT = 108;
export const XMM0_AT = 112;
export const XMM1_AT = 128;
export const RAX_AT = 144;
export const RDX_AT = 152;
export const EFLAGS_AT = 160;
export const SIGNAL_AT = 164;
/** Where the memory operand starts. */
export const MEMORY_AT = 168;
export const SIGFPE = 8;

const BATCH_BYTES = 32;

/** States of one instruction, before and after; each is a view of STATE_BYTES + memoryBytes. */
export interface Batch {
  readonly code: readonly number[];
  readonly memoryBytes: number;
  readonly states: readonly DataView[];
}

/** Why there is no oracle here, or false. To be given to `test` as its `skip`. */
export const oracleSkip: string | false = whyNoOracle();

/** A zeroed state with the usual control words and all x87 registers empty. */
export function newState(memoryBytes: number): DataView {
  const state = new DataView(new ArrayBuffer(MEMORY_AT + memoryBytes));
  state.setUint32(X87_AT, 0xffff037f, true);
  state.setUint32(X87_AT + 4, 0xffff0000, true);
  state.setUint32(X87_AT + 8, 0xffffffff, true);
  state.setUint32(X87_AT + 24, 0xffff0000, true);
  state.setUint32(MXCSR_AT, 0x1f80, true);
  state.setUint32(EFLAGS_AT, 0x202, true);
  return state;
}

/** The states after the instruction, in the order of batch.states. */
export function runOnHost(batch: Batch): DataView[] {
  return runAllOnHost([batch])[0] ?? [];
}

/** `runOnHost` for several instructions in one process. */
export function runAllOnHost(batches: readonly Batch[]): DataView[][] {
  const stateBytes = (batch: Batch) => batch.states.length * (MEMORY_AT + batch.memoryBytes);
  const outputBytes = batches.reduce((sum, batch) => sum + stateBytes(batch), 0);
  const input = new Uint8Array(outputBytes + batches.length * BATCH_BYTES);
  let at = 0;
  for (const batch of batches) {
    const header = new DataView(input.buffer, at, BATCH_BYTES);
    header.setUint32(0, batch.code.length, true);
    header.setUint32(4, batch.states.length, true);
    header.setUint32(8, batch.memoryBytes, true);
    input.set(batch.code, at + 16);
    at += BATCH_BYTES;
    for (const state of batch.states) {
      input.set(new Uint8Array(state.buffer, state.byteOffset, MEMORY_AT + batch.memoryBytes), at);
      at += MEMORY_AT + batch.memoryBytes;
    }
  }
  const ran = spawnSync(oracle(), { input, maxBuffer: outputBytes + 1024 });
  if (ran.status !== 0) throw new Error(`host-oracle ended with ${ran.status ?? ran.signal}: ${String(ran.stderr)}`);
  const output = ran.stdout;
  if (output.length !== outputBytes) throw new Error(`host-oracle wrote ${output.length} bytes, not ${outputBytes}`);
  at = output.byteOffset;
  return batches.map((batch) =>
    batch.states.map(() => {
      const bytes = MEMORY_AT + batch.memoryBytes;
      at += bytes;
      return new DataView(output.buffer, at - bytes, bytes);
    }),
  );
}

/**
 * A long fuzz by hand: FPU_SEED=n changes every seed, FPU_TIMES=n takes that many more cases. Without them every run is
 * the same.
 */
export const fuzzTimes = Number(process.env.FPU_TIMES ?? 1);
const fuzzSeed = Number(process.env.FPU_SEED ?? 0);

/** Random words from a seed, the same on every run (mulberry32). */
export function randomWords(seed: number): () => number {
  let s = (seed ^ Math.imul(fuzzSeed, 0x9e3779b1)) >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

let directory: string | undefined;

function oracle(): string {
  if (directory === undefined) {
    directory = mkdtempSync(join(tmpdir(), 'xenolith-fpu-'));
    const source = join(import.meta.dirname, 'host-oracle.c');
    execFileSync('gcc', ['-O1', '-mno-red-zone', '-o', join(directory, 'host-oracle'), source], { stdio: 'pipe' });
  }
  return join(directory, 'host-oracle');
}

function whyNoOracle(): string | false {
  if (process.arch !== 'x64')
    return `skipped: this host is ${process.arch}, there is no x86-64 processor to compare with`;
  if (spawnSync('gcc', ['--version']).status !== 0) return 'skipped: no gcc to build host-oracle.c with';
  return false;
}

after(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
});
