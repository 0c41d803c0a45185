/** One vCPU of the interpreter tier: an instance of the generated module, and what happens between its runs. */
import {
  EXIT_BUDGET,
  EXIT_HYPERCALL,
  EXIT_LEAVE,
  EXIT_SHUTDOWN,
  EXIT_WINDOW,
  type EngineVcpu,
  type Exit,
  type Intercepts,
  type NestedPaging,
  type TscSource,
} from '../engine.ts';
import { SYSTEM_FAULT } from '../instructions/define.ts';
import { EVENT_NOT_CANONICAL, EVENT_REFUSED, Mmu, setEvent } from '../mmu/mmu.ts';
import * as state from '../state.ts';
import { checkedLinear, setLinear } from '../system/segment-access.ts';
import { RegionAccess } from '../region/region-access.ts';
import { DirectAccess } from '../system/direct-access.ts';
import { deliver, type Event, takeEvent } from '../system/interrupts.ts';
import { ProcessorAccess } from '../system/outside-access.ts';
import { resetState } from '../system/reset.ts';
import { SystemCpu, type TierHooks } from '../system/system-cpu.ts';
import { vectorSlow } from '../system/vector-slow.ts';
import { LONGEST_RUN, LONGEST_STAY, MOST_WORK } from './code-cache.ts';
import type { CodeUser } from './code-user.ts';
import { DebugTraps } from './debug-traps.ts';
import { HeldUp } from './held-up.ts';
import { JumpCache } from './jump-cache.ts';
import { InstructionFetch } from './instruction-fetch.ts';
import { VCPU_AREA_SIZE, VCPU_AREAS, VCPU_TLBS } from './layout.ts';
import { interruptPlainly, setFaultingRip } from './event-entry.ts';
import { hostOfLinear, readLinear, writeLinear } from './linear-copy.ts';
import type { CurrentVcpu, Shared } from './instance.ts';
import { RUN_EVENT, RUN_EXIT } from './run-result.ts';
import { MODE_GUEST, MODE_STEP } from '../mode.ts';
import { interruptGuest } from '../svm/exceptions.ts';
import { settleReset } from '../svm/exit.ts';
import { Svm } from '../svm/svm.ts';
import { storeModeWords } from './mode-words.ts';
import { RecordReader } from './record-reader.ts';
import { RunStops } from './run-stops.ts';

const BIAS_SPREAD = 0x9e3779b1;
const BIAS_SHIFT = 17;
const CS_BASE = state.OFFSET_SEGMENTS + state.CS * state.SEGMENT_SIZE + state.SEGMENT_BASE;

export class InterpreterVcpu implements EngineVcpu, CodeUser, TierHooks, CurrentVcpu {
  readonly state: state.VcpuState;
  readonly cpu: SystemCpu;
  readonly outside: ProcessorAccess;
  exactBudget = false;
  readonly #shared: Shared;
  readonly #mmu: Mmu;
  readonly #direct: DirectAccess;
  readonly #operands: RecordReader;
  readonly #regionAccess: RegionAccess;
  readonly #jumps: JumpCache;
  readonly #fetch: InstructionFetch;
  readonly #stops: RunStops;
  readonly #heldUp: HeldUp;
  readonly #traps: DebugTraps;
  /** Instructions before the generated code was last entered, and the budget it was given. */
  #retired = 0;
  #slice = 0;
  #mode = 0;
  #csBaseLo = 0;
  #csBaseHi = 0;
  #leaving = false;
  #jumpsFlushed = false;
  #framesBegun = 0;
  #shutDown = false;

