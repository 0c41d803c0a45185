import { parseCpuRange } from '../../toolstack/cpu-range.ts';
import type { Config, Range } from './config.ts';
import { parseConfig } from './parser.ts';

/** What xl.conf(5) sets for all domains of a host. */
export interface XlConf {
  readonly maxGrantFrames?: number;
  readonly maxMaptrackFrames?: number;
  readonly maxGrantVersion?: number;
  /** Processors that any vCPU may run on, as xl writes them: of vm.cpumask and vm.hvm.cpumask. */
  readonly cpuMasks: readonly string[];
  /** domid_policy = "random" */
  readonly hasRandomDomids?: boolean;
}

const FRAMES: Range = { from: 1, to: 1 << 16, example: 64 };
const VERSIONS: Range = { from: 1, to: 2, example: 2 };
const YES_OR_NO: Range = { from: 0, to: 1, example: 0 };
/** More processors than any host has: only the wording can be judged here. */
const SOME_CPUS = 64;

/** Keys that ask for something there is nothing of here, and why. */
const IDLE: Readonly<Record<string, string>> = {
  autoballoon: 'Domain-0 has no memory to give away',
  run_hotplug_scripts: 'there are no hotplug scripts',
  lockfile: 'a host does one thing after the other',
  'vif.default.script': 'guests have no network yet',
  'vif.default.bridge': 'guests have no network yet',
  'vif.default.backend': 'guests have no network yet',
  'vif.default.gatewaydev': 'guests have no network yet',
  'remus.default.netbufscript': 'domains cannot be moved yet',
  'colo.default.proxyscript': 'domains cannot be moved yet',
  'vm.pv.cpumask': 'there are no PV guests yet',
  blkdev_start: 'guests have no disks yet',
  bootloader_restrict: 'there is no bootloader',
};

/**
 * Reads an xl.conf. `warn` hears of keys that do nothing, or are none of xl's.
 *
 * @throws XenolithError for a value that will not do
 */
export function readXlConf(source: string, text: string, warn: (line: string) => void): XlConf {
  const config = parseConfig(source, text, []);
  const known = new Set([
    'max_grant_frames',
    'max_maptrack_frames',
    'max_grant_version',
    'vm.cpumask',
    'vm.hvm.cpumask',
    'claim_mode',
    'output_format',
    'domid_policy',
  ]);
  for (const setting of config.settings()) {
    const { name } = setting;
    if (known.has(name)) continue;
    const why = Object.hasOwn(IDLE, name) ? IDLE[name] : undefined;
    const what = why === undefined ? `unknown key ${name} is ignored` : `${name} has no effect: ${why}`;
    warn(`${config.where(setting)}: warning: ${what}`);
  }
  config.choice('output_format', ['json'], 'json');
  config.number('claim_mode', '0 or 1', YES_OR_NO);
  const maxGrantFrames = config.number('max_grant_frames', 'a count of frames', FRAMES);
  const maxMaptrackFrames = config.number('max_maptrack_frames', 'a count of frames', FRAMES);
  const maxGrantVersion = config.number('max_grant_version', 'a version', VERSIONS);
  const hasRandomDomids = config.choice('domid_policy', ['xen', 'random'], 'random') === 'random';
  const masks = [mask(config, 'vm.cpumask'), mask(config, 'vm.hvm.cpumask')];
  return {
    ...(maxGrantFrames === undefined ? {} : { maxGrantFrames }),
    ...(maxMaptrackFrames === undefined ? {} : { maxMaptrackFrames }),
    ...(maxGrantVersion === undefined ? {} : { maxGrantVersion }),
    ...(hasRandomDomids ? { hasRandomDomids } : {}),
    cpuMasks: masks.filter((each) => each !== undefined),
  };
}

function mask(config: Config, name: string): string | undefined {
  const setting = config.get(name);
  const text = config.string(name, '0-3');
  if (setting === undefined || text === undefined) return undefined;
  if (typeof parseCpuRange(text, SOME_CPUS, () => 1n) === 'bigint') return text;
  throw config.wrong(setting, 'XL_CONFIG_VALUE', `processors, for example ${name} = "0-3"`);
}
