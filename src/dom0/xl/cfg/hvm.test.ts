import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as params from '../../../abi/hvm/params.ts';
import { SeededRandom } from '../../../lib/seeded-random.ts';
import type { DomainConfig } from '../../toolstack/domain-config.ts';
import { guestConfig } from './guest-config.ts';
import { parseConfig } from './parser.ts';

const LEAST = 'name="t"\ntype="hvm"\nfirmware_override="/srv/kernel"\n';

function read(text: string): { config: DomainConfig; warnings: string[] } {
  const warnings: string[] = [];
  const parsed = parseConfig('guest.cfg', text, []);
  const config = guestConfig('guest.cfg', parsed, new SeededRandom(1), (line) => warnings.push(line), { nowMs: 0 });
  return { config, warnings };
}

function viridian(list: string): number | undefined {
  return read(`${LEAST}viridian=${list}`).config.hvm?.viridian;
}

test('an HVM guest has the file of firmware_override for its kernel, and an HPET', () => {
  const { config, warnings } = read(LEAST);
  equal(config.kernel, '/srv/kernel');
  deepEqual(config.hvm, {
    viridian: 0,
    hpet: true,
    acpi: true,
    acpiS3: true,
    acpiS4: true,
    acpiLaptopSlate: false,
  });
  deepEqual(warnings, []);
  equal(read('name="t"\ntype="pvh"\nkernel="k"').config.hvm, undefined);
});

test('builder = "hvm" is the same, alone or beside type (XTF writes both)', () => {
  equal(read(`${LEAST}builder="hvm"`).config.kernel, '/srv/kernel');
  equal(read('name="t"\nbuilder="hvm"\nfirmware_override="/srv/kernel"').config.kernel, '/srv/kernel');
  throws(() => read(`${LEAST}builder="generic"`), /Contradicting "builder" and "type"/);
});

test('without firmware_override it would need hvmloader', () => {
  throws(() => read('name="t"\ntype="hvm"'), /an HVM guest without firmware_override boots by hvmloader/);
});

test('what needs hvmloader or a device model is refused by its name, unless it is off', () => {
  for (const text of ['disk=["phy:/dev/sda,xvda,w"]', 'vif=["bridge=br0"]', 'vnc=1', 'vga="cirrus"', 'kernel="k"']) {
    const name = text.slice(0, text.indexOf('='));
    throws(() => read(LEAST + text), { code: 'XL_NOT_THERE_YET', message: new RegExp(`^guest.cfg:4: ${name} = `) });
  }
  deepEqual(read(`${LEAST}disk=[]\nvnc=0\nvga="none"\nxen_platform_pci=0`).warnings, []);
});

test('an hvmloader is handed a BIOS from a file of the operator, SeaBIOS unless it is named (libxl, system_firmware)', () => {
  const path = 'bios_path_override="/srv/bios.bin"\n';
  deepEqual(read(LEAST + path).config.hvm?.bios, { name: 'seabios', path: '/srv/bios.bin' });
  equal(read(`${LEAST}${path}bios="ovmf"`).config.hvm?.bios?.name, 'ovmf');
  throws(() => read(`${LEAST}bios="seabios"`), /bios = "seabios": expected its file as well/);
});

test('what its processors cannot be without is refused when it is switched off', () => {
  equal(read(`${LEAST}pae=1\napic=1\nnx=1`).warnings.length, 0);
  throws(() => read(`${LEAST}nx=0`), /nx = 0: expected no such key: the guest always has it/);
});

test('viridian: libxl makes HVMPV_* of its groups (hvm_set_viridian_features)', () => {
  const base = params.HVMPV_base_freq;
  equal(viridian('0'), 0);
  equal(
    viridian('1'),
    base |
      params.HVMPV_time_ref_count |
      params.HVMPV_apic_assist |
      params.HVMPV_crash_ctl |
      params.HVMPV_no_vp_limit |
      params.HVMPV_cpu_hotplug,
  );
  equal(viridian('["defaults"]'), viridian('1'));
  equal(viridian('["base", "reference_tsc"]'), base | params.HVMPV_no_freq | params.HVMPV_reference_tsc);
  const timers = params.HVMPV_time_ref_count | params.HVMPV_synic | params.HVMPV_stimer;
  equal(viridian('["base", "freq", "stimer"]'), base | timers);
  equal(viridian('["all", "!freq"]'), params.HVMPV_feature_mask);
  equal(viridian('["base", "synic", "!synic"]'), base | params.HVMPV_no_freq);
  throws(() => viridian('["stimer"]'), /expected base among them/);
  throws(() => viridian('["base", "magic"]'), /expected enlightenments out of all defaults base freq/);
});

test('for a PVH guest its keys have no effect', () => {
  deepEqual(read('name="t"\ntype="pvh"\nkernel="k"\nhpet=1\nviridian=1').warnings, [
    'guest.cfg:4: warning: hpet has no effect yet: only HVM guests have it',
    'guest.cfg:5: warning: viridian has no effect yet: only HVM guests have it',
  ]);
});
