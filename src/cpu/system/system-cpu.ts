/**
 * The processor as instructions written in TypeScript see it: registers, memory with privilege checks, exceptions,
 * and what the platform answers. One a vCPU. What every exception goes through takes 64-bit values as halves.
 */
import {
  type Exit,
  type Intercepts,
  type TscSource,
  type Watch,
  WATCH_DROP,
  WATCH_GO,
  type WatchAnswer,
} from '../engine.ts';
import { SYSTEM_FAULT, SYSTEM_JUMP, SYSTEM_NEXT, type SystemResult } from '../instructions/define.ts';
import { EVENT_REFUSED, type Mmu, setEvent } from '../mmu/mmu.ts';
import { ACCESS_READ, PRIVILEGE_SUPERVISOR, type Privilege } from '../mmu/walk.ts';
import { RFLAGS_REST, readStatusFlags, writeStatusFlags } from '../emit/flags.ts';
import { TLB_WRITE_OFFSET } from '../emit/tlb-layout.ts';
import * as state from '../state.ts';
import { TimeStampCounter } from './tsc.ts';
import type { Svm } from '../svm/svm.ts';
import { BranchRecords } from './branch-records.ts';
import type { Descriptor } from './descriptors.ts';
import { DirectAccess } from './direct-access.ts';
import type { Event } from './event.ts';

/** What the tier in use does when state that it has derived things from changes. */
export interface TierHooks {
  /** CS, SS, CPL, CR0, CR4, EFER or RFLAGS changed: mode and TLB in use are derived again. */
  modeChanged(): void;
  /** All translations are void. */
  flushTlb(): void;
  /** Translations of one linear page are void. */
  flushPage(lo: number, hi: number): void;
  /** Leave generated code at the next boundary. */
  stop(): void;
}

export class SystemCpu {
  readonly state: state.VcpuState;
  readonly mmu: Mmu;
  readonly intercepts: Intercepts;
  readonly tsc: TimeStampCounter;
  readonly hooks: TierHooks;
  readonly svm: Svm;
  /** What `read` fills and `write` takes from. */
  readonly buffer = new Uint8Array(4096);
  readonly data = new DataView(this.buffer.buffer);
  readonly #words = new Uint32Array(this.buffer.buffer);
  /** Reason for leaving `run`, for SYSTEM_EXIT. */
  exit: Exit = 0;
  nmiPending = false;
  /** The instruction that began with TF set and just ran is followed by no single-step trap; `run` clears it. */
  trapInhibited = false;
  /** A single-step trap comes before the next instruction. */
  trapDue = false;
  /** An exception or interrupt whose delivery met an access that nested paging refused: it is delivered later. */
  undelivered: Event | undefined;
  /** Registers are written on behalf of somebody else than the guest: nobody watches. */
  unwatched = false;
  /** Where control was transferred last, while the guest has that recorded. */
  readonly branches = new BranchRecords();
  /** Scratch for intercepts that answer in words. */
  readonly words = new Uint32Array(4);

  /** Descriptors by selector, as they were last read: most are the same the next time. */
  readonly descriptors: (Descriptor | undefined)[] = [];
  /** All of machine memory. */
  readonly machine: DataView;
  readonly #direct: DirectAccess;

  constructor(cpu: state.VcpuState, mmu: Mmu, intercepts: Intercepts, tsc: TscSource, hooks: TierHooks, svm: Svm) {
    this.state = cpu;
    this.svm = svm;
    this.mmu = mmu;
    this.intercepts = intercepts;
    this.tsc = new TimeStampCounter(cpu, tsc);
    this.hooks = hooks;
    this.machine = new DataView(cpu.view.buffer);
    this.#direct = new DirectAccess(cpu.view.buffer, mmu.tlbs);
  }

  // Exceptions

  /** Ends the instruction with an exception. */
  raise(vector: number, errorCode = -1): SystemResult {
    setEvent(this.state, vector, errorCode);
    return SYSTEM_FAULT;
  }
  /** #GP with an error code of 0. */
  generalProtection(errorCode = 0): SystemResult {
    return this.raise(state.EXCEPTION_GP, errorCode);
  }
  /** #GP(0) was raised unless CPL is 0: privileged instructions. */
  isPrivileged(): boolean {
    if (this.cpl === 0) return true;
    this.generalProtection();
    return false;
  }
  invalidOpcode(): SystemResult {
    return this.raise(state.EXCEPTION_UD);
  }
  /** Who watches what the guest does. */
  get watch(): Watch | undefined {
    return this.unwatched ? undefined : this.intercepts.watch;
  }
  /** What a watcher's answer makes of the instruction; undefined: it goes on. */
  watched(answer: WatchAnswer): SystemResult | undefined {
    if (answer === WATCH_GO) return undefined;
    if (answer === WATCH_DROP) return SYSTEM_NEXT;
    this.mmu.refused = undefined;
    this.state.setU32(state.OFFSET_EVENT, EVENT_REFUSED);
    return SYSTEM_FAULT;
  }
  /** An exception was raised and not yet delivered. */
  get hasEvent(): boolean {
    return this.state.u32(state.OFFSET_EVENT) !== 0;
  }

