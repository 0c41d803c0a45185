import { TIMER_MODES, TSC_MODES } from './cfg/timing.ts';
import type { CpuidRule } from '../toolstack/cpuid-rules.ts';
import { type DomainConfig, type HvmConfig, type ShutdownAction, uuidText } from '../toolstack/domain-config.ts';

/** A domain's configuration as libxl_domain_config_to_json has it, printed as libxl prints it. */
export function configJson(config: DomainConfig): string {
  return yajl(configOf(config));
}

/** JSON with libxl's indentation, which leaves an empty line in what is empty. */
export function yajl(value: unknown): string {
  const text = JSON.stringify(value, undefined, 4);
  return `${text.replaceAll(/^( *)(.*)\{\}(,?)$/gm, '$1$2{\n\n$1}$3').replaceAll(/^( *)(.*)\[\](,?)$/gm, '$1$2[\n\n$1]$3')}\n`;
}

/** libxl's names for a domain's configuration, in libxl's order, without what is at its default. */
export function configOf(config: DomainConfig): Record<string, unknown> {
  return {
    c_info: {
      type: config.hvm === undefined ? 'pvh' : 'hvm',
      name: config.name,
      uuid: uuidText(config.uuid),
      ...(config.suspendEventChannelCompat ? { xend_suspend_evtchn_compat: 'True' } : {}),
    },
    b_info: {
      max_vcpus: config.maxVcpus,
      avail_vcpus: Array.from({ length: config.vcpus }, (_, vcpu) => vcpu),
      max_memkb: config.maxMemoryKib,
      target_memkb: config.memoryKib,
      max_grant_frames: config.maxGrantFrames,
      max_maptrack_frames: config.maxMaptrackFrames,
      max_grant_version: config.maxGrantVersion,
      event_channels: config.maxEventChannels,
      ...(config.hvm === undefined ? { kernel: config.kernel } : {}),
      ...(config.cmdline === undefined ? {} : { cmdline: config.cmdline }),
      ...(config.ramdisk === undefined ? {} : { ramdisk: config.ramdisk }),
      ...(config.cpuid === undefined ? {} : { cpuid: cpuidJson(config.cpuid) }),
      ...storeJson(config),
      ...schedulingJson(config),
      ...(config.tscMode === undefined ? {} : { tsc_mode: TSC_MODES[config.tscMode] }),
      ...(config.timeOffsetSeconds === undefined ? {} : { rtc_timeoffset: config.timeOffsetSeconds }),
      ...(config.timerMode === undefined ? {} : { timer_mode: TIMER_MODES[config.timerMode] }),
      ...(config.nestedVirt === undefined ? {} : { nested_hvm: config.nestedVirt ? 'True' : 'False' }),
      ...(config.hvm === undefined
        ? { 'type.pvh': pvhJson(config) }
        : { 'type.hvm': hvmJson(config.kernel, config.hvm) }),
      arch_arm: {},
      arch_x86: {},
    },
    ...channelsJson(config),
    ...action('on_poweroff', config.onPoweroff),
    ...action('on_reboot', config.onReboot),
    ...action('on_watchdog', config.onWatchdog),
    ...action('on_crash', config.onCrash),
    ...action('on_soft_reset', config.onSoftReset),
  };
}

function pvhJson({ pvShim }: DomainConfig): Record<string, unknown> {
  if (pvShim === undefined) return {};
  const { path, cmdline, extra } = pvShim;
  return { pvshim: 'True', pvshim_path: path, pvshim_cmdline: cmdline, pvshim_extra: extra };
}

function hvmJson(firmware: string, { viridian, hpet }: HvmConfig): Record<string, unknown> {
  return { firmware, hpet: hpet ? 'True' : 'False', ...(viridian === 0 ? {} : { viridian: 'True' }) };
}

/** A leaf is an object with its registers in it. */
function cpuidJson(rules: readonly CpuidRule[]): Record<string, unknown>[] {
  const leaves = new Map<string, Record<string, unknown>>();
  for (const { leaf, subleaf, register, bits } of rules) {
    const place = { leaf, ...(subleaf === undefined ? {} : { subleaf }) };
    const key = JSON.stringify(place);
    leaves.set(key, { ...place, ...leaves.get(key), [register]: bits });
  }
  return [...leaves.values()];
}

function channelsJson({ channels }: DomainConfig): Record<string, unknown> {
  if (channels === undefined) return {};
  const connection = (path: string | undefined) =>
    path === undefined ? { 'connection.pty': {} } : { 'connection.socket': { path } };
  return { channels: channels.map(({ name, path }, index) => ({ devid: index + 1, name, ...connection(path) })) };
}

function storeJson({ storeLimits }: DomainConfig): Record<string, unknown> {
  if (storeLimits === undefined) return {};
  const { featureMask, quota } = storeLimits;
  return {
    ...(featureMask === undefined ? {} : { xenstore_feature_mask: featureMask }),
    ...(quota.length === 0
      ? {}
      : { xenstore_quota: { quota: quota.map(({ name, limit }) => ({ name, val: limit })) } }),
  };
}

function schedulingJson({ scheduling }: DomainConfig): Record<string, unknown> {
  if (scheduling === undefined) return {};
  const { weight, cap, period, budget, extratime } = scheduling;
  const parameters = { weight, cap, period, budget, extratime };
  return Object.values(parameters).every((value) => value === undefined) ? {} : { sched_params: parameters };
}

/** libxl spells its actions in its own way, and leaves out destroy. */
function action(name: string, value: ShutdownAction): Record<string, string> {
  if (value === 'destroy') return {};
  return { [name]: value === 'rename-restart' ? 'restart_rename' : value.replace('-', '_') };
}
