// public/arch-x86/hvm/save.h — the records of a PC's chips
// biome-ignore-all format: a field is a comment, a getter and a setter, one line each

import { bytesAt, getUint53, setUint53 } from '../../accessors.ts';

export const VIOAPIC_NUM_PINS = 48;

/** struct hvm_hw_vioapic: the I/O APIC */
export class HvmHwVioapic {
  static readonly C_NAME = 'struct hvm_hw_vioapic';
  static readonly SIZE = 0x190;
  static readonly LENGTH_redirtbl = 48;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64 */
  get base_address(): number { return getUint53(this.#memory, this.#base + 0x0); }
  set base_address(value: number) { setUint53(this.#memory, this.#base + 0x0, value); }
  /** 0x8 uint32 */
  get ioregsel(): number { return this.#memory.getUint32(this.#base + 0x8, true); }
  set ioregsel(value: number) { this.#memory.setUint32(this.#base + 0x8, value, true); }
  /** 0xc uint32 */
  get id(): number { return this.#memory.getUint32(this.#base + 0xc, true); }
  set id(value: number) { this.#memory.setUint32(this.#base + 0xc, value, true); }
  /** 0x10 uint64, 48 of them */
  redirtbl(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x10 + i * 8, true); }
  set_redirtbl(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x10 + i * 8, value, true); }
}

/** struct hvm_hw_pci_irqs: a bit a PCI interrupt line */
export class HvmHwPciIrqs {
  static readonly C_NAME = 'struct hvm_hw_pci_irqs';
  static readonly SIZE = 0x10;
  static readonly LENGTH_pad = 2;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64, 2 of them: device d's INTx is bit 4 * d + x */
  pad(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x0 + i * 8, true); }
  set_pad(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x0 + i * 8, value, true); }
}

/** struct hvm_hw_isa_irqs: a bit an ISA interrupt line */
export class HvmHwIsaIrqs {
  static readonly C_NAME = 'struct hvm_hw_isa_irqs';
  static readonly SIZE = 0x8;
  static readonly LENGTH_pad = 1;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint64, 1 of them */
  pad(i: number): bigint { return this.#memory.getBigUint64(this.#base + 0x0 + i * 8, true); }
  set_pad(i: number, value: bigint) { this.#memory.setBigUint64(this.#base + 0x0 + i * 8, value, true); }
}

/** struct hvm_hw_pci_link: where the chipset routes PCI interrupts */
export class HvmHwPciLink {
  static readonly C_NAME = 'struct hvm_hw_pci_link';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 4 bytes: ISA IRQ of each link */
  get route(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 4); }
  /** 0x4 4 bytes */
  get pad0(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x4, 4); }
}

/** struct hvm_hw_pit_channel: one counter of the PIT */
export class HvmHwPitChannel {
  static readonly C_NAME = 'struct hvm_hw_pit_channel';
  static readonly SIZE = 0x10;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32: 0x10000 for 0 */
  get count(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set count(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16 */
  get latched_count(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set latched_count(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint8 */
  get count_latched(): number { return this.#memory.getUint8(this.#base + 0x6); }
  set count_latched(value: number) { this.#memory.setUint8(this.#base + 0x6, value); }
  /** 0x7 uint8 */
  get status_latched(): number { return this.#memory.getUint8(this.#base + 0x7); }
  set status_latched(value: number) { this.#memory.setUint8(this.#base + 0x7, value); }
  /** 0x8 uint8 */
  get status(): number { return this.#memory.getUint8(this.#base + 0x8); }
  set status(value: number) { this.#memory.setUint8(this.#base + 0x8, value); }
  /** 0x9 uint8 */
  get read_state(): number { return this.#memory.getUint8(this.#base + 0x9); }
  set read_state(value: number) { this.#memory.setUint8(this.#base + 0x9, value); }
  /** 0xa uint8 */
  get write_state(): number { return this.#memory.getUint8(this.#base + 0xa); }
  set write_state(value: number) { this.#memory.setUint8(this.#base + 0xa, value); }
  /** 0xb uint8 */
  get write_latch(): number { return this.#memory.getUint8(this.#base + 0xb); }
  set write_latch(value: number) { this.#memory.setUint8(this.#base + 0xb, value); }
  /** 0xc uint8 */
  get rw_mode(): number { return this.#memory.getUint8(this.#base + 0xc); }
  set rw_mode(value: number) { this.#memory.setUint8(this.#base + 0xc, value); }
  /** 0xd uint8 */
  get mode(): number { return this.#memory.getUint8(this.#base + 0xd); }
  set mode(value: number) { this.#memory.setUint8(this.#base + 0xd, value); }
  /** 0xe uint8 */
  get bcd(): number { return this.#memory.getUint8(this.#base + 0xe); }
  set bcd(value: number) { this.#memory.setUint8(this.#base + 0xe, value); }
  /** 0xf uint8 */
  get gate(): number { return this.#memory.getUint8(this.#base + 0xf); }
  set gate(value: number) { this.#memory.setUint8(this.#base + 0xf, value); }
}

/** struct hvm_hw_pit: the PIT */
export class HvmHwPit {
  static readonly C_NAME = 'struct hvm_hw_pit';
  static readonly SIZE = 0x38;
  static readonly LENGTH_channels = 3;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 3 of 0x10 bytes */
  channels(i: number): HvmHwPitChannel { return new HvmHwPitChannel(this.#memory, this.#base + 0x0 + i * 0x10); }
  /** 0x30 uint32 */
  get speaker_data_on(): number { return this.#memory.getUint32(this.#base + 0x30, true); }
  set speaker_data_on(value: number) { this.#memory.setUint32(this.#base + 0x30, value, true); }
  /** 0x34 uint32 */
  get pad0(): number { return this.#memory.getUint32(this.#base + 0x34, true); }
  set pad0(value: number) { this.#memory.setUint32(this.#base + 0x34, value, true); }
}

export const RTC_CMOS_SIZE = 14;

/** struct hvm_hw_rtc: the RTC */
export class HvmHwRtc {
  static readonly C_NAME = 'struct hvm_hw_rtc';
  static readonly SIZE = 0x18;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 14 bytes */
  get cmos_data(): Uint8Array { return bytesAt(this.#memory, this.#base + 0x0, 14); }
  /** 0xe uint8 */
  get cmos_index(): number { return this.#memory.getUint8(this.#base + 0xe); }
  set cmos_index(value: number) { this.#memory.setUint8(this.#base + 0xe, value); }
  /** 0xf uint8 */
  get pad0(): number { return this.#memory.getUint8(this.#base + 0xf); }
  set pad0(value: number) { this.#memory.setUint8(this.#base + 0xf, value); }
  /** 0x10 int64: s */
  get rtc_offset(): bigint { return this.#memory.getBigInt64(this.#base + 0x10, true); }
  set rtc_offset(value: bigint) { this.#memory.setBigInt64(this.#base + 0x10, value, true); }
}

export const HPET_TIMER_NUM = 3;

/** struct hvm_hw_pmtimer: ACPI's timer and PM1a block */
export class HvmHwPmtimer {
  static readonly C_NAME = 'struct hvm_hw_pmtimer';
  static readonly SIZE = 0x8;
  readonly #memory: DataView;
  readonly #base: number;
  constructor(memory: DataView, base: number) { this.#memory = memory; this.#base = base; }
  /** 0x0 uint32 */
  get tmr_val(): number { return this.#memory.getUint32(this.#base + 0x0, true); }
  set tmr_val(value: number) { this.#memory.setUint32(this.#base + 0x0, value, true); }
  /** 0x4 uint16 */
  get pm1a_sts(): number { return this.#memory.getUint16(this.#base + 0x4, true); }
  set pm1a_sts(value: number) { this.#memory.setUint16(this.#base + 0x4, value, true); }
  /** 0x6 uint16 */
  get pm1a_en(): number { return this.#memory.getUint16(this.#base + 0x6, true); }
  set pm1a_en(value: number) { this.#memory.setUint16(this.#base + 0x6, value, true); }
}
