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
/** As many as a CpuMask has. */
const MOST_CPUS = 30;
const RING_BYTES = { from: 1 << 12, to: 1 << 26 } as const;

/** Options of Xen's that ask for something there is nothing of here, and why. */
const IDLE: Readonly<Record<string, string>> = {
  dom0_mem: 'Domain-0 is the host itself, and has none of its memory; xl host start --memory is for guests',
  dom0_max_vcpus: 'Domain-0 is the host itself, and runs on none of its processors',
  dom0_vcpus_pin: 'Domain-0 is the host itself, and runs on none of its processors',
  dom0: 'Domain-0 is the host itself',
  com1: 'there is no serial line; XENOLITH_LOG has the console',
  console: 'the console is where XENOLITH_LOG says, and in xl dmesg',
  loglvl: 'all that Xen says is kept',
  guest_loglvl: 'all that Xen says is kept',
  flask: 'there is no security module',
  iommu: 'there are no devices to give away',
  smt: 'a processor has one thread',
};

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
        limits = { ...limits, maxGrantFrames: count(word, value, 'frames', MOST_FRAMES) };
        break;
      case 'gnttab_max_maptrack_frames':
        limits = { ...limits, maxMaptrackFrames: count(word, value, 'frames', MOST_FRAMES) };
        break;
      case 'maxcpus':
        limits = { ...limits, cpus: count(word, value, 'processors', MOST_CPUS) };
        break;
      case 'conring_size':
        limits = { ...limits, consoleRingBytes: ringBytes(word, value) };
        break;
      default:
        throw unknown(word, name);
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

function count(word: string, value: string, what: string, most: number): number {
  const number = /^(0x[0-9a-f]+|[0-9]+)$/i.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= most) return number;
  throw wrong(word, `expected a count of ${what} from 1 to ${most}`);
}

/** A size is in KiB where no B, K, M or G says otherwise; Xen takes the power of two that has room for it. */
function ringBytes(word: string, value: string): number {
  const [, digits = '', unit = 'k'] = /^([0-9]+)([bkmg]?)$/i.exec(value) ?? [];
  const bytes = Number(digits) * 1024 ** 'bkmg'.indexOf((unit || 'k').toLowerCase());
  const power = 2 ** Math.ceil(Math.log2(bytes));
  if (power >= RING_BYTES.from && power <= RING_BYTES.to) return power;
  throw wrong(word, 'expected a size from 4k to 64m');
}

function unknown(word: string, name: string): XenolithError {
  const why = Object.hasOwn(IDLE, name) ? `has no effect here: ${IDLE[name]}: ` : '';
  return wrong(word, `${why}expected ${KNOWN.join(', ')}`);
}

const KNOWN = ['hvm_fep', 'sched', 'maxcpus', 'gnttab_max_frames', 'gnttab_max_maptrack_frames', 'conring_size'];

function wrong(word: string, expected: string): XenolithError {
  return new XenolithError('XEN_COMMAND_LINE', `Xen's command line: ${word}: ${expected}, ${EXAMPLE}`);
}
