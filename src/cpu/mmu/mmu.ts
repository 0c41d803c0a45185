/**
 * The memory unit of one vCPU: the TLBs that generated code looks into, and the slow way for all it does not find
 * there: misses, accesses that cross pages, MMIO, and writes to pages that hold translated code.
 */
import type { Intercepts, NestedPaging, RefusedAccess } from '../engine.ts';
import { TLB_NONE, TLB_SIZE, TLB_SUPERVISOR, TLB_SUPERVISOR_AC, TLB_USER } from '../emit/tlb-layout.ts';
import { MODE_CODE_64 } from '../mode.ts';
import * as state from '../state.ts';
import { breakpointsEnabled, dataBreakpointHits, dataBreakpointsEnabled } from './data-breakpoints.ts';
import { Bus, type CodeWatch } from './bus.ts';
import { FetchCache, pageNumber } from './fetch-cache.ts';
import { checksAlignment } from './alignment.ts';
import type { MachineMemory } from './machine-memory.ts';
import { NestedCache } from './nested-cache.ts';
import { Tlb } from './tlb.ts';
import { TranslationControl } from './translation-control.ts';
import { allowRefill, forbidRefill, moveRefill } from './refill-rights.ts';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  type AccessKind,
  type Privilege,
  PRIVILEGE_SUPERVISOR,
  PRIVILEGE_SUPERVISOR_AC,
  PRIVILEGE_USER,
  type OuterStage,
  WALK_NOT_CANONICAL,
  WALK_OK,
  WALK_REFUSED,
  Walker,
} from './walk.ts';

export class Mmu {
  readonly walker: Walker;
  /** Data breakpoints met since this was last cleared, as bits of DR6. */
  dataHits = 0;
  /** What nested paging refused last: EVENT_REFUSED. */
  refused: RefusedAccess | undefined;
  /** CR2 as it was before the last page fault. */
  cr2Before = 0n;
  readonly #cpu: state.VcpuState;
  readonly #bus: Bus;
  readonly #code: CodeWatch;
  readonly #tlb: Tlb;
  readonly #nested: NestedCache;
  readonly #fetched: FetchCache;
  readonly #control: TranslationControl;
  readonly #scratch: Uint8Array;
  /** NestedCache.space as a `memoryOnly` access began. */
  #onlyIn: number | undefined;
  #firstMachine = -1;
  #firstGpa = 0;
  #secondMachine = -1;
  #secondGpa = 0;

