/** What an I/O APIC needs of the domain around it. */
export interface VioapicOwner {
  /** Sends what a redirection entry says to the local APICs that it names. */
  deliver(message: InterruptMessage): void;
}

/** An interrupt on its way from the I/O APIC to local APICs. */
export interface InterruptMessage {
  readonly vector: number;
  /** 0 fixed, 1 lowest priority, 4 NMI */
  readonly mode: number;
  readonly logical: boolean;
  readonly destination: number;
  readonly level: boolean;
}

export const VIOAPIC_BASE = 0xfec00000;
export const VIOAPIC_BYTES = 0x100;
/** Lines, of which the first 24 are a PC's: as many as Xen gives (VIOAPIC_NUM_PINS). */
export const VIOAPIC_PINS = 48;

// The 82093AA's registers, section 3.0: two in memory, the rest by way of them.
const IOREGSEL = 0x00; // which register the window shows
const IOWIN = 0x10; // the window
const IOAPICID = 0x00;
const IOAPICVER = 0x01;
const IOAPICARB = 0x02;
const IOREDTBL = 0x10; // two registers an entry

const VERSION = 0x11;
const ID_MASK = 0x0f000000;

// Redirection entry, low half
const VECTOR_MASK = 0xff;
const DELIVERY_MODE_SHIFT = 8;
const DESTINATION_LOGICAL = 1 << 11;
const DELIVERY_STATUS = 1 << 12;
const REMOTE_IRR = 1 << 14;
const LEVEL_TRIGGERED = 1 << 15;
const MASKED = 1 << 16;
const READ_ONLY = DELIVERY_STATUS | REMOTE_IRR;

/** The I/O APIC of an HVM domain: the 82093AA with more pins. */
export class Vioapic {
  readonly #owner: VioapicOwner;
  readonly #low = new Uint32Array(VIOAPIC_PINS).fill(MASKED);
  readonly #high = new Uint32Array(VIOAPIC_PINS);
  /** How many devices hold a line up. */
  readonly #asserted = new Uint8Array(VIOAPIC_PINS);
  #selected = 0;
  #id = 0;

  constructor(owner: VioapicOwner) {
    this.#owner = owner;
  }

  /** A read in its page, of whatever width: registers are 32 bits, as in Xen nothing else is there. */
  readMmio(offset: number): number {
    if (offset === IOREGSEL) return this.#selected;
    return offset === IOWIN ? this.#readSelected() : 0;
  }

  writeMmio(offset: number, value: number): void {
    if (offset === IOREGSEL) this.#selected = value & 0xff;
    else if (offset === IOWIN) this.#writeSelected(value);
  }

  /** A device raises its line and lets it go: an edge. */
  pulse(pin: number): void {
    this.assert(pin);
    this.deassert(pin);
  }

  assert(pin: number): void {
    this.#asserted[pin] = (this.#asserted[pin] as number) + 1;
    if (this.#asserted[pin] === 1) this.#offer(pin);
  }

  deassert(pin: number): void {
    if ((this.#asserted[pin] as number) > 0) this.#asserted[pin] = (this.#asserted[pin] as number) - 1;
  }

  /** A local APIC ended a level-triggered interrupt: a line that is still up sends it again (section 3.2.4, bit 14). */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < VIOAPIC_PINS; pin++) {
      const entry = this.#low[pin] as number;
      if ((entry & VECTOR_MASK) !== vector) continue;
      this.#low[pin] = entry & ~REMOTE_IRR;
      this.#offerLevel(pin);
    }
  }

  #readSelected(): number {
    switch (this.#selected) {
      case IOAPICID:
      case IOAPICARB:
        return this.#id;
      case IOAPICVER:
        return VERSION | ((VIOAPIC_PINS - 1) << 16);
      default: {
        const pin = (this.#selected - IOREDTBL) >> 1;
        if (pin < 0 || pin >= VIOAPIC_PINS) return 0;
        return ((this.#selected & 1) === 0 ? this.#low[pin] : this.#high[pin]) as number;
      }
    }
  }

  #writeSelected(value: number): void {
    if (this.#selected === IOAPICID) {
      this.#id = value & ID_MASK;
      return;
    }
    const pin = (this.#selected - IOREDTBL) >> 1;
    if (pin < 0 || pin >= VIOAPIC_PINS) return;
    if ((this.#selected & 1) !== 0) {
      this.#high[pin] = value;
      return;
    }
    const kept = (this.#low[pin] as number) & READ_ONLY;
    // Linux ends interrupts by making an entry edge-triggered for a moment, where there is no register for it.
    const remote = (value & LEVEL_TRIGGERED) === 0 ? kept & ~REMOTE_IRR : kept;
    this.#low[pin] = ((value & ~READ_ONLY & 0x1ffff) | remote) >>> 0;
    this.#offerLevel(pin);
  }

  /** A line went up. */
  #offer(pin: number): void {
    const entry = this.#low[pin] as number;
    if ((entry & MASKED) !== 0) return;
    if ((entry & LEVEL_TRIGGERED) === 0) this.#send(pin);
    else this.#offerLevel(pin);
  }

  #offerLevel(pin: number): void {
    const entry = this.#low[pin] as number;
    if ((entry & (LEVEL_TRIGGERED | MASKED | REMOTE_IRR)) !== LEVEL_TRIGGERED || this.#asserted[pin] === 0) return;
    this.#low[pin] = entry | REMOTE_IRR;
    this.#send(pin);
  }

  #send(pin: number): void {
    const entry = this.#low[pin] as number;
    this.#owner.deliver({
      vector: entry & VECTOR_MASK,
      mode: (entry >>> DELIVERY_MODE_SHIFT) & 7,
      logical: (entry & DESTINATION_LOGICAL) !== 0,
      destination: (this.#high[pin] as number) >>> 24,
      level: (entry & LEVEL_TRIGGERED) !== 0,
    });
  }
}
