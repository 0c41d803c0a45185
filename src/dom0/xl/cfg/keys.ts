/**
 * Every key that xl reads from a domain's config file (tools/xl/xl_parse.c and xl.cfg(5), Xen 4.17 to 4.23), with what
 * becomes of it here. docs/SUPPORT.md is printed from this table, and so is the warning for a key that is set but has
 * no effect.
 */
export interface Key {
  readonly type: KeyType;
  readonly support: 'full' | 'partly' | 'none';
  /** What one has to know; for `none`, what the guest does not get. */
  readonly note: string;
  /** Values that ask for what is so anyway. */
  readonly anyway?: readonly string[];
  /** The only guests that have it, where others have not. */
  readonly guests?: 'hvm' | 'pvh';
  /** The only guests that have not what it asks for. */
  readonly missingIn?: 'pvh';
  /** Where only some words will do. */
  readonly words?: readonly string[];
  /** Bounds of a number, both included. */
  readonly range?: readonly [from: number, to: number];
}

/** What a value may be. `number or string` is a number in old files, a word in new ones. */
export type KeyType =
  | 'string'
  | 'number'
  | 'boolean'
  | 'list'
  | 'number or string'
  | 'boolean or list'
  | 'string or list';

type More = Pick<Key, 'anyway' | 'words' | 'range'>;

const full = (type: KeyType, note = ''): Key => ({ type, support: 'full', note });
const partly = (type: KeyType, note: string): Key => ({ type, support: 'partly', note });
const none = (type: KeyType, note: string, more: More = {}): Key => ({ type, support: 'none', note, ...more });
/** Of HVM guests alone, and none of them has it here. */
const hvm = (
  type: KeyType,
  more: More = {},
  note = 'HVM guests have it of hvmloader, a BIOS or a device model',
): Key => ({
  ...none(type, note, more),
  guests: 'hvm',
});
/** Of HVM guests alone. */
const hvmHas = (type: KeyType, note = 'HVM guests', more: More = {}): Key => ({
  ...full(type, note),
  ...more,
  guests: 'hvm',
});
const qemu = (type: KeyType, more: More = {}): Key => none(type, 'there is no device model', more);
const arm = (type: KeyType): Key => none(type, 'only Arm guests have it');
/** Of PVH guests alone. */
const shim = (type: KeyType, note: string, more: More = {}): Key => ({ ...full(type, note), ...more, guests: 'pvh' });
/** Off, which it is. */
const OFF: More = { anyway: ['0'] };
/** On, which it is. */
const ON: More = { anyway: ['1'] };

