/**
 * The code that a region is made of: blocks of records, and how control flows between them. A block is in a context:
 * the entry's, or that of a call that the region follows. A function that is called from two places is there twice, so
 * that each of its returns has one place to go to.
 */
import type { Handler, HandlerTable } from '../interpreter/handlers.ts';
import * as record from '../interpreter/record.ts';
import { type Block, contextOf, keyOf, NOWHERE, offsetOf } from './block.ts';
import type { RegionInstruction } from './region-operands.ts';
import { seenTarget } from './seen-calls.ts';
import { unrolled } from './unroll.ts';

/** Most instructions of a region, of a block, and of a function that is called (what it calls in turn not counted). */
const REGION_LIMIT = 600;
const BLOCK_LIMIT = 48;
const CALLEE_LIMIT = 80;
/** A branch that was taken less often than this, when its region is made, leaves it. */
const COLD = 16;
/** One that was taken so often may be unrolled. */
const HOT = 2048;
/** Calls within calls that are followed. */
const DEPTH_LIMIT = 4;
/** Most pages of a region: with what crosses from one to the next there are fewer than 32 places to ask about. */
const PAGE_LIMIT = 15;

/** How records are found. Offsets are from the page of the region's entry on, and negative before it. */
export interface RegionCode {
  /** The record of the instruction at an offset, 0 where none is known. */
  find(offset: number): number;
  /** Machine frame of a byte of an instruction that was found. */
  frame(offset: number): number;
  /** The record to read for a record that was replaced by a region's entry. */
  original(pc: number): number;
  /** The interpreter has counted how often branches were taken. */
  readonly isCounted: boolean;
  /** What is called is made part of the region. */
  readonly followsCalls: boolean;
}

/**
 * The blocks that can be reached from `entry` (an offset in its page) by direct jumps and calls, as far as their code was
 * decoded, which is where control has been. The entry's block comes first; undefined where nothing can be translated.
 */
export function flowGraph(
  entry: number,
  code: RegionCode,
  view: DataView,
  table: HandlerTable,
): readonly Block[] | undefined {
  const scan = new Scan(code, view, table);
  scan.reach(entry);
  const blocks = scan.blocks(keyOf(0, entry));
  const first = blocks.get(keyOf(0, entry));
  if (first === undefined || first.instructions.length === 0) return undefined;
  const all = [first, ...[...blocks.values()].filter((block) => block !== first && block.instructions.length > 0)];
  return unrolled(all, scan.contexts, (block) => scan.isHot(block));
}

/** Where the page of an offset starts. */
export function pageOf(offset: number): number {
  return Math.floor(offset / 4096) * 4096;
}

/** What must be mapped as it was for a block to be right: a number for its page, or for the two of its instruction. */
export function placeOf({ offset, instructions: [first] }: Block): number {
  const isCrossing = first !== undefined && first.frame !== first.last;
  return pageOf(offset) + (isCrossing ? 1 : 0);
}

/** After MOV SS too interrupts and traps wait for an instruction; STI alone is done in regions. */
function holdsOff({ instruction }: Handler): boolean {
  return instruction.shadow === true && instruction.mnemonic !== 'STI';
}

/** Where a direct jump goes, relative to its page; undefined for other instructions. */
export function relativeTarget(handler: Handler, view: DataView, pc: number): number | undefined {
  if (!handler.operands.some(({ type }) => type === 'relative')) return undefined;
  return view.getInt32(pc + record.RECORD_DISPLACEMENT, true);
}

interface Context {
  readonly number: number;
  /** Key of what comes after the call. */
  readonly returns: number;
  readonly depth: number;
}

class Scan {
  readonly #code: RegionCode;
  readonly #view: DataView;
  readonly #table: HandlerTable;
  readonly #found = new Map<number, RegionInstruction | undefined>();
  readonly #contexts: Context[] = [{ number: 0, returns: NOWHERE, depth: 0 }];
  /** By key. Calls: the context of what they call. */
  readonly #instructions = new Map<number, RegionInstruction>();
  readonly #callees = new Map<number, Context>();
  readonly #leaders = new Set<number>();
  readonly #queue: number[] = [];
  readonly #pages = new Set<number>();

  constructor(code: RegionCode, view: DataView, table: HandlerTable) {
    this.#code = code;
    this.#view = view;
    this.#table = table;
  }

  /** How many contexts there are: their numbers are below that. */
  get contexts(): number {
    return this.#contexts.length;
  }

  /** Whether the branch at a block's end was taken often, for code that is made part of a region at twice that. */
  isHot({ instructions }: Block): boolean {
    const { pc } = instructions.at(-1) as RegionInstruction;
    return !this.#code.isCounted || this.#view.getUint32(pc + record.RECORD_TAKEN, true) >= HOT;
  }

