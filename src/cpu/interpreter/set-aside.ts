/**
 * Code of a page that one of its frames has no longer, while a vCPU that may be executing it is inside generated code:
 * its records say HANDLER_LEAVE until that is over, and are what they were after it. Whoever boots the same kernel next
 * finds the page as it was before the kernel changed itself.
 */
import type { MachineMemory } from '../mmu/machine-memory.ts';
import type { CodePage } from './code-pages.ts';
import * as record from './record.ts';
import type { RecordWriter } from './record-writer.ts';

export class SetAside {
  readonly page: CodePage;
  readonly #view: DataView;
  readonly #handlers: number[] = [];
  /** Its runs, as they were: more may come meanwhile. */
  readonly #runs: readonly number[];

  constructor(page: CodePage, memory: MachineMemory, writer: RecordWriter) {
    this.page = page;
    this.#view = memory.view;
    this.#runs = [...page.runs];
    this.#forEachRecord((pc) => this.#handlers.push(this.#view.getUint16(pc + record.RECORD_HANDLER, true)));
    for (let i = 0; i < this.#runs.length; i += 2) writer.retire(this.#runs[i] as number, this.#runs[i + 1] as number);
  }

  restore(): void {
    this.#forEachRecord((pc, index) => {
      const now = this.#view.getUint16(pc + record.RECORD_HANDLER, true);
      const before = this.#handlers[index] as number;
      // One that a region was taken from meanwhile has its own handler again.
      const isRetired = now === record.HANDLER_LEAVE || before === record.HANDLER_GOTO;
      if (isRetired) this.#view.setUint16(pc + record.RECORD_HANDLER, before, true);
    });
  }

  #forEachRecord(visit: (pc: number, index: number) => void): void {
    let index = 0;
    for (let i = 0; i < this.#runs.length; i += 2) {
      const end = this.#runs[i + 1] as number;
      for (let pc = this.#runs[i] as number; pc < end; pc += record.RECORD_SIZE) visit(pc, index++);
    }
  }
}