// biome-ignore format: a key is a line
export const KEYS: Readonly<Record<string, Key>> = {
  // what and who
  name: full('string'),
  uuid: full('string'),
  type: partly('string', 'pvh, PV kernels with pvshim; hvm with firmware_override'),
  builder: partly('string', 'deprecated; hvm as for type, generic is not there'),
  seclabel: none('string', 'there is no security module'),
  init_seclabel: none('string', 'there is no security module'),
  pool: full('string'),
  nomigrate: none('boolean', 'there is no migration', OFF),
  driver_domain: none('boolean', 'the domain is an ordinary guest', OFF),

  // memory and processors
  memory: full('number'),
  maxmem: full('number'),
  vnuma: partly('list', 'refused: guests see one NUMA node'),
  vcpus: full('number'),
  maxvcpus: full('number'),
  cpus: full('string or list'),
  cpus_soft: full('string or list'),
  cpu_weight: partly('number', 'under credit and credit2'),
  cap: partly('number', 'under credit and credit2'),
  period: partly('number', 'under rtds'),
  slice: partly('number', 'under rtds, as the budget'),
  latency: none('number', 'no scheduler of Xen has it any more'),
  extratime: partly('number', 'under rtds'),
  cpuid: full('string or list', 'a feature that Xen does not offer stays hidden, as on real Xen'),
  hap: none('boolean', 'memory is always translated by nested tables', ON),
  oos: none('boolean', 'there is no shadow paging', OFF),
  shadow_memory: none('number', 'there is no shadow paging', { anyway: ['0'], range: [0, 1 << 20] }),
  nestedhvm: partly('boolean', 'by SVM; a guest that uses it cannot be saved'),
  altp2m: none('number or string', 'there are no alternate p2m tables', {
    anyway: ['0', 'disabled'],
    words: ['disabled', 'mixed', 'external', 'limited'],
  }),
  altp2m_count: none('number', 'there are no alternate p2m tables', { anyway: ['0'], range: [0, 0xffff] }),
  vpmu: none('boolean', 'there is no performance monitoring unit', OFF),
  vmtrace_buf_kb: none('number', 'there is no processor trace', { anyway: ['0'], range: [0, 1 << 20] }),
  msr_relaxed: none('boolean', 'an unknown MSR raises #GP', OFF),

  // limits
  max_event_channels: full('number'),
  max_grant_frames: full('number'),
  max_maptrack_frames: full('number'),
  max_grant_version: full('number'),
  xenstore_feature_mask: full('number'),
  xenstore_quota: full('list', 'xl xenstore-quota-get -g has the names'),
  xend_suspend_evtchn_compat: full('boolean'),

  // time
  tsc_mode: full('number or string', 'told by CPUID; the TSC has one constant rate in each mode; native_paravirt is refused'),
  timer_mode: partly('number or string', 'kept and told; timers run as no_delay_for_missed_ticks'),
  localtime: full('boolean'),
  rtc_timeoffset: full('number'),

  // how it ends
  on_poweroff: full('string'),
  on_reboot: full('string'),
  on_watchdog: full('string'),
  on_crash: full('string', 'coredump-*: into dump/ in the folder of the host, or of the one there would be'),
  on_soft_reset: full('string'),

  // what it boots
  kernel: full('string'),
  ramdisk: full('string'),
  cmdline: full('string'),
  root: full('string'),
  extra: full('string'),
  firmware: none('string', 'no firmware comes with Xenolith; set kernel'),
  firmware_override: hvmHas('string', 'HVM guests: an ELF file, started as hvmloader is; there is no other way'),
  pvshim: shim('boolean', 'PVH guests: a PV kernel, in the xen-shim that Xen installs; its memory comes out of the guest\'s', OFF),
  pvshim_path: shim('string', 'PVH guests with pvshim'),
  pvshim_cmdline: shim('string', 'PVH guests with pvshim'),
  pvshim_extra: shim('string', 'PVH guests with pvshim'),
  bootloader: none('string', 'there is no bootloader; set kernel'),
  bootloader_args: none('string or list', 'there is no bootloader; set kernel'),
  bootloader_restrict: none('boolean', 'there is no bootloader; set kernel', OFF),
  bootloader_user: none('string', 'there is no bootloader; set kernel'),
  e820_host: none('boolean', 'only PV guests have it', OFF),
  device_tree: arm('string'),
  acpi: { ...none('boolean', 'PVH guests always have ACPI tables; the firmware of HVM guests is told', ON), missingIn: 'pvh' },

  // Xenolith's own: the machine that the domain runs on
  deterministic: full('boolean', 'time goes by instructions: the same guest and input run the same way; refused by a host'),
  symbols: full('string', 'a System.map, to tell with where the kernel crashed; on a host'),
  seed: full('number', 'what a deterministic machine draws its randomness from'),

  // devices
  disk: none('list', 'the guest has no disks'),
  vif: none('list', 'the guest has no network'),
  vif2: none('list', 'the guest has no network'),
  vfb: none('list', 'the guest has no screen'),
  vkb: none('list', 'the guest has no keyboard'),
  vtpm: none('list', 'the guest has no TPM'),
  p9: none('list', 'the guest has no shared folders'),
  pvcalls: none('list', 'the guest has no PV calls'),
  channel: full('list', 'further consoles: xl console -n 1'),
  vdispl: none('list', 'the guest has no PV display'),
  vsnd: none('list', 'the guest has no PV sound'),
  virtio: none('list', 'the guest has no virtio devices'),
  usbctrl: none('list', 'the guest has no USB'),
  usbdev: none('list', 'the guest has no USB'),
  pci: none('list', 'there are no host devices to give away'),
  pci_msitranslate: none('number', 'there are no host devices to give away'),
  pci_permissive: none('number', 'there are no host devices to give away'),
  pci_power_mgmt: none('number', 'there are no host devices to give away'),
  pci_seize: none('number', 'there are no host devices to give away'),
  passthrough: none('string', 'there are no host devices to give away', {
    anyway: ['disabled', 'unknown'],
    words: ['disabled', 'enabled', 'sync_pt', 'share_pt', 'unknown'],
  }),
  rdm: none('string', 'there are no host devices to give away'),
  rdm_mem_boundary: none('number', 'there are no host devices to give away'),
  gfx_passthru: none('number or string', 'there are no host devices to give away'),
  ioports: none('list', 'there are no host devices to give away'),
  irqs: none('list', 'there are no host devices to give away'),
  iomem: none('list', 'there are no host devices to give away'),
  dtdev: arm('list'),

  // HVM
  bios: hvmHas('string', 'HVM guests: what an hvmloader in firmware_override starts; needs bios_path_override'),
  bios_path_override: hvmHas('string', 'HVM guests'),
  boot: hvm('string'),
  hdtype: hvm('string', { words: ['ide', 'ahci'] }),
  pae: hvmHas('boolean', 'HVM guests: always on', ON),
  apic: hvmHas('boolean', 'HVM guests: always on', ON),
  nx: hvmHas('boolean', 'HVM guests: always on', ON),
  hpet: hvmHas('boolean', 'HVM guests', OFF),
  vpt_align: hvm('boolean', OFF, 'timers fire when they are due'),
  hvm_pirq: hvm('boolean', OFF, 'there are no host devices to give away'),
  acpi_s3: hvmHas('boolean', 'HVM guests: told to their firmware by the store', OFF),
  acpi_s4: hvmHas('boolean', 'HVM guests: told to their firmware by the store', OFF),
  acpi_laptop_slate: hvmHas('boolean', 'HVM guests: told to their firmware by the store', OFF),
  acpi_firmware: hvm('string'),
  smbios: hvm('list'),
  smbios_firmware: hvm('string'),
  ms_vm_genid: hvm('string'),
  mmio_hole: hvm('number'),
  mca_caps: hvm('list'),
  altp2mhvm: hvm('boolean', OFF),
  viridian: hvmHas('boolean or list', 'HVM guests', OFF),
  xen_platform_pci: hvm('boolean', OFF),
  xen_platform_pci_bar_uc: hvm('boolean', OFF),
  vendor_device: hvm('string'),
  serial: hvm('string or list'),
  soundhw: hvm('string'),
  usb: hvm('boolean', OFF),
  usbversion: hvm('number'),
  usbdevice: hvm('string or list'),
  vkb_device: hvm('boolean', OFF),
  videoram: hvm('number'),
  stdvga: hvm('number'),
  vga: hvm('string', { anyway: ['none'], words: ['none', 'stdvga', 'cirrus', 'qxl'] }),
  nographic: hvm('boolean', ON),
  vnc: hvm('boolean', OFF),
  vncdisplay: hvm('number', { range: [0, 0xffff] }),
  vnclisten: hvm('string'),
  vncpasswd: hvm('string'),
  vncunused: hvm('boolean'),
  vncviewer: hvm('number'),
  sdl: hvm('boolean', OFF),
  display: hvm('string'),
  xauthority: hvm('string'),
  opengl: hvm('boolean', OFF),
  keymap: hvm('string'),
  spice: hvm('boolean', OFF),
  spice_clipboard_sharing: hvm('boolean'),
  spice_image_compression: hvm('string'),
  spice_streaming_video: hvm('string'),
  spiceagent_mouse: hvm('boolean'),
  spicedisable_ticketing: hvm('boolean'),
  spicehost: hvm('string'),
  spicepasswd: hvm('string'),
  spiceport: hvm('number'),
  spicetls_port: hvm('number'),
  spiceusbredirection: hvm('number'),
  spicevdagent: hvm('boolean'),

  // the device model
  device_model: qemu('string'),
  device_model_args: qemu('list'),
  device_model_args_hvm: qemu('list'),
  device_model_args_pv: qemu('list'),
  device_model_override: qemu('string'),
  device_model_stubdomain_override: qemu('boolean', OFF),
  device_model_stubdomain_seclabel: qemu('string'),
  device_model_user: qemu('string'),
  device_model_version: qemu('string', { words: ['qemu-xen', 'qemu-xen-traditional', 'none'] }),
  dm_restrict: qemu('boolean', OFF),
  stubdomain_cmdline: qemu('string'),
  stubdomain_kernel: qemu('string'),
  stubdomain_memory: qemu('number'),
  stubdomain_ramdisk: qemu('string'),

  // Arm
  arm_sci: arm('string'),
  gic_version: arm('string'),
  llc_colors: arm('list'),
  nr_spis: arm('number'),
  sve: arm('string'),
  tee: arm('string'),
  trap_unmapped_accesses: arm('boolean'),
  vuart: arm('string'),
};
