/**
 * Predecoded code of the whole machine, by pages (code-pages.ts) and modes. Runs are contiguous records; a write to
 * bytes that were decoded turns all records of that page into HANDLER_LEAVE, so that whoever executes them, or is
 * linked to them, looks again. Room is filled and emptied in segments: pages with records in the oldest make room.
 */
import type { Decoder } from '../decode/decoder.ts';
import type { CodeWatch } from '../mmu/bus.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { CodeHash } from './code-hash.ts';
import { type CodePage, CodePages } from './code-pages.ts';
import type { CodeUser, RecordUser } from './code-user.ts';
import { CrossingRecords } from './crossing-records.ts';
import type { CodeParts } from './kept-code.ts';
import type { FormEntry } from './handlers.ts';
import { INCOMPLETE_LENGTH, InstructionDecoder, MOST_BYTES, RAISES } from './instruction-decoder.ts';
import { RECORD_SEGMENTS } from './layout.ts';
import { MODE_STEP } from '../mode.ts';
import * as record from './record.ts';
import { RecordRoom } from './record-room.ts';
import type { RecordWriter } from './record-writer.ts';
import { SetAside } from './set-aside.ts';

/** Longest run; it bounds how much is decoded that may never execute. */
const RUN_LIMIT = 96;
/** A run of instructions that hold interrupts off is cut somewhere too. */
export const LONGEST_RUN = RUN_LIMIT + 16;
/** Longest stay in generated code: V8 only uses better code it has made of a loop when the loop is entered again. */
export const LONGEST_STAY = 50_000;
const CROWDED = 0.75;
/** What a frame held before so many changes of its code is kept: kernels change themselves as they boot. */
const MOST_CHANGES = 16;
/** After so much `work`, a few milliseconds, a vCPU gives the thread back if its budget need not be used up. */
export const MOST_WORK = 2000;
const DROP_WORK = 4;
const DEVICE_WORK = 1 / 8;

export class CodeCache implements CodeWatch {
  readonly #memory: MachineMemory;
  readonly #decoder: InstructionDecoder;
  readonly #writer: RecordWriter;
  readonly #users = new Set<CodeUser>();
  readonly #pages: CodePages;
  readonly #hash: CodeHash;
  readonly #crossing: CrossingRecords;
  readonly #crossingBytes = new Uint8Array(32);
  readonly #room: RecordRoom;
  #jumpsAreStale = false;
  /** How often the frame's owner changed code in it. */
  readonly #changes = new Map<number, number>();
  readonly #aside: SetAside[] = [];
  /** Pages that were dropped since generated code was entered. */
  readonly #killed: CodePage[] = [];
  recordUser: RecordUser | undefined;
  /** Pages that were dropped because they were written to. */
  invalidations = 0;
  /** Instructions that were decoded, and segments that were emptied. */
  counts = { decoded: 0, evictions: 0 };
  /** Who is inside generated code. */
  #running: CodeUser | undefined;
  #stays = 0;
  /** How often frames began to hold code: see CodeUser. */
  framesBegun = 0;
  /** What was decoded and dropped since a vCPU began to run, in decoded instructions. */
  work = 0;

  /** `room` is how many bytes records may take. */
  constructor(memory: MachineMemory, decoder: Decoder<FormEntry>, writer: RecordWriter, room: number) {
    this.#memory = memory;
    this.#decoder = new InstructionDecoder(decoder, writer);
    this.#writer = writer;
    this.#hash = new CodeHash(memory);
    this.#crossing = new CrossingRecords(memory);
    const protect = (mfn: number) => {
      this.framesBegun++;
      this.#running?.protectFrame(mfn);
    };
    const left = (): void => this.#forgetJumps();
    this.#pages = new CodePages(memory, protect, left, (id) => this.recordUser?.enterPage(id));
    this.#room = new RecordRoom(room);
  }

