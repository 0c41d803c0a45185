import { CONTINUE } from '../../src/xen/common/call.ts';
import { PAGE_SIZE } from '../../src/cpu/engine.ts';
import { CallGrammar, type FuzzCall } from './fuzz-calls.ts';
import { FuzzMachine } from './fuzz-machine.ts';
import { SeededRandom } from './fuzz-random.ts';
import { ARENA_BYTES, ARENA_FIRST } from './fuzz-values.ts';

export interface FuzzOptions {
  readonly calls: number;
  readonly seed: number;
  /** The domain that makes the calls is as trusted as dom0: it may harm others, but not Xen. */
  readonly privileged: boolean;
  /** For `slowestMs`. */
  readonly nowMs?: () => number;
  /** Told of each call that was made, and what came back; undefined for a call that ended in a finding. */
  readonly onCall?: (call: FuzzCall, result: number) => void;
}

export interface FuzzReport {
  readonly calls: number;
  readonly parts: number;
  /** Of all parts of calls, the longest took so long, and belonged to this operation. */
  readonly slowestMs: number;
  readonly slowest: string;
  /** Calls by operation and result. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** What is wrong, with what was done last; empty where nothing is. */
  readonly findings: readonly string[];
}

const CALLS_A_BATCH = 500;
/** A call that is made again so often holds its caller for ever. */
const MAX_PARTS = 100_000;
/** Another vCPU changes memory behind one in so many of Xen's reads. */
const RACE_ODDS = 64;
/** Between two parts of a call another vCPU makes one of its own, once in so many times. */
const MEANWHILE_ODDS = 4;
/** That one gets no further than this: its vCPU is stopped, and never goes on with it. */
const MEANWHILE_PARTS = 8;
/** The vCPU that makes the calls, and the other one. */
const FIRST_VCPU = 0;
const OTHER_VCPU = 1;

/** Makes calls until there are enough, or something is wrong. */
export function fuzz({ calls, seed, privileged, nowMs = () => 0, onCall = () => {} }: FuzzOptions): FuzzReport {
  const random = new SeededRandom(seed);
  const grammar = new CallGrammar(random, privileged ? 2 : 12);
  const outcomes = new Map<string, number>();
  let machine = new FuzzMachine(privileged, random);
  let [made, parts, slowestMs, slowest] = [0, 0, 0, ''];
  const report = (findings: readonly string[]) => ({ calls: made, parts, slowestMs, slowest, outcomes, findings });
  while (made < calls) {
    const runner = new CallRunner(machine, random, () => grammar.next(), nowMs);
    let last = '';
    for (let index = 0; index < CALLS_A_BATCH && made < calls; index++) {
      if (!runner.canCall) break;
      const call = grammar.next();
      made += 1;
      last = `call ${made} (seed ${seed}): ${describeCall(call)}`;
      const outcome = runner.make(call);
      if (typeof outcome === 'string') return report([outcome, last]);
      parts += runner.parts;
      if (runner.slowestMs > slowestMs) [slowestMs, slowest] = [runner.slowestMs, call.name];
      const key = `${call.name} ${outcome < 0 ? outcome : 'ok'}`;
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      onCall(call, outcome);
    }
    const findings = endBatch(machine);
    if (findings.length > 0) return report([...findings, last]);
    if (privileged) machine = new FuzzMachine(privileged, random);
    else machine.renew(random);
  }
  return report([]);
}

function endBatch(machine: FuzzMachine): string[] {
  try {
    machine.letTimePass();
    return [...machine.problems(), ...machine.destroy()];
  } catch (bug) {
    return [textOf(bug)];
  }
}

/** Makes calls on behalf of a guest, whose other vCPU writes into the arguments now and then, and makes calls itself. */
export class CallRunner {
  readonly #machine: FuzzMachine;
  readonly #random: SeededRandom;
  readonly #meanwhile: (() => FuzzCall) | undefined;
  readonly #nowMs: () => number;
  /** How often the last call was made until it was done, and how long the longest part of it took. */
  parts = 0;
  slowestMs = 0;

