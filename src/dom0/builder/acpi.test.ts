import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACPI_INFO_PHYSICAL_ADDRESS, buildAcpiTables } from './acpi.ts';

const TABLES = ACPI_INFO_PHYSICAL_ADDRESS + 0x1000;

/** The tables as a guest's ACPI finds them, from the RSDP on. */
function readBack(vcpus: number, online = (_vcpu: number) => true) {
  const { info, tables, rsdp } = buildAcpiTables(vcpus, online);
  const view = new DataView(tables.buffer);
  const u32 = (gpa: number) => view.getUint32(gpa - TABLES, true);
  const at = (gpa: number) => tables.subarray(gpa - TABLES, gpa - TABLES + u32(gpa + 4));
  const root = new DataView(rsdp.buffer);
  const xsdt = Number(root.getBigUint64(24, true));
  const rsdt = root.getUint32(16, true);
  const fadt = u32(xsdt + 36);
  const madt = u32(xsdt + 44);
  const dsdt = u32(fadt + 40);
  const all = { XSDT: xsdt, RSDT: rsdt, FACP: fadt, 'FACP 1.0': u32(rsdt + 36), APIC: madt, DSDT: dsdt };
  return { info, rsdp, tables, at, u32, all, fadt, madt, dsdt, facs: u32(fadt + 36) };
}

const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0) & 0xff;
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes).replace(/\0+$/, '');

describe('ACPI of a PVH domain', () => {
  test('every table adds up to 0 and has the ids Xen gives it', () => {
    for (const vcpus of [1, 2, 15, 128]) {
      const acpi = readBack(vcpus);
      for (const [name, gpa] of Object.entries(acpi.all)) {
        const table = acpi.at(gpa);
        assert.equal(sum(table), 0, `${name} for ${vcpus}`);
        assert.equal(text(table.subarray(0, 4)), name.slice(0, 4));
        assert.equal(text(table.subarray(10, 16)), 'Xen');
        assert.equal(text(table.subarray(16, 24)), 'HVM');
      }
      assert.equal(text(acpi.rsdp.subarray(0, 8)), 'RSD PTR ');
      assert.equal(sum(acpi.rsdp.subarray(0, 20)), 0);
      assert.equal(sum(acpi.rsdp.subarray(0, 36)), 0);
    }
  });

  test('places, sizes and revisions are those xen-shim prints on real Xen (golden/minios-grub/out/guest-shim-linux.log)', () => {
    const acpi = readBack(1);
    assert.equal(acpi.facs, 0xfc001000);
    assert.equal(acpi.dsdt, 0xfc001040);
    assert.deepEqual([acpi.at(acpi.fadt).length, acpi.at(acpi.fadt)[8]], [0x10c, 5]);
    assert.deepEqual([acpi.at(acpi.madt).length, acpi.at(acpi.madt)[8]], [0x34, 2]);
    assert.deepEqual([acpi.at(acpi.all.XSDT).length, acpi.at(acpi.all.XSDT)[8]], [0x34, 1]);
    assert.equal(acpi.at(acpi.dsdt)[8], 5);
    assert.equal(acpi.rsdp[15], 2);
  });

  test('the MADT has a local APIC a vCPU, ids 0, 2, 4, …, and no I/O APIC', () => {
    const acpi = readBack(3, (vcpu) => vcpu < 2);
    const entries = acpi.at(acpi.madt).subarray(44);
    assert.deepEqual([...entries], [0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 2, 1, 0, 0, 0, 0, 8, 2, 4, 0, 0, 0, 0]);
  });

  test('the FADT says what a PVH domain lacks: PM timer, VGA, CMOS clock, buttons', () => {
    const fadt = readBack(1).at(readBack(1).fadt);
    const view = new DataView(fadt.buffer, fadt.byteOffset);
    assert.equal(view.getUint32(76, true), 0);
    assert.equal(view.getUint16(109, true), 0x24);
    assert.equal(view.getUint32(112, true), 0x8175);
  });

  test('the info page leads the AML to the MADT (struct acpi_info of libacpi)', () => {
    const acpi = readBack(5);
    const info = new DataView(acpi.info.buffer);
    assert.equal(info.getUint16(2, true), 5);
    assert.equal(info.getUint32(12, true), acpi.madt + 9);
    assert.equal(info.getUint32(16, true), acpi.madt + 44);
  });

  test('the DSDT has a processor object a vCPU', () => {
    const acpi = readBack(17);
    const dsdt = text(acpi.at(acpi.dsdt));
    assert.deepEqual(dsdt.match(/PR[0-9A-F]{2}/g)?.length, 17);
    assert.match(dsdt, /PR10/);
    // Scope (\_SB) has to span the rest of the table: lead byte, then 4 + 8 bits of its length.
    const scope = acpi.at(acpi.dsdt).subarray(36);
    assert.equal(scope[0], 0x10);
    assert.equal(((scope[1] as number) & 15) | ((scope[2] as number) << 4), scope.length - 1);
  });
});
