import { Timer, type TimerQueue } from '../../common/timer.ts';

/** What an HPET needs of the domain around it. */
export interface VhpetOwner {
  readonly timers: TimerQueue;
  /** Xen's system time. */
  nowNs(): number;
  /** An edge on a line of the I/O APIC. */
  pulse(line: number): void;
  assert(line: number): void;
  deassert(line: number): void;
}

export const VHPET_BASE = 0xfed00000;
export const VHPET_BYTES = 0x400;

// IA-PC HPET specification 1.0a, section 2.3: 64-bit registers
const CAPABILITIES = 0x000;
const CONFIGURATION = 0x010;
const STATUS = 0x020;
const MAIN_COUNTER = 0x0f0;
const TIMERS = 0x100; // 0x20 bytes each: configuration, comparator, FSB route

const TIMER_COUNT = 3;
/** 62.5 MHz, of system time's 1 GHz, as Xen has it. */
const NS_PER_TICK = 16;
const TICK_FS = BigInt(NS_PER_TICK * 1_000_000);
const CAPABILITY = (TICK_FS << 32n) | 0x80860000n | (1n << 15n) | (1n << 13n) | (BigInt(TIMER_COUNT - 1) << 8n) | 1n;

const CONFIGURATION_ENABLE = 1n << 0n;
const CONFIGURATION_LEGACY = 1n << 1n;

// Timer configuration
const LEVEL = 1n << 1n;
const ENABLE = 1n << 2n;
const PERIODIC = 1n << 3n;
const PERIODIC_CAPABLE = 1n << 4n;
const SIZE_64 = 1n << 5n;
const SET_VALUE = 1n << 6n;
const MODE_32 = 1n << 8n;
const ROUTE_SHIFT = 9n;
const ROUTE = 0x1fn << ROUTE_SHIFT;
const WRITABLE = LEVEL | ENABLE | PERIODIC | SET_VALUE | MODE_32 | ROUTE;
/** Lines 20 to 23. */
const ROUTES = 0x00f00000n;
const FIRST_ROUTE = 20n;

/** Where timers 0 and 1 go in the PC's old places: IRQ 0, which is the I/O APIC's line 2, and IRQ 8. */
const LEGACY_LINES = [2, 8];
/** As in Xen: shorter periods would cost the host more than they are worth. */
const MIN_PERIOD_TICKS = BigInt(100_000 / NS_PER_TICK);
/** A 32-bit comparator that is behind by less than 1/1024 s is late, not far ahead. */
const LATE_TICKS = BigInt(Math.floor(1e9 / 1024 / NS_PER_TICK));

const ALL_ONES = (1n << 64n) - 1n;
const LOW = 0xffffffffn;

interface Comparator {
  config: bigint;
  /** All 64 bits, whatever the mode. */
  value: bigint;
  period: bigint;
  fsb: bigint;
  readonly timer: Timer;
  /** What the low half of the comparator's register was last written to: the other half goes there too. */
  lastLow: 'value' | 'period' | undefined;
  /** The line that it holds up: its route may have changed since. */
  raised: number | undefined;
}

/** The HPET of an HVM domain: three timers, each 64 bits wide and periodic where asked. */
export class Vhpet {
  readonly #owner: VhpetOwner;
  readonly #comparators: readonly Comparator[];
  #config = 0n;
  #status = 0n;
  /** The main counter while it stands; while it runs, what to add to the time in ticks. */
  #counter = 0n;

