/**
 * The contract every engine meets: what a hypervisor sees of a processor, shaped like hardware virtualization
 * (Intel SDM vol. 3C, "VM exits"; AMD APM vol. 2, ch. 15). Xen's core knows this file and `state.ts`, nothing else of `cpu/`.
 *
 * What the processor cannot answer alone (ports, MMIO, model-specific registers, CPUID) it asks through
 * `Intercepts`, synchronously, in the middle of the instruction. What stops it comes back from `run` as an exit.
 */
import type { VcpuState } from './state.ts';

/** The budget is used up; the guest is at an instruction boundary. */
export const EXIT_BUDGET = 0;
/** VMCALL or VMMCALL at CPL 0. RIP is already past it: write the result and run on. */
export const EXIT_HYPERCALL = 1;
/** HLT. RIP is past it. The vCPU waits for an interrupt. */
export const EXIT_HLT = 2;
/** `requestWindow()` was called and the guest can now take an interrupt. */
export const EXIT_WINDOW = 3;
/** Triple fault (SDM vol. 3A, 6.15): the processor shut down. */
export const EXIT_SHUTDOWN = 4;
/** An intercept called `leave()`: stop at the next instruction boundary. */
export const EXIT_LEAVE = 5;

export type Exit = 0 | 1 | 2 | 3 | 4 | 5;

/** What nested paging says of a guest frame: bits of `NestedPaging.lookup`'s answer. */
export const NESTED_READ = 1;
export const NESTED_WRITE = 2;
export const NESTED_EXECUTE = 4;
/** `lookup` returns mfn * NESTED_SCALE + permission bits. */
export const NESTED_SCALE = 8;
/** Answer of `lookup`: the access is refused for now, without being MMIO. `Intercepts.accessRefused` comes next. */
export const NESTED_REFUSED = -1;

/** The second stage of translation: Xen's p2m, as the processor walks it. */
export interface NestedPaging {
  /**
   * mfn * NESTED_SCALE + NESTED_* bits of what backs a guest frame; 0 where nothing does (an access is then MMIO).
   *
   * An answer that permits nothing is not remembered: it may change without a flush.
   *
   * @param intent NESTED_* bit of the access that is about to happen: where the answer lacks it, that access is refused.
   *   Whoever tracks writes gives NESTED_WRITE to those that ask for it.
   */
  lookup(gfn: number, intent?: number): number;
  /** The same for accesses that are not the guest's own doing: nothing is refused, and nothing remembered. */
  lookupUnrestricted?(gfn: number, intent: number): number;
}

/** What a watcher answers: go on as if nobody watched, */
export const WATCH_GO = 0;
/** leave out what is watched, and go on after the instruction, */
export const WATCH_DROP = 1;
/** or leave the instruction undone: it is made again when the vCPU runs next, and asks again. */
export const WATCH_AGAIN = 2;
export type WatchAnswer = 0 | 1 | 2;

export type WatchedControl = 'cr0' | 'cr3' | 'cr4' | 'xcr0';
export type WatchedTable = 'gdtr' | 'idtr' | 'ldtr' | 'tr';

/** An access that `lookup` refused. The instruction is undone, and RIP is at it. */
export interface RefusedAccess {
  readonly gpa: number;
  /** NESTED_* bit of the access. */
  readonly intent: number;
  /** The linear address that was to be accessed, in halves. */
  readonly linearLo: number;
  readonly linearHi: number;
  /** Of a page table on the way to that address. */
  readonly inTables: boolean;
}

/**
 * Who watches what a guest does, as a debugger outside of it would: asked before it is done, with the registers as they
 * are at the instruction.
 */
export interface Watch {
  /** The register takes the value. CR3's bit 63 says that translations are kept. */
  writesControl(register: WatchedControl, lo: number, hi: number): WatchAnswer;
  writesMsr(index: number, lo: number, hi: number): WatchAnswer;
  usesTable(table: WatchedTable, isWrite: boolean): WatchAnswer;
  /** INT3, of `length` bytes. */
  breakpoint(length: number): WatchAnswer;
  /** `words` are its results, which are in no register yet. */
  cpuid(leaf: number, subleaf: number, length: number, words: Uint32Array): WatchAnswer;
  /** #DB is about to be delivered; `causes` are bits of DR6. WATCH_DROP: it is not. */
  debugException(causes: number): WatchAnswer;
}