  /** Finds all instructions and where blocks begin. */
  reach(entry: number): void {
    this.#lead(keyOf(0, entry));
    for (let at = 0; at < this.#queue.length; at++) {
      for (let key = this.#queue[at] as number; ; ) {
        const here = this.#instruction(offsetOf(key));
        const isKnown = this.#instructions.has(key);
        if (here === undefined || isKnown || this.#instructions.size >= REGION_LIMIT) break;
        this.#instructions.set(key, here);
        this.#follow(here, key);
        const { next, taken, returns } = this.#successors(here, key);
        if (taken !== NOWHERE && !this.#isCold(here)) this.#lead(taken);
        if (returns !== NOWHERE) this.#lead(returns);
        if (next === NOWHERE) break;
        if (taken !== NOWHERE || this.#instructions.has(next) || !this.#isBeside(here, offsetOf(next))) {
          this.#lead(next);
          break;
        }
        key = next;
      }
    }
  }

  /** The blocks, by key. */
  blocks(entry: number): Map<number, Block> {
    const blocks = new Map<number, Block>();
    const queue = [entry];
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      if (blocks.has(key)) continue;
      const offset = offsetOf(key);
      const ways = { next: NOWHERE, taken: NOWHERE, returns: NOWHERE };
      const block: Block = { key, offset, instructions: [], ...ways, isLoop: false };
      blocks.set(key, block);
      this.#fill(block);
      for (const target of [block.returns, block.taken, block.next]) {
        if (this.#instructions.has(target)) queue.push(target);
      }
    }
    return blocks;
  }

  #fill(block: Block): void {
    for (let { key } = block; ; ) {
      const here = this.#instructions.get(key);
      const isFull = block.instructions.length >= BLOCK_LIMIT;
      const isNext = key !== block.key && (this.#leaders.has(key) || isFull);
      if (here === undefined || isNext) {
        block.next = key;
        return;
      }
      block.instructions.push(here);
      const { next, taken, returns } = this.#successors(here, key);
      if (taken !== NOWHERE || next === NOWHERE) {
        block.next = next;
        block.taken = taken;
        block.returns = returns;
        return;
      }
      key = next;
    }
  }

  // In one page, both of them whole.
  #isBeside({ page, frame, last }: RegionInstruction, next: number): boolean {
    const then = this.#instruction(next);
    return pageOf(next) === page && frame === last && then?.frame === then?.last;
  }

  #lead(key: number): void {
    if (this.#leaders.has(key)) return;
    this.#leaders.add(key);
    this.#queue.push(key);
  }

  // An instruction that can be translated; undefined for anything else.
  #instruction(offset: number): RegionInstruction | undefined {
    if (this.#found.has(offset)) return this.#found.get(offset);
    const instruction = this.#read(offset);
    this.#found.set(offset, instruction);
    return instruction;
  }

  #read(offset: number): RegionInstruction | undefined {
    const page = pageOf(offset);
    if (!this.#pages.has(page) && this.#pages.size === PAGE_LIMIT) return undefined;
    const entry = this.#code.find(offset);
    if (entry === 0) return undefined;
    const pc = this.#code.original(entry);
    const handler = this.#table.ofRecord(this.#view.getUint16(pc + record.RECORD_HANDLER, true));
    if (handler === undefined || holdsOff(handler)) return undefined;
    const length = this.#view.getUint16(pc + record.RECORD_PLACE, true) >>> 12;
    this.#pages.add(page);
    const [frame, last] = [this.#code.frame(offset), this.#code.frame(offset + length - 1)];
    return { pc, entry, handler, offset, length, page, frame, last };
  }

  // A branch within its page that was hardly ever taken: the interpreter links those that are, and counts.
  #isCold({ pc, handler }: RegionInstruction): boolean {
    if (!this.#code.isCounted || handler.instruction.ends) return false;
    const target = relativeTarget(handler, this.#view, pc) as number;
    if (target < 0 || target >= 4096) return false;
    return this.#view.getUint32(pc + record.RECORD_TAKEN, true) < COLD;
  }

  // Makes the context of a call, if what it calls is small enough to be worth a copy of its own.
  #follow(call: RegionInstruction, key: number): void {
    if (!this.#code.followsCalls || call.handler.instruction.mnemonic !== 'CALL' || this.#callees.has(key)) return;
    const target = this.#target(call) ?? seenTarget(call, this.#view);
    const { depth } = this.#contextOf(key);
    if (target === undefined || depth === DEPTH_LIMIT) return;
    const size = this.#sizeOf(target);
    if (size === 0 || this.#instructions.size + size > REGION_LIMIT) return;
    const returns = key + call.length;
    if (pageOf(offsetOf(returns)) !== call.page) return;
    const context = { number: this.#contexts.length, returns, depth: depth + 1 };
    this.#contexts.push(context);
    this.#callees.set(key, context);
  }

  // Instructions of a function that returns; 0 where there is none, or more than are worth it.
  #sizeOf(entry: number): number {
    const seen = new Set<number>();
    const queue = [entry];
    let returns = false;
    for (let offset = queue.pop(); offset !== undefined; offset = queue.pop()) {
      const here = seen.has(offset) ? undefined : this.#instruction(offset);
      if (here === undefined) continue;
      seen.add(offset);
      if (seen.size > CALLEE_LIMIT) return 0;
      const { mnemonic, ends } = here.handler.instruction;
      returns ||= mnemonic === 'RET';
      const target = this.#target(here);
      const isCall = mnemonic === 'CALL';
      if (target !== undefined && !isCall) queue.push(target);
      if (!ends || isCall) queue.push(offset + here.length);
    }
    return returns ? seen.size : 0;
  }

  #successors(instruction: RegionInstruction, key: number): { next: number; taken: number; returns: number } {
    const { handler, length } = instruction;
    const { mnemonic, ends } = handler.instruction;
    const callee = this.#callees.get(key);
    const target = this.#target(instruction) ?? (callee && seenTarget(instruction, this.#view));
    const next = ends ? NOWHERE : key + length;
    if (mnemonic === 'RET') return { next, taken: NOWHERE, returns: this.#contextOf(key).returns };
    if (target === undefined) return { next, taken: NOWHERE, returns: NOWHERE };
    if (mnemonic !== 'CALL') return { next, taken: keyOf(contextOf(key), target), returns: NOWHERE };
    return { next, taken: callee === undefined ? NOWHERE : keyOf(callee.number, target), returns: NOWHERE };
  }

  #target({ handler, pc, page }: RegionInstruction): number | undefined {
    const target = relativeTarget(handler, this.#view, pc);
    return target === undefined ? undefined : page + target;
  }

  #contextOf(key: number): Context {
    return this.#contexts[contextOf(key)] as Context;
  }
}