  constructor(owner: VhpetOwner) {
    this.#owner = owner;
    this.#comparators = Array.from({ length: TIMER_COUNT }, (_, index) => ({
      config: (ROUTES << 32n) | SIZE_64 | PERIODIC_CAPABLE,
      value: ALL_ONES,
      period: 0n,
      fsb: 0n,
      timer: new Timer(() => this.#fired(index)),
      lastLow: undefined,
      raised: undefined,
    }));
  }

  /** No timer fires any more. */
  stop(): void {
    for (const { timer } of this.#comparators) this.#owner.timers.stop(timer);
  }

  /** A read of 1, 2 or 4 bytes, all ones where it is not aligned. */
  readMmio(offset: number, size: number): number {
    if (offset % size !== 0) return 2 ** (size * 8) - 1;
    const value = this.#read(offset & ~7) >> BigInt((offset & 7) * 8);
    return Number(BigInt.asUintN(size * 8, value));
  }

  writeMmio(offset: number, size: number, value: number): void {
    if (offset % size !== 0) return;
    const register = offset & ~7;
    const shift = BigInt((offset & 7) * 8);
    const mask = ((1n << BigInt(size * 8)) - 1n) << shift;
    const given = (BigInt(value >>> 0) << shift) & mask;
    // Ones clear in the status register: what is not written stays.
    if (register === STATUS) this.#acknowledge(given);
    else this.#write(register, given, mask);
  }

  #read(register: number): bigint {
    switch (register) {
      case CAPABILITIES:
        return CAPABILITY;
      case CONFIGURATION:
        return this.#config;
      case STATUS:
        return this.#status;
      case MAIN_COUNTER:
        return this.#now();
      default: {
        const comparator = this.#comparators[(register - TIMERS) >> 5];
        if (comparator === undefined || register < TIMERS) return 0n;
        switch (register & 0x18) {
          case 0x00:
            return comparator.config;
          case 0x08:
            this.#catchUp(comparator);
            return truncated(comparator, comparator.value);
          case 0x10:
            return comparator.fsb;
          default:
            return 0n;
        }
      }
    }
  }

  #write(register: number, given: bigint, mask: bigint): void {
    const merged = (old: bigint) => (old & ~mask) | given;
    switch (register) {
      case CONFIGURATION:
        this.#configure(merged(this.#config) & (CONFIGURATION_ENABLE | CONFIGURATION_LEGACY));
        return;
      case MAIN_COUNTER:
        this.#setCounter(merged(this.#now()));
        return;
      default: {
        const index = (register - TIMERS) >> 5;
        const comparator = this.#comparators[index];
        if (comparator === undefined || register < TIMERS) return;
        switch (register & 0x18) {
          case 0x00:
            this.#configureTimer(index, comparator, merged(comparator.config));
            return;
          case 0x08:
            this.#writeComparator(index, comparator, given, mask);
            return;
          case 0x10:
            comparator.fsb = merged(comparator.fsb);
            return;
          default:
        }
      }
    }
  }

  // The main counter

  get #runs(): boolean {
    return (this.#config & CONFIGURATION_ENABLE) !== 0n;
  }

  #ticks(): bigint {
    return BigInt(Math.floor(this.#owner.nowNs() / NS_PER_TICK));
  }

  #now(): bigint {
    return this.#runs ? BigInt.asUintN(64, this.#ticks() + this.#counter) : this.#counter;
  }

  #setCounter(value: bigint): void {
    this.#counter = this.#runs ? BigInt.asUintN(64, value - this.#ticks()) : value;
    if (this.#runs) this.#armAll();
  }

  #configure(config: bigint): void {
    const counter = this.#now();
    const ran = this.#runs;
    this.#config = config;
    for (const [index, comparator] of this.#comparators.entries()) this.#settleRoute(index, comparator);
    if (ran === this.#runs) return;
    this.#counter = this.#runs ? BigInt.asUintN(64, counter - this.#ticks()) : counter;
    if (this.#runs) this.#armAll();
    else this.stop();
  }

  // Timers

  #configureTimer(index: number, comparator: Comparator, config: bigint): void {
    comparator.config = (comparator.config & ~WRITABLE) | (config & WRITABLE);
    this.#settleRoute(index, comparator);
    if ((config & MODE_32) !== 0n) {
      comparator.value &= LOW;
      comparator.period &= LOW;
    }
    this.#arm(index, comparator);
  }

  /** A line that it cannot drive becomes the first that it can, once it is enabled. */
  #settleRoute(index: number, comparator: Comparator): void {
    const route = (comparator.config & ROUTE) >> ROUTE_SHIFT;
    if (this.#isLegacy(index) || ((ROUTES >> route) & 1n) !== 0n) return;
    const settled = (comparator.config & ENABLE) === 0n ? 0n : FIRST_ROUTE;
    comparator.config = (comparator.config & ~ROUTE) | (settled << ROUTE_SHIFT);
  }

  #writeComparator(index: number, comparator: Comparator, given: bigint, mask: bigint): void {
    const isHigh = (mask & LOW) === 0n;
    const setsPeriod = (comparator.config & (PERIODIC | SET_VALUE)) === PERIODIC;
    const target = isHigh && comparator.lastLow !== undefined ? comparator.lastLow : setsPeriod ? 'period' : 'value';
    comparator.lastLow = isHigh ? undefined : target;
    const written = truncated(comparator, (comparator[target] & ~mask) | given);
    comparator[target] = target === 'period' ? clampPeriod(comparator, written) : written;
    if (target === 'value') comparator.config &= ~SET_VALUE;
    this.#arm(index, comparator);
  }

  #isLegacy(index: number): boolean {
    return index < LEGACY_LINES.length && (this.#config & CONFIGURATION_LEGACY) !== 0n;
  }

  #line(index: number, comparator: Comparator): number {
    if (this.#isLegacy(index)) return LEGACY_LINES[index] as number;
    return Number((comparator.config & ROUTE) >> ROUTE_SHIFT);
  }

  /** A periodic comparator is past the counter always: by as many periods as went by. */
  #catchUp(comparator: Comparator): void {
    const { period } = comparator;
    if (!this.#runs || (comparator.config & PERIODIC) === 0n || period === 0n) return;
    const behind = BigInt.asIntN(64, this.#now() - comparator.value);
    if (behind >= 0n) comparator.value = BigInt.asUintN(64, comparator.value + (behind / period + 1n) * period);
  }

  #armAll(): void {
    for (const [index, comparator] of this.#comparators.entries()) this.#arm(index, comparator);
  }

  #arm(index: number, comparator: Comparator): void {
    this.#owner.timers.stop(comparator.timer);
    const { config } = comparator;
    if (!this.#runs || (config & ENABLE) === 0n) return;
    // The handler has to acknowledge the last one first.
    if ((config & LEVEL) !== 0n && ((this.#status >> BigInt(index)) & 1n) !== 0n) return;
    this.#catchUp(comparator);
    const bits = (config & MODE_32) === 0n ? 64 : 32;
    let ahead = BigInt.asIntN(bits, comparator.value - this.#now());
    if (ahead < 0n) ahead = bits === 32 && -ahead > LATE_TICKS ? BigInt.asUintN(32, ahead) : 0n;
    this.#owner.timers.set(comparator.timer, this.#owner.nowNs() + Number(ahead) * NS_PER_TICK);
  }

  #fired(index: number): void {
    const comparator = this.#comparators[index] as Comparator;
    const line = this.#line(index, comparator);
    if ((comparator.config & LEVEL) !== 0n) {
      this.#status |= 1n << BigInt(index);
      comparator.raised = line;
      this.#owner.assert(line);
      return;
    }
    this.#owner.pulse(line);
    if ((comparator.config & PERIODIC) !== 0n && comparator.period !== 0n) this.#arm(index, comparator);
  }

  #acknowledge(bits: bigint): void {
    for (const [index, comparator] of this.#comparators.entries()) {
      const bit = 1n << BigInt(index);
      if ((bits & this.#status & bit) === 0n) continue;
      this.#status &= ~bit;
      if (comparator.raised !== undefined) this.#owner.deassert(comparator.raised);
      comparator.raised = undefined;
      if ((comparator.config & (LEVEL | PERIODIC)) === (LEVEL | PERIODIC)) this.#arm(index, comparator);
    }
  }
}

function truncated(comparator: Comparator, value: bigint): bigint {
  return (comparator.config & MODE_32) === 0n ? value : value & LOW;
}

/** Long enough for the host, and short enough that it can be compared. */
function clampPeriod(comparator: Comparator, period: bigint): bigint {
  const longest = ((comparator.config & MODE_32) === 0n ? ALL_ONES : LOW) >> 1n;
  if (period < MIN_PERIOD_TICKS) return MIN_PERIOD_TICKS;
  return period > longest ? longest : period;
}
