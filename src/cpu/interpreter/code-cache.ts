/**
 * Predecoded code of the whole machine, keyed by machine address and mode. Runs are contiguous records; a write to
 * bytes that were decoded turns all records of that page into HANDLER_LEAVE, so that whoever executes them, or is
 * linked to them, looks again. Space comes back only by throwing everything away (`reset`).
 */
import { type Decoder, DECODED, INCOMPLETE, TOO_LONG } from '../decode/decoder.ts';
import { FRAMES_WITH_CODE } from '../emit/nested-layout.ts';
import type { CodeWatch } from '../mmu/bus.ts';
import { EVENT_HAS_ERROR } from '../mmu/mmu.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { EXCEPTION_GP, EXCEPTION_NM, EXCEPTION_UD } from '../state.ts';
import type { FormEntry } from './handlers.ts';
import { CODE_HASH, CODE_HASH_ENTRIES, CODE_HASH_SIZE, RECORDS, RECORDS_END } from './layout.ts';
import { MODE_EM, MODE_MP, MODE_NO_SSE, MODE_STEP, MODE_TS } from '../mode.ts';
import * as record from './record.ts';
import type { RecordWriter } from './record-writer.ts';

/** Longest run; it bounds how much is decoded that may never execute. */
const RUN_LIMIT = 96;
/** A run of instructions that hold interrupts off is cut somewhere too. */
export const LONGEST_RUN = RUN_LIMIT + 16;
/** Longest stay in generated code: V8 only uses better code it has made of a loop when the loop is entered again. */
export const LONGEST_STAY = 50_000;
/** `reset` is asked for when less room than this is left. */
const LOW_RECORDS = 4096 * record.RECORD_SIZE;
const HASH_LIMIT = CODE_HASH_ENTRIES * 0.6;

interface CodePage {
  /** First and past-the-last record of each run that has an instruction in this page. */
  readonly runs: number[];
  /** One bit for each 64 bytes that were decoded. */
  granulesLo: number;
  granulesHi: number;
}

/** What the cache needs from each vCPU. */
export interface CodeUser {
  /** Forget indirect jump targets. */
  flushJumps(): void;
  /** Forget fast write translations of a frame. */
  protectFrame(mfn: number): void;
  /** Leave generated code at the next block boundary: `reset` is due. */
  stop(): void;
}

/** Whoever keeps code made from records: told when they are gone. */
export interface RecordUser {
  dropPage(mfn: number): void;
  reset(): void;
}

export class CodeCache implements CodeWatch {
  readonly #memory: MachineMemory;
  readonly #decoder: Decoder<FormEntry>;
  readonly #writer: RecordWriter;
  readonly #users = new Set<CodeUser>();
  readonly #pages = new Map<number, CodePage>();
  readonly #hasCode: Uint8Array;
  /** Instructions that cross pages: first page's address, then second page's frame and mode, to the record. */
  readonly #crossing = new Map<number, Map<number, number>>();
  readonly #crossingBytes = new Uint8Array(32);
  #next = RECORDS;
  #hashed = 0;
  recordUser: RecordUser | undefined;
  /** Pages that were dropped because they were written to. */
  invalidations = 0;

  constructor(memory: MachineMemory, decoder: Decoder<FormEntry>, writer: RecordWriter) {
    this.#memory = memory;
    this.#decoder = decoder;
    this.#writer = writer;
    this.#hasCode = memory.u8.subarray(FRAMES_WITH_CODE, FRAMES_WITH_CODE + memory.frames);
  }

  addUser(user: CodeUser): void {
    this.#users.add(user);
  }
  removeUser(user: CodeUser): void {
    this.#users.delete(user);
  }

  get isFull(): boolean {
    return this.#next > RECORDS_END - LOW_RECORDS || this.#hashed > HASH_LIMIT;
  }

