import { XenolithError } from '../../../lib/errors.ts';
import type { Random } from '../../../lib/ports.ts';
import {
  type DomainConfig,
  parseUuid,
  randomUuid,
  SHUTDOWN_ACTIONS,
  type ShutdownAction,
} from '../../toolstack/domain-config.ts';
import type { Config, Range } from './config.ts';
import { channels } from './channels.ts';
import { cpuidRules } from './cpuid.ts';
import { hvmConfig } from './hvm.ts';
import { pvShim } from './pv-shim.ts';
import { scheduling } from './scheduling.ts';
import { storeLimits } from './store-limits.ts';
import { timing } from './timing.ts';
import { warnOfKeys } from './warnings.ts';

/** What goes for what the file does not say. */
export interface GuestDefaults {
  /** The time, since 1970: localtime depends on it. */
  readonly nowMs: number;
  readonly maxGrantFrames?: number;
  readonly maxMaptrackFrames?: number;
  readonly maxGrantVersion?: number;
}

/**
 * Makes a domain's configuration of a config file, as parse_config_data of xl does. `source` is the file's name for
 * what is wrong with the file as a whole. `warn` gets one line for each key that is set but has no effect.
 * Throws a XenolithError for a value that will not do.
 */
export function guestConfig(
  source: string,
  config: Config,
  random: Random,
  warn: (line: string) => void,
  defaults: GuestDefaults,
): DomainConfig {
  const type = guestType(source, config);
  warnOfKeys(config, type, warn);
  refuseVnuma(config);

  const memory = memorySizes(config);
  const schedule = scheduling(config);
  const limits = storeLimits(config);
  const cpuid = cpuidRules(config);
  const further = channels(config);
  const processors = vcpuCounts(config);
  const nested = config.number('nestedhvm', '0 or 1', BOOLEAN);
  const hvm = type === 'hvm' ? hvmConfig(source, config) : undefined;
  const shim = type === 'pvh' ? pvShim(config, warn) : undefined;
  const action = (name: string, fallback: ShutdownAction) =>
    config.choice(name, SHUTDOWN_ACTIONS, 'destroy') ?? fallback;

  return {
    name: required(source, config, 'name', 'Domain name must be specified', 'guest'),
    uuid: uuid(config) ?? randomUuid(random),
    kernel:
      hvm === undefined
        ? required(source, config, 'kernel', 'Neither kernel nor bootloader specified', '/boot/vmlinuz')
        : required(source, config, 'firmware_override', 'no firmware', '/srv/kernel'),
    ramdisk: config.string('ramdisk', '/boot/initrd.img'),
    cmdline: cmdline(source, config, warn),
    ...memory,
    ...processors,
    maxEventChannels: config.number('max_event_channels', 'a port number', MAX_EVENT_CHANNELS) ?? 1023,
    maxGrantFrames: config.number('max_grant_frames', 'a count of frames', MAX_FRAMES) ?? defaults.maxGrantFrames ?? 64,
    maxMaptrackFrames:
      config.number('max_maptrack_frames', 'a count of frames', MAX_FRAMES) ?? defaults.maxMaptrackFrames ?? 1024,
    maxGrantVersion: config.number('max_grant_version', 'a version', MAX_GRANT_VERSION) ?? defaults.maxGrantVersion,
    suspendEventChannelCompat: (config.number('xend_suspend_evtchn_compat', '0 or 1', BOOLEAN) ?? 0) !== 0,
    ...timing(config, defaults.nowMs),
    ...(hvm === undefined ? {} : { hvm }),
    ...(shim === undefined ? {} : { pvShim: shim }),
    ...(cpuid === undefined ? {} : { cpuid }),
    ...(further.length === 0 ? {} : { channels: further }),
    ...(nested === undefined ? {} : { nestedVirt: nested !== 0 }),
    ...(schedule === undefined ? {} : { scheduling: schedule }),
    ...(limits === undefined ? {} : { storeLimits: limits }),
    onPoweroff: action('on_poweroff', 'destroy'),
    onReboot: action('on_reboot', 'restart'),
    onWatchdog: action('on_watchdog', 'destroy'),
    onCrash: action('on_crash', 'destroy'),
    onSoftReset: action('on_soft_reset', 'soft-reset'),
  };
}

const BOOLEAN: Range = { from: 0, to: 1, example: 1 };
/** 2-level event channels have 4096 ports, FIFO ones 2^17 (public/event_channel.h). */
const MAX_EVENT_CHANNELS: Range = { from: 1, to: (1 << 17) - 1, example: 1023 };
const MAX_FRAMES: Range = { from: 1, to: 1 << 16, example: 64 };
const MAX_GRANT_VERSION: Range = { from: 1, to: 2, example: 1 };
/** A terabyte: far past what a host has, which the toolstack checks, and far below where sums lose digits. */
const MEMORY_MIB: Range = { from: 1, to: 1 << 20, example: 512 };
/** HVM_MAX_VCPUS (public/hvm/hvm_info_table.h) */
const VCPUS: Range = { from: 1, to: 128, example: 1 };
/** What libxl gives a domain whose file says nothing. */
const DEFAULT_MEMORY_MIB = 32;

