/**
 * Which machine frames hold code, and which hold the same: records are relative to their page, so that frames with the
 * same bytes where code was decoded share one page of them. Domains that boot the same kernel decode it, and have it
 * translated, once. A page that no frame is left of stays for the next frame with its content until its room is needed.
 */
import { CODE_LINE_SHIFT, CODE_LINES, CODE_PAGE_IDS, FRAMES_WITH_CODE } from '../emit/nested-layout.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { PAGE_ID_BITS } from './code-hash.ts';
import type { WordReader, WordWriter } from './words.ts';

const LINE_WORDS = (1 << CODE_LINE_SHIFT) / 4;
const PAGE_WORDS = 1024;
const LINES = PAGE_WORDS / LINE_WORDS;
const SPARE_SNAPSHOTS = 64;
/** A snapshot is 4 KiB. */
const MOST_PAGES = 1 << 14;
/** So often a frame that changes beside its code gets another page for what is decoded of it then. */
const MOST_MOVES = 3;
/** Ids above all frame numbers are for frames whose own number still names the content they had. */
const FIRST_SPARE_ID = 1 << 20;
const SPARE_IDS = (1 << PAGE_ID_BITS) - FIRST_SPARE_ID - 1;

export interface CodePage {
  /** What its records are found by. */
  readonly id: number;
  /** Those whose content it is. */
  readonly frames: number[];
  /** First and past-the-last record of each run that has an instruction in this page. */
  readonly runs: number[];
  /** One bit for each segment of the record area that `runs` are in. */
  segments: number;
  /** What was decoded, where `lines` says so: the frame's bytes may change without anyone being told. */
  readonly snapshot: Uint32Array;
  /** One bit for each 64 bytes that were decoded. */
  readonly lines: Uint32Array;
  /** Undefined: not to be found by its content. */
  readonly hash: number | undefined;
  /** When a frame of it last had that hash, in stays in generated code. */
  hashedAt: number;
}

export class CodePages {
  readonly #u32: Uint32Array;
  readonly #hasCode: Uint8Array;
  readonly #byFrame = new Map<number, CodePage>();
  readonly #byId = new Map<number, CodePage>();
  readonly #byContent = new Map<number, CodePage>();
  /** Frames that change so often that nobody is going to have the same. */
  readonly #apart = new Set<number>();
  /** Of pages that are gone. */
  readonly #snapshots: Uint32Array[] = [];
  /** Of those whose id is not their number. */
  readonly #ownIds = new Map<number, number>();
  #spareId = FIRST_SPARE_ID;
  /** How often frames got another page for what was beside their code. */
  readonly #moves = new Map<number, number>();
  /** Called when writes to a frame must be noticed from now on. */
  readonly #onCovered: (mfn: number) => void;
  /** Called when a frame's code is not what it was: jumps to it may be remembered. */
  readonly #onLeft: () => void;
  readonly #onEntered: (id: number) => void;

  constructor(
    memory: MachineMemory,
    onCovered: (mfn: number) => void,
    onLeft: () => void,
    onEntered: (id: number) => void,
  ) {
    this.#u32 = memory.u32;
    this.#hasCode = memory.u8.subarray(FRAMES_WITH_CODE, FRAMES_WITH_CODE + memory.frames);
    this.#onCovered = onCovered;
    this.#onLeft = onLeft;
    this.#onEntered = onEntered;
  }

