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

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
