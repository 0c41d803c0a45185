import { assert } from '../../lib/assert.ts';
import * as aml from './aml.ts';

/** Where libxl puts the page that the AML reads, the tables following it. */
export const ACPI_INFO_PHYSICAL_ADDRESS = 0xfc000000;

/** What libxl reserves for the RSDP. */
export const RSDP_SIZE = 64;

/** The ACPI of a PVH domain: what to put where, except the RSDP, whose place depends on the kernel. */
export interface AcpiTables {
  /** struct acpi_info, one page at ACPI_INFO_PHYSICAL_ADDRESS */
  readonly info: Uint8Array;
  /** whole pages, following the info page */
  readonly tables: Uint8Array;
  /** RSDP_SIZE bytes; points at the tables */
  readonly rsdp: Uint8Array;
}

/** The APIC id of a vCPU, as libxl writes it into the MADT and Xen gives it to the vLAPIC. */
export function lapicId(vcpu: number): number {
  return vcpu * 2;
}

/**
 * Builds a PVH domain's tables as libacpi does for libxl: FACS, DSDT, FADT (revision 5, and a revision 1 one for the
 * RSDT), MADT with a local APIC a vCPU and no I/O APIC, XSDT, RSDT, RSDP. There is no PM timer, no CMOS clock, no VGA,
 * no 8042 and no button; the fixed registers the FADT still names answer all ones, as every port of a PVH domain.
 * The DSDT has processor objects for the vCPUs there are, where Xen's has 128.
 *
 * @param vcpus how many there may be, 1 to 128
 * @param online which of them are enabled in the MADT
 */
export function buildAcpiTables(vcpus: number, online: (vcpu: number) => boolean): AcpiTables {
  const area = new Area();
  const facs = area.place(facsTable(), 64);
  const dsdt = area.place(dsdtTable(vcpus));
  const fadt1 = area.place(fadtTable(1, facs, dsdt));
  const fadt = area.place(fadtTable(5, facs, dsdt));
  const madt = area.place(madtTable(vcpus, online));
  const xsdt = area.place(pointerTable('XSDT', 8, [fadt, madt]));
  const rsdt = area.place(pointerTable('RSDT', 4, [fadt1, madt]));
  return { info: infoPage(vcpus, madt), tables: area.pages(), rsdp: rsdpTable(rsdt, xsdt) };
}

const PAGE = 4096;
const HEADER_SIZE = 36;
const CHECKSUM_OFFSET = 9;
const MADT_LAPICS_OFFSET = HEADER_SIZE + 8;
const LAPIC_DEFAULT_BASE = 0xfee00000;

// FADT fixed feature flags (ACPI 6.5, table 5.10).
const WBINVD = 1 << 0;
const PROC_C1 = 1 << 2;
const PWR_BUTTON = 1 << 4; // no fixed power button
const SLP_BUTTON = 1 << 5; // no fixed sleep button
const FIX_RTC = 1 << 6;
const TMR_VAL_EXT = 1 << 8;
const USE_PLATFORM_CLOCK = 1 << 15;

// FADT IA-PC boot architecture flags (table 5.11).
const VGA_NOT_PRESENT = 1 << 2;
const CMOS_RTC_NOT_PRESENT = 1 << 5;

// public/hvm/ioreq.h
const ACPI_PM1A_EVT_BLK_ADDRESS_V1 = 0xb000;
const ACPI_PM1A_CNT_BLK_ADDRESS_V1 = 0xb004;
const ACPI_GPE0_BLK_ADDRESS_V1 = 0xafe0;
const ACPI_GPE0_BLK_LEN_V1 = 4;

/** Tables one after the other, from the page after the info page. */
class Area {
  readonly #placed: { at: number; bytes: Uint8Array }[] = [];
  #end = 0;

