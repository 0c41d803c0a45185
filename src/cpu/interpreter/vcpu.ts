/** One vCPU of the interpreter tier: an instance of the generated module, and what happens between its runs. */
import { readStatusFlags } from '../emit/flags.ts';
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
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { EVENT_NOT_CANONICAL, Mmu, setEvent } from '../mmu/mmu.ts';
import { PRIVILEGE_SUPERVISOR_AC, PRIVILEGE_USER } from '../mmu/walk.ts';
import * as state from '../state.ts';
import { checkInstructionBreakpoint, DR6_BS, noteDebug } from '../system/debug.ts';
import { deliver, type Event, takeEvent } from '../system/interrupts.ts';
import { resetState } from '../system/reset.ts';
import { SystemCpu, type TierHooks } from '../system/system-cpu.ts';
import { vectorSlow } from '../system/vector-slow.ts';
import type { CodeCache, CodeUser } from './code-cache.ts';
import { type HandlerTable, isCalled } from './handlers.ts';
import { JumpCache } from './jump-cache.ts';
import { VCPU_TLBS } from './layout.ts';
import { RUN_EVENT, RUN_EXIT } from './run-result.ts';
import { MODE_CODE_64, MODE_STEP, modeOf } from '../mode.ts';
import * as record from './record.ts';
import { RecordReader } from './record-reader.ts';
import type { InterpreterImports } from './runtime.ts';

type Run = (vcpu: number, budget: number) => number;

/** What all vCPUs of an engine share. */
export interface Shared {
  readonly memory: MachineMemory;
  readonly wasmMemory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly table: HandlerTable;
  readonly code: CodeCache;
}

export class InterpreterVcpu implements EngineVcpu, CodeUser, TierHooks, InterpreterImports {
  readonly state: state.VcpuState;
  readonly cpu: SystemCpu;
  instructions = 0;
  readonly #shared: Shared;
  readonly #mmu: Mmu;
  readonly #run: Run;
  readonly #operands: RecordReader;
  readonly #jumps: JumpCache;
  #mode = 0;
  #csBase = 0n;
  #leaving = false;
  #windowWanted = false;
  #shutDown = false;
  /** TF was set when the last instruction began. */
  #trapPending = false;

