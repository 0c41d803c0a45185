/** The state of AMD's virtualization extension in one processor (APM vol. 2, chapter 15). */
import type { Intercepts, NestedPaging } from '../engine.ts';
import type { CodeWatch } from '../mmu/bus.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import * as state from '../state.ts';
import { GuestControl } from './guest-control.ts';
import { HostState } from './host-state.ts';
import { NestedPages } from './nested-pages.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { V_TPR, VMEXIT_INTR } from './vmcb.ts';

/** #VMEXIT that was decided in the middle of an instruction, which is undone first. */
export interface PendingExit {
  readonly code: number;
  readonly info1: bigint;
  readonly info2: bigint;
}

export class Svm {
  /** What the guest takes for physical memory. */
  readonly memory: PhysicalMemory;
  /** And its own guest, where that has nested paging. */
  readonly pages: NestedPages;
  readonly control = new GuestControl();
  readonly host = new HostState();
  /** What translates the guest's own physical addresses. */
  readonly nested: NestedPaging;
  pending: PendingExit | undefined;
  /** What a guest needs of the processor is set up: `inGuest` says whether it still is wanted. */
  entered = false;
  readonly #state: state.VcpuState;
  readonly #intercepts: Intercepts;

  constructor(
    registers: state.VcpuState,
    machine: MachineMemory,
    nested: NestedPaging,
    intercepts: Intercepts,
    code: CodeWatch,
  ) {
    this.#state = registers;
    this.#intercepts = intercepts;
    this.nested = nested;
    this.memory = new PhysicalMemory(machine, nested, code);
    this.pages = new NestedPages(machine, nested, this.memory, code);
  }

  /** The platform lets the guest have it: EFER.SVME can be set. */
  get isOffered(): boolean {
    return this.#intercepts.hasSvm === true;
  }
  get isEnabled(): boolean {
    return (this.#state.u32(state.OFFSET_EFER) & state.EFER_SVME) !== 0;
  }
  /** A guest runs: between VMRUN and #VMEXIT. */
  get inGuest(): boolean {
    return (this.#state.u32(state.OFFSET_SVM) & state.SVM_GUEST_MODE) !== 0;
  }
  /** A guest runs and what an exit code stands for leaves it. */
  intercepts(code: number): boolean {
    return this.inGuest && this.control.intercepts(code);
  }
  get globalInterruptFlag(): boolean {
    return (this.#state.u32(state.OFFSET_SVM) & state.SVM_GIF_CLEAR) === 0;
  }
  set globalInterruptFlag(value: boolean) {
    const others = this.#state.u32(state.OFFSET_SVM) & ~state.SVM_GIF_CLEAR;
    this.#state.setU32(state.OFFSET_SVM, value ? others : others | state.SVM_GIF_CLEAR);
  }

  /** Physical interrupts are not masked: by RFLAGS.IF of who they are for, and the global interrupt flag. */
  get takesInterrupts(): boolean {
    const svm = this.#state.u32(state.OFFSET_SVM);
    if ((svm & state.SVM_GIF_CLEAR) !== 0) return false;
    const isHosts = (svm & state.SVM_GUEST_MODE) !== 0 && this.control.masksInterrupts;
    return ((isHosts ? this.host.rflags : this.#state.u32(state.OFFSET_RFLAGS_REST)) & state.FLAG_IF) !== 0;
  }

  /** A guest runs that an interrupt makes way for its hypervisor first. */
  get leavesForInterrupts(): boolean {
    return this.intercepts(VMEXIT_INTR);
  }

  /** CR8 of a guest whose interrupts are virtual; undefined where CR8 is the platform's. */
  get virtualTpr(): number | undefined {
    return this.inGuest && this.control.masksInterrupts ? this.control.vintr & V_TPR : undefined;
  }
  set virtualTpr(priority: number) {
    this.control.vintr = (this.control.vintr & ~V_TPR) | priority;
    this.virtualInterruptsChanged();
  }

  /** Waits for an interrupt window where a virtual interrupt does, or the hypervisor under all. */
  awaitWindow(isRequested: boolean): void {
    const virtual = this.inGuest && this.control.hasVirtualInterrupt ? state.WINDOW_VIRTUAL : 0;
    this.#state.setU32(state.OFFSET_WINDOW, virtual | (isRequested ? state.WINDOW_REQUESTED : 0));
  }

  /** What of that virtual interrupts decide is another now. */
  virtualInterruptsChanged(): void {
    const requested = this.#state.u32(state.OFFSET_WINDOW) & state.WINDOW_REQUESTED;
    this.awaitWindow(requested === state.WINDOW_REQUESTED);
  }
}