  // Memory. All return false after raising a fault.

  /** Reads with the privilege of the code that runs. */
  read(lo: number, hi: number, bytes: number): boolean {
    if (!this.readAt(lo, hi, bytes, this.mmu.currentPrivilege())) return false;
    this.mmu.watch(lo, hi, bytes, false);
    return true;
  }
  write(lo: number, hi: number, bytes: number): boolean {
    if (!this.writeAt(lo, hi, bytes, this.mmu.currentPrivilege())) return false;
    this.mmu.watch(lo, hi, bytes, true);
    return true;
  }
  checkWritable(lo: number, hi: number, bytes: number): boolean {
    return this.mmu.checkWritable(lo, hi, bytes, this.mmu.currentPrivilege());
  }
  /** Reads as the processor does for itself: descriptor tables, task state. */
  readSystem(address: bigint, bytes: number): boolean {
    return this.readAs(address, bytes, PRIVILEGE_SUPERVISOR);
  }
  writeSystem(address: bigint, bytes: number): boolean {
    return this.writeAs(address, bytes, PRIVILEGE_SUPERVISOR);
  }
  readAs(address: bigint, bytes: number, privilege: Privilege): boolean {
    return this.readAt(Number(address & LOW), Number((address >> 32n) & LOW), bytes, privilege);
  }
  writeAs(address: bigint, bytes: number, privilege: Privilege): boolean {
    return this.writeAt(Number(address & LOW), Number((address >> 32n) & LOW), bytes, privilege);
  }
  /** Reads as the processor does for itself at an offset from a base that is kept in the state. */
  readBased(base: number, offset: number, bytes: number): boolean {
    const lo = this.state.u32(base) + offset;
    const hi = this.state.u32(base + 4) + (lo > 0xffffffff ? 1 : 0);
    return this.readAt(lo >>> 0, hi >>> 0, bytes, PRIVILEGE_SUPERVISOR);
  }
  writeBased(base: number, offset: number, bytes: number): boolean {
    const lo = this.state.u32(base) + offset;
    const hi = this.state.u32(base + 4) + (lo > 0xffffffff ? 1 : 0);
    return this.writeAt(lo >>> 0, hi >>> 0, bytes, PRIVILEGE_SUPERVISOR);
  }
  readAt(lo: number, hi: number, bytes: number, privilege: Privilege): boolean {
    const host = this.#direct.find(lo, hi, bytes, privilege, 0);
    if (host === 0) return this.mmu.readInto(lo, hi, bytes, privilege, this.buffer);
    if (((host | bytes) & 3) === 0) {
      const { u32 } = this.#direct;
      for (let i = 0; i < bytes >>> 2; i++) this.#words[i] = u32[(host >>> 2) + i] as number;
      return true;
    }
    const { u8 } = this.#direct;
    for (let i = 0; i < bytes; i++) this.buffer[i] = u8[host + i] as number;
    return true;
  }
  writeAt(lo: number, hi: number, bytes: number, privilege: Privilege): boolean {
    const host = this.#direct.find(lo, hi, bytes, privilege, TLB_WRITE_OFFSET);
    if (host === 0) return this.mmu.writeFrom(lo, hi, bytes, privilege, this.buffer);
    if (((host | bytes) & 3) === 0) {
      const { u32 } = this.#direct;
      for (let i = 0; i < bytes >>> 2; i++) u32[(host >>> 2) + i] = this.#words[i] as number;
      return true;
    }
    const { u8 } = this.#direct;
    for (let i = 0; i < bytes; i++) u8[host + i] = this.buffer[i] as number;
    return true;
  }

  /**
   * Machine address of bytes that the code that runs may write, or read, without further ado; 0 where they must go
   * through `write` or `read`.
   */
  hostForWrite(lo: number, hi: number, bytes: number): number {
    if (this.mmu.watchesData) return 0;
    return this.#direct.find(lo, hi, bytes, this.mmu.currentPrivilege(), TLB_WRITE_OFFSET);
  }
  hostForRead(lo: number, hi: number, bytes: number): number {
    if (this.mmu.watchesData) return 0;
    return this.#direct.find(lo, hi, bytes, this.mmu.currentPrivilege(), 0);
  }

  /** Eight aligned bytes of guest-physical memory below 4 GiB; undefined where nothing backs them. */
  readPhysical64(gpa: number): bigint | undefined {
    const { state: registers, mmu } = this;
    // Without paging a linear address is a physical one, and the walker alone caches nothing.
    const cr0 = registers.u32(state.OFFSET_CR0);
    registers.setU32(state.OFFSET_CR0, cr0 & ~state.CR0_PG);
    mmu.unrestricted(() => mmu.walker.translate(gpa, 0, ACCESS_READ, PRIVILEGE_SUPERVISOR));
    registers.setU32(state.OFFSET_CR0, cr0);
    const { machine } = mmu.walker;
    return machine < 0 ? undefined : this.machine.getBigUint64(machine, true);
  }

