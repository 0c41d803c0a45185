import { MARKER } from './guests/initramfs.ts';
import type { ProcessMemory } from '../host/node/memory.ts';
import type { Machine } from './machine.ts';
import type { Timeline } from './timeline.ts';

/** What XENOLITH_STATS=FILE gets when the machine stops, as JSON. README.md says what the fields mean. */
export function statistics(machine: Machine, timeline: Timeline, memory: ProcessMemory): string {
  const { observations } = machine;
  const counts = observations?.engine.counts;
  timeline.set('first guest instruction', counts?.firstRunMs);
  const report = {
    instructions: counts?.instructions,
    seconds: counts === undefined ? undefined : round(counts.runningMs) / 1000,
    exits: counts?.exits,
    hypercalls: sorted(observations?.hypercalls.guests),
    dom0Hypercalls: sorted(observations?.hypercalls.dom0),
    tlbFlushes: counts?.tlbFlushes,
    memoryWritten: counts?.memoryWritten,
    timelineMs: timeline.marks,
    memoryMiB: Object.fromEntries(Object.entries(memory).map(([what, bytes]) => [what, round(bytes / MIB)])),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

const MIB = 1024 * 1024;

/** Most first. */
function sorted(counts: Readonly<Record<string, number>> | undefined): Record<string, number> | undefined {
  return counts && Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Marks the guest's first output, and its first line from user space. */
export class OutputWatch {
  readonly #timeline: Timeline;
  #text = '';

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  readonly output = (bytes: Uint8Array): void => {
    this.#timeline.mark('first output');
    this.#text = (this.#text + Buffer.from(bytes).toString('latin1')).slice(-TAIL);
    if (this.#text.includes(MARKER)) this.#timeline.mark('/init');
  };
}

/** Of the output so far: more than the marker's length, and than what the console daemon hands over at once. */
const TAIL = 8192;