  /** For what keeps all that was decoded (kept-code.ts). */
  get parts(): CodeParts {
    return { pages: this.#pages, hash: this.#hash, crossing: this.#crossing, room: this.#room };
  }

  addUser(user: CodeUser): void {
    this.#users.add(user);
  }
  removeUser(user: CodeUser): void {
    this.#users.delete(user);
  }

  /** Something is due that only can be done while no vCPU is inside generated code: see `settle`. */
  get isDue(): boolean {
    return this.#jumpsAreStale || this.#isFull();
  }

  /** A vCPU goes into generated code. */
  enter(user: CodeUser): void {
    this.#stays++;
    this.#running = user;
  }

  /** It is out again. */
  leave(): void {
    this.#running = undefined;
    for (let aside = this.#aside.pop(); aside !== undefined; aside = this.#aside.pop()) {
      if (this.#pages.byId(aside.page.id) === aside.page) aside.restore();
    }
    // Records of instructions across the ends of pages belong to two, of which one may be gone.
    for (let page = this.#killed.pop(); page !== undefined; page = this.#killed.pop()) this.#retire(page);
  }

  /** Does what `isDue` says. */
  settle(): void {
    if (this.#jumpsAreStale) this.#flushJumps();
    if (this.#isFull()) this.makeRoom();
  }

  /** Drops the oldest code. No vCPU may be inside generated code. */
  makeRoom(): void {
    this.#nextSegment();
    for (let emptied = 1; emptied < RECORD_SEGMENTS && this.#isCrowded(); emptied++) this.#nextSegment();
    // Pages of which nothing was decoded after all are in no segment.
    if (this.#isCrowded()) this.#pages.clear();
    this.#flushJumps();
  }

  holdsCode(mfn: number): boolean {
    return this.#pages.isCovered(mfn);
  }
  overlapsCode(address: number, length: number): boolean {
    const mfn = Math.floor(address / 4096);
    if (!this.#pages.isCovered(mfn)) return false;
    const first = address % 4096;
    return this.#pages.overlaps(mfn, first, first + length - 1);
  }

  isFetched(mfn: number): boolean {
    return this.#jumpsAreStale || this.#pages.known(mfn) !== undefined;
  }

  written(address: number, length: number): void {
    const end = address + length;
    for (let start = address - (address % 4096); start < end; start += 4096) {
      const mfn = start / 4096;
      if (!this.#pages.isCovered(mfn)) continue;
      const first = Math.max(address, start) - start;
      const last = Math.min(end, start + 4096) - start - 1;
      if (this.#pages.overlaps(mfn, first, last)) this.#changed(mfn);
    }
  }

  accessedDevice(): void {
    this.work += DEVICE_WORK;
    if (this.work >= MOST_WORK) this.stopRuns();
  }

  /** The record of the instruction at a machine address, or 0 if it goes on in the next page. */
  find(address: number, mode: number): number {
    const mfn = Math.floor(address / 4096);
    const offset = address % 4096;
    const page = this.#pages.enter(mfn);
    const known = this.#hash.find(page.id, offset, mode);
    if (known !== 0) return known;
    const isSame = this.#pages.forMore(page, mfn, this.#stays) === page;
    const pc = isSame ? this.#decodeRun(page, mfn, offset, mode) : -1;
    if (pc >= 0) return pc;
    if (isSame) this.#drop(page);
    return this.find(address, mode);
  }

  /** The record of an instruction that starts in one page and ends in another frame. */
  findCrossing(address: number, secondPage: number, mode: number): number {
    const mfn = Math.floor(address / 4096);
    const offset = address % 4096;
    const page = this.#pages.enter(mfn);
    const second = this.#pages.enter(secondPage / 4096);
    const known = this.#crossing.find(placeIn(page.id, offset), placeIn(second.id, 0), mode);
    if (known !== 0) return known;
    const first = 4096 - offset;
    this.#crossingBytes.set(this.#memory.u8.subarray(address, address + first));
    this.#crossingBytes.set(this.#memory.u8.subarray(secondPage, secondPage + 16), first);
    const start = this.#room.next;
    const length = this.#append(this.#crossingBytes, 0, first + 16, mode, offset);
    if (length > 0) this.#end(offset + length, mode);
    const isFirst = this.#watch(page, mfn, offset, first, start);
    const isSecond = this.#watch(second, secondPage / 4096, 0, Math.max(length - first, 1), start);
    if (!isFirst || !isSecond) {
      this.#drop(isFirst ? second : page);
      return this.findCrossing(address, secondPage, mode);
    }
    this.#crossing.insert(placeIn(page.id, offset), placeIn(second.id, 0), mode, start);
    this.#checkRoom();
    return start;
  }

  /** A machine address as `known` takes it: as that of the page whose code the frame has. -1 where none is known. */
  placeOf(address: number): number {
    const id = this.#pages.known(Math.floor(address / 4096))?.id;
    return id === undefined ? -1 : placeIn(id, address % 4096);
  }

  /** The record of an instruction that was decoded, else 0. */
  known(place: number, mode: number): number {
    return this.#hash.find(Math.floor(place / 4096), place % 4096, mode);
  }

  /** The same of an instruction that ends in another page, which is at the place `second`. */
  knownCrossing(place: number, second: number, mode: number): number {
    return this.#crossing.find(place, second, mode);
  }

  /** A copy of a record of a page: executes its instruction and goes back to the next record. */
  copy(pc: number, id: number): number {
    const copy = this.#room.next;
    this.#writer.copy(pc, copy);
    this.#room.take(2);
    const page = this.#pages.byId(id);
    if (page !== undefined) this.#own(page, copy);
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

  // -1 where the page's code is not what the frame has.
  #decodeRun(page: CodePage, mfn: number, first: number, mode: number): number {
    const start = this.#room.next;
    const limit = (mode & MODE_STEP) !== 0 ? 1 : RUN_LIMIT;
    let offset = first;
    let shadow = false;
    for (let count = 0; ; count++) {
      const mayEnd = count > 0 && (!shadow || count >= LONGEST_RUN);
      if (mayEnd && (count >= limit || this.#join(page, offset, mode))) {
        if (count >= limit) this.#end(offset, mode);
        break;
      }
      if (offset === 4096) {
        this.#end(4096, mode);
        break;
      }
      const here = this.#room.next;
      const length = this.#append(this.#memory.u8, mfn * 4096 + offset, (mfn + 1) * 4096, mode, offset);
      if (length === INCOMPLETE_LENGTH) {
        if (count === 0) return 0;
        this.#end(offset, mode);
        break;
      }
      this.#hash.insert(page.id, offset, mode, here);
      offset += length === RAISES ? MOST_BYTES : length;
      if (length === RAISES) break;
      const { last } = this.#decoder;
      // What holds interrupts off must not be the end of a run: the instruction after it comes with it.
      if (last?.ends || (shadow && !last?.shadow)) {
        this.#end(offset, mode);
        break;
      }
      shadow = last?.shadow === true && (mode & MODE_STEP) === 0;
    }
    const isRight = this.#watch(page, mfn, first, Math.min(offset, 4096) - first || 1, start);
    this.#checkRoom();
    return isRight ? start : -1;
  }

  // Continues in a run that is there already.
  #join(page: CodePage, offset: number, mode: number): boolean {
    if (offset === 4096) return false;
    const known = this.#hash.find(page.id, offset, mode);
    if (known === 0) return false;
    this.#writer.pseudo(this.#room.next, record.HANDLER_GOTO, offset, offset, known);
    this.#room.take(1);
    return true;
  }

  #end(offset: number, mode: number): void {
    const handler = (mode & MODE_STEP) !== 0 ? record.HANDLER_STOP : record.HANDLER_END;
    this.#writer.pseudo(this.#room.next, handler, offset & 0xfff, offset, 0);
    this.#room.take(1);
  }

  // Decodes one instruction into the next record.
  #append(bytes: Uint8Array, at: number, end: number, mode: number, offset: number): number {
    this.counts.decoded++;
    this.work++;
    const length = this.#decoder.decode(this.#room.next, bytes, at, end, mode, offset);
    if (length !== INCOMPLETE_LENGTH) this.#room.take(1);
    return length;
  }

  // From now on writes to these bytes are noticed, and the records from `start` on belong to the page.
  #watch(page: CodePage, mfn: number, first: number, length: number, start: number): boolean {
    this.#own(page, start);
    return this.#pages.decoded(page, mfn, first, length);
  }

  #own(page: CodePage, start: number): void {
    const { runs } = page;
    if (runs[runs.length - 1] === start) runs[runs.length - 1] = this.#room.next;
    else runs.push(start, this.#room.next);
    page.segments |= 1 << this.#room.segment;
  }

  // The frame's bytes are about to change: whoever has it may be executing them if a vCPU runs, others may not.
  #changed(mfn: number): void {
    const page = this.#pages.known(mfn) as CodePage;
    if (this.#running === undefined) {
      if (this.#changes.delete(mfn)) this.#pages.setApart(mfn, false);
      this.recordUser?.renewPage(page.id);
      this.#pages.leave(mfn);
      return;
    }
    const times = (this.#changes.get(mfn) ?? 0) + 1;
    this.#changes.set(mfn, times);
    if (times === MOST_CHANGES) this.#pages.setApart(mfn, true);
    if (times > MOST_CHANGES && page.frames.length === 1) {
      this.#drop(page);
      return;
    }
    this.invalidations++;
    this.#aside.push(new SetAside(page, this.#memory, this.#writer));
    this.work += DROP_WORK;
    this.#pages.leave(mfn);
    this.stopRuns();
  }

  // The page's bytes are not what they were, or change too often to be kept.
  #drop(page: CodePage): void {
    this.invalidations++;
    this.work += DROP_WORK;
    this.#kill(page);
    this.recordUser?.dropPage(page.id, true);
    this.#flushJumps();
  }

  #kill(page: CodePage): void {
    this.#retire(page);
    if (this.#running !== undefined) this.#killed.push(page);
    this.#pages.remove(page);
  }

  #retire({ runs }: CodePage): void {
    for (let i = 0; i < runs.length; i += 2) this.#writer.retire(runs[i] as number, runs[i + 1] as number);
  }

  // New records go into the oldest segment from now on, and the pages that have some there are dropped.
  #nextSegment(): void {
    this.#room.turn();
    const bit = 1 << this.#room.segment;
    const old = [...this.#pages.all].filter(({ segments }) => (segments & bit) !== 0);
    this.counts.evictions++;
    for (const page of old) {
      this.#kill(page);
      this.recordUser?.dropPage(page.id, false);
    }
    this.recordUser?.reuseRecords(this.#room.next, this.#room.end);
    this.#hash.purge();
    this.#crossing.purge();
  }

  #isFull(): boolean {
    return this.#room.isLow || this.#hash.load > 1 || this.#pages.load > 1;
  }
  // So full that there soon would be no room again.
  #isCrowded(): boolean {
    return this.#hash.load > CROWDED || this.#pages.load > CROWDED;
  }

  // What is remembered is of a frame's old code. Only who is inside generated code could follow it at once.
  #forgetJumps(): void {
    if (this.#running !== undefined) this.#flushJumps();
    else this.#jumpsAreStale = true;
  }

  #flushJumps(): void {
    this.#jumpsAreStale = false;
    for (const user of this.#users) user.flushJumps();
  }

  #checkRoom(): void {
    if (this.#isFull() || this.work >= MOST_WORK) this.stopRuns();
  }
}

function placeIn(id: number, offset: number): number {
  return id * 4096 + offset;
}
