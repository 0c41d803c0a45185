import { Timer, type TimerQueue } from '../../common/timer.ts';
import * as apic from './apic-registers.ts';

/** Nanoseconds of one tick of the APIC's bus clock, as Xen's guests see it: 100 MHz. */
const APIC_BUS_CYCLE_NS = 10;
/** Version 0x14, six LVT entries (0 to 5), no directed EOI: Xen's VLAPIC_VERSION. */
const VLAPIC_VERSION = 0x00050014;
const NONE = -1;
const STOPPED = -1;

const LVT_MASK = apic.APIC_LVT_MASKED | apic.APIC_VECTOR_MASK;
const LINT_MASK =
  LVT_MASK | apic.APIC_MODE_MASK | apic.APIC_INPUT_POLARITY | apic.APIC_LVT_REMOTE_IRR | apic.APIC_LVT_LEVEL_TRIGGER;

/** Which bits of each LVT entry can be written, from APIC_LVTT on. */
const LVT_WRITABLE: readonly number[] = [
  LVT_MASK | apic.APIC_TIMER_MODE_MASK,
  LVT_MASK | apic.APIC_MODE_MASK,
  LVT_MASK | apic.APIC_MODE_MASK,
  LINT_MASK,
  LINT_MASK,
  LVT_MASK,
];

/** What the local APIC needs of the vCPU that it belongs to. */
export interface VlapicOwner {
  readonly vcpuId: number;
  readonly timers: TimerQueue;
  /** Xen's system time. */
  nowNs(): number;
  /** The local APICs of the domain, by vCPU. */
  peers(): readonly Vlapic[];
  /** Something to deliver came up: the vCPU must look. */
  kick(): void;
  /** NMI, INIT and start-up messages, which go past the IRR. */
  nmi(): void;
  init(): void;
  startup(vector: number): void;
  /** An event channel upcall is pending on a per-vCPU vector; the vector, or 0. */
  pendingUpcallVector(): number;
  /** Nanoseconds of system time at which the guest's TSC reaches a value. */
  systemTimeOfTsc(tsc: bigint): number;
}

/** A vCPU's local APIC in xAPIC and x2APIC mode (SDM vol. 3A, ch. 10), without an I/O APIC or PIC around it. */
export class Vlapic {
  readonly owner: VlapicOwner;
  /** Registers by offset >> 4. */
  readonly #registers = new Uint32Array(64);
  /** IA32_APIC_BASE, low half; the page is never elsewhere. */
  #base = 0;
  #softwareEnabled = false;
  #errors = 0;
  readonly #timer = new Timer(() => this.#timerFired());
  /** When the count started, STOPPED while the timer stands. */
  #timerStartNs = STOPPED;
  #tscDeadline = 0n;

  constructor(owner: VlapicOwner) {
    this.owner = owner;
    this.reset();
  }

  /** The state after power-up: enabled by hardware, disabled by software, xAPIC mode. */
  reset(): void {
    this.#base =
      apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_ENABLE | (this.owner.vcpuId === 0 ? apic.APIC_BASE_BSP : 0);
    this.initialise();
    this.#set(apic.APIC_ID, (this.apicId << 24) >>> 0);
  }

  /** The state after INIT: as after power-up, but IA32_APIC_BASE and the ID stay (SDM vol. 3A, 10.4.7.3). */
  initialise(): void {
    const id = this.#get(apic.APIC_ID);
    this.#registers.fill(0);
    this.#set(apic.APIC_ID, id);
    this.#set(apic.APIC_LVR, VLAPIC_VERSION);
    this.#set(apic.APIC_DFR, 0xffffffff);
    this.#set(apic.APIC_SPIV, 0xff);
    for (let lvt = apic.APIC_LVTT; lvt <= apic.APIC_LVTERR; lvt += 0x10) this.#set(lvt, apic.APIC_LVT_MASKED);
    this.#softwareEnabled = false;
    this.#errors = 0;
    this.#stopTimer();
    this.#tscDeadline = 0n;
  }

  /** Stops the timer for good. */
  destroy(): void {
    this.#stopTimer();
  }