  /** Throws all code away. No vCPU may be inside generated code. */
  reset(): void {
    this.#memory.u8.fill(0, CODE_HASH, CODE_HASH + CODE_HASH_SIZE);
    this.#next = RECORDS;
    this.#hashed = 0;
    this.#pages.clear();
    this.#crossing.clear();
    this.#hasCode.fill(0);
    this.recordUser?.reset();
    for (const user of this.#users) user.flushJumps();
  }

  holdsCode(mfn: number): boolean {
    return this.#hasCode[mfn] !== 0;
  }

  overlapsCode(address: number, length: number): boolean {
    const code = this.#pages.get(Math.floor(address / 4096));
    const first = address % 4096;
    return code !== undefined && overlaps(code, first >>> 6, (first + length - 1) >>> 6);
  }

  written(address: number, length: number): void {
    const end = address + length;
    for (let page = address - (address % 4096); page < end; page += 4096) {
      const mfn = page / 4096;
      if (this.#hasCode[mfn] === 0) continue;
      const code = this.#pages.get(mfn) as CodePage;
      const first = Math.max(address, page) - page;
      const last = Math.min(end, page + 4096) - page - 1;
      if (overlaps(code, first >>> 6, last >>> 6)) this.#drop(mfn, code);
    }
  }

  /** The record of the instruction at a machine address, or 0 if it goes on in the next page. */
  find(address: number, mode: number): number {
    const known = this.#lookUp(address, mode);
    return known !== 0 ? known : this.#decodeRun(address, mode);
  }

  /** The record of an instruction that starts in one page and ends in another frame. */
  findCrossing(address: number, secondPage: number, mode: number): number {
    const known = this.knownCrossing(address, secondPage, mode);
    if (known !== 0) return known;
    const first = 4096 - (address % 4096);
    this.#crossingBytes.set(this.#memory.u8.subarray(address, address + first));
    this.#crossingBytes.set(this.#memory.u8.subarray(secondPage, secondPage + 16), first);
    const start = this.#next;
    const length = this.#append(this.#crossingBytes, 0, first + 16, mode, address % 4096);
    if (length > 0) this.#end((address % 4096) + length, mode);
    this.#watch(address, first, start);
    this.#watch(secondPage, Math.max(length - first, 1), start);
    const bySecond = this.#crossing.get(address) ?? new Map<number, number>();
    bySecond.set(crossingKey(secondPage, mode), start);
    this.#crossing.set(address, bySecond);
    this.#checkRoom();
    return start;
  }

  /** The record of an instruction that was decoded, else 0. */
  known(address: number, mode: number): number {
    return this.#lookUp(address, mode);
  }

  /** The same of an instruction that ends in another frame. */
  knownCrossing(address: number, secondPage: number, mode: number): number {
    const known = this.#crossing.get(address)?.get(crossingKey(secondPage, mode)) ?? 0;
    return known !== 0 && this.#handlerAt(known) !== record.HANDLER_LEAVE ? known : 0;
  }

  /** A copy of a record of a frame, which executes its instruction and goes back to the next record. */
  copy(pc: number, mfn: number): number {
    const copy = this.#next;
    this.#writer.copy(pc, copy);
    this.#next += 2 * record.RECORD_SIZE;
    this.#pages.get(mfn)?.runs.push(copy, this.#next);
    this.#checkRoom();
    return copy;
  }

  /** The region is entered where the record `pc`, which was copied, is executed. */
  enterRegion(pc: number, copy: number, region: number): void {
    this.#writer.enterRegion(pc, copy, region);
  }

  /** The record `pc` is again what `copy` was made of. */
  leaveRegion(pc: number, copy: number): void {
    this.#writer.leaveRegion(pc, copy);
  }

  /** What runs looks up its RIP again, soon. */
  stopRuns(): void {
    for (const user of this.#users) user.stop();
  }

  #decodeRun(address: number, mode: number): number {
    const start = this.#next;
    const page = address - (address % 4096);
    const limit = (mode & MODE_STEP) !== 0 ? 1 : RUN_LIMIT;
    let at = address;
    let shadow = false;
    for (let count = 0; ; count++) {
      const mayEnd = count > 0 && (!shadow || count >= LONGEST_RUN);
      if (mayEnd && (count >= limit || this.#join(at, page, mode))) {
        if (count >= limit) this.#end(at - page, mode);
        break;
      }
      if (at === page + 4096) {
        this.#end(4096, mode);
        break;
      }
      const here = this.#next;
      const length = this.#append(this.#memory.u8, at, page + 4096, mode, at - page);
      if (length === INCOMPLETE_LENGTH) {
        if (count === 0) return 0;
        this.#end(at - page, mode);
        break;
      }
      this.#insert(at, mode, here);
      if (length === RAISES) break;
      at += length;
      const instruction = this.#decoder.result.candidate?.instruction;
      // What holds interrupts off must not be the end of a run: the instruction after it comes with it.
      const ends = instruction?.ends === true;
      if (ends || (shadow && !instruction?.shadow)) {
        this.#end(at - page, mode);
        break;
      }
      shadow = instruction?.shadow === true && (mode & MODE_STEP) === 0;
    }
    this.#watch(address, Math.min(at, page + 4096) - address || 1, start);
    this.#checkRoom();
    return start;
  }

  // Continues in a run that is there already.
  #join(at: number, page: number, mode: number): boolean {
    if (at === page + 4096) return false;
    const known = this.#lookUp(at, mode);
    if (known === 0) return false;
    this.#writer.pseudo(this.#next, record.HANDLER_GOTO, at - page, at - page, known);
    this.#next += record.RECORD_SIZE;
    return true;
  }

  #end(offset: number, mode: number): void {
    const handler = (mode & MODE_STEP) !== 0 ? record.HANDLER_STOP : record.HANDLER_END;
    this.#writer.pseudo(this.#next, handler, offset & 0xfff, offset, 0);
    this.#next += record.RECORD_SIZE;
  }

  // Decodes one instruction into the next record. Returns its length, RAISES, or INCOMPLETE_LENGTH.
  #append(bytes: Uint8Array, at: number, end: number, mode: number, offset: number): number {
    const status = this.#decoder.decode(bytes, at, end, mode);
    if (status === INCOMPLETE) return INCOMPLETE_LENGTH;
    let exception = -1;
    if (status === DECODED) exception = unitException(this.#decoder.result.candidate as FormEntry, mode);
    else exception = status === TOO_LONG ? EXCEPTION_GP : EXCEPTION_UD;
    if (exception < 0 && !this.#writer.write(this.#next, this.#decoder.result, mode, offset)) exception = EXCEPTION_UD;
    if (exception >= 0) {
      const event = (exception + 1) | (exception === EXCEPTION_GP ? EVENT_HAS_ERROR : 0);
      this.#writer.pseudo(this.#next, record.HANDLER_RAISE, offset, 0, event);
    }
    this.#next += record.RECORD_SIZE;
    return exception >= 0 ? RAISES : this.#decoder.result.length;
  }

  // From now on writes to these bytes are noticed.
  #watch(address: number, length: number, start: number): void {
    const mfn = Math.floor(address / 4096);
    let page = this.#pages.get(mfn);
    if (page === undefined) {
      page = { runs: [], granulesLo: 0, granulesHi: 0 };
      this.#pages.set(mfn, page);
      this.#hasCode[mfn] = 1;
      for (const user of this.#users) user.protectFrame(mfn);
    }
    page.runs.push(start, this.#next);
    const first = address % 4096;
    for (let granule = first >>> 6; granule <= (first + length - 1) >>> 6; granule++) {
      if (granule < 32) page.granulesLo |= 1 << granule;
      else page.granulesHi |= 1 << (granule - 32);
    }
  }

  #drop(mfn: number, page: CodePage): void {
    this.invalidations++;
    const { view } = this.#memory;
    for (let i = 0; i < page.runs.length; i += 2) {
      const end = page.runs[i + 1] as number;
      for (let pc = page.runs[i] as number; pc < end; pc += record.RECORD_SIZE) {
        // END and STOP go by their displacement, which stays right; the others look up their own RIP. The displacement
        // of GOTO may be past the page's end, where a RIP of its own is not.
        const handler = view.getUint16(pc, true);
        if (handler === record.HANDLER_GOTO) view.setUint16(pc, record.HANDLER_END, true);
        else if (handler !== record.HANDLER_END && handler !== record.HANDLER_STOP) {
          view.setUint16(pc, record.HANDLER_LEAVE, true);
        }
      }
    }
    this.#pages.delete(mfn);
    this.#hasCode[mfn] = 0;
    this.recordUser?.dropPage(mfn);
    for (const user of this.#users) user.flushJumps();
  }

  #handlerAt(pc: number): number {
    return this.#memory.view.getUint16(pc, true);
  }

  #lookUp(address: number, mode: number): number {
    const { u32 } = this.#memory;
    for (let slot = hash(address, mode); ; slot = (slot + 1) & (CODE_HASH_ENTRIES - 1)) {
      const at = CODE_HASH / 4 + slot * 4;
      const pc = u32[at + 2] as number;
      if (pc === 0) return 0;
      if (u32[at] === address && u32[at + 1] === mode) {
        return this.#handlerAt(pc) === record.HANDLER_LEAVE ? 0 : pc;
      }
    }
  }

  #insert(address: number, mode: number, pc: number): void {
    const { u32 } = this.#memory;
    for (let slot = hash(address, mode); ; slot = (slot + 1) & (CODE_HASH_ENTRIES - 1)) {
      const at = CODE_HASH / 4 + slot * 4;
      const isFree = u32[at + 2] === 0;
      if (!isFree && (u32[at] !== address || u32[at + 1] !== mode)) continue;
      if (isFree) this.#hashed++;
      u32[at] = address;
      u32[at + 1] = mode;
      u32[at + 2] = pc;
      return;
    }
  }