  constructor(
    cpu: state.VcpuState,
    memory: MachineMemory,
    nested: NestedPaging,
    intercepts: Intercepts,
    code: CodeWatch,
    tlbs: number,
  ) {
    this.#cpu = cpu;
    this.#bus = new Bus(memory, intercepts, code);
    this.#code = code;
    this.#tlb = new Tlb(memory, tlbs);
    this.#control = new TranslationControl(cpu);
    this.#fetched = new FetchCache(cpu, memory);
    this.#nested = new NestedCache(cpu, memory, nested);
    this.walker = new Walker(cpu, memory, this.#nested, code);
    this.#scratch = memory.u8.subarray(cpu.base + state.OFFSET_SCRATCH, cpu.base + state.OFFSET_SCRATCH + 16);
  }

  /**
   * Translated code runs: an access that reaches a device, writes over code, or on whose way mappings changed (populate on
   * demand), is not made, and EVENT_INTERPRET raised: the interpreter does it, and translated code forgets pages it knew.
   */
  set memoryOnly(value: boolean) {
    this.#onlyIn = value ? this.#nested.space : undefined;
  }

  /** Accesses that are not the guest's own doing, to which nested paging refuses nothing: nothing of them is kept. */
  unrestricted<T>(access: () => T): T {
    this.#nested.unrestricted = true;
    const result = access();
    this.#nested.unrestricted = false;
    this.refused = undefined;
    return result;
  }

  /** Address of the TLBs, in the order of emit/tlb-layout.ts. */
  get tlbs(): number {
    return this.#tlb.address;
  }

  /** Address of the TLB for the privilege the code runs with now. */
  currentTlb(): number {
    const isWatched = checksAlignment(this.#cpu) || breakpointsEnabled(this.#cpu);
    return this.#tlb.address + (isWatched ? TLB_NONE : TLB_OF_PRIVILEGE[this.currentPrivilege()]) * TLB_SIZE;
  }

  currentPrivilege(): Privilege {
    if (this.#cpu.cpl === 3) return PRIVILEGE_USER;
    const ac = (this.#cpu.u32(state.OFFSET_RFLAGS_REST) & state.FLAG_AC) !== 0;
    return ac ? PRIVILEGE_SUPERVISOR_AC : PRIVILEGE_SUPERVISOR;
  }

  /** The last `translateFetch` that succeeded holds in all address spaces. */
  get fetchIsGlobal(): boolean {
    return this.#fetched.isGlobal;
  }

  /** Forgets every translation, and what nested paging said. */
  flushAll(): void {
    this.#control.note();
    forbidRefill(this.#cpu);
    this.#nested.forget();
    this.#tlb.flushAll();
    this.#fetched.forgetAll();
  }

  /** Forgets what nested paging said of one frame, and what leads to the machine frame it had. */
  flushFrame(gfn: number, mfn: number): void {
    // What is remembered of fetches, of the tables' root, and of a guest's guest is not by these frames.
    const isOuter = this.walker.outer !== undefined;
    if (isOuter || this.#code.isFetched(mfn) || this.#cpu.u32(state.OFFSET_WALK_ROOT) === mfn * 4096) {
      this.flushAll();
      return;
    }
    this.#nested.forgetFrame(gfn);
    this.#tlb.flushFrame(mfn);
  }

  /** From now on guest-physical addresses are translated by `stage`: in between, if it is `outer`, the other one's. */
  translateBy(stage: NestedPaging, outer: OuterStage | undefined): void {
    this.walker.outer = outer;
    this.#nested.use(stage);
    this.flushAll();
  }

  /** CR3 was loaded: forgets what is not global, of the PCID too unless `keeps`. */
  loadContext(pcid: number, keeps: boolean): void {
    this.#control.noteCr3();
    moveRefill(this.#cpu, this.#nested);
    this.#tlb.flushLocal();
    this.#fetched.load(pcid, keeps);
  }

  /** Others than the guest write its registers between runs: forgets every translation if they changed the tables. */
  synchronise(): void {
    if (this.#control.changed()) this.flushAll();
    this.#nested.renew();
  }

  /** Forgets what is not global of a PCID. */
  flushContext(pcid: number, isCurrent: boolean): void {
    this.#fetched.forgetContext(pcid, isCurrent);
    if (isCurrent) this.#tlb.flushLocal();
  }

  /** Forgets what is not global of all PCIDs. */
  flushContexts(): void {
    this.#tlb.flushLocal();
    this.#fetched.forgetContexts();
  }

  /** Forgets the translations of one linear page, whatever its size, for the present PCID. */
  flushPage(lo: number, hi: number): void {
    this.#tlb.flushPage(lo, hi);
    this.#fetched.forgetPage(pageNumber(lo, hi));
  }

  /** Forgets where jumps led: code has changed, or how addresses of code are formed. */
  forgetJumps(): void {
    this.#fetched.forgetAll();
  }

  /** Takes the fast way to write a frame from all TLBs: it holds code from now on. */
  protectFrame(mfn: number): void {
    this.#tlb.protectFrame(mfn);
  }

  /** The same for all frames that hold code. */
  protectFrames(): void {
    this.#tlb.protectFrames((mfn) => this.#code.holdsCode(mfn));
  }

  /** Notes data breakpoints that an access of the code that runs touches. */
  watch(lo: number, hi: number, bytes: number, isWrite: boolean): void {
    if (!this.watchesData) return;
    this.dataHits |= dataBreakpointHits(this.#cpu, lo, hi, bytes, isWrite);
  }
  /** Whether accesses must be looked at one by one: `watch`. */
  get watchesData(): boolean {
    return dataBreakpointsEnabled(this.#cpu);
  }

  /** Reads into scratch, or raises. The slow half of every load. */
  slowRead(lo: number, hi: number, bytes: number): void {
    if (!this.#aligned(lo, bytes)) return;
    if (this.readInto(lo, hi, bytes, this.currentPrivilege(), this.#scratch)) this.watch(lo, hi, bytes, false);
  }

  /** Writes from scratch, or raises. */
  slowWrite(lo: number, hi: number, bytes: number): void {
    if (!this.#aligned(lo, bytes)) return;
    if (this.writeFrom(lo, hi, bytes, this.currentPrivilege(), this.#scratch)) this.watch(lo, hi, bytes, true);
  }

  /** Host address of bytes that may be written directly, 0 if they must be written the slow way, or raises. */
  probeWrite(lo: number, hi: number, bytes: number): number {
    const privilege = this.currentPrivilege();
    if (!this.#aligned(lo, bytes)) return 0;
    if (!this.#translateRange(lo, hi, bytes, ACCESS_WRITE, privilege)) return 0;
    this.watch(lo, hi, bytes, true);
    const { machine, readable } = this.walker;
    const isMoved = this.#onlyIn !== undefined && this.#onlyIn !== this.#nested.space;
    const isPlain = readable && this.#secondMachine === NO_SECOND && machine >= 0;
    if (isMoved || !isPlain || this.#code.overlapsCode(machine, bytes)) {
      if (this.#onlyIn !== undefined) this.#cpu.setU32(state.OFFSET_EVENT, EVENT_INTERPRET);
      return 0;
    }
    this.#fill(lo, hi, privilege);
    return machine;
  }

  /** Checks that bytes can be written with a privilege, or raises. */
  checkWritable(lo: number, hi: number, bytes: number, privilege: Privilege): boolean {
    return this.#translateRange(lo, hi, bytes, ACCESS_WRITE, privilege);
  }

  /** Reads at most 4096 bytes with a privilege; false after a fault was raised. */
  readInto(lo: number, hi: number, bytes: number, privilege: Privilege, into: Uint8Array): boolean {
    const known = this.#known(lo, hi, bytes, privilege, false);
    if (known >= 0) {
      this.#bus.read(known, 0, bytes, into, 0);
      return true;
    }
    if (!this.#translateRange(lo, hi, bytes, ACCESS_READ, privilege)) return false;
    const { machine, gpa } = this.walker;
    if (this.#onlyIn !== undefined && this.#refuses(lo, bytes, false)) return false;
    if (this.#secondMachine === NO_SECOND) {
      if (machine >= 0) this.#fill(lo, hi, privilege);
      this.#bus.read(machine, gpa, bytes, into, 0);
      return true;
    }
    const first = 4096 - (lo & 0xfff);
    this.#bus.read(this.#firstMachine, this.#firstGpa, first, into, 0);
    this.#bus.read(this.#secondMachine, this.#secondGpa, bytes - first, into, first);
    return true;
  }

  writeFrom(lo: number, hi: number, bytes: number, privilege: Privilege, from: Uint8Array): boolean {
    const known = this.#known(lo, hi, bytes, privilege, true);
    if (known >= 0) {
      this.#bus.write(known, 0, bytes, from, 0);
      return true;
    }
    if (!this.#translateRange(lo, hi, bytes, ACCESS_WRITE, privilege)) return false;
    const { machine, gpa } = this.walker;
    if (this.#onlyIn !== undefined && this.#refuses(lo, bytes, true)) return false;
    if (this.#secondMachine === NO_SECOND) {
      this.#bus.write(machine, gpa, bytes, from, 0);
      if (machine >= 0) this.#fill(lo, hi, privilege);
      return true;
    }
    const first = 4096 - (lo & 0xfff);
    this.#bus.write(this.#firstMachine, this.#firstGpa, first, from, 0);
    this.#bus.write(this.#secondMachine, this.#secondGpa, bytes - first, from, first);
    return true;
  }

  /** Machine address for a fetch, -1 after a fault was raised, -2 where no memory backs the page. */
  translateFetch(lo: number, hi: number): number {
    const privilege = this.currentPrivilege();
    const page = pageNumber(lo, hi);
    const known = this.#fetched.find(page, privilege);
    if (known >= 0) return known + (lo & 0xfff);
    const { walker } = this;
    const result = walker.translate(lo, hi, ACCESS_EXECUTE, privilege);
    if (result !== WALK_OK) {
      this.#raise(result, lo, hi);
      return -1;
    }
    const { machine } = walker;
    if (machine < 0) return -2;
    this.#fetched.insert(page, privilege, machine - (machine % 4096), walker.isGlobal, walker.kind);
    return machine;
  }

  /** Machine address of a linear page, by number, that code was fetched from lately; else -1. */
  fetchedPage(page: number): number {
    return this.#fetched.find(page, this.currentPrivilege());
  }

  /** Raises what a failed walk calls for. Non-canonical addresses fault by segment: the tier corrects #GP to #SS. */
  #raise(result: number, lo: number, hi: number): void {
    if (result === WALK_NOT_CANONICAL) {
      setEvent(this.#cpu, state.EXCEPTION_GP, 0);
      this.#cpu.setU32(state.OFFSET_EVENT, this.#cpu.u32(state.OFFSET_EVENT) | EVENT_NOT_CANONICAL);
      return;
    }
    if (result === WALK_REFUSED) {
      this.refused = this.walker.refused;
      this.#cpu.setU32(state.OFFSET_EVENT, EVENT_REFUSED);
      return;
    }
    if (this.#cpu.u32(state.OFFSET_SVM) !== 0) this.cr2Before = this.#cpu.u64(state.OFFSET_CR2);
    this.#cpu.setHalves(state.OFFSET_CR2, lo, hi);
    setEvent(this.#cpu, state.EXCEPTION_PF, this.walker.errorCode);
  }

  // See `memoryOnly`, of what was just translated.
  #refuses(lo: number, bytes: number, isWrite: boolean): boolean {
    const { machine } = this.walker;
    const isSplit = this.#secondMachine !== NO_SECOND;
    const at = isSplit ? this.#firstMachine : machine;
    const first = isSplit ? 4096 - (lo & 0xfff) : bytes;
    let refused = machine < 0 || at < 0 || this.#onlyIn !== this.#nested.space;
    refused ||= isWrite && this.#code.overlapsCode(at, first);
    refused ||= isWrite && isSplit && this.#code.overlapsCode(machine, bytes - first);
    if (refused) this.#cpu.setU32(state.OFFSET_EVENT, EVENT_INTERPRET);
    return refused;
  }

  // Where the TLB has a range that lies in one page; -1 where it has not. Devices and code to be written are never there.
  #known(lo: number, hi: number, bytes: number, privilege: Privilege, isWrite: boolean): number {
    if ((lo & 0xfff) + bytes > 4096) return -1;
    return this.#tlb.find(TLB_OF_PRIVILEGE[privilege], lo, hi, isWrite);
  }

  // Translates the page or the two pages of an access. Both are checked before anything is read or written.
  #translateRange(lo: number, hi: number, bytes: number, access: AccessKind, privilege: Privilege): boolean {
    const { walker } = this;
    const { space } = this.#nested;
    this.#secondMachine = NO_SECOND;
    let result = walker.translate(lo, hi, access, privilege);
    if (result !== WALK_OK) {
      this.#raise(result, lo, hi);
      return false;
    }
    if ((lo & 0xfff) + bytes <= 4096) return true;
    this.#firstMachine = walker.machine;
    this.#firstGpa = walker.gpa;
    const nextLo = ((lo & 0xfffff000) + 4096) >>> 0;
    const nextHi = nextLo === 0 && (this.#cpu.u32(state.OFFSET_EFER) & state.EFER_LMA) !== 0 ? (hi + 1) >>> 0 : hi;
    result = walker.translate(nextLo, nextHi, access, privilege);
    if (result !== WALK_OK) {
      this.#raise(result, nextLo, nextHi);
      return false;
    }
    // What gave the second page its memory may have taken it from the first (populate on demand).
    if (this.#nested.space !== space) return this.#translateRange(lo, hi, bytes, access, privilege);
    this.#secondMachine = walker.machine;
    this.#secondGpa = walker.gpa;
    return true;
  }

  // Caches what the walker just found, if it may be read at all.
  #fill(lo: number, hi: number, privilege: Privilege): void {
    if (this.#nested.unrestricted || !this.walker.readable) return;
    allowRefill(this.#cpu, this.#nested);
    const { machine, writable, isGlobal, kind } = this.walker;
    const holdsCode = this.#code.holdsCode(Math.floor(machine / 4096));
    const page = machine - (machine % 4096);
    this.#tlb.fill(TLB_OF_PRIVILEGE[privilege], lo, hi, page, writable, holdsCode, isGlobal, kind);
  }

  /** #AC(0) for misaligned user accesses when CR0.AM and RFLAGS.AC ask for it (SDM vol. 3A, 6.15). */
  #aligned(lo: number, bytes: number): boolean {
    if ((lo >>> 0) + bytes > 0x100000000 && (this.#cpu.u32(state.OFFSET_MODE) & MODE_CODE_64) === 0) {
      // Segments that cover all 4 GiB are not checked elsewhere; this is past their limit.
      this.#raise(WALK_NOT_CANONICAL, lo, 0);
      return false;
    }
    if ((lo & (Math.min(bytes, 8) - 1)) === 0 || !checksAlignment(this.#cpu)) return true;
    setEvent(this.#cpu, state.EXCEPTION_AC, 0);
    return false;
  }
}

/** OFFSET_EVENT: vector + 1, with EVENT_HAS_ERROR when OFFSET_EVENT_DATA is an error code. */
export const EVENT_HAS_ERROR = 0x100;
/** A #GP for an address that is not canonical: #SS instead where the access was to the stack segment. */
export const EVENT_NOT_CANONICAL = 0x200;
/** No exception: the instruction is for the interpreter. See `Mmu.memoryOnly`. */
export const EVENT_INTERPRET = 0x400;
/** No exception: the instruction is undone, since nested paging refused an access or a watcher will have it later. */
export const EVENT_REFUSED = 0x800;

/** Notes the exception that the instruction ends with. */
export function setEvent(cpu: state.VcpuState, vector: number, errorCode = -1): void {
  cpu.setU32(state.OFFSET_EVENT, (vector + 1) | (errorCode >= 0 ? EVENT_HAS_ERROR : 0));
  cpu.setU32(state.OFFSET_EVENT_DATA, Math.max(errorCode, 0));
}

const NO_SECOND = -2;
const TLB_OF_PRIVILEGE = [TLB_SUPERVISOR, TLB_SUPERVISOR_AC, TLB_USER] as const;
