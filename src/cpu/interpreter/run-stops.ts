/**
 * Ends a run of records at an instruction that is not its end: for a while its record says HANDLER_LEAVE, at which the
 * budget and OFFSET_STOP are looked at. Exact budgets and intercepts that ask to leave need it.
 */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import type { CodeCache } from './code-cache.ts';
import * as record from './record.ts';
import type { RecordWriter } from './record-writer.ts';

export class RunStops {
  readonly #view: DataView;
  readonly #code: CodeCache;
  readonly #writer: RecordWriter;
  /** Records and the handlers they had, in the order in which they were changed. */
  readonly #changed: number[] = [];
  /** What the cache counted when the first was changed: dropped code must stay dropped. */
  #invalidations = 0;

  constructor(memory: MachineMemory, code: CodeCache, writer: RecordWriter) {
    this.#view = memory.view;
    this.#code = code;
    this.#writer = writer;
  }

  /** The straight run at `pc` ends before its instruction number `count`, if it does not before. */
  limit(pc: number, count: number): void {
    for (let left = count, at = pc; ; left--, at += record.RECORD_SIZE) {
      const handler = this.#handler(at);
      if (isEnd(handler) || (left > 0 && handler === record.HANDLER_RAISE)) return;
      if (left > 0) continue;
      this.#change(at, record.HANDLER_LEAVE);
      this.#separate(at - record.RECORD_SIZE);
      return;
    }
  }

  /** The run that executes the record at `pc` ends after it. */
  after(pc: number): void {
    const next = pc + record.RECORD_SIZE;
    if (!isEnd(this.#handler(next))) this.#change(next, record.HANDLER_LEAVE);
  }

  /** Undoes what was done. Records of a page that was dropped meanwhile stay HANDLER_LEAVE, which is always right. */
  restore(): void {
    const changed = this.#changed;
    if (changed.length === 0) return;
    const isCurrent = this.#code.invalidations === this.#invalidations;
    for (let i = changed.length - 2; i >= 0 && isCurrent; i -= 2) {
      this.#view.setUint16((changed[i] as number) + record.RECORD_HANDLER, changed[i + 1] as number, true);
    }
    changed.length = 0;
  }

  // A pair would execute the instruction that must not be.
  #separate(pc: number): void {
    const handler = this.#handler(pc);
    const first = this.#writer.firstOf(handler);
    if (first !== handler) this.#change(pc, first);
  }

  #change(pc: number, handler: number): void {
    if (this.#changed.length === 0) this.#invalidations = this.#code.invalidations;
    this.#changed.push(pc, this.#handler(pc));
    this.#view.setUint16(pc + record.RECORD_HANDLER, handler, true);
  }

  #handler(pc: number): number {
    return this.#view.getUint16(pc + record.RECORD_HANDLER, true);
  }
}

/** The run ends here by itself, at an instruction's boundary, and looks at the budget. */
function isEnd(handler: number): boolean {
  return handler <= record.HANDLER_STOP;
}