  // RFLAGS

  get rflags(): number {
    return (this.state.u32(state.OFFSET_RFLAGS_REST) & RFLAGS_REST) | readStatusFlags(this.state) | 2;
  }
  /** Sets every flag. What depends on TF, IF, VM and AC is derived again. */
  set rflags(value: number) {
    const before = this.state.u32(state.OFFSET_RFLAGS_REST);
    this.state.setU32(state.OFFSET_RFLAGS_REST, value & RFLAGS_REST);
    writeStatusFlags(this.state, value);
    const changed = before ^ value;
    if ((changed & (state.FLAG_TF | state.FLAG_VM | state.FLAG_AC)) !== 0) this.hooks.modeChanged();
    if ((changed & value & state.FLAG_IF) !== 0) this.interruptsEnabled();
    // Who runs code one instruction at a time must know before the next one.
    if ((changed & value & state.FLAG_TF) !== 0) this.hooks.stop();
  }
  /** IF was set: whoever waits for that gets its chance at the next boundary. */
  interruptsEnabled(): void {
    const wanted = this.state.u32(state.OFFSET_WINDOW);
    if (wanted === 0) return;
    if (wanted === state.WINDOW_REQUESTED && this.intercepts.windowWanted?.() === false) {
      this.state.setU32(state.OFFSET_WINDOW, 0);
    } else this.hooks.stop();
  }

  // Modes

  get isProtected(): boolean {
    return (this.state.u32(state.OFFSET_CR0) & state.CR0_PE) !== 0;
  }
  get isVm86(): boolean {
    return (this.state.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_VM) !== 0;
  }
  get isLongMode(): boolean {
    return (this.state.u32(state.OFFSET_EFER) & state.EFER_LMA) !== 0;
  }
  get cpl(): number {
    return this.state.cpl;
  }
  set cpl(level: number) {
    this.state.setU32(state.OFFSET_CPL, level);
  }
  get iopl(): number {
    return (this.state.u32(state.OFFSET_RFLAGS_REST) >>> 12) & 3;
  }

  /** NMIs wait for IRET. */
  get nmiBlocked(): boolean {
    return this.state.u32(state.OFFSET_NMI_BLOCKED) !== 0;
  }
  set nmiBlocked(blocked: boolean) {
    this.state.setU32(state.OFFSET_NMI_BLOCKED, blocked ? 1 : 0);
  }

  /** An NMI may be delivered. */
  get takesNmi(): boolean {
    return !this.nmiBlocked && this.svm.globalInterruptFlag;
  }
  /** See EngineVcpu. */
  get interruptible(): boolean {
    const { svm } = this;
    if (!svm.takesInterrupts || svm.leavesForInterrupts) return false;
    return !this.isShadowed && this.undelivered === undefined;
  }
  /** Interrupts are held off until after the next instruction. */
  get isShadowed(): boolean {
    const { state: registers } = this;
    if (registers.u32(state.OFFSET_SHADOW_RIP) !== registers.u32(state.OFFSET_RIP)) return false;
    return registers.u32(state.OFFSET_SHADOW_RIP + 4) === registers.u32(state.OFFSET_RIP + 4);
  }
  /** Somebody waits for an interrupt window. */
  get windowAwaited(): boolean {
    return this.state.u32(state.OFFSET_WINDOW) !== 0;
  }
  /** The hypervisor under all does. */
  get windowRequested(): boolean {
    return (this.state.u32(state.OFFSET_WINDOW) & state.WINDOW_REQUESTED) === state.WINDOW_REQUESTED;
  }

  /** RIP of the instruction after this one. */
  nextRip(length: number): bigint {
    return BigInt.asUintN(this.state.is64Bit ? 64 : 32, this.state.rip + BigInt(length));
  }
  /** Sets RIP past this instruction, which is `length` bytes long. */
  advance(length: number): void {
    const { state: registers } = this;
    const lo = registers.u32(state.OFFSET_RIP) + length;
    const carry = lo > 0xffffffff ? 1 : 0;
    const hi = registers.is64Bit ? (registers.u32(state.OFFSET_RIP + 4) + carry) >>> 0 : 0;
    registers.setHalves(state.OFFSET_RIP, lo >>> 0, hi);
  }
  /** Goes on at another RIP. The caller truncated it to the operand size. */
  jump(rip: bigint): SystemResult {
    this.state.rip = rip;
    return SYSTEM_JUMP;
  }
}

const LOW = 0xffffffffn;

/** Bits 63:47 are equal: a canonical address of 4-level paging. By its upper half. */
export function isCanonicalHigh(hi: number): boolean {
  const top = hi >>> 15;
  return top === 0 || top === 0x1ffff;
}

/** Bits 63:47 are equal: a canonical address of 4-level paging. */
export function isCanonical(address: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
}