  /** @param meanwhile calls of the other vCPU */
  constructor(machine: FuzzMachine, random: SeededRandom, meanwhile?: () => FuzzCall, nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
    this.#machine = machine;
    this.#random = random;
    this.#meanwhile = meanwhile;
    const vcpu = machine.guest.hvm[FIRST_VCPU];
    if (vcpu === undefined) throw new Error('the domain has a vCPU');
    const { guest } = vcpu;
    const read = guest.read.bind(guest);
    guest.read = (address, into) => {
      const done = read(address, into);
      if (this.#random.oneIn(RACE_ODDS)) this.#race();
      return done;
    };
  }

  /** False once the domain is destroyed, or shut down: there is nobody who could make a call. */
  get canCall(): boolean {
    const { domain } = this.#machine.guest;
    return !domain.shuttingDown && this.#machine.machine.xen.domains.get(domain.id) === domain;
  }

  /** The call's result, or what is wrong. */
  make(call: FuzzCall): number | string {
    this.parts = 0;
    this.slowestMs = 0;
    try {
      this.#begin(call, FIRST_VCPU);
      for (;;) {
        const startMs = this.#nowMs();
        const result = this.#part(call, FIRST_VCPU);
        this.slowestMs = Math.max(this.slowestMs, this.#nowMs() - startMs);
        this.parts += 1;
        if (result !== CONTINUE) return Number.isInteger(result) ? result : `it returned ${result}`;
        if (this.#waits) this.#machine.answer();
        if (this.parts > MAX_PARTS) return 'it goes on for ever';
        if (this.#meanwhile !== undefined && this.#random.oneIn(MEANWHILE_ODDS)) this.#makeMeanwhile(this.#meanwhile());
        if (!this.canCall) return 0;
      }
    } catch (bug) {
      return textOf(bug);
    }
  }

  /** Something other than the call holds the vCPU: a listener that has to answer first. */
  get #waits(): boolean {
    return (this.#machine.guest.domain.vcpu(FIRST_VCPU)?.pauseCount ?? 0) > 0;
  }

  #makeMeanwhile(call: FuzzCall): void {
    this.#begin(call, OTHER_VCPU);
    for (let part = 0; part < MEANWHILE_PARTS && this.canCall; part++) {
      if (this.#part(call, OTHER_VCPU) !== CONTINUE) break;
    }
  }

  /** Puts a call into memory and registers. */
  #begin({ args, memory }: FuzzCall, vcpu: number): void {
    for (const { address, bytes } of memory) this.#put(address, bytes);
    const call = this.#machine.guest.hvm[vcpu]?.call;
    for (let index = 0; index < 6; index++) if (call) call.args[index] = BigInt.asUintN(64, args[index] ?? 0n);
  }

  #part({ nr, compat }: FuzzCall, vcpu: number): number {
    const { guest, machine } = this.#machine;
    const call = guest.hvm[vcpu]?.call;
    if (call === undefined) throw new Error('the vCPU is gone');
    guest.cpu(vcpu).longMode(!compat);
    call.begin(nr, compat);
    return machine.xen.dispatch(call);
  }

  #put(address: number, bytes: Uint8Array): void {
    const { guest } = this.#machine;
    for (let done = 0; done < bytes.length; ) {
      const inPage = (address + done) % PAGE_SIZE;
      const part = Math.min(bytes.length - done, PAGE_SIZE - inPage);
      const mfn = guest.domain.p2m?.peekMfn(Math.floor((address + done) / PAGE_SIZE)) ?? 0;
      if (mfn !== 0 && guest.domain.xen.frames.owner(mfn) === guest.domain) {
        guest.bytes(address + done, part).set(bytes.subarray(done, done + part));
      }
      done += part;
    }
  }

  #race(): void {
    const random = this.#random;
    const address = ARENA_FIRST + random.below(ARENA_BYTES);
    this.#put(address, Uint8Array.of(random.u32()));
  }
}

export function describeCall({ name, nr, compat, args, memory }: FuzzCall): string {
  const registers = args.map((value) => value.toString(16)).join(',');
  const patches = memory.map(({ address, bytes }) => `${address.toString(16)}:${hex(bytes)}`);
  return [name, nr.toString(16), compat ? '32' : '64', registers, ...patches].join(' ');
}

/** The other way: undefined for a line that is none. */
export function parseCall(line: string): FuzzCall | undefined {
  const [name, nr, mode, registers, ...patches] = line.split(' ');
  if (name === undefined || nr === undefined || registers === undefined || line.startsWith('#')) return undefined;
  return {
    name,
    nr: Number.parseInt(nr, 16),
    compat: mode === '32',
    args: registers.split(',').map((value) => BigInt(`0x${value}`)),
    memory: patches.map((patch) => {
      const [address = '0', bytes = ''] = patch.split(':');
      return { address: Number.parseInt(address, 16), bytes: unhex(bytes) };
    }),
  };
}

function textOf(bug: unknown): string {
  return bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
}

/** Trailing zeros are left out: memory that a call is given is filled up with them. */
function hex(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.replace(/(00)+$/, (zeros) => `*${zeros.length / 2}`);
}

function unhex(text: string): Uint8Array {
  const [digits = '', zeros = '0'] = text.split('*');
  const bytes = new Uint8Array(digits.length / 2 + Number(zeros));
  for (let at = 0; at < digits.length / 2; at++) bytes[at] = Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}