  constructor(shared: Shared, base: number, nested: NestedPaging, intercepts: Intercepts, tsc: TscSource) {
    this.#shared = shared;
    const { memory } = shared;
    this.state = new state.VcpuState(memory.buffer, base);
    resetState(this.state);
    this.#mmu = new Mmu(this.state, memory, nested, intercepts, shared.code, base + VCPU_TLBS);
    this.cpu = new SystemCpu(this.state, this.#mmu, intercepts, tsc, this);
    this.#operands = new RecordReader(memory, this.state, shared.table);
    this.#run = instantiate(shared, this);
    shared.code.addUser(this);
    this.#jumps = new JumpCache(memory, base);
    this.modeChanged();
  }

  // EngineVcpu

  run(budget: number): Exit {
    if (this.#shutDown) return EXIT_SHUTDOWN;
    const { state: registers } = this;
    registers.setU64(state.OFFSET_SHADOW_RIP, state.NO_SHADOW);
    this.modeChanged();
    let left = budget;
    for (;;) {
      if (this.#trapPending && !this.#debugTrap(0)) return EXIT_SHUTDOWN;
      if (this.cpu.nmiPending && !this.cpu.nmiBlocked) {
        this.cpu.nmiPending = false;
        if (!this.#deliver({ vector: state.EXCEPTION_NMI, errorCode: -1, source: 'external' })) return EXIT_SHUTDOWN;
      }
      if (this.#windowWanted && this.interruptible()) {
        this.#windowWanted = false;
        registers.setU32(state.OFFSET_WINDOW, 0);
        return EXIT_WINDOW;
      }
      if (this.#leaving) {
        this.#leaving = false;
        return EXIT_LEAVE;
      }
      if (left <= 0) return EXIT_BUDGET;
      if (this.#shared.code.isFull) this.#shared.code.reset();
      registers.setU32(state.OFFSET_STOP, 0);
      const isStep = (this.#mode & MODE_STEP) !== 0;
      const isTraced = (registers.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_TF) !== 0;
      if (isStep && checkInstructionBreakpoint(this.cpu)) {
        if (!this.#deliver(takeEvent(this.cpu))) return EXIT_SHUTDOWN;
        continue;
      }
      const slice = isStep ? 1 : left;
      this.cpu.trapInhibited = false;
      this.#mmu.dataHits = 0;
      const result = this.#run(registers.base, slice);
      const used = slice - registers.view.getInt32(state.OFFSET_BUDGET, true);
      this.instructions += used;
      left -= used;
      if (result === RUN_EXIT) {
        this.#shutDown = this.cpu.exit === EXIT_SHUTDOWN;
        // The trap of a hypercall comes when it is done.
        this.#trapPending = isTraced && this.cpu.exit === EXIT_HYPERCALL;
        return this.cpu.exit;
      }
      if (result === RUN_EVENT && !this.#deliverFault()) return EXIT_SHUTDOWN;
      if (result === RUN_EVENT || used === 0) continue;
      // The trap comes after an instruction that began with TF set, even if it cleared it.
      this.#trapPending = isTraced && !this.cpu.trapInhibited;
      if (this.#mmu.dataHits !== 0 && !this.#debugTrap(this.#mmu.dataHits)) return EXIT_SHUTDOWN;
    }
  }

  leave(): void {
    this.#leaving = true;
    this.stop();
  }

  interruptible(): boolean {
    if ((this.state.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_IF) === 0) return false;
    return this.state.u64(state.OFFSET_SHADOW_RIP) !== this.state.rip;
  }

  requestWindow(): void {
    this.#windowWanted = true;
    this.state.setU32(state.OFFSET_WINDOW, 1);
    if (this.interruptible()) this.stop();
  }

  injectInterrupt(vector: number): void {
    this.#deliver({ vector, errorCode: -1, source: 'external' });
  }

  injectException(vector: number, errorCode?: number): void {
    this.#deliver({ vector, errorCode: errorCode ?? -1, source: 'exception' });
  }

  injectNmi(): void {
    this.cpu.nmiPending = true;
    this.stop();
  }

  flushTlb(): void {
    this.#mmu.flushAll();
    this.flushJumps();
  }

  readLinear(addressLo: number, addressHi: number, into: Uint8Array): boolean {
    return this.#byPages(addressLo, addressHi, into, (lo, hi, part) =>
      this.#mmu.readInto(lo, hi, part.length, this.#copyPrivilege(), part),
    );
  }

  writeLinear(addressLo: number, addressHi: number, from: Uint8Array): boolean {
    return this.#byPages(addressLo, addressHi, from, (lo, hi, part) =>
      this.#mmu.writeFrom(lo, hi, part.length, this.#copyPrivilege(), part),
    );
  }

  /** No more runs; its code cache entries stay, they belong to machine memory. */
  destroy(): void {
    this.#shared.code.removeUser(this);
  }

  // CodeUser and TierHooks

  flushJumps(): void {
    this.#jumps.flush();
  }

  protectFrame(mfn: number): void {
    this.#mmu.protectFrame(mfn);
  }

  stop(): void {
    this.state.setU32(state.OFFSET_STOP, 1);
  }

  modeChanged(): void {
    const registers = this.state;
    this.#mode = modeOf(registers);
    registers.setU32(state.OFFSET_MODE, this.#mode);
    registers.setU32(state.OFFSET_TLB, this.#mmu.currentTlb());
    // The mode and CPL go where canonical RIPs have copies of bit 47: modes never share a tag.
    registers.setHalves(state.OFFSET_MODE_TAG, 0, ((this.#mode | (registers.cpl << 11)) << 16) >>> 0);
    const csBase = registers.segmentBase(state.CS);
    if (csBase !== this.#csBase) {
      this.#csBase = csBase;
      this.flushJumps();
    }
  }

  flushPage(lo: number, hi: number): void {
    this.#mmu.flushPage(lo, hi);
    this.flushJumps();
  }

  // InterpreterImports

  slowRead = (lo: number, hi: number, bytes: number): void => this.#mmu.slowRead(lo, hi, bytes);
  slowWrite = (lo: number, hi: number, bytes: number): void => this.#mmu.slowWrite(lo, hi, bytes);
  probeWrite = (lo: number, hi: number, bytes: number): number => this.#mmu.probeWrite(lo, hi, bytes);

  segmentLinear = (pc: number, segment: number, offset: number): void => {
    const access = this.#operands.memoryAccess(pc);
    if (access === undefined) this.#setLinear(segment, offset);
    else this.#linear(segment, offset >>> 0, access.bytes, access.isWrite);
  };

  offsetLinear = (segment: number, offset: number, bytes: number, write: number): void => {
    this.#linear(segment, offset >>> 0, bytes, write !== 0);
  };

  find = (): number => {
    const registers = this.state;
    const ripLo = registers.u32(state.OFFSET_RIP);
    const ripHi = registers.u32(state.OFFSET_RIP + 4);
    let lo = ripLo;
    let hi = ripHi;
    if ((this.#mode & MODE_CODE_64) === 0) {
      if (ripLo > registers.segmentLimit(state.CS)) {
        this.cpu.generalProtection(0);
        return 0;
      }
      lo = (ripLo + Number(this.#csBase & 0xffffffffn)) >>> 0;
      hi = 0;
    }
    const machine = this.#mmu.translateFetch(lo, hi);
    if (machine < 0) return machine === -1 ? 0 : this.#nowhere();
    let pc = this.#shared.code.find(machine, this.#mode);
    if (pc === 0) pc = this.#findCrossing(lo, hi, machine);
    if (pc !== 0) this.#jumps.insert(ripLo, ripHi, registers.u32(state.OFFSET_MODE_TAG + 4), pc);
    return pc;
  };

  vectorSlow = (operation: number): number => vectorSlow(this.state, operation);

  system = (handlerId: number, pc: number): number => {
    const handler = this.#shared.table.byId(handlerId);
    if (handler === undefined || !isCalled(handler.instruction)) return SYSTEM_FAULT;
    this.#operands.load(pc, handler);
    return handler.instruction.call(this.cpu, this.#operands);
  };

  // The exception of the record that stopped the run, or of the fetch.
  #deliverFault(): boolean {
    const registers = this.state;
    const pc = registers.u32(state.OFFSET_PC);
    if (pc !== 0) {
      const place = this.#shared.memory.view.getUint16(pc + record.RECORD_PLACE, true);
      const rip = registers.u64(state.OFFSET_IP_BASE) + BigInt(place & 0xfff);
      const isWide = (this.#mode & MODE_CODE_64) !== 0;
      registers.rip = isWide ? BigInt.asUintN(64, rip) : rip & 0xffffffffn;
      const isCanonical = (registers.u32(state.OFFSET_EVENT) & EVENT_NOT_CANONICAL) === 0;
      if (!isCanonical && this.#operands.usesStack(pc)) setEvent(registers, state.EXCEPTION_SS, 0);
    }
    return this.#deliver(takeEvent(this.cpu));
  }

  #deliver(event: Event): boolean {
    this.#shutDown = deliver(this.cpu, event) === 'shutdown';
    return !this.#shutDown;
  }

  /** #DB after the instruction: DR6.BS for a single step, and the data breakpoints it met (SDM vol. 3B, 17.3.1). */
  #debugTrap(dataHits: number): boolean {
    noteDebug(this.state, dataHits | (this.#trapPending ? DR6_BS : 0));
    this.#trapPending = false;
    return this.#deliver({ vector: state.EXCEPTION_DB, errorCode: -1, source: 'exception' });
  }

  // An instruction that goes on in the next page, which must be fetchable too.
  #findCrossing(lo: number, hi: number, machine: number): number {
    const nextLo = ((lo & 0xfffff000) + 4096) >>> 0;
    const nextHi = nextLo === 0 ? (hi + 1) >>> 0 : hi;
    const second = this.#mmu.translateFetch(nextLo, nextHi);
    if (second < 0) return second === -1 ? 0 : this.#nowhere();
    return this.#shared.code.findCrossing(machine, second, this.#mode);
  }

  // Fetching where there is no memory: the bus gives all ones, which is no instruction.
  #nowhere(): number {
    this.cpu.invalidOpcode();
    return 0;
  }

  // Base plus offset into scratch, or an exception where the segment does not allow the access (SDM vol. 3A, 5.3).
  #linear(segment: number, offset: number, bytes: number, isWrite: boolean): void {
    const attributes = this.state.segmentAttributes(segment);
    if (segmentAllows(attributes, this.state.segmentLimit(segment), offset, bytes, isWrite)) {
      this.#setLinear(segment, offset);
    } else {
      this.cpu.raise(segment === state.SS ? state.EXCEPTION_SS : state.EXCEPTION_GP, 0);
    }
  }

  #setLinear(segment: number, offset: number): void {
    const registers = this.state;
    const base = registers.u32(state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE + state.SEGMENT_BASE);
    registers.setHalves(state.OFFSET_SCRATCH, (base + offset) >>> 0, 0);
  }

  // Xen copies guest memory as the guest's kernel would, SMAP aside; from user mode with the user's rights.
  #copyPrivilege(): 1 | 2 {
    return this.state.cpl === 3 ? PRIVILEGE_USER : PRIVILEGE_SUPERVISOR_AC;
  }

  #byPages(
    addressLo: number,
    addressHi: number,
    bytes: Uint8Array,
    copy: (lo: number, hi: number, part: Uint8Array) => boolean,
  ): boolean {
    const event = this.state.u32(state.OFFSET_EVENT);
    const cr2 = this.state.u64(state.OFFSET_CR2);
    let done = 0;
    let lo = addressLo >>> 0;
    let hi = addressHi >>> 0;
    while (done < bytes.length) {
      const length = Math.min(4096 - (lo & 0xfff), bytes.length - done);
      if (!copy(lo, hi, bytes.subarray(done, done + length))) {
        this.state.setU32(state.OFFSET_EVENT, event);
        this.state.setU64(state.OFFSET_CR2, cr2);
        return false;
      }
      done += length;
      const next = lo + length;
      if (next > 0xffffffff) hi = (hi + 1) >>> 0;
      lo = next >>> 0;
    }
    return true;
  }

  /** For reports: RFLAGS as the guest would read them. */
  get rflags(): number {
    return (this.state.u32(state.OFFSET_RFLAGS_REST) | readStatusFlags(this.state) | 2) >>> 0;
  }
}

function instantiate(shared: Shared, vcpu: InterpreterVcpu): Run {
  const { slowRead, slowWrite, probeWrite, segmentLinear, offsetLinear, find, system } = vcpu;
  const { vectorSlow: slow } = vcpu;
  const env = {
    memory: shared.wasmMemory,
    slowRead,
    slowWrite,
    probeWrite,
    segmentLinear,
    offsetLinear,
    find,
    system,
    vectorSlow: slow,
  };
  return new WebAssembly.Instance(shared.module, { env }).exports.run as Run;
}

function segmentAllows(attributes: number, limit: number, offset: number, bytes: number, isWrite: boolean): boolean {
  if ((attributes & state.ATTRIBUTE_P) === 0) return false;
  const isCode = (attributes & 8) !== 0;
  if (isWrite && (isCode || (attributes & 2) === 0)) return false;
  if (!isWrite && isCode && (attributes & 2) === 0) return false;
  const last = offset + bytes - 1;
  if (!isCode && (attributes & 4) !== 0) {
    // Expand-down: valid above the limit, up to 64 KiB or 4 GiB by B.
    const top = (attributes & state.ATTRIBUTE_DB) !== 0 ? 0xffffffff : 0xffff;
    return offset > limit && last <= top;
  }
  return last <= limit;
}
