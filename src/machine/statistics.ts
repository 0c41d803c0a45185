import { MARKER } from './guests/initramfs.ts';
import type { Machine } from './machine.ts';

/** When things happened, in ms since the process began. */
export class Timeline {
  readonly #nowMs: () => number;
  readonly #marks: Record<string, number> = {};

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Marks now; the first time counts. */
  mark(what: string): void {
    this.#marks[what] ??= round(this.#nowMs());
  }

  /** Marks another moment. */
  set(what: string, atMs: number | undefined): void {
    if (atMs !== undefined) this.#marks[what] ??= round(atMs);
  }

  /** In the order of their happening. */
  get marks(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#marks).sort(([, a], [, b]) => a - b));
  }
}

/** What XENOLITH_STATS=FILE gets when the machine stops, as JSON. README.md says what the fields mean. */
export function statistics(machine: Machine, timeline: Timeline, rssBytes: number): string {
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
    rssMiB: round(rssBytes / 1024 / 1024),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

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