/** What there is for who wants a PV guest. */
const PV_KERNELS = 'and pvshim = 1 for a PV kernel';

/** What kind of guest it is, as xl makes it out of type and the older builder. */
function guestType(source: string, config: Config): 'pvh' | 'hvm' {
  const type = config.get('type');
  const builder = config.get('builder');
  const wanted = 'expected type = "pvh"';

  const asked = type === undefined ? undefined : config.choice('type', ['pvh', 'pv', 'hvm'], 'pvh');
  const built = builder === undefined ? undefined : builderType(config);
  if (builder !== undefined && asked !== undefined && asked !== built) {
    const message = `${config.where(builder)}: Contradicting "builder" and "type" options specified: ${wanted} alone`;
    throw new XenolithError('XL_CONFIG_VALUE', message);
  }
  const kind = asked ?? built;
  if (kind === 'pvh' || kind === 'hvm') return kind;
  const setting = type ?? builder;
  if (setting === undefined) {
    const message = `${source}: no type, which means pv, and PV guests are not there yet: ${wanted}, ${PV_KERNELS}`;
    throw new XenolithError('XL_NOT_THERE_YET', message);
  }
  const instead = setting === builder ? 'type = "pvh" instead' : 'type = "pvh"';
  throw config.wrong(setting, 'XL_NOT_THERE_YET', `${instead}, ${PV_KERNELS}; PV guests are not there yet`);
}

function builderType(config: Config): 'pv' | 'hvm' {
  return config.choice('builder', ['hvm', 'generic'], 'generic') === 'hvm' ? 'hvm' : 'pv';
}

/** A guest that expects nodes would place its memory for nothing. */
function refuseVnuma(config: Config): void {
  const setting = config.get('vnuma');
  if (setting === undefined || (setting.value.kind === 'list' && setting.value.items.length === 0)) return;
  throw config.wrong(setting, 'XL_NOT_THERE_YET', 'no such key: guests see one NUMA node, of all their memory');
}

function memorySizes(config: Config): { readonly memoryKib: number; readonly maxMemoryKib: number } {
  const memory = config.number('memory', 'MiB', MEMORY_MIB) ?? config.number('maxmem', 'MiB', MEMORY_MIB);
  const memoryMib = memory ?? DEFAULT_MEMORY_MIB;
  const maxMib = config.number('maxmem', 'MiB', MEMORY_MIB) ?? memoryMib;

  const maxmem = config.get('maxmem');
  if (maxmem !== undefined && maxMib < memoryMib) {
    const expected = `at least memory, ${memoryMib} MiB, for example maxmem = ${memoryMib}`;
    throw config.wrong(maxmem, 'XL_CONFIG_RANGE', expected);
  }
  return { memoryKib: memoryMib * 1024, maxMemoryKib: maxMib * 1024 };
}

function vcpuCounts(config: Config): { readonly vcpus: number; readonly maxVcpus: number } {
  const vcpus = config.number('vcpus', 'a count', VCPUS) ?? 1;
  const maxVcpus = config.number('maxvcpus', 'a count', VCPUS) ?? vcpus;
  const setting = config.get('maxvcpus');
  if (setting !== undefined && maxVcpus < vcpus) {
    throw config.wrong(setting, 'XL_CONFIG_RANGE', `at least vcpus, ${vcpus}, for example maxvcpus = ${vcpus}`);
  }
  return { vcpus, maxVcpus };
}

function uuid(config: Config): Uint8Array | undefined {
  const example = 'c7d4a3f0-5b1e-4c8e-9a51-2f6d0e8b7c13';
  const setting = config.get('uuid');
  const text = config.string('uuid', example);
  if (setting === undefined || text === undefined) return undefined;
  const bytes = parseUuid(text);
  if (bytes === undefined) throw config.wrong(setting, 'XL_CONFIG_VALUE', `a UUID, for example uuid = "${example}"`);
  return bytes;
}

/** cmdline stands alone; otherwise root and extra make it. */
function cmdline(source: string, config: Config, warn: (line: string) => void): string | undefined {
  const whole = config.string('cmdline', 'console=hvc0');
  const root = config.string('root', '/dev/xvda1 ro');
  const extra = config.string('extra', 'console=hvc0');
  if (whole !== undefined) {
    if (root !== undefined || extra !== undefined) {
      warn(`${source}: warning: ignoring root= and extra= in favour of cmdline=`);
    }
    return whole;
  }
  const parts = [root === undefined ? undefined : `root=${root}`, extra].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(' ');
}

function required(source: string, config: Config, name: string, missing: string, example: string): string {
  const text = config.string(name, example);
  const setting = config.get(name);
  if (setting !== undefined && text === '') {
    throw config.wrong(setting, 'XL_CONFIG_VALUE', `something, for example ${name} = "${example}"`);
  }
  if (text !== undefined) return text;
  throw new XenolithError(
    'XL_CONFIG_MISSING',
    `${source}: ${missing}: expected one, for example ${name} = "${example}"`,
  );
}
