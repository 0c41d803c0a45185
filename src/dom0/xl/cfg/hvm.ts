import * as params from '../../../abi/hvm/params.ts';
import { XenolithError } from '../../../lib/errors.ts';
import type { HvmConfig } from '../../toolstack/domain-config.ts';
import type { Config, Range, Setting, Value } from './config.ts';
import { KEYS } from './keys.ts';
import { asksForNothing } from './warnings.ts';

/**
 * Reads what an HVM domain has: type = "hvm" with an ELF file in hvmloader's place, which is all that can start one here.
 * `source` is the config file's name. Throws a XenolithError for what needs hvmloader or a device model, by its key.
 */
export function hvmConfig(source: string, config: Config): HvmConfig {
  for (const setting of config.settings()) refuseUnlessOff(config, setting);
  if (config.get('firmware_override') === undefined) {
    const message = `${source}: an HVM guest without firmware_override boots by hvmloader, which does not come with Xenolith`;
    throw new XenolithError('XL_NOT_THERE_YET', `${message}: ${EXPECTED}`);
  }
  const boolean = (name: string, fallback: boolean) =>
    (config.number(name, '0 or 1', BOOLEAN) ?? (fallback ? 1 : 0)) !== 0;
  const acpi = boolean('acpi', true);
  const named = bios(config);
  for (const name of ALWAYS) {
    const setting = config.get(name);
    if (setting !== undefined && !boolean(name, true)) {
      throw config.wrong(setting, 'XL_NOT_THERE_YET', `no such key: the guest always has it, for example ${name} = 1`);
    }
  }
  return {
    viridian: viridian(config),
    hpet: boolean('hpet', true),
    ...(named === undefined ? {} : { bios: named }),
    acpi,
    acpiS3: boolean('acpi_s3', true),
    acpiS4: boolean('acpi_s4', true),
    acpiLaptopSlate: boolean('acpi_laptop_slate', false),
  };
}

const BOOLEAN: Range = { from: 0, to: 1, example: 1 };
const EXPECTED = 'expected an ELF file that starts as hvmloader does, for example firmware_override = "/srv/kernel"';
/** What a processor here cannot be without. */
const ALWAYS = ['apic', 'pae', 'nx'] as const;

/** Keys whose service is another program's: hvmloader's, the BIOS's that it loads, or QEMU's. */
const OF_HVMLOADER: ReadonlySet<string> = new Set([
  ...['kernel', 'ramdisk', 'cmdline', 'root', 'extra'],
  ...['firmware', 'boot', 'acpi_firmware', 'smbios', 'smbios_firmware'],
]);
const OF_DEVICE_MODEL: ReadonlySet<string> = new Set([
  ...['disk', 'vif', 'vfb', 'vkb', 'vkb_device', 'usbctrl', 'usbdev', 'pci', 'virtio', 'gfx_passthru'],
  ...['hdtype', 'serial', 'soundhw', 'usb', 'usbversion', 'usbdevice', 'vendor_device', 'xen_platform_pci'],
  ...['vga', 'stdvga', 'videoram', 'vnc', 'vncdisplay', 'vnclisten', 'vncpasswd', 'vncunused', 'vncviewer'],
  ...['sdl', 'opengl', 'display', 'xauthority', 'keymap', 'spice', 'spicehost', 'spiceport', 'spicetls_port'],
  ...['spicedisable_ticketing', 'spicepasswd', 'spiceagent_mouse', 'spicevdagent', 'spice_clipboard_sharing'],
  ...['spice_image_compression', 'spice_streaming_video', 'spiceusbredirection', 'nographic'],
  ...['device_model', 'device_model_args', 'device_model_args_hvm', 'device_model_args_pv', 'device_model_override'],
  ...['device_model_stubdomain_override', 'device_model_stubdomain_seclabel', 'device_model_user', 'dm_restrict'],
  ...['stubdomain_cmdline', 'stubdomain_kernel', 'stubdomain_memory', 'stubdomain_ramdisk'],
]);

