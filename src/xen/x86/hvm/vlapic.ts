import * as apic from './apic-registers.ts';
import { isAddressed, lowestPriority } from './apic-destination.ts';
import { ApicTimer, type ApicTimerOwner } from './apic-timer.ts';
import { VectorBitmap } from './vector-bitmap.ts';
import { isReadableInX2apic, lvtWritableBits, x2apicWritableBits } from './x2apic.ts';

/** Version 0x14, six LVT entries (0 to 5), no directed EOI: Xen's VLAPIC_VERSION. */
const VLAPIC_VERSION = 0x00050014;
const NONE = -1;

/** What the local APIC needs of the vCPU that it belongs to. */
export interface VlapicOwner extends ApicTimerOwner {
  readonly vcpuId: number;
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
  /** A level-triggered interrupt was ended: its I/O APIC may send it again. */
  levelEnded?(vector: number): void;
  /** Another processor's interrupt came, for whoever traces. */
  ipiCame(mode: number, vector: number): void;
}

/** A vCPU's local APIC in xAPIC and x2APIC mode (SDM vol. 3A, ch. 10). */
export class Vlapic {
  readonly owner: VlapicOwner;
  readonly timer: ApicTimer;
  /** Plain registers, by offset >> 4; for saving and restoring, as the three bitmaps. */
  readonly registers = new Uint32Array(64);
  readonly requested = new VectorBitmap();
  readonly inService = new VectorBitmap();
  readonly levelTriggered = new VectorBitmap();
  /** IA32_APIC_BASE, low half; the page is never elsewhere. */
  #base = 0;
  #softwareEnabled = false;
  #errors = 0;

  constructor(owner: VlapicOwner) {
    this.owner = owner;
    this.timer = new ApicTimer(owner, (vector) => this.setIrq(vector));
    this.reset();
  }

  /** The state after power-up: enabled by hardware, disabled by software, xAPIC mode. */
  reset(): void {
    const bsp = this.owner.vcpuId === 0 ? apic.APIC_BASE_BSP : 0;
    this.#base = apic.APIC_DEFAULT_PHYS_BASE | apic.APIC_BASE_ENABLE | bsp;
    this.initialise();
    this.#set(apic.APIC_ID, (this.apicId << 24) >>> 0);
  }

  /** The state after INIT: as after power-up, but IA32_APIC_BASE and the ID stay (SDM vol. 3A, 10.4.7.3). */
  initialise(): void {
    const id = this.#get(apic.APIC_ID);
    this.registers.fill(0);
    this.requested.clearAll();
    this.inService.clearAll();
    this.levelTriggered.clearAll();
    this.#set(apic.APIC_ID, id);
    // Of the ID, and read-only in that mode: INIT leaves it, and nobody could set it again (Xen, vlapic_do_init).
    if (this.x2apic) this.#enterX2apic();
    this.#set(apic.APIC_LVR, VLAPIC_VERSION);
    this.#set(apic.APIC_DFR, 0xffffffff);
    this.#set(apic.APIC_SPIV, 0xff);
    for (let lvt = apic.APIC_LVTTHMR; lvt <= apic.APIC_LVTERR; lvt += 0x10) this.#set(lvt, apic.APIC_LVT_MASKED);
    this.timer.reset();
    this.#softwareEnabled = false;
    this.#errors = 0;
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

  /** Sets IA32_APIC_BASE and the software enable to what they were when the APIC was saved. */
  restoreMode(base: number, softwareEnabled: boolean): void {
    this.#base = base;
    this.#softwareEnabled = softwareEnabled;
  }

  // Interrupts on their way in

  /** Requests an interrupt, edge-triggered. Vectors below 16 are an error (SDM vol. 3A, 10.5.2). */
  setIrq(vector: number): void {
    if (vector < 16) {
      this.#error(apic.APIC_ESR_RECVILL);
      return;
    }
    this.levelTriggered.clear(vector);
    if (this.requested.has(vector)) return;
    this.requested.set(vector);
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
    const requested = this.requested.highest();
    if (requested === NONE) return NONE;
    const inService = this.inService.highest();
    return inService !== NONE && (requested & 0xf0) <= (inService & 0xf0) ? NONE : requested;
  }

  /** The processor takes `vector`: from requested to in service. */
  acknowledge(vector: number): void {
    this.requested.clear(vector);
    this.inService.set(vector);
  }

  /** PPR (SDM vol. 3A, 10.8.3.1). */
  processorPriority(): number {
    const tpr = this.#get(apic.APIC_TASKPRI);
    const highest = this.inService.highest();
    const inService = highest === NONE ? 0 : highest & 0xf0;
    return (tpr & 0xf0) >= inService ? tpr : inService;
  }

  // Registers

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

  #read(offset: number): number {
    if (offset >= apic.APIC_ISR && offset < apic.APIC_ESR) return this.#readBitmap(offset);
    switch (offset) {
      case apic.APIC_PROCPRI:
        return this.processorPriority();
      case apic.APIC_LVTT:
        return this.timer.lvt;
      case apic.APIC_TMICT:
        return this.timer.initialCount;
      case apic.APIC_TMCCT:
        return this.timer.currentCount;
      case apic.APIC_TDCR:
        return this.timer.divide;
      case apic.APIC_EOI:
      case apic.APIC_SELF_IPI:
        return 0;
      default:
        return this.#get(offset);
    }
  }