  #checkRoom(): void {
    if (this.isFull) this.stopRuns();
  }
}

const RAISES = 0;
const INCOMPLETE_LENGTH = -1;

function crossingKey(secondPage: number, mode: number): number {
  return secondPage / 4096 + mode * 0x100000;
}

function hash(address: number, mode: number): number {
  return ((Math.imul(address ^ (mode << 20), 0x9e3779b1) >>> 13) ^ address) & (CODE_HASH_ENTRIES - 1);
}

function overlaps(page: CodePage, first: number, last: number): boolean {
  for (let granule = first; granule <= last; granule++) {
    const word = granule < 32 ? page.granulesLo : page.granulesHi;
    if ((word & (1 << (granule & 31))) !== 0) return true;
  }
  return false;
}

/** What an x87, MMX or SSE instruction faults with in this mode, or -1 (SDM vol. 3A, 2.5 and tables 13-1, 2-4). */
function unitException({ instruction }: FormEntry, mode: number): number {
  switch (instruction.unit) {
    case 'sse':
      if ((mode & (MODE_EM | MODE_NO_SSE)) !== 0) return EXCEPTION_UD;
      return (mode & MODE_TS) !== 0 ? EXCEPTION_NM : -1;
    case 'mmx':
      if ((mode & MODE_EM) !== 0) return EXCEPTION_UD;
      return (mode & MODE_TS) !== 0 ? EXCEPTION_NM : -1;
    case 'x87':
      if (instruction.mnemonic === 'WAIT')
        return (mode & (MODE_TS | MODE_MP)) === (MODE_TS | MODE_MP) ? EXCEPTION_NM : -1;
      return (mode & (MODE_TS | MODE_EM)) !== 0 ? EXCEPTION_NM : -1;
    default:
      return -1;
  }
}