/** What an hvmloader is to start. libxl has files of its own for that, Xenolith none. */
function bios(config: Config): HvmConfig['bios'] {
  const path = config.string('bios_path_override', '/usr/share/seabios/bios-256k.bin');
  const name = config.choice('bios', ['rombios', 'seabios', 'ovmf'], 'seabios');
  if (path !== undefined) return { name: name ?? 'seabios', path };
  const setting = config.get('bios');
  if (setting === undefined) return undefined;
  const example = 'for example bios_path_override = "/usr/share/seabios/bios-256k.bin"';
  throw config.wrong(setting, 'XL_NOT_THERE_YET', `its file as well, which does not come with Xenolith, ${example}`);
}

function refuseUnlessOff(config: Config, setting: Setting): void {
  const { name, value } = setting;
  const isModels = OF_DEVICE_MODEL.has(name);
  if (!isModels && !OF_HVMLOADER.has(name)) return;
  const key = KEYS[name];
  const isOff = value.kind === 'list' ? value.items.length === 0 : key !== undefined && asksForNothing(key, value.text);
  if (isOff) return;
  const who = isModels ? 'a device model' : 'hvmloader';
  throw config.wrong(
    setting,
    'XL_NOT_THERE_YET',
    `no such key: an HVM guest has it of ${who}, which does not come with Xenolith`,
  );
}

/** libxl's groups of enlightenments, and the HVMPV_* that each sets; freq takes one away (hvm_set_viridian_features). */
const GROUPS: Readonly<Record<string, number>> = {
  base: params.HVMPV_base_freq,
  freq: 0,
  time_ref_count: params.HVMPV_time_ref_count,
  reference_tsc: params.HVMPV_reference_tsc,
  hcall_remote_tlb_flush: params.HVMPV_hcall_remote_tlb_flush,
  apic_assist: params.HVMPV_apic_assist,
  crash_ctl: params.HVMPV_crash_ctl,
  synic: params.HVMPV_synic,
  stimer: params.HVMPV_time_ref_count | params.HVMPV_synic | params.HVMPV_stimer,
  hcall_ipi: params.HVMPV_hcall_ipi,
  ex_processor_masks: params.HVMPV_ex_processor_masks,
  no_vp_limit: params.HVMPV_no_vp_limit,
  cpu_hotplug: params.HVMPV_cpu_hotplug,
};
const DEFAULT_GROUPS = ['base', 'freq', 'time_ref_count', 'apic_assist', 'crash_ctl', 'no_vp_limit', 'cpu_hotplug'];

function viridian(config: Config): number {
  const setting = config.get('viridian');
  if (setting === undefined) return 0;
  if (setting.value.kind === 'string') {
    return config.number('viridian', '0 or 1', BOOLEAN) === 1 ? featureMask(new Set(DEFAULT_GROUPS)) : 0;
  }
  const groups = new Set<string>();
  const without = new Set<string>();
  for (const item of setting.value.items) {
    for (const group of groupsOf(config, setting, item)) groups.add(group);
    const text = textOf(item);
    if (text.startsWith('!')) without.add(text.slice(1));
    else without.delete(text);
  }
  for (const group of without) groups.delete(group);
  if (groups.size > 0 && !groups.has('base')) {
    throw config.wrong(setting, 'XL_CONFIG_VALUE', 'base among them, for example viridian = ["base", "stimer"]');
  }
  return featureMask(groups);
}

/** The groups that one word of the list adds: none where it takes one away. */
function groupsOf(config: Config, setting: Setting, item: Value): readonly string[] {
  const text = textOf(item);
  if (text === 'all') return Object.keys(GROUPS);
  if (text === 'defaults') return DEFAULT_GROUPS;
  const name = text.replace(/^!/, '');
  if (!Object.hasOwn(GROUPS, name)) {
    const known = ['all', 'defaults', ...Object.keys(GROUPS)].join(' ');
    throw config.wrong(setting, 'XL_CONFIG_VALUE', `enlightenments out of ${known}, for example viridian = ["base"]`);
  }
  return name === text ? [text] : [];
}

function textOf(item: Value): string {
  return item.kind === 'string' ? item.text : '';
}

function featureMask(groups: ReadonlySet<string>): number {
  if (groups.size === 0) return 0;
  const bits = [...groups].reduce((mask, group) => mask | (GROUPS[group] ?? 0), 0);
  return groups.has('freq') ? bits : bits | params.HVMPV_no_freq;
}
