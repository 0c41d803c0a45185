import type { Domid } from '../../abi/xen.ts';
import { XenolithError } from '../../lib/errors.ts';
import { TRACE_CLASSES, TRACE_FORMATS, type TraceClass, type TraceFormat, type TraceOptions } from './services.ts';

const MIB = 1 << 20;
const DEFAULT_MIB = 32;
const MOST_MIB = 256;
/** What is in a trace that nobody chose the contents of: everything but each change of a p2m entry. */
const DEFAULT_CLASSES: readonly TraceClass[] = TRACE_CLASSES.filter((name) => name !== 'memory');

/** What a command's options say of a trace, as they were written. */
export interface TraceWords {
  /** The command's name, for its complaints. */
  readonly command: string;
  readonly format?: string | undefined;
  readonly events?: string | undefined;
  readonly mib?: string | undefined;
  readonly cpus?: string | undefined;
  /** The file that it goes to, whose ending may tell the format. */
  readonly path?: string | undefined;
  readonly domains?: readonly Domid[] | undefined;
}

/** @throws XenolithError where an option is none of those there are */
export function traceOptions(words: TraceWords): TraceOptions {
  const { command, path, domains } = words;
  const format = formatOf(words);
  if (format === 'xentrace' && path === undefined) {
    throw usage(`${command}: --format=xentrace is not text: expected a file for it, as --output=FILE`);
  }
  const events = classesOf(words);
  return {
    format,
    // Whose a record is xenalyze knows by who is scheduled.
    events: format === 'xentrace' && !events.includes('sched') ? [...events, 'sched'] : events,
    domains,
    cpus: words.cpus === undefined ? undefined : maskOf(words.cpus, command),
    bufferBytes: mibOf(words) * MIB,
    follow: path === undefined,
  };
}

function formatOf({ command, format, path }: TraceWords): TraceFormat {
  if (format !== undefined) {
    const known = TRACE_FORMATS.find((name) => name === format);
    if (known !== undefined) return known;
    throw usage(`${command}: --format=${format}: expected ${TRACE_FORMATS.join(', ')}`);
  }
  if (path === undefined || path.endsWith('.jsonl')) return 'jsonl';
  return path.endsWith('.json') ? 'chrome' : 'xentrace';
}

function classesOf({ command, events }: TraceWords): readonly TraceClass[] {
  if (events === undefined) return DEFAULT_CLASSES;
  if (events === 'all') return TRACE_CLASSES;
  return events.split(',').map((word) => {
    const known = TRACE_CLASSES.find((name) => name === word);
    if (known !== undefined) return known;
    throw usage(`${command}: --events=${events}: ${word}: expected all, or some of ${TRACE_CLASSES.join(',')}`);
  });
}

function maskOf(cpus: string, command: string): number {
  const mask = /^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/.test(cpus) ? numbersIn(cpus) : 0;
  if (mask !== 0) return mask;
  throw usage(`${command}: --cpus=${cpus}: expected numbers of CPUs, for example --cpus=0,2-3`);
}

function numbersIn(cpus: string): number {
  let mask = 0;
  for (const range of cpus.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let cpu = first; cpu <= Math.min(last, 31); cpu++) mask |= 1 << cpu;
  }
  return mask;
}

function mibOf({ command, mib }: TraceWords): number {
  if (mib === undefined) return DEFAULT_MIB;
  const number = /^[0-9]+$/.test(mib) ? Number(mib) : 0;
  if (number >= 1 && number <= MOST_MIB) return number;
  throw usage(`${command}: --buffer=${mib}: expected MiB, from 1 to ${MOST_MIB}`);
}

function usage(message: string): XenolithError {
  return new XenolithError('XL_USAGE', message);
}
