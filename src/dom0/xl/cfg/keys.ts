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

const full = (type: KeyType, note = ''): Key => ({ type, support: 'full', note });
const partly = (type: KeyType, note: string): Key => ({ type, support: 'partly', note });
const none = (type: KeyType, note: string): Key => ({ type, support: 'none', note });
const hvm = (type: KeyType): Key => none(type, 'only HVM guests have it');
const qemu = (type: KeyType): Key => none(type, 'there is no device model');
const arm = (type: KeyType): Key => none(type, 'only Arm guests have it');
const shim = (type: KeyType): Key => none(type, 'there is no PV shim');
const scheduler = (): Key => none('number', 'the domain is scheduled with the defaults');

// biome-ignore format: a key is a line
export const KEYS: Readonly<Record<string, Key>> = {
  // what and who
  name: full('string'),
  uuid: full('string'),
  type: partly('string', 'only pvh'),
  builder: partly('string', 'deprecated; neither hvm nor generic is there'),
  seclabel: none('string', 'there is no security module'),
  init_seclabel: none('string', 'there is no security module'),
  pool: none('string', 'the domain goes to the default cpupool'),
  nomigrate: none('boolean', 'there is no migration'),
  driver_domain: none('boolean', 'the domain is an ordinary guest'),

  // memory and processors
  memory: full('number'),
  maxmem: partly('number', 'without populate-on-demand: a domain starts with all of maxmem and balloons down to memory'),
  vnuma: none('list', 'the guest sees no NUMA nodes'),
  vcpus: full('number'),
  maxvcpus: full('number'),
  cpus: none('string or list', 'vCPUs are not pinned'),
  cpus_soft: none('string or list', 'vCPUs have no affinity'),
  cpu_weight: scheduler(),
  cap: scheduler(),
  period: scheduler(),
  slice: scheduler(),
  latency: scheduler(),
  extratime: scheduler(),
  cpuid: none('string or list', 'the guest sees the processor as it is'),
  hap: none('boolean', 'memory is always translated by nested tables'),
  oos: none('boolean', 'there is no shadow paging'),
  shadow_memory: none('number', 'there is no shadow paging'),
  nestedhvm: none('boolean', 'there is no nested virtualisation'),
  altp2m: none('number or string', 'there are no alternate p2m tables'),
  altp2m_count: none('number', 'there are no alternate p2m tables'),
  vpmu: none('boolean', 'there is no performance monitoring unit'),
  vmtrace_buf_kb: none('number', 'there is no processor trace'),
  msr_relaxed: none('boolean', 'an unknown MSR raises #GP'),

  // limits
  max_event_channels: full('number'),
  max_grant_frames: full('number'),
  max_maptrack_frames: full('number'),
  max_grant_version: full('number'),
  xenstore_feature_mask: none('number', 'the guest sees all XenStore features'),
  xenstore_quota: none('list', 'the guest has the default XenStore quota'),
  xend_suspend_evtchn_compat: full('boolean'),

  // time
  tsc_mode: none('number or string', 'the TSC has one constant rate'),
  timer_mode: none('number or string', 'timers run in mode no_delay_for_missed_ticks'),
  localtime: none('boolean', "the guest's clock is UTC"),
  rtc_timeoffset: none('number', "the guest's clock is UTC"),

  // how it ends
  on_poweroff: partly('string', 'in the foreground: see src/dom0/xl/README.md'),
  on_reboot: partly('string', 'in the foreground: see src/dom0/xl/README.md'),
  on_watchdog: partly('string', 'in the foreground: see src/dom0/xl/README.md'),
  on_crash: partly('string', 'in the foreground: see src/dom0/xl/README.md'),
  on_soft_reset: partly('string', 'in the foreground: see src/dom0/xl/README.md'),

  // what it boots
  kernel: full('string'),
  ramdisk: full('string'),
  cmdline: full('string'),
  root: full('string'),
  extra: full('string'),
  firmware: none('string', 'no firmware comes with Xenolith; set kernel'),
  firmware_override: hvm('string'),
  pvshim: shim('boolean'),
  pvshim_path: shim('string'),
  pvshim_cmdline: shim('string'),
  pvshim_extra: shim('string'),
  bootloader: none('string', 'there is no bootloader; set kernel'),
  bootloader_args: none('string or list', 'there is no bootloader; set kernel'),
  bootloader_restrict: none('boolean', 'there is no bootloader; set kernel'),
  bootloader_user: none('string', 'there is no bootloader; set kernel'),
  e820_host: none('boolean', 'only PV guests have it'),
  device_tree: arm('string'),
  acpi: none('boolean', 'the guest always has ACPI tables'),

  // Xenolith's own: the machine that the domain runs on
  deterministic: full('boolean', 'time goes by instructions: the same guest and input run the same way; in the foreground'),
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
  channel: none('list', 'the guest has no channels'),
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
  passthrough: none('string', 'there are no host devices to give away'),
  rdm: none('string', 'there are no host devices to give away'),
  rdm_mem_boundary: none('number', 'there are no host devices to give away'),
  gfx_passthru: none('number or string', 'there are no host devices to give away'),
  ioports: none('list', 'there are no host devices to give away'),
  irqs: none('list', 'there are no host devices to give away'),
  iomem: none('list', 'there are no host devices to give away'),
  dtdev: arm('list'),

  // HVM
  bios: hvm('string'),
  bios_path_override: hvm('string'),
  boot: hvm('string'),
  hdtype: hvm('string'),
  pae: hvm('boolean'),
  apic: hvm('boolean'),
  nx: hvm('boolean'),
  hpet: hvm('boolean'),
  vpt_align: hvm('boolean'),
  hvm_pirq: hvm('boolean'),
  acpi_s3: hvm('boolean'),
  acpi_s4: hvm('boolean'),
  acpi_laptop_slate: hvm('boolean'),
  acpi_firmware: hvm('string'),
  smbios: hvm('list'),
  smbios_firmware: hvm('string'),
  ms_vm_genid: hvm('string'),
  mmio_hole: hvm('number'),
  mca_caps: hvm('list'),
  altp2mhvm: hvm('boolean'),
  viridian: hvm('boolean or list'),
  xen_platform_pci: hvm('boolean'),
  xen_platform_pci_bar_uc: hvm('boolean'),
  vendor_device: hvm('string'),
  serial: hvm('string or list'),
  soundhw: hvm('string'),
  usb: hvm('boolean'),
  usbversion: hvm('number'),
  usbdevice: hvm('string or list'),
  vkb_device: hvm('boolean'),
  videoram: hvm('number'),
  stdvga: hvm('number'),
  vga: hvm('string'),
  nographic: hvm('boolean'),
  vnc: hvm('boolean'),
  vncdisplay: hvm('number'),
  vnclisten: hvm('string'),
  vncpasswd: hvm('string'),
  vncunused: hvm('boolean'),
  vncviewer: hvm('number'),
  sdl: hvm('boolean'),
  display: hvm('string'),
  xauthority: hvm('string'),
  opengl: hvm('boolean'),
  keymap: hvm('string'),
  spice: hvm('boolean'),
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
  device_model_stubdomain_override: qemu('boolean'),
  device_model_stubdomain_seclabel: qemu('string'),
  device_model_user: qemu('string'),
  device_model_version: qemu('string'),
  dm_restrict: qemu('boolean'),
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
