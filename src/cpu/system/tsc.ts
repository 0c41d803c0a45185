/**
 * The time-stamp counter: RDTSC, RDTSCP (SDM vol. 3B, 17.17). The guest's is the host's plus an offset.
 *
 * To ask the host takes longer than a system call of the guest. So generated code (emit/read-tsc.ts) counts on from the
 * last reading by itself, by the instructions since then: exactly, where the source counts instructions; else by less
 * than they can have taken, so that it is behind the host and catches up with the next reading, but never ahead. That
 * holds for what takes the guest TICKS_BEHIND, as fast as it was before, and until TypeScript does anything for the
 * guest, which may take long, or tell the time by other means.
 */
import type { TscSource } from '../engine.ts';
import { SYSTEM_NEXT, type SystemResult } from '../instructions/define.ts';
import * as state from '../state.ts';
import type { SystemCpu } from './system-cpu.ts';

/** How far behind the host the counter may be, in its ticks: 20 us of a counter of nanoseconds. */
const TICKS_BEHIND = 20_000;
/** Instructions that it is counted on for; more can be of no use. */
const SHORTEST_WINDOW = 256;
const LONGEST_WINDOW = 8192;
/** What counts instructions may be counted on for all of a run. */
const ENDLESS_WINDOW = 0x7fffffff;
/** An eighth of a nanosecond for an instruction; no guest is that fast. */
const SLOWEST_RATE = 1;
/** Two for a reading: whoever waits in a loop of nothing else makes it end, and two readings differ. */
const READING_COUNTS = 16;

export class TimeStampCounter {
  readonly #state: state.VcpuState;
  readonly #source: TscSource;
  /** Generated code counts on. */
  #isCounting = false;
  #window = LONGEST_WINDOW;
  /** The lower half of the last reading. */
  #baseLo = 0;

  constructor(registers: state.VcpuState, source: TscSource) {
    this.#state = registers;
    this.#source = source;
    const { ticksPerInstruction } = source;
    const rate = ticksPerInstruction === undefined ? SLOWEST_RATE : ticksPerInstruction * state.TSC_RATE_ONE;
    registers.setU32(state.OFFSET_TSC_RATE, rate);
    registers.setU32(state.OFFSET_TSC_READING, ticksPerInstruction === undefined ? READING_COUNTS : 0);
    if (ticksPerInstruction !== undefined) this.#window = ENDLESS_WINDOW;
  }

  /** The host's counter, as lo and hi. */
  read(out: Uint32Array): boolean {
    this.settle();
    return this.#source.read(out);
  }

  /** As `read`, from generated code: it counts on from there. */
  readAndCount(out: Uint32Array): void {
    const counted = this.#isCounting ? this.#counted() : 0;
    const mayCount = this.read(out);
    if (!mayCount) return;
    const { view } = this.#state;
    const lo = out[0] as number;
    if (counted !== 0 && this.#window !== ENDLESS_WINDOW) this.#adapt(counted, (lo - this.#baseLo) >>> 0);
    const reading = view.getInt32(state.OFFSET_TSC_READING, true);
    view.setInt32(state.OFFSET_TSC_FROM, view.getInt32(state.OFFSET_BUDGET, true) + reading, true);
    this.#state.setHalves(state.OFFSET_TSC_BASE, lo, out[1] as number);
    this.#state.setU32(state.OFFSET_TSC_WINDOW, this.#window);
    this.#baseLo = lo;
    this.#isCounting = true;
  }

  /** The next reading by generated code asks here: a run ended, or TypeScript does something for the guest. */
  settle(): void {
    if (!this.#isCounting) return;
    this.#isCounting = false;
    const counted = Math.min(this.#counted(), this.#window);
    const ticks = Math.floor((counted * this.#state.u32(state.OFFSET_TSC_RATE)) / state.TSC_RATE_ONE);
    this.#state.setU32(state.OFFSET_TSC_WINDOW, 0);
    this.#source.countedOn?.(ticks);
  }

  #counted(): number {
    return (this.#state.u32(state.OFFSET_TSC_FROM) - this.#state.u32(state.OFFSET_BUDGET)) >>> 0;
  }

  #adapt(counted: number, ticks: number): void {
    const window = Math.floor((counted * TICKS_BEHIND) / Math.max(ticks, 1));
    this.#window = Math.max(SHORTEST_WINDOW, Math.min(LONGEST_WINDOW, window));
  }
}

/** The guest's counter, as lo and hi. */
export function readTsc(cpu: SystemCpu, out: Uint32Array): void {
  cpu.tsc.read(out);
  addOffsets(cpu, out);
}

function addOffsets(cpu: SystemCpu, out: Uint32Array): void {
  add(out, cpu.state, state.OFFSET_TSC_OFFSET);
  if (cpu.svm.inGuest) add(out, cpu.state, state.OFFSET_GUEST_TSC_OFFSET);
}

function add(out: Uint32Array, registers: state.VcpuState, offset: number): void {
  const lo = (out[0] as number) + registers.u32(offset);
  out[1] = (out[1] as number) + registers.u32(offset + 4) + (lo > 0xffffffff ? 1 : 0);
  out[0] = lo;
}

/** As `readTsc`, for generated code. */
export function readTscIntoScratch(cpu: SystemCpu): void {
  cpu.tsc.readAndCount(cpu.words);
  addOffsets(cpu, cpu.words);
  cpu.state.setHalves(state.OFFSET_SCRATCH, cpu.words[0] as number, cpu.words[1] as number);
}

/** Makes the guest's counter go on from a value. */
export function writeTsc(cpu: SystemCpu, lo: number, hi: number): void {
  cpu.tsc.read(cpu.words);
  const host = BigInt(cpu.words[0] as number) | (BigInt(cpu.words[1] as number) << 32n);
  const wanted = BigInt(lo >>> 0) | (BigInt(hi >>> 0) << 32n);
  cpu.state.setU64(state.OFFSET_TSC_OFFSET, BigInt.asUintN(64, wanted - host));
}

export function readTimeStamp(cpu: SystemCpu): SystemResult {
  if (isDisabled(cpu)) return cpu.generalProtection();
  readTsc(cpu, cpu.words);
  cpu.state.setGprHalves(state.RAX, cpu.words[0] as number, 0);
  cpu.state.setGprHalves(state.RDX, cpu.words[1] as number, 0);
  return SYSTEM_NEXT;
}

export function readTimeStampAndProcessor(cpu: SystemCpu): SystemResult {
  const result = readTimeStamp(cpu);
  if (result === SYSTEM_NEXT) cpu.state.setGprHalves(state.RCX, cpu.state.u32(state.OFFSET_TSC_AUX), 0);
  return result;
}

function isDisabled(cpu: SystemCpu): boolean {
  return cpu.cpl !== 0 && (cpu.state.u32(state.OFFSET_CR4) & state.CR4_TSD) !== 0;
}