  /** The initial APIC ID: Xen gives vCPU n the ID 2n. */
  get apicId(): number {
    return this.owner.vcpuId * 2;
  }

  get x2apic(): boolean {
    return (this.#base & apic.APIC_BASE_EXTD) !== 0;
  }

  get hardwareEnabled(): boolean {
    return (this.#base & apic.APIC_BASE_ENABLE) !== 0;
  }

  /** The APIC accepts fixed interrupts. */
  get enabled(): boolean {
    return this.hardwareEnabled && this.#softwareEnabled;
  }

  /** The MMIO page answers: on, and not in x2APIC mode. */
  get xapicPageVisible(): boolean {
    return this.hardwareEnabled && !this.x2apic;
  }

  get baseMsr(): number {
    return this.#base >>> 0;
  }

  /** Writes IA32_APIC_BASE; false is #GP. As in Xen the page stays at 0xfee00000. */
  writeBaseMsr(lo: number, hi: number): boolean {
    const flags = apic.APIC_BASE_BSP | apic.APIC_BASE_EXTD | apic.APIC_BASE_ENABLE;
    if ((lo & 0xfff & ~flags) !== 0 || hi !== 0) return false;
    const enable = (lo & apic.APIC_BASE_ENABLE) !== 0;
    const extended = (lo & apic.APIC_BASE_EXTD) !== 0;
    if (enable && !extended && (lo & ~0xfff) >>> 0 !== apic.APIC_DEFAULT_PHYS_BASE) return false;

    if (enable !== this.hardwareEnabled) {
      if (extended) return false;
      if (enable) this.reset();
    } else if (extended !== this.x2apic && (this.x2apic || !enable)) {
      return false;
    }
    this.#base = lo >>> 0;
    if (this.x2apic) this.#enterX2apic();
    return true;
  }

  /** Requests an interrupt, edge-triggered. Vectors below 16 are an error (SDM vol. 3A, 10.5.2). */
  setIrq(vector: number): void {
    if (vector < 16) {
      this.#error(apic.APIC_ESR_RECVILL);
      return;
    }
    this.#clearBit(apic.APIC_TMR, vector);
    if (this.#testBit(apic.APIC_IRR, vector)) return;
    this.#setBit(apic.APIC_IRR, vector);
    this.owner.kick();
  }

  /** The vector to deliver next, or -1: the highest requested, if above what is in service and above the TPR. */
  pendingVector(): number {
    const vector = this.pendingAboveIsr();
    return vector === NONE || (vector & 0xf0) <= (this.processorPriority() & 0xf0) ? NONE : vector;
  }

  /** The highest requested vector, if above what is in service, or -1: there is something, though TPR may hold it. */
  pendingAboveIsr(): number {
    if (!this.enabled) return NONE;
    const irr = this.#highest(apic.APIC_IRR);
    if (irr === NONE) return NONE;
    const isr = this.#highest(apic.APIC_ISR);
    return isr !== NONE && (irr & 0xf0) <= (isr & 0xf0) ? NONE : irr;
  }

  /** The processor takes `vector`: from requested to in service. */
  acknowledge(vector: number): void {
    this.#clearBit(apic.APIC_IRR, vector);
    this.#setBit(apic.APIC_ISR, vector);
  }

  /** PPR (SDM vol. 3A, 10.8.3.1). */
  processorPriority(): number {
    const tpr = this.#get(apic.APIC_TASKPRI) & 0xff;
    const isr = this.#highest(apic.APIC_ISR);
    const inService = isr === NONE ? 0 : isr & 0xf0;
    return (tpr & 0xf0) >= inService ? tpr : inService;
  }

  /** CR8: bits 7:4 of the TPR. */
  readTpr(): number {
    return this.#get(apic.APIC_TASKPRI) >>> 4;
  }

  writeTpr(priority: number): void {
    this.#write(apic.APIC_TASKPRI, (priority & 0xf) << 4);
  }

  /** A read in the MMIO page. Accesses within the low 4 bytes of a register work, others read 0, as in Xen. */
  readMmio(offset: number, size: number): number {
    const inside = offset & 0xf;
    if (inside + size > 4 || offset > apic.APIC_TDCR + 3) return 0;
    const value = this.#read(offset & ~0xf) >>> (inside * 8);
    return size === 4 ? value : value & (2 ** (size * 8) - 1);
  }

  writeMmio(offset: number, size: number, value: number): void {
    const inside = offset & 0xf;
    const register = offset & ~0xf;
    if (inside + size > 4 || register > apic.APIC_TDCR) return;
    if (size === 4) {
      this.#write(register, value >>> 0);
      return;
    }
    const mask = (2 ** (size * 8) - 1) << (inside * 8);
    this.#write(register, ((this.#read(register) & ~mask) | ((value << (inside * 8)) & mask)) >>> 0);
  }

  /** RDMSR of an x2APIC register into `out` (lo, hi); false is #GP. */
  readMsr(msr: number, out: Uint32Array): boolean {
    const offset = (msr - apic.MSR_X2APIC_FIRST) << 4;
    if (!this.x2apic || !isReadableInX2apic(offset)) return false;
    out[0] = this.#read(offset);
    out[1] = offset === apic.APIC_ICR ? this.#get(apic.APIC_ICR2) : 0;
    return true;
  }

  /** WRMSR of an x2APIC register; false is #GP (reserved bits, a read-only register, xAPIC mode). */
  writeMsr(msr: number, lo: number, hi: number): boolean {
    const offset = (msr - apic.MSR_X2APIC_FIRST) << 4;
    const allowed = x2apicWritableBits(offset);
    if (!this.x2apic || allowed === undefined || (lo & ~allowed) !== 0) return false;
    if (hi !== 0 && offset !== apic.APIC_ICR) return false;

    if (offset === apic.APIC_SELF_IPI) {
      this.#write(apic.APIC_ICR, apic.APIC_DEST_SELF | lo);
      return true;
    }
    if (offset === apic.APIC_ICR) this.#set(apic.APIC_ICR2, hi);
    this.#write(offset, lo >>> 0);
    return true;
  }

  /** IA32_TSC_DEADLINE; 0 unless the timer is in that mode and armed (SDM vol. 3A, 10.5.4.1). */
  get tscDeadline(): bigint {
    return this.#timerMode() === apic.APIC_TIMER_MODE_TSC_DEADLINE ? this.#tscDeadline : 0n;
  }

  writeTscDeadline(value: bigint): void {
    if (!this.hardwareEnabled || this.#timerMode() !== apic.APIC_TIMER_MODE_TSC_DEADLINE) return;
    this.#tscDeadline = value;
    if (value === 0n) this.#stopTimer();
    else this.owner.timers.set(this.#timer, this.owner.systemTimeOfTsc(value));
  }

  #read(offset: number): number {
    switch (offset) {
      case apic.APIC_PROCPRI:
        return this.processorPriority();
      case apic.APIC_TMCCT:
        return this.#currentCount();
      case apic.APIC_EOI:
      case apic.APIC_SELF_IPI:
        return 0;
      default:
        return this.#get(offset);
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case apic.APIC_TASKPRI:
        this.#set(offset, value & 0xff);
        this.#lookAgain();
        return;
      case apic.APIC_EOI:
        this.#endOfInterrupt();
        return;
      case apic.APIC_LDR:
        this.#set(offset, (value & 0xff000000) >>> 0);
        return;
      case apic.APIC_DFR:
        this.#set(offset, (value | 0x0fffffff) >>> 0);
        return;
      case apic.APIC_SPIV:
        this.#writeSpurious(value);
        return;
      case apic.APIC_ESR:
        // A write latches what was collected since the last one (SDM vol. 3A, 10.5.3).
        this.#set(offset, this.#errors);
        this.#errors = 0;
        return;
      case apic.APIC_ICR:
        this.#set(offset, value & ~apic.APIC_SEND_PENDING);
        this.#sendIpi(value, this.#get(apic.APIC_ICR2));
        return;
      case apic.APIC_ICR2:
        this.#set(offset, (value & 0xff000000) >>> 0);
        return;
      case apic.APIC_TMICT:
        this.#writeInitialCount(value);
        return;
      case apic.APIC_TDCR:
        this.#writeDivide(value);
        return;
      default:
        if (offset >= apic.APIC_LVTT && offset <= apic.APIC_LVTERR) this.#writeLvt(offset, value);
    }
  }

  #writeSpurious(value: number): void {
    this.#set(apic.APIC_SPIV, value & 0x3ff);
    this.#softwareEnabled = (value & apic.APIC_SPIV_APIC_ENABLED) !== 0;
    if (!this.#softwareEnabled) {
      for (let lvt = apic.APIC_LVTT; lvt <= apic.APIC_LVTERR; lvt += 0x10) {
        this.#set(lvt, this.#get(lvt) | apic.APIC_LVT_MASKED);
      }
      return;
    }
    // An upcall that came while the APIC was off would otherwise never be asserted again.
    const upcall = this.owner.pendingUpcallVector();
    if (upcall !== 0) this.setIrq(upcall);
    this.#lookAgain();
  }

  #writeLvt(offset: number, value: number): void {
    const writable = LVT_WRITABLE[(offset - apic.APIC_LVTT) >> 4] as number;
    const masked = this.#softwareEnabled ? 0 : apic.APIC_LVT_MASKED;
    if (offset !== apic.APIC_LVTT) {
      this.#set(offset, (value & writable) | masked);
      return;
    }
    const before = this.#timerMode();
    this.#set(offset, (value & writable) | masked);
    const after = this.#timerMode();
    if (before === after) return;

    const deadlineChanges = before === apic.APIC_TIMER_MODE_TSC_DEADLINE || after === apic.APIC_TIMER_MODE_TSC_DEADLINE;
    if (deadlineChanges) {
      this.#set(apic.APIC_TMICT, 0);
      this.#tscDeadline = 0n;
    }
    if (deadlineChanges || !this.#counts()) this.#stopTimer();
    else this.#rearm();
  }

  #endOfInterrupt(): void {
    const vector = this.#highest(apic.APIC_ISR);
    if (vector === NONE) return;
    this.#clearBit(apic.APIC_ISR, vector);
    this.#lookAgain();
  }

  /** Something that held interrupts back changed: one that is requested may be deliverable now. */
  #lookAgain(): void {
    if (this.pendingVector() !== NONE) this.owner.kick();
  }

  #enterX2apic(): void {
    const id = this.apicId;
    this.#set(apic.APIC_ID, id);
    this.#set(apic.APIC_LDR, (((id & ~0xf) << 12) | (1 << (id & 0xf))) >>> 0);
  }

