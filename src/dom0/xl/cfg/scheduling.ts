import { parseCpuRange } from '../../toolstack/cpu-range.ts';
import type { DomainScheduling } from '../../toolstack/domain-config.ts';
import type { Config, Range, Value } from './config.ts';

/** More processors than any host has: only the wording can be judged before there is a host. */
const SOME_CPUS = 64;
const WEIGHT: Range = { from: 1, to: 65_535, example: 256 };
const CAP: Range = { from: 0, to: 65_535, example: 50 };
const MICROSECONDS: Range = { from: 1, to: 0x7fffffff, example: 10_000 };
const YES_OR_NO: Range = { from: 0, to: 1, example: 1 };

/**
 * Reads cpus, cpus_soft, cpu_weight, cap, period, slice, extratime and pool; undefined where none is set. slice is
 * what rtds calls the budget.
 */
export function scheduling(config: Config): DomainScheduling | undefined {
  const extratime = config.number('extratime', '0 or 1', YES_OR_NO);
  const all: { readonly [key in keyof DomainScheduling]: DomainScheduling[key] | undefined } = {
    pool: config.string('pool', 'Pool-0'),
    weight: config.number('cpu_weight', 'a weight', WEIGHT),
    cap: config.number('cap', 'percent of a processor', CAP),
    period: config.number('period', 'microseconds', MICROSECONDS),
    budget: config.number('slice', 'microseconds', MICROSECONDS),
    extratime: extratime === undefined ? undefined : extratime !== 0,
    cpus: cpus(config, 'cpus'),
    cpusSoft: cpus(config, 'cpus_soft'),
  };
  const set = Object.entries(all).filter(([, value]) => value !== undefined);
  return set.length === 0 ? undefined : (Object.fromEntries(set) as DomainScheduling);
}

/** One text for all vCPUs, or a list with one for each. */
function cpus(config: Config, name: string): string | readonly string[] | undefined {
  const setting = config.get(name);
  if (setting === undefined) return undefined;
  const read = (value: Value): string => {
    const text = value.kind === 'string' ? value.text : undefined;
    const mask = text === undefined ? undefined : parseCpuRange(text, SOME_CPUS, () => 1n);
    if (text !== undefined && typeof mask === 'bigint') return text;
    throw config.wrong(setting, 'XL_CONFIG_VALUE', `processors, for example ${name} = "0-1,3" or ${name} = ["0", "1"]`);
  };
  return setting.value.kind === 'list' ? setting.value.items.map(read) : read(setting.value);
}