  #readBitmap(offset: number): number {
    const word = (offset >> 4) & 7;
    if (offset >= apic.APIC_IRR) return this.requested.word(word);
    return offset >= apic.APIC_TMR ? this.levelTriggered.word(word) : this.inService.word(word);
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
      case apic.APIC_ICR2:
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
      case apic.APIC_TMICT:
        this.timer.initialCount = value;
        return;
      case apic.APIC_TDCR:
        this.timer.divide = value;
        return;
      default:
        if (offset >= apic.APIC_LVTT && offset <= apic.APIC_LVTERR) this.#writeLvt(offset, value);
    }
  }

  #writeSpurious(value: number): void {
    this.#set(apic.APIC_SPIV, value & 0x3ff);
    this.#softwareEnabled = (value & apic.APIC_SPIV_APIC_ENABLED) !== 0;
    if (!this.#softwareEnabled) {
      for (let lvt = apic.APIC_LVTT; lvt <= apic.APIC_LVTERR; lvt += 0x10) this.#writeLvt(lvt, this.#read(lvt));
      return;
    }
    // An upcall that came while the APIC was off would otherwise never be asserted again.
    const upcall = this.owner.pendingUpcallVector();
    if (upcall !== 0) this.setIrq(upcall);
    this.#lookAgain();
  }

  /** While the APIC is disabled by software every entry is masked, whatever is written. */
  #writeLvt(offset: number, value: number): void {
    const masked = this.#softwareEnabled ? 0 : apic.APIC_LVT_MASKED;
    const entry = (value & lvtWritableBits(offset)) | masked;
    if (offset === apic.APIC_LVTT) this.timer.lvt = entry;
    else this.#set(offset, entry);
  }

  #endOfInterrupt(): void {
    const vector = this.inService.highest();
    if (vector === NONE) return;
    this.inService.clear(vector);
    if (this.levelTriggered.has(vector)) this.owner.levelEnded?.(vector);
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

  // Inter-processor interrupts (SDM vol. 3A, 10.6)

  #sendIpi(icr: number, high: number): void {
    const destination = this.x2apic ? high : high >>> 24;
    const mode = icr & apic.APIC_MODE_MASK;
    const vector = icr & apic.APIC_VECTOR_MASK;
    if ((mode === apic.APIC_DM_FIXED || mode === apic.APIC_DM_LOWEST) && vector < 16) {
      this.#error(apic.APIC_ESR_SENDILL);
      return;
    }
    const targets = this.owner.peers().filter((target) => target.#matches(this, icr, destination));
    if (mode === apic.APIC_DM_LOWEST) lowestPriority(targets)?.setIrq(vector);
    else for (const target of targets) target.#accept(icr, mode, vector);
  }

  #accept(icr: number, mode: number, vector: number): void {
    this.owner.ipiCame(mode, vector);
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

  #matches(source: Vlapic, icr: number, destination: number): boolean {
    switch (icr & apic.APIC_SHORT_MASK) {
      case apic.APIC_DEST_SELF:
        return this === source;
      case apic.APIC_DEST_ALLINC:
        return true;
      case apic.APIC_DEST_ALLBUT:
        return this !== source;
      default:
        return isAddressed(this, destination, (icr & apic.APIC_DEST_LOGICAL) !== 0);
    }
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
    return this.registers[offset >> 4] as number;
  }

  #set(offset: number, value: number): void {
    this.registers[offset >> 4] = value;
  }
}