  // The timer (SDM vol. 3A, 10.5.4)

  #timerMode(): number {
    return this.#get(apic.APIC_LVTT) & apic.APIC_TIMER_MODE_MASK;
  }

  #counts(): boolean {
    const mode = this.#timerMode();
    return mode === apic.APIC_TIMER_MODE_ONESHOT || mode === apic.APIC_TIMER_MODE_PERIODIC;
  }

  #tickNs(): number {
    const bits = this.#get(apic.APIC_TDCR);
    const encoded = ((bits & 3) | ((bits & 8) >> 1)) + 1;
    return APIC_BUS_CYCLE_NS * 2 ** (encoded & 7);
  }

  #currentCount(): number {
    const initial = this.#get(apic.APIC_TMICT);
    if (!this.#counts() || initial === 0 || this.#timerStartNs === STOPPED) return 0;
    const passed = Math.floor((this.owner.nowNs() - this.#timerStartNs) / this.#tickNs());
    if (this.#timerMode() === apic.APIC_TIMER_MODE_PERIODIC) return initial - (passed % initial);
    return Math.max(0, initial - passed);
  }

  #writeInitialCount(value: number): void {
    if (!this.#counts()) return;
    this.#set(apic.APIC_TMICT, value);
    if (value === 0) {
      this.#stopTimer();
      return;
    }
    this.#timerStartNs = this.owner.nowNs();
    this.owner.timers.set(this.#timer, this.#timerStartNs + value * this.#tickNs());
  }

  #writeDivide(value: number): void {
    const left = this.#currentCount();
    this.#set(apic.APIC_TDCR, value & 0xb);
    if (left === 0) return;
    // The count goes on from where it is, at the new speed.
    const passed = this.#get(apic.APIC_TMICT) - left;
    this.#timerStartNs = this.owner.nowNs() - passed * this.#tickNs();
    this.#rearm();
  }

  #rearm(): void {
    const left = this.#currentCount();
    if (left === 0) this.#stopTimer();
    else this.owner.timers.set(this.#timer, this.owner.nowNs() + left * this.#tickNs());
  }

  #stopTimer(): void {
    this.owner.timers.stop(this.#timer);
    this.#timerStartNs = STOPPED;
  }

  #timerFired(): void {
    const lvt = this.#get(apic.APIC_LVTT);
    if (this.#timerMode() === apic.APIC_TIMER_MODE_PERIODIC) {
      // Periods that nobody had time for are one interrupt: the IRR has one bit for a vector.
      const period = this.#get(apic.APIC_TMICT) * this.#tickNs();
      const passed = Math.floor((this.owner.nowNs() - this.#timerStartNs) / period);
      this.owner.timers.set(this.#timer, this.#timerStartNs + (passed + 1) * period);
    } else {
      this.#timerStartNs = STOPPED;
      this.#tscDeadline = 0n;
    }
    if ((lvt & apic.APIC_LVT_MASKED) === 0) this.setIrq(lvt & apic.APIC_VECTOR_MASK);
  }

  // Inter-processor interrupts (SDM vol. 3A, 10.6)

  #sendIpi(icr: number, high: number): void {
    const destination = this.x2apic ? high : high >>> 24;
    const shorthand = icr & apic.APIC_SHORT_MASK;
    const logical = (icr & apic.APIC_DEST_LOGICAL) !== 0;
    const mode = icr & apic.APIC_MODE_MASK;
    const vector = icr & apic.APIC_VECTOR_MASK;

    if ((mode === apic.APIC_DM_FIXED || mode === apic.APIC_DM_LOWEST) && vector < 16) {
      this.#error(apic.APIC_ESR_SENDILL);
      return;
    }
    const targets = this.owner.peers().filter((target) => target.#matches(this, shorthand, destination, logical));
    if (mode === apic.APIC_DM_LOWEST) {
      lowestPriority(targets)?.setIrq(vector);
      return;
    }
    for (const target of targets) target.#accept(icr, mode, vector);
  }

  #accept(icr: number, mode: number, vector: number): void {
    switch (mode) {
      case apic.APIC_DM_FIXED:
        if (this.enabled) this.setIrq(vector);
        return;
      case apic.APIC_DM_NMI:
        this.owner.nmi();
        return;
      case apic.APIC_DM_INIT: {
        const deassert = (icr & (apic.APIC_INT_LEVELTRIG | apic.APIC_INT_ASSERT)) === apic.APIC_INT_LEVELTRIG;
        if (!deassert) this.owner.init();
        return;
      }
      case apic.APIC_DM_STARTUP:
        this.owner.startup(vector);
        return;
      default: // SMI and remote read: there is nothing behind them.
    }
  }

  #matches(source: Vlapic, shorthand: number, destination: number, logical: boolean): boolean {
    switch (shorthand) {
      case apic.APIC_DEST_SELF:
        return this === source;
      case apic.APIC_DEST_ALLINC:
        return true;
      case apic.APIC_DEST_ALLBUT:
        return this !== source;
      default:
        return logical ? this.#matchesLogical(destination) : this.#matchesPhysical(destination);
    }
  }

  #matchesPhysical(destination: number): boolean {
    const id = this.#get(apic.APIC_ID);
    return this.x2apic
      ? destination === 0xffffffff || destination === id
      : (destination & 0xff) === 0xff || (destination & 0xff) === id >>> 24;
  }

  #matchesLogical(destination: number): boolean {
    const ldr = this.#get(apic.APIC_LDR);
    if (this.x2apic) return ldr >>> 16 === destination >>> 16 && (ldr & destination & 0xffff) !== 0;
    const mine = ldr >>> 24;
    const theirs = destination & 0xff;
    if (this.#get(apic.APIC_DFR) === apic.APIC_DFR_FLAT) return (mine & theirs) !== 0;
    return mine >>> 4 === theirs >>> 4 && (mine & theirs & 0xf) !== 0;
  }

  #error(bit: number): void {
    if ((this.#errors & bit) !== 0) return;
    this.#errors |= bit;
    const lvt = this.#get(apic.APIC_LVTERR);
    if ((lvt & apic.APIC_LVT_MASKED) !== 0) return;
    // An illegal vector in LVTERR itself is one more error, not a recursion (XSA-462).
    if ((lvt & apic.APIC_VECTOR_MASK) < 16) this.#errors |= apic.APIC_ESR_RECVILL;
    else this.setIrq(lvt & apic.APIC_VECTOR_MASK);
  }

  #get(offset: number): number {
    return this.#registers[offset >> 4] as number;
  }

  #set(offset: number, value: number): void {
    this.#registers[offset >> 4] = value;
  }

  #testBit(bitmap: number, vector: number): boolean {
    return ((this.#registers[(bitmap >> 4) + (vector >> 5)] as number) & (1 << (vector & 31))) !== 0;
  }

  #setBit(bitmap: number, vector: number): void {
    const index = (bitmap >> 4) + (vector >> 5);
    this.#registers[index] = (this.#registers[index] as number) | (1 << (vector & 31));
  }

  #clearBit(bitmap: number, vector: number): void {
    const index = (bitmap >> 4) + (vector >> 5);
    this.#registers[index] = (this.#registers[index] as number) & ~(1 << (vector & 31));
  }

  #highest(bitmap: number): number {
    for (let word = 7; word >= 0; word--) {
      const bits = this.#registers[(bitmap >> 4) + word] as number;
      if (bits !== 0) return word * 32 + 31 - Math.clz32(bits);
    }
    return NONE;
  }
}