/** What the processor asks of the platform around it, in the middle of an instruction. Nothing here may throw. */
export interface Intercepts {
  /**
   * Interrupts were enabled while `requestWindow()` waits for that. False, which whoever has no such method never says:
   * what it was for is gone meanwhile, and the window is not wanted any more.
   */
  windowWanted?(): boolean;
  /** The guest may run guests of its own: SVM (AMD APM vol. 2, ch. 15). CPUID is the platform's to say so. */
  readonly hasSvm?: boolean;
  /** UD2 followed by "xen" is a prefix that does nothing, in all modes and at all privileges, and not #UD. */
  readonly forcesEmulation?: boolean;
  /** Fills `out` with EAX, EBX, ECX, EDX; false raises #GP(0), as processors that fault CPUID in user mode do. */
  cpuid(leaf: number, subleaf: number, out: Uint32Array): boolean;
  /** An MSR the processor does not hold itself: fills `out` with lo, hi; false raises #GP(0). */
  readMsr(index: number, out: Uint32Array): boolean;
  /** False raises #GP(0). */
  writeMsr(index: number, lo: number, hi: number): boolean;
  /** `size` is 1, 2 or 4 bytes. */
  readPort(port: number, size: number): number;
  writePort(port: number, size: number, value: number): void;
  /** A read of guest-physical memory that nothing backs. `size` is 1, 2 or 4; wider accesses come in parts. */
  readMmio(gpa: number, size: number): number;
  writeMmio(gpa: number, size: number, value: number): void;
  /** Undefined while nobody watches. */
  readonly watch?: Watch | undefined;
  /** Nested paging refused an access. Unless this lifts that, or leaves, the instruction is made again at once. */
  accessRefused?(access: RefusedAccess): void;
  /** CR8: bits 7:4 of the local APIC's task priority. */
  readTpr(): number;
  writeTpr(priority: number): void;
}

/** Where the processor's time-stamp counter comes from. */
export interface TscSource {
  /**
   * Writes the host TSC (lo, hi) into `out`. No allocation. True: the processor may count on from it by itself for a
   * while (system/tsc.ts).
   */
  read(out: Uint32Array): boolean;
  /** Where the counter counts instructions: its ticks for each. It is then counted on exactly. */
  readonly ticksPerInstruction?: number | undefined;
  /** The processor has counted on from the last reading: the next one is no less than that and `ticks`. */
  countedOn?(ticks: number): void;
}

/** Registers whose reading or writing does more, as the instructions do it, but with no watcher asked. Between runs. */
export interface OutsideAccess {
  /** As MOV; false where that is #GP. */
  writeControl(register: 'cr0' | 'cr3' | 'cr4', lo: number, hi: number): boolean;
  /** As WRMSR. */
  writeMsr(index: number, lo: number, hi: number): boolean;
  /** As RDMSR: fills `out` with lo and hi. */
  readMsr(index: number, out: Uint32Array): boolean;
  /** Guest-physical address of the instruction at RIP; -1 where none is mapped. */
  physicalAddressOfRip(): number;
}

/** One processor, run by its owner on the owner's thread. */
export interface EngineVcpu {
  readonly state: VcpuState;
  readonly outside: OutsideAccess;
  /**
   * Instructions since creation: a function of what the guest executed alone, never of where budgets ended, of what a
   * cache held or of which tier ran. Exact whenever `run` has returned, and inside every intercept and TSC read, where
   * it is the number of instructions before the one that asks.
   *
   * - An instruction counts when it completes: HLT, VMCALL and what asked to leave are in the count after their exit.
   * - An instruction that raises an exception counts as one when the exception is delivered, in its own place: it runs
   *   again after the handler, and counts again then. Interrupts and NMIs that are injected count nothing.
   * - MOVS, STOS, LODS, CMPS and SCAS with REP count one for each ELEMENTS_AT_ONCE or ELEMENTS_ONE_BY_ONE elements
   *   begun (string.ts), counted anew when the instruction goes on after a fault or an interrupt. INS and OUTS with REP
   *   count one an element.
   */
  readonly instructions: number;

