import type { Config, Range, Setting } from './config.ts';

/** libxl's words for HVM_PARAM_TIMER_MODE and for the TSC modes, by their numbers. */
export const TIMER_MODES = [
  'delay_for_missed_ticks',
  'no_delay_for_missed_ticks',
  'no_missed_ticks_pending',
  'one_missed_tick_pending',
] as const;
export const TSC_MODES = ['default', 'always_emulate', 'native', 'native_paravirt'] as const;

const A_DAY = 86_400;
const YES_OR_NO: Range = { from: 0, to: 1, example: 1 };
const SECONDS: Range = { from: -0x7fffffff, to: 0x7fffffff, example: 3600 };

/** How the guest's time goes. */
export interface Timing {
  readonly timerMode?: number;
  readonly tscMode?: number;
  readonly timeOffsetSeconds?: number;
}

/**
 * Reads timer_mode, tsc_mode, localtime and rtc_timeoffset. The TSC has one constant rate whatever the mode, which is
 * what each of them promises but native_paravirt, which Xen itself does not have any more; CPUID tells the guest.
 */
export function timing(config: Config, nowMs: number): Timing {
  const tsc = mode(config, 'tsc_mode', TSC_MODES);
  const setting = config.get('tsc_mode');
  if (setting !== undefined && tsc === TSC_MODES.indexOf('native_paravirt')) {
    throw config.wrong(setting, 'XL_CONFIG_VALUE', 'default, always_emulate or native: Xen has no PVRDTSCP any more');
  }
  const timerMode = mode(config, 'timer_mode', TIMER_MODES);
  const local = config.number('localtime', '0 or 1', YES_OR_NO) === 1;
  const given = config.number('rtc_timeoffset', 'seconds', SECONDS) ?? 0;
  const offset = given + (local ? localOffsetSeconds(nowMs) : 0);
  return {
    ...(timerMode === undefined ? {} : { timerMode }),
    ...(tsc === undefined || tsc === 0 ? {} : { tscMode: tsc }),
    ...(offset === 0 ? {} : { timeOffsetSeconds: offset }),
  };
}

/** A word, or the number it stands for in old files. */
function mode(config: Config, name: string, words: readonly string[]): number | undefined {
  const setting = config.get(name);
  if (setting === undefined) return undefined;
  const text = setting.value.kind === 'string' ? setting.value.text : undefined;
  const number = text !== undefined && /^[0-9]$/.test(text) ? Number(text) : words.indexOf(text ?? '');
  if (number >= 0 && number < words.length) return number;
  throw wrongWord(config, setting, words);
}

function wrongWord(config: Config, setting: Setting, words: readonly string[]): Error {
  const expected = `one of ${words.join(' ')}, for example ${setting.name} = "${words[0]}"`;
  return config.wrong(setting, 'XL_CONFIG_VALUE', expected);
}

/** How far this host's wall clock is ahead of UTC now. */
function localOffsetSeconds(nowMs: number): number {
  return (-new Date(nowMs).getTimezoneOffset() * 60) % A_DAY;
}
