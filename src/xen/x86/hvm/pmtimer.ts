import { Timer, type TimerQueue } from '../../common/timer.ts';

/** What the ACPI registers need of the domain around them. */
export interface PmTimerOwner {
  readonly timers: TimerQueue;
  /** Xen's system time. */
  nowNs(): number;
  /** The system control interrupt is up or not. */
  setSci(up: boolean): void;
}

// Where the registers are, by HVM_PARAM_ACPI_IOPORTS_LOCATION: 0 is that of old guests.
const BASES = [0x1f40, 0xb000] as const;
const EVENTS_BYTES = 4;
const TIMER_OFFSET = 8;
const TIMER_BYTES = 4;

// PM1a status and enable (ACPI 6.5, 4.8.3.1)
const TMR_STS = 1 << 0;
const GBL_STS = 1 << 5;
const PWRBTN_STS = 1 << 8;
const SLPBTN_STS = 1 << 9;
const SCI_BITS = TMR_STS | GBL_STS | PWRBTN_STS | SLPBTN_STS;
/** Ones clear these. */
const STATUS_BITS = SCI_BITS | (1 << 10) | (1 << 15);

/** ACPI 6.5, 4.8.3.3 */
const FREQUENCY_HZ = 3_579_545;
const NS = 1e9;
const HALF = 2 ** 31;
const WRAP = 2 ** 32;

/** The fixed ACPI registers that Xen emulates: PM1a events, and the power management timer, of 32 bits. */
export class PmTimer {
  readonly #owner: PmTimerOwner;
  readonly #overflow = new Timer(() => this.#overflowed());
  #base: number = BASES[0];
  #status = 0;
  #enabled = 0;

  constructor(owner: PmTimerOwner) {
    this.#owner = owner;
    this.#armOverflow();
  }

  stop(): void {
    this.#owner.timers.stop(this.#overflow);
  }

  /** HVM_PARAM_ACPI_IOPORTS_LOCATION; false for a place there is not. */
  setLocation(location: bigint): boolean {
    const base = location === 0n || location === 1n ? BASES[Number(location)] : undefined;
    if (base === undefined) return false;
    this.#base = base;
    return true;
  }

  /** Undefined where the port is none of these. */
  readPort(port: number, size: number): number | undefined {
    const offset = port - this.#base;
    if (offset >= 0 && offset + size <= EVENTS_BYTES) {
      const registers = (this.#status | (this.#enabled << 16)) >>> 0;
      return Math.floor(registers / 2 ** (offset * 8)) % 2 ** (size * 8);
    }
    return offset === TIMER_OFFSET && size === TIMER_BYTES ? this.#ticks() % WRAP : undefined;
  }

  writePort(port: number, size: number, value: number): void {
    const offset = port - this.#base;
    if (offset < 0 || offset + size > EVENTS_BYTES) return;
    for (let index = 0; index < size; index++) this.#writeByte(offset + index, (value >>> (index * 8)) & 0xff);
    this.#owner.setSci((this.#status & this.#enabled & SCI_BITS) !== 0);
  }

  #writeByte(offset: number, value: number): void {
    const shift = (offset & 1) * 8;
    if (offset < 2) this.#status &= ~((value << shift) & STATUS_BITS);
    else this.#enabled = (this.#enabled & ~(0xff << shift)) | (value << shift);
  }

  #ticks(): number {
    const now = this.#owner.nowNs();
    const seconds = Math.floor(now / NS);
    // In two parts: their product would need more than 53 bits.
    return seconds * FREQUENCY_HZ + Math.floor(((now - seconds * NS) * FREQUENCY_HZ) / NS);
  }

  /** The highest bit changes. */
  #overflowed(): void {
    this.#status |= TMR_STS;
    this.#owner.setSci((this.#status & this.#enabled & SCI_BITS) !== 0);
    this.#armOverflow();
  }

  #armOverflow(): void {
    const halves = Math.floor(this.#ticks() / HALF) + 1;
    this.#owner.timers.set(this.#overflow, Math.ceil((halves * HALF * NS) / FREQUENCY_HZ));
  }
}
