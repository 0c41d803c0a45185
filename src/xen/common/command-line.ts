import {
  XEN_SCHEDULER_CREDIT,
  XEN_SCHEDULER_CREDIT2,
  XEN_SCHEDULER_NULL,
  XEN_SCHEDULER_RTDS,
} from '../../abi/domctl-sched.ts';
import { XenolithError } from '../../lib/errors.ts';
import type { Limits } from './hypervisor.ts';

/** What Xen was told as it was booted (docs/misc/xen-command-line.pandoc). */
export interface CommandLine {
  /** As it was written: XENVER_commandline. */
  readonly text: string;
  /** Guests may use the forced emulation prefix. */
  readonly hvmFep: boolean;
  readonly limits: Partial<Limits>;
}

const EXAMPLE = 'for example hvm_fep sched=credit';
const SCHEDULERS: Readonly<Record<string, number>> = {
  credit: XEN_SCHEDULER_CREDIT,
  credit2: XEN_SCHEDULER_CREDIT2,
  rtds: XEN_SCHEDULER_RTDS,
  null: XEN_SCHEDULER_NULL,
};
const TRUE: ReadonlySet<string> = new Set(['', '1', 'yes', 'on', 'true', 'enable']);
const FALSE: ReadonlySet<string> = new Set(['0', 'no', 'off', 'false', 'disable']);
const MOST_FRAMES = 1 << 16;

/**
 * Reads Xen's command line: words with their names and values as real Xen's have them. The last of a name counts.
 *
 * @throws XenolithError XEN_COMMAND_LINE for a name we have not, where Xen would say nothing, and for a bad value
 */
export function parseCommandLine(text: string): CommandLine {
  const words = text.split(/\s+/).filter((word) => word !== '');
  let hvmFep = false;
  let limits: Partial<Limits> = {};
  for (const word of words) {
    const [name = '', value = ''] = word.split(/=(.*)/s, 2);
    switch (name) {
      case 'hvm_fep':
      case 'no-hvm_fep':
        hvmFep = boolean(word, value) === (name === 'hvm_fep');
        break;
      case 'sched':
        limits = { ...limits, scheduler: scheduler(word, value) };
        break;
      case 'gnttab_max_frames':
        limits = { ...limits, maxGrantFrames: frames(word, value) };
        break;
      case 'gnttab_max_maptrack_frames':
        limits = { ...limits, maxMaptrackFrames: frames(word, value) };
        break;
      default:
        throw wrong(word, 'expected hvm_fep, sched, gnttab_max_frames or gnttab_max_maptrack_frames');
    }
  }
  return { text: words.join(' '), hvmFep, limits };
}

function boolean(word: string, value: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw wrong(word, 'expected a boolean: 1 or 0, yes or no, on or off, true or false');
}

function scheduler(word: string, value: string): number {
  const known = Object.hasOwn(SCHEDULERS, value) ? SCHEDULERS[value] : undefined;
  if (known === undefined) throw wrong(word, `expected a scheduler: ${Object.keys(SCHEDULERS).join(', ')}`);
  return known;
}

function frames(word: string, value: string): number {
  const count = /^(0x[0-9a-f]+|[0-9]+)$/i.test(value) ? Number(value) : 0;
  if (count >= 1 && count <= MOST_FRAMES) return count;
  throw wrong(word, `expected a count of frames from 1 to ${MOST_FRAMES}`);
}

function wrong(word: string, expected: string): XenolithError {
  return new XenolithError('XEN_COMMAND_LINE', `Xen's command line: ${word}: ${expected}, ${EXAMPLE}`);
}