  /**
   * `run(budget)` counts exactly `budget` instructions unless another exit comes first, with one exception: it never
   * ends between an instruction that holds interrupts off (STI, MOV SS, POP SS) and the one after it, but runs that too.
   * Off, it may finish what it has begun. Set it before the first `run`, or for single runs.
   *
   * What a tier that runs compiled code does for it:
   * - It enters code, and goes round a loop or on to other code, only while what is left of the budget covers the
   *   longest way to the next such check; what is left then the interpreter runs, whose tail is exact
   *   (interpreter/run-stops.ts). A block charges its instructions as a whole at its end, a side exit those before it.
   * - Before each call that may reach an intercept or the TSC it stores what its instruction's predecessors left of the
   *   budget in OFFSET_BUDGET (`ControlFlow.settle`).
   * - After an instruction whose call may have set OFFSET_STOP (accesses that miss the TLB, system instructions) it
   *   looks there before the next one: whoever asks to leave, and interrupt windows that STI, POPF and IRET open, get
   *   in after that instruction and not at the end of a block.
   * - It translates by the same TLBs, fills them by the accesses the guest makes, in the guest's order, and leaves out
   *   none that could fault or set an accessed or dirty bit.
   */
  exactBudget: boolean;

  /** Runs at most about `budget` instructions; see `exactBudget`. Never throws for a guest's doing. */
  run(budget: number): Exit;
  /** Ends `run` at the next instruction boundary with EXIT_LEAVE; for intercepts. */
  leave(): void;

  /** External interrupts are not masked: RFLAGS.IF, of whoever they are for where a guest of the guest's runs. */
  readonly interruptsEnabled: boolean;
  /** They are not, no interrupt shadow is in force, and no guest's guest is to be left first: `injectInterrupt` may be called. */
  interruptible(): boolean;
  /** Asks for EXIT_WINDOW as soon as `interruptible()`. Cleared by that exit, and by an interrupt that is injected. */
  requestWindow(): void;
  /** Delivers an external interrupt through the guest's IDT. The vCPU must be interruptible. */
  injectInterrupt(vector: number): void;
  /** Raises an exception at the current instruction; `errorCode` undefined for vectors without one. */
  injectException(vector: number, errorCode?: number): void;
  /** An NMI becomes pending; taken at the next boundary unless NMIs are blocked. */
  injectNmi(): void;

  /** Forgets all cached translations: the p2m changed, or the guest asked for it by hypercall. */
  flushTlb(): void;

  /** Forgets cached translations of one guest frame, behind which was a machine frame: nothing is there any more. */
  flushFrame(gfn: number, mfn: number): void;

  /**
   * Copies guest memory at a linear address, as a supervisor access of this vCPU would see it; nothing is refused.
   * False, with nothing promised about `into`, where a page is not mapped or not RAM.
   */
  readLinear(addressLo: number, addressHi: number, into: Uint8Array): boolean;
  /** The other way; false where a page is not mapped writable or not RAM. Nothing is written then before the bad page. */
  writeLinear(addressLo: number, addressHi: number, from: Uint8Array): boolean;
  /**
   * Machine address of bytes in one page that `readLinear`, or `writeLinear`, would copy without any other effect: for
   * what is done often. 0 where those must find out.
   */
  hostOf(addressLo: number, addressHi: number, bytes: number, isWrite: boolean): number;
}

/** A processor package over one machine memory. */
export interface Engine {
  /**
   * Adds a vCPU that translates through `nested`. Its registers hold the state after reset until `state` is written.
   */
  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): EngineVcpu;
  destroyVcpu(vcpu: EngineVcpu): void;
  /**
   * Machine memory was written by someone other than a vCPU (a backend, a hypercall): code cached from it is dropped.
   * `address` and `length` in bytes of machine memory.
   */
  memoryWritten(address: number, length: number): void;
}

/** Bytes at the bottom of machine memory that belong to the engine; frames are handed out above. */
export const ENGINE_RESERVED_BYTES = 96 * 1024 * 1024;
/** A machine address is mfn * PAGE_SIZE: frame numbers count from the start of machine memory. */
export const PAGE_SIZE = 4096;