  constructor(shared: Shared, base: number, nested: NestedPaging, intercepts: Intercepts, tsc: TscSource) {
    this.#shared = shared;
    const { memory } = shared;
    this.state = new state.VcpuState(memory.buffer, base);
    resetState(this.state);
    this.#mmu = new Mmu(this.state, memory, nested, intercepts, shared.code, base + VCPU_TLBS);
    this.#direct = new DirectAccess(memory.buffer, base + VCPU_TLBS);
    const svm = new Svm(this.state, memory, nested, intercepts, shared.code);
    this.cpu = new SystemCpu(this.state, this.#mmu, intercepts, tsc, this, svm);
    this.outside = new ProcessorAccess(this.cpu);
    this.#heldUp = new HeldUp(this.cpu, this.#mmu, intercepts);
    this.#traps = new DebugTraps(this.cpu);
    this.#regionAccess = new RegionAccess(this.#mmu);
    this.#operands = new RecordReader(memory, this.state, shared.table);
    shared.code.addUser(this);
    this.#jumps = new JumpCache(memory, base);
    this.#fetch = new InstructionFetch(this.cpu, this.#mmu, shared.code);
    const bias = Math.imul((base - VCPU_AREAS) / VCPU_AREA_SIZE, BIAS_SPREAD) >>> BIAS_SHIFT;
    this.state.setU32(state.OFFSET_KERNEL_BIAS, bias);
    this.#stops = new RunStops(memory, shared.code, shared.writer);
    this.modeChanged();
  }

  // EngineVcpu

  // No private getter here, and none in what every run goes through: V8 calls those by way of its runtime.
  get instructions(): number {
    return this.#retired + this.#slice - this.state.view.getInt32(state.OFFSET_BUDGET, true);
  }

  run(budget: number): Exit {
    if (this.#shutDown) return EXIT_SHUTDOWN;
    const { state: registers } = this;
    registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
    this.#mmu.synchronise();
    settleReset(this.cpu);
    this.modeChanged();
    this.#shared.code.work = 0;
    let left = budget;
    for (;;) {
      if (this.#heldUp.any) {
        this.#heldUp.tell();
        if (this.#hasToLeave()) return EXIT_LEAVE;
        const late = this.#heldUp.take();
        if (late !== undefined && !this.#deliver(late)) return EXIT_SHUTDOWN;
        continue;
      }
      const trap = this.#traps.take(this.cpu.isShadowed);
      if (trap !== undefined && !this.#deliver(trap)) return EXIT_SHUTDOWN;
      if (this.cpu.svm.inGuest && interruptGuest(this.cpu)) continue;
      if (this.cpu.nmiPending && this.cpu.takesNmi) {
        this.cpu.nmiPending = false;
        if (!this.#deliver({ vector: state.EXCEPTION_NMI, errorCode: -1, source: 'external' })) return EXIT_SHUTDOWN;
      }
      if (this.cpu.windowRequested && this.interruptible()) {
        this.cpu.svm.awaitWindow(false);
        return EXIT_WINDOW;
      }
      if (this.#hasToLeave()) return EXIT_LEAVE;
      // Between STI and what it holds interrupts off for nobody gets in.
      if ((left <= 0 || this.#hasWorkedEnough()) && !this.cpu.isShadowed) return EXIT_BUDGET;
      left = Math.max(left, 1);
      if (this.#shared.code.isDue) this.#shared.code.settle();
      if (this.#shared.regions?.isDue) this.#shared.regions.make();
      registers.setU32(state.OFFSET_STOP, 0);
      const isStep = (this.#mode & MODE_STEP) !== 0;
      const isTraced = (registers.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_TF) !== 0;
      const breakpoint = isStep ? this.#traps.breakpoint() : undefined;
      if (breakpoint !== undefined) {
        this.#retired++;
        left--;
        if (breakpoint !== 'dropped' && !this.#deliver(breakpoint)) return EXIT_SHUTDOWN;
        continue;
      }
      this.cpu.trapInhibited = false;
      this.#mmu.dataHits = 0;
      const before = this.#retired;
      const isShadowed = this.cpu.isShadowed;
      const result = isStep ? this.#enter(1) : this.#enterFor(left);
      // An exception counts as the instruction that it comes instead of: a guest that only raises them runs out too.
      if (result === RUN_EVENT) this.#retired++;
      const used = this.#retired - before;
      left -= used;
      // A repeated instruction stays where it is: it is held off for once, not until it is done.
      if (isShadowed && used > 0 && this.cpu.isShadowed) registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
      if (result === RUN_EXIT) {
        this.#shutDown = this.cpu.exit === EXIT_SHUTDOWN;
        // The trap of a hypercall comes when it is done.
        this.#traps.stepped = isTraced && this.cpu.exit === EXIT_HYPERCALL;
        return this.cpu.exit;
      }
      if (result === RUN_EVENT && !this.#deliverFault()) return EXIT_SHUTDOWN;
      if (result === RUN_EVENT || used === 0) continue;
      // The trap comes after an instruction that began with TF set, even if it cleared it.
      this.#traps.stepped = isTraced && !this.cpu.trapInhibited;
      this.#traps.dataHits |= this.#mmu.dataHits;
    }
  }

  leave(): void {
    this.#leaving = true;
    this.#stopAtBoundary();
  }

  get interruptsEnabled(): boolean {
    return this.cpu.svm.takesInterrupts;
  }

  interruptible(): boolean {
    return this.cpu.interruptible;
  }

  requestWindow(): void {
    this.cpu.svm.awaitWindow(true);
    if (this.interruptible()) this.stop();
  }

  injectInterrupt(vector: number): void {
    this.cpu.svm.awaitWindow(false);
    this.#becomeCurrent();
    if (!this.cpu.svm.inGuest && interruptPlainly(this.state, this.#shared.interrupt, vector)) return;
    this.#deliver({ vector, errorCode: -1, source: 'external' });
  }

  injectException(vector: number, errorCode?: number): void {
    this.#deliver({ vector, errorCode: errorCode ?? -1, source: 'exception' });
  }

  injectNmi(): void {
    this.cpu.nmiPending = true;
    this.#stopAtBoundary();
  }

  flushTlb(): void {
    this.#mmu.flushAll();
  }
  flushFrame(gfn: number, mfn: number): void {
    this.#mmu.flushFrame(gfn, mfn);
  }

  readLinear(addressLo: number, addressHi: number, into: Uint8Array): boolean {
    return readLinear(this.state, this.#mmu, addressLo, addressHi, into);
  }

  writeLinear(addressLo: number, addressHi: number, from: Uint8Array): boolean {
    return writeLinear(this.state, this.#mmu, addressLo, addressHi, from);
  }

  hostOf(addressLo: number, addressHi: number, bytes: number, isWrite: boolean): number {
    if (isWrite && this.#framesBegun !== this.#shared.code.framesBegun) return 0;
    return hostOfLinear(this.state, this.#direct, addressLo, addressHi, bytes, isWrite);
  }

  /** No more runs; its code cache entries stay, they belong to machine memory. */
  destroy(): void {
    this.#shared.code.removeUser(this);
  }

  // CodeUser and TierHooks

  flushJumps(): void {
    this.#jumpsFlushed = true;
    this.#mmu.forgetJumps();
  }

  protectFrame(mfn: number): void {
    this.#mmu.protectFrame(mfn);
  }
  stop(): void {
    this.state.setU32(state.OFFSET_STOP, 1);
  }
  modeChanged(): void {
    const registers = this.state;
    this.#mode = storeModeWords(registers, this.#mmu);
    const csBaseLo = registers.u32(CS_BASE);
    const csBaseHi = registers.u32(CS_BASE + 4);
    if (csBaseLo !== this.#csBaseLo || csBaseHi !== this.#csBaseHi) {
      this.#csBaseLo = csBaseLo;
      this.#csBaseHi = csBaseHi;
      this.flushJumps();
    }
  }
  flushPage(lo: number, hi: number): void {
    this.#mmu.flushPage(lo, hi);
  }

  // InterpreterImports

  slowRead = (lo: number, hi: number, bytes: number): void => this.#mmu.slowRead(lo, hi, bytes);
  slowWrite = (lo: number, hi: number, bytes: number): void => this.#mmu.slowWrite(lo, hi, bytes);
  probeWrite = (lo: number, hi: number, bytes: number): number => this.#mmu.probeWrite(lo, hi, bytes);

  regionRead = (lo: number, hi: number, bytes: number): void => this.#regionAccess.read(lo, hi, bytes);
  regionWrite = (lo: number, hi: number, bytes: number): void => this.#regionAccess.write(lo, hi, bytes);
  regionProbe = (lo: number, hi: number, bytes: number): number => this.#regionAccess.probeWrite(lo, hi, bytes);

  hot = (): void => {
    const machine = this.#fetch.fetchedRip(this.#mode, this.#csBaseLo);
    this.#shared.regions?.hot(this.#fetch.placeOf(machine), this.#mode, this.#fetch.near);
  };

  isOfPage = (pc: number): number =>
    this.#fetch.hasRecord(this.#fetch.fetchedRip(this.#mode, this.#csBaseLo), pc) ? 1 : 0;

  segmentLinear = (pc: number, segment: number, offset: number): void => {
    const access = this.#operands.memoryAccess(pc);
    if (access === undefined) setLinear(this.state, segment, offset);
    else checkedLinear(this.cpu, segment, offset >>> 0, access.bytes, access.isWrite);
  };

  offsetLinear = (segment: number, offset: number, bytes: number, write: number): void =>
    checkedLinear(this.cpu, segment, offset >>> 0, bytes, write !== 0);

  find = (): number => {
    this.#jumpsFlushed = false;
    const machine = this.#fetch.translateRip(this.#mode, this.#csBaseLo);
    const pc = this.#fetch.find(machine, this.#mode);
    if (pc === 0) return 0;
    const { regions } = this.#shared;
    if (regions?.isEager && regions.hot(this.#fetch.placeOf(machine), this.#mode, this.#fetch.near)) this.stop();
    // What would be remembered now could not be forgotten with its page: the fetch from it was forgotten meanwhile.
    if (this.#jumpsFlushed) return pc;
    const { state: registers } = this;
    const rip = state.OFFSET_RIP;
    const tag = registers.u32(state.OFFSET_MODE_TAG + 4);
    this.#jumps.insert(registers.u32(rip), registers.u32(rip + 4), tag, pc, this.#fetch.isGlobal);
    return pc;
  };

  vectorSlow = (operation: number): number => vectorSlow(this.state, operation);

  system = (handlerId: number, pc: number): number => {
    const handler = this.#shared.table.byId(handlerId);
    const call = this.#shared.table.callOf(handlerId);
    if (handler === undefined || call === undefined) return SYSTEM_FAULT;
    this.#operands.load(pc, handler);
    if ((this.#mode & MODE_GUEST) === 0) return call(this.cpu, this.#operands);
    return handler.instruction.intercept?.(this.cpu, this.#operands) ?? call(this.cpu, this.#operands);
  };

  // Generated code asks this vCPU, and what began to hold code while others ran is not written to without a look.
  #becomeCurrent(): void {
    const { code, current } = this.#shared;
    if (current.vcpu !== this) current.vcpu = this;
    if (this.#framesBegun !== code.framesBegun) this.#mmu.protectFrames();
    this.#framesBegun = code.framesBegun;
  }

  #enterFor(budget: number): number {
    if (this.cpu.windowAwaited && this.cpu.isShadowed) return this.#enterExactly(1);
    const slice = Math.min(budget, LONGEST_STAY);
    return this.exactBudget ? this.#enterExactly(slice) : this.#enter(slice);
  }

  #hasToLeave(): boolean {
    const leaving = this.#leaving;
    this.#leaving = false;
    return leaving;
  }

  // Runs generated code for about `budget` instructions, a run of records more at most.
  #enter(budget: number): number {
    this.#slice = budget;
    this.state.view.setInt32(state.OFFSET_BUDGET, budget, true);
    const { run, code } = this.#shared;
    this.#becomeCurrent();
    code.enter(this);
    const result = run(this.state.base, budget);
    this.cpu.tsc.settle();
    this.#retired = this.instructions;
    this.#slice = 0;
    this.state.view.setInt32(state.OFFSET_BUDGET, 0, true);
    this.#stops.restore();
    code.leave();
    this.#framesBegun = code.framesBegun;
    return result;
  }

  // Never runs more than `budget`: at first what no run of records exceeds, then run by run.
  #enterExactly(budget: number): number {
    if (budget > LONGEST_RUN) return this.#enter(budget - LONGEST_RUN);
    const registers = this.state;
    const rip = state.OFFSET_RIP;
    const tag = registers.u32(state.OFFSET_MODE_TAG + 4);
    const pc = this.#jumps.find(registers.u32(rip), registers.u32(rip + 4), tag) || this.find();
    if (pc === 0) {
      registers.setU32(state.OFFSET_PC, 0);
      return RUN_EVENT;
    }
    this.#stops.limit(pc, budget);
    return this.#enter(1);
  }

  // From an intercept: the run of records may go on for long after this instruction.
  #stopAtBoundary(): void {
    this.stop();
    if (this.#slice !== 0) this.#stops.after(this.state.u32(state.OFFSET_PC));
  }

  // Decoding takes far longer than executing: who writes his own code would hold everybody up.
  #hasWorkedEnough(): boolean {
    return !this.exactBudget && this.#shared.code.work >= MOST_WORK;
  }

  // The exception of the record that stopped the run, or of the fetch.
  #deliverFault(): boolean {
    const registers = this.state;
    const pc = registers.u32(state.OFFSET_PC);
    if (pc !== 0) {
      setFaultingRip(registers, this.#shared.memory, pc, this.#mode);
      const isCanonical = (registers.u32(state.OFFSET_EVENT) & EVENT_NOT_CANONICAL) === 0;
      if (!isCanonical && this.#operands.usesStack(pc)) setEvent(registers, state.EXCEPTION_SS, 0);
    }
    if ((registers.u32(state.OFFSET_EVENT) & EVENT_REFUSED) !== 0) {
      registers.setU32(state.OFFSET_EVENT, 0);
      return true;
    }
    return this.#deliver(takeEvent(this.cpu));
  }

  #deliver(event: Event): boolean {
    this.#shutDown = deliver(this.cpu, event) === 'shutdown';
    return !this.#shutDown;
  }
}
