/** The part of a page's code that a region is made of: blocks of records, and how control flows between them. */
import type { Handler, HandlerTable } from '../interpreter/handlers.ts';
import * as record from '../interpreter/record.ts';
import type { RegionInstruction } from './region-operands.ts';

/** Most instructions of a region, and of a block. */
const REGION_LIMIT = 400;
const BLOCK_LIMIT = 48;

export interface Block {
  /** Offset of its first instruction in the page. */
  readonly offset: number;
  readonly instructions: RegionInstruction[];
  /** Where control goes on: offsets in the page (up to 4096, the next page), -1 where it does not. */
  next: number;
  taken: number;
}

/** How records of one page are found. */
export interface PageCode {
  /** The record of the instruction at an offset, 0 where none was decoded. */
  find(offset: number): number;
  /** The record to read for a record that was replaced by a region's entry. */
  original(pc: number): number;
}

/**
 * The blocks that can be reached from `entry` (an offset) by direct jumps within the page, as far as their code was
 * decoded, which is where control has been. The entry's block comes first; undefined where nothing can be translated.
 */
export function flowGraph(entry: number, code: PageCode, view: DataView, table: HandlerTable): Block[] | undefined {
  const scan = new Scan(code, view, table);
  scan.reach(entry);
  const blocks = scan.blocks(entry);
  const first = blocks.get(entry);
  if (first === undefined || first.instructions.length === 0) return undefined;
  return [first, ...[...blocks.values()].filter((block) => block !== first && block.instructions.length > 0)];
}

class Scan {
  readonly #code: PageCode;
  readonly #view: DataView;
  readonly #table: HandlerTable;
  readonly #instructions = new Map<number, RegionInstruction>();
  readonly #leaders = new Set<number>();

  constructor(code: PageCode, view: DataView, table: HandlerTable) {
    this.#code = code;
    this.#view = view;
    this.#table = table;
  }

  /** Finds all instructions and where blocks begin. */
  reach(entry: number): void {
    const queue = [entry];
    this.#leaders.add(entry);
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      for (let offset = at; ; ) {
        const here = this.#instruction(offset);
        if (here === undefined || this.#instructions.size >= REGION_LIMIT) break;
        this.#instructions.set(offset, here);
        const { next, taken } = this.#successors(here);
        if (taken >= 0 && taken < 4096) this.#lead(taken, queue);
        if (next < 0 || this.#instructions.has(next)) {
          if (next >= 0) this.#leaders.add(next);
          break;
        }
        if (taken >= 0) {
          this.#lead(next, queue);
          break;
        }
        offset = next;
      }
    }
  }

  /** The blocks, by offset. */
  blocks(entry: number): Map<number, Block> {
    const blocks = new Map<number, Block>();
    const queue = [entry];
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      if (blocks.has(at)) continue;
      const block: Block = { offset: at, instructions: [], next: -1, taken: -1 };
      blocks.set(at, block);
      this.#fill(block);
      for (const target of [block.taken, block.next]) {
        if (target >= 0 && this.#instructions.has(target)) queue.push(target);
      }
    }
    return blocks;
  }

  #fill(block: Block): void {
    for (let offset = block.offset; ; ) {
      const here = this.#instructions.get(offset);
      const isFull = block.instructions.length >= BLOCK_LIMIT;
      const isNext = offset !== block.offset && (this.#leaders.has(offset) || isFull);
      if (here === undefined || isNext) {
        block.next = offset;
        return;
      }
      block.instructions.push(here);
      const { next, taken } = this.#successors(here);
      if (taken >= 0 || next < 0) {
        block.next = next;
        block.taken = taken;
        return;
      }
      offset = next;
    }
  }

  #lead(offset: number, queue: number[]): void {
    if (this.#leaders.has(offset)) return;
    this.#leaders.add(offset);
    queue.push(offset);
  }

  // An instruction that can be translated; undefined for anything else.
  #instruction(offset: number): RegionInstruction | undefined {
    if (offset >= 4096) return undefined;
    const known = this.#instructions.get(offset);
    if (known !== undefined) return known;
    const found = this.#code.find(offset);
    if (found === 0) return undefined;
    const pc = this.#code.original(found);
    const handler = this.#table.ofRecord(this.#view.getUint16(pc + record.RECORD_HANDLER, true));
    if (handler === undefined || handler.instruction.shadow) return undefined;
    const place = this.#view.getUint16(pc + record.RECORD_PLACE, true);
    if ((place & 0xfff) + (place >>> 12) > 4096) return undefined;
    return { pc, handler, offset: place & 0xfff, length: place >>> 12 };
  }

  // Calls leave the region: what they reach is a region of its own.
  #successors({ pc, handler, offset, length }: RegionInstruction): { next: number; taken: number } {
    const target = relativeTarget(handler, this.#view, pc);
    const { mnemonic, ends } = handler.instruction;
    const taken = target === undefined || mnemonic === 'CALL' ? -1 : target;
    return {
      next: ends ? -1 : offset + length,
      taken: taken >= 0 && taken < 4096 ? taken : taken === -1 ? -1 : OUTSIDE,
    };
  }
}

/** A jump out of the page. */
export const OUTSIDE = 1 << 20;

/** Where a direct jump of 64-bit code goes, relative to its page; undefined for other instructions. */
export function relativeTarget(handler: Handler, view: DataView, pc: number): number | undefined {
  if (!handler.operands.some(({ type }) => type === 'relative')) return undefined;
  return view.getInt32(pc + record.RECORD_DISPLACEMENT, true);
}