function lowestPriority(targets: readonly Vlapic[]): Vlapic | undefined {
  let lowest: Vlapic | undefined;
  for (const target of targets) {
    if (!target.enabled) continue;
    if (lowest === undefined || target.processorPriority() < lowest.processorPriority()) lowest = target;
  }
  return lowest;
}

function isReadableInX2apic(offset: number): boolean {
  if (offset >= apic.APIC_ISR && offset < apic.APIC_ESR) return true;
  switch (offset) {
    case apic.APIC_ID:
    case apic.APIC_LVR:
    case apic.APIC_TASKPRI:
    case apic.APIC_PROCPRI:
    case apic.APIC_LDR:
    case apic.APIC_SPIV:
    case apic.APIC_ESR:
    case apic.APIC_CMCI:
    case apic.APIC_ICR:
    case apic.APIC_TMICT:
    case apic.APIC_TMCCT:
    case apic.APIC_TDCR:
      return true;
    default:
      return offset >= apic.APIC_LVTT && offset <= apic.APIC_LVTERR;
  }
}

/** Bits of the low half that a WRMSR may set; undefined for a register that cannot be written. */
function x2apicWritableBits(offset: number): number | undefined {
  switch (offset) {
    case apic.APIC_TASKPRI:
    case apic.APIC_SELF_IPI:
      return 0xff;
    case apic.APIC_EOI:
    case apic.APIC_ESR:
      return 0;
    case apic.APIC_SPIV:
      return apic.APIC_VECTOR_MASK | apic.APIC_SPIV_APIC_ENABLED | apic.APIC_SPIV_FOCUS_DISABLED;
    case apic.APIC_CMCI:
      return LVT_MASK | apic.APIC_SEND_PENDING | apic.APIC_MODE_MASK;
    case apic.APIC_ICR:
      return (
        apic.APIC_VECTOR_MASK |
        apic.APIC_MODE_MASK |
        apic.APIC_DEST_LOGICAL |
        apic.APIC_INT_ASSERT |
        apic.APIC_INT_LEVELTRIG |
        apic.APIC_SHORT_MASK
      );
    case apic.APIC_TMICT:
      return -1;
    case apic.APIC_TDCR:
      return 0xb;
    default:
      if (offset < apic.APIC_LVTT || offset > apic.APIC_LVTERR) return undefined;
      return (LVT_WRITABLE[(offset - apic.APIC_LVTT) >> 4] as number) | apic.APIC_SEND_PENDING;
  }
}