  /** How many there are of those that there may be; more than 1 is too many. */
  get load(): number {
    return Math.max(this.#byId.size / MOST_PAGES, (this.#spareId - FIRST_SPARE_ID) / SPARE_IDS);
  }

  get all(): Iterable<CodePage> {
    return this.#byId.values();
  }

  /** Writes to the frame must be told. */
  isCovered(mfn: number): boolean {
    return this.#hasCode[mfn] !== 0;
  }

  /** Whether bytes of a frame, from offset `first` to `last`, were decoded. */
  overlaps(mfn: number, first: number, last: number): boolean {
    const words = CODE_LINES / 4 + mfn * 2;
    for (let line = first >>> CODE_LINE_SHIFT; line <= last >>> CODE_LINE_SHIFT; line++) {
      if (((this.#u32[words + (line >>> 5)] as number) & (1 << (line & 31))) !== 0) return true;
    }
    return false;
  }

  /** What the frame's content was last known as. */
  known(mfn: number): CodePage | undefined {
    return this.#byFrame.get(mfn);
  }

  /** Whether a record is of what the frame's content was last known as. */
  hasRecord(mfn: number, pc: number): boolean {
    const { runs = [] } = this.#byFrame.get(mfn) ?? {};
    // Mostly it is one of the last.
    for (let i = runs.length - 2; i >= 0; i -= 2) {
      if (pc >= (runs[i] as number) && pc < (runs[i + 1] as number)) return true;
    }
    return false;
  }

  byId(id: number): CodePage | undefined {
    return this.#byId.get(id);
  }

  /** The page for a frame's content: one that is there, or a new one of which nothing was decoded. */
  enter(mfn: number): CodePage {
    const known = this.#byFrame.get(mfn);
    if (known !== undefined) return known;
    const hash = this.#apart.has(mfn) ? undefined : this.#hashOf(mfn);
    let page = hash === undefined ? undefined : this.#byContent.get(hash);
    if (page === undefined || !this.#matches(page, mfn)) {
      page = this.#create(this.#freeId(mfn), hash);
    }
    page.frames.push(mfn);
    this.#byFrame.set(mfn, page);
    this.#u32[CODE_PAGE_IDS / 4 + mfn] = page.id + 1;
    if (isDecoded(page)) {
      this.#cover(page, mfn);
      this.#onEntered(page.id);
    }
    return page;
  }

  /**
   * The page that more of a frame, which has this one, is to be decoded into. It is another one where the frame changed
   * beside the code that is known of it: a page of code from both times would match no frame's content ever again.
   * `now` counts stays in generated code, in each of which a page is looked at once.
   */
  forMore(page: CodePage, mfn: number, now: number): CodePage {
    const moves = this.#moves.get(mfn) ?? 0;
    if (page.hash === undefined || page.hashedAt === now || moves === MOST_MOVES || !isDecoded(page)) return page;
    page.hashedAt = now;
    if (this.#hashOf(mfn) === page.hash) return page;
    this.#moves.set(mfn, moves + 1);
    this.leave(mfn);
    const other = this.enter(mfn);
    other.hashedAt = now;
    return other;
  }

  /**
   * Bytes of a frame of the page were decoded. Other frames of it that differ there go their own ways. False where the
   * frame itself is not what was decoded of it before, behind everybody's back: nobody may use the page any more.
   */
  decoded(page: CodePage, mfn: number, first: number, length: number): boolean {
    const from = first >>> CODE_LINE_SHIFT;
    const to = (first + length - 1) >>> CODE_LINE_SHIFT;
    for (let line = from; line <= to; line++) {
      if (hasLine(page, line) && !this.#isSame(page, mfn, line)) return false;
    }
    const isFirst = !isDecoded(page);
    for (let line = from; line <= to; line++) if (!hasLine(page, line)) this.#addLine(page, mfn, line);
    for (const frame of page.frames) this.#cover(page, frame, isFirst);
    return true;
  }

  /** A frame's content is another now. The page stays. */
  leave(mfn: number): void {
    const page = this.#byFrame.get(mfn);
    if (page === undefined) return;
    page.frames.splice(page.frames.indexOf(mfn), 1);
    this.#forget(mfn);
    this.#onLeft();
  }

  /** Whether a frame has a page of its own from the next one on, whatever others hold. */
  setApart(mfn: number, isApart: boolean): void {
    this.#moves.delete(mfn);
    if (isApart) this.#apart.add(mfn);
    else this.#apart.delete(mfn);
  }

  /** The page is gone, for all its frames. */
  remove(page: CodePage): void {
    for (const mfn of page.frames) this.#forget(mfn);
    page.frames.length = 0;
    this.#byId.delete(page.id);
    if (page.hash !== undefined && this.#byContent.get(page.hash) === page) this.#byContent.delete(page.hash);
    if (this.#snapshots.length < SPARE_SNAPSHOTS) this.#snapshots.push(page.snapshot);
  }

  clear(): void {
    for (const page of [...this.#byId.values()]) this.remove(page);
    this.#ownIds.clear();
    this.#moves.clear();
    this.#spareId = FIRST_SPARE_ID;
  }

  /** Whether the page can be found by what a frame holds. */
  isFound(id: number): boolean {
    const page = this.#byId.get(id);
    return page?.hash !== undefined && this.#byContent.get(page.hash) === page && isDecoded(page);
  }

  /** Writes down those that can be found, for `restore`. */
  keep(words: WordWriter): void {
    const kept = [...this.#byId.values()].filter(({ id }) => this.isFound(id));
    words.add(kept.length);
    for (const { id, hash = 0, segments, lines, runs, snapshot } of kept) {
      words.add(id, hash, segments, lines[0] as number, lines[1] as number);
      words.addList(runs);
      words.addList(snapshot.filter((_, word) => hasBit(lines, Math.floor(word / LINE_WORDS))));
    }
  }

  /** Takes up what was written down, before there are any others. No frame is known to hold it. */
  restore(words: WordReader): void {
    for (let left = words.next(); left > 0; left--) {
      const page = this.#create(words.next(), words.next() | 0);
      page.segments = words.next();
      page.lines.set([words.next(), words.next()]);
      for (const pc of words.list()) page.runs.push(pc);
      const snapshot = words.list();
      for (let line = 0, from = 0; line < LINES; line++) {
        if (!hasLine(page, line)) continue;
        for (let word = 0; word < LINE_WORDS; word++)
          page.snapshot[line * LINE_WORDS + word] = snapshot[from++] as number;
      }
      this.#spareId = Math.max(this.#spareId, page.id + 1);
    }
  }

  // The frame's own, if that does not name what it was before.
  #freeId(mfn: number): number {
    const own = this.#ownIds.get(mfn) ?? mfn;
    if (!this.#byId.has(own)) return own;
    const id = this.#spareId++;
    this.#ownIds.set(mfn, id);
    return id;
  }

  #create(id: number, hash: number | undefined): CodePage {
    const page: CodePage = {
      ...{ id, hash, frames: [], runs: [], segments: 0, hashedAt: 0 },
      snapshot: this.#snapshots.pop() ?? new Uint32Array(PAGE_WORDS),
      lines: new Uint32Array(2),
    };
    this.#byId.set(id, page);
    if (hash !== undefined) this.#byContent.set(hash, page);
    return page;
  }

  #addLine(page: CodePage, mfn: number, line: number): void {
    const { snapshot, lines, frames } = page;
    const words = mfn * PAGE_WORDS + line * LINE_WORDS;
    snapshot.set(this.#u32.subarray(words, words + LINE_WORDS), line * LINE_WORDS);
    lines[line >>> 5] = (lines[line >>> 5] as number) | (1 << (line & 31));
    for (let i = frames.length - 1; i >= 0; i--) {
      const other = frames[i] as number;
      if (other !== mfn && !this.#isSame(page, other, line)) this.leave(other);
    }
  }

  #cover(page: CodePage, mfn: number, isFirst = true): void {
    const words = CODE_LINES / 4 + mfn * 2;
    this.#u32[words] = page.lines[0] as number;
    this.#u32[words + 1] = page.lines[1] as number;
    if (!isFirst) return;
    this.#hasCode[mfn] = 1;
    this.#onCovered(mfn);
  }

  #forget(mfn: number): void {
    this.#byFrame.delete(mfn);
    this.#u32[CODE_PAGE_IDS / 4 + mfn] = 0;
    this.#hasCode[mfn] = 0;
    const words = CODE_LINES / 4 + mfn * 2;
    this.#u32[words] = 0;
    this.#u32[words + 1] = 0;
  }

  // Where the page was decoded, the frame has its bytes.
  #matches(page: CodePage, mfn: number): boolean {
    for (let line = 0; line < LINES; line++) {
      if (hasLine(page, line) && !this.#isSame(page, mfn, line)) return false;
    }
    return true;
  }

  #isSame({ snapshot }: CodePage, mfn: number, line: number): boolean {
    const u32 = this.#u32;
    const words = mfn * PAGE_WORDS;
    for (let i = line * LINE_WORDS; i < (line + 1) * LINE_WORDS; i++) {
      if (snapshot[i] !== u32[words + i]) return false;
    }
    return true;
  }

  // Of the whole frame: what lies beside code tells pages apart as well, and whoever decides by it compares.
  #hashOf(mfn: number): number {
    const u32 = this.#u32;
    let hash = 0;
    for (let at = mfn * PAGE_WORDS; at < (mfn + 1) * PAGE_WORDS; at++) {
      hash = Math.imul(hash ^ (u32[at] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}

function isDecoded({ lines }: CodePage): boolean {
  return (lines[0] as number) !== 0 || (lines[1] as number) !== 0;
}

function hasLine({ lines }: CodePage, line: number): boolean {
  return hasBit(lines, line);
}

function hasBit(lines: Uint32Array, line: number): boolean {
  return ((lines[line >>> 5] as number) & (1 << (line & 31))) !== 0;
}