  /** @returns the guest-physical address */
  place(bytes: Uint8Array, alignment = 16): number {
    const at = Math.ceil(this.#end / alignment) * alignment;
    this.#placed.push({ at, bytes });
    this.#end = at + bytes.length;
    return ACPI_INFO_PHYSICAL_ADDRESS + PAGE + at;
  }

  pages(): Uint8Array {
    const all = new Uint8Array(Math.ceil(this.#end / PAGE) * PAGE);
    for (const { at, bytes } of this.#placed) all.set(bytes, at);
    return all;
  }
}

/** The common header, with Xen's ids; the check sum comes with `seal`. */
function table(signature: string, revision: number, size: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  ascii(bytes, 0, signature);
  view.setUint32(4, size, true);
  view.setUint8(8, revision);
  ascii(bytes, 10, 'Xen');
  ascii(bytes, 16, 'HVM');
  ascii(bytes, 28, 'HVML');
  return { bytes, view };
}

/** Sets a byte so that a range adds up to 0. */
function seal(bytes: Uint8Array, checksumAt: number, size = bytes.length): Uint8Array {
  bytes[checksumAt] = 0;
  bytes[checksumAt] = -bytes.subarray(0, size).reduce((sum, byte) => sum + byte, 0);
  return bytes;
}

function facsTable(): Uint8Array {
  const bytes = new Uint8Array(64);
  ascii(bytes, 0, 'FACS');
  bytes[4] = 64;
  bytes[32] = 1; // version
  return bytes;
}

function fadtTable(revision: 1 | 5, facs: number, dsdt: number): Uint8Array {
  const { bytes, view } = table('FACP', revision, revision === 1 ? 116 : 268);
  view.setUint32(36, facs, true);
  view.setUint32(40, dsdt, true);
  view.setUint16(46, 9, true); // SCI_INT
  view.setUint32(56, ACPI_PM1A_EVT_BLK_ADDRESS_V1, true);
  view.setUint32(64, ACPI_PM1A_CNT_BLK_ADDRESS_V1, true);
  view.setUint32(80, ACPI_GPE0_BLK_ADDRESS_V1, true);
  view.setUint8(88, 4); // PM1_EVT_LEN
  view.setUint8(89, 2); // PM1_CNT_LEN
  view.setUint8(92, ACPI_GPE0_BLK_LEN_V1);
  view.setUint16(96, 0xfff, true); // P_LVL2_LAT: no C2
  view.setUint16(98, 0xfff, true); // P_LVL3_LAT: no C3
  const features = PROC_C1 | WBINVD | FIX_RTC | TMR_VAL_EXT | USE_PLATFORM_CLOCK | PWR_BUTTON | SLP_BUTTON;
  view.setUint32(112, features, true);
  if (revision === 1) return seal(bytes, CHECKSUM_OFFSET);

  view.setUint16(109, VGA_NOT_PRESENT | CMOS_RTC_NOT_PRESENT, true);
  ioAddress(view, 116, 0xcf9, 8); // RESET_REG, though no flag says that it works
  view.setUint8(128, 6); // RESET_VALUE
  view.setBigUint64(132, BigInt(facs), true);
  view.setBigUint64(140, BigInt(dsdt), true);
  ioAddress(view, 148, ACPI_PM1A_EVT_BLK_ADDRESS_V1, 32);
  ioAddress(view, 172, ACPI_PM1A_CNT_BLK_ADDRESS_V1, 16);
  return seal(bytes, CHECKSUM_OFFSET);
}

/** Generic Address Structure in SystemIO (ACPI 6.5, 5.2.3.2). */
function ioAddress(view: DataView, at: number, port: number, bits: number): void {
  view.setUint8(at, 1);
  view.setUint8(at + 1, bits);
  view.setBigUint64(at + 4, BigInt(port), true);
}

function madtTable(vcpus: number, online: (vcpu: number) => boolean): Uint8Array {
  const { bytes, view } = table('APIC', 2, MADT_LAPICS_OFFSET + vcpus * 8);
  view.setUint32(36, LAPIC_DEFAULT_BASE, true);
  view.setUint32(40, 1, true); // PCAT_COMPAT, as libacpi says for every guest
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    // Processor Local APIC Structure: type 0, 8 bytes, processor id, APIC id, enabled
    bytes.set([0, 8, vcpu, lapicId(vcpu), online(vcpu) ? 1 : 0], MADT_LAPICS_OFFSET + vcpu * 8);
  }
  return seal(bytes, CHECKSUM_OFFSET);
}

function pointerTable(signature: 'XSDT' | 'RSDT', entrySize: 4 | 8, addresses: number[]): Uint8Array {
  const { bytes, view } = table(signature, 1, HEADER_SIZE + addresses.length * entrySize);
  for (const [i, address] of addresses.entries()) view.setUint32(HEADER_SIZE + i * entrySize, address, true);
  return seal(bytes, CHECKSUM_OFFSET);
}

function rsdpTable(rsdt: number, xsdt: number): Uint8Array {
  const bytes = new Uint8Array(RSDP_SIZE);
  const view = new DataView(bytes.buffer);
  ascii(bytes, 0, 'RSD PTR ');
  ascii(bytes, 9, 'Xen');
  view.setUint8(15, 2); // revision
  view.setUint32(16, rsdt, true);
  view.setUint32(20, 36, true); // length
  view.setBigUint64(24, BigInt(xsdt), true);
  seal(bytes, 8, 20);
  return seal(bytes, 32, 36);
}

/** struct acpi_info of libacpi: the DSDT reads nr_cpus and the address of the MADT's first local APIC from it. */
function infoPage(vcpus: number, madt: number): Uint8Array {
  const bytes = new Uint8Array(PAGE);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, vcpus, true);
  view.setUint32(12, madt + CHECKSUM_OFFSET, true);
  view.setUint32(16, madt + MADT_LAPICS_OFFSET, true);
  return bytes;
}

/**
 * The processors. Each looks itself up in the MADT, at run time: whoever takes a vCPU on or off line changes the flag
 * there and nothing else.
 */
function dsdtTable(vcpus: number): Uint8Array {
  const code = aml.scope(
    '\\_SB',
    aml.memoryRegion('BIOS', aml.integer(ACPI_INFO_PHYSICAL_ADDRESS), aml.integer(40)),
    aml.byteField('BIOS', { bits: 16 }, { name: 'NCPU', bits: 16 }, { bits: 96 }, { name: 'MAPA', bits: 32 }),
    ...Array.from({ length: vcpus }, (_, vcpu) => processorObject(vcpu)),
  );
  const { bytes } = table('DSDT', 5, HEADER_SIZE + code.length);
  bytes.set(code, HEADER_SIZE);
  return seal(bytes, CHECKSUM_OFFSET);
}

function processorObject(vcpu: number): aml.Aml {
  const segment = `PR${vcpu.toString(16).toUpperCase().padStart(2, '0')}`;
  return aml.processor(
    segment,
    vcpu,
    ACPI_PM1A_EVT_BLK_ADDRESS_V1 + 0x10,
    6,
    aml.name('_HID', aml.string('ACPI0007')),
    aml.name('_UID', aml.integer(vcpu)),
    aml.memoryRegion('MATR', aml.add(aml.reference('\\_SB.MAPA'), aml.integer(vcpu * 8)), aml.integer(8)),
    aml.byteField('MATR', { name: 'MAT', bits: 64 }),
    aml.byteField('MATR', { bits: 32 }, { name: 'FLG', bits: 1 }),
    aml.method('_MAT', 0, aml.giveBack(aml.toBuffer(aml.reference('MAT')))),
    aml.method('_STA', 0, aml.when(aml.reference('FLG'), aml.giveBack(aml.integer(0xf))), aml.giveBack(aml.ZERO)),
    aml.method('_EJ0', 1, aml.sleep(aml.integer(200))),
  );
}

function ascii(bytes: Uint8Array, at: number, text: string): void {
  assert(at + text.length <= bytes.length, 'a table has room for its ids');
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
