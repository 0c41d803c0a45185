/** A domain's guest-physical memory, and the ways in which its own hypercalls, and accesses, change it. */
import {
  type EngineVcpu,
  NESTED_EXECUTE,
  NESTED_READ,
  NESTED_REFUSED,
  NESTED_SCALE,
  NESTED_WRITE,
  type NestedPaging,
  PAGE_SIZE,
  type RefusedAccess,
} from '../../src/cpu/engine.ts';
import type { Frames } from './frames.ts';
import { DATA, RAM_PAGES } from './places.ts';

const ALL = NESTED_READ | NESTED_WRITE | NESTED_EXECUTE;
/** Frames of its own that another domain may map. */
const SHARED = 16;
/** Pages that one instruction may be about to write. */
const LAST_WRITES = 4;

/** What VMCALL does, by bits 3:0 of EAX, to the guest frames in bits 13:4 and 23:14. */
export const HYPERCALLS = ['swap', 'remove', 'populate', 'grant', 'ungrant', 'protect', 'demand', 'refuse'] as const;

interface Entry {
  mfn: number;
  rights: number;
  /** Gets its frame with the first access. */
  isDemanded: boolean;
  /** An access that lacks rights is undone and told, and is no device's. */
  isRefusing: boolean;
  readonly isForeign: boolean;
  /** Whoever writes it has all translations forgotten behind that instruction. */
  readonly isGuarded: boolean;
}

const PLAIN = { rights: ALL, isDemanded: false, isRefusing: false, isForeign: false, isGuarded: false };
const GUARDED = NESTED_READ | NESTED_EXECUTE;

export class Domain implements NestedPaging {
  readonly vcpus = new Set<EngineVcpu>();
  /** Whose frames it may map. */
  other: Domain | undefined;
  readonly #frames: Frames;
  readonly #entries = new Map<number, Entry>();
  #lastWrites: number[] = [];
  /** Guarded frames may be written now, by one instruction. */
  isLifted = false;

  /** Takes memory for guest frames, of which some may be guarded. */
  constructor(frames: Frames, gfns: readonly number[], guarded: ReadonlySet<number>) {
    this.#frames = frames;
    for (const gfn of gfns) {
      const isGuarded = guarded.has(gfn);
      this.#entries.set(gfn, {
        ...PLAIN,
        mfn: frames.take(),
        isGuarded,
        isRefusing: isGuarded,
        rights: isGuarded ? GUARDED : ALL,
      });
    }
  }

  /** The instruction is done. */
  guardAgain(): void {
    this.isLifted = false;
    for (const entry of this.#entries.values())
      if (entry.isGuarded) Object.assign(entry, { rights: GUARDED, isRefusing: true });
    this.#flush();
  }

  // NestedPaging

  lookup(gfn: number, intent = NESTED_READ): number {
    const entry = this.#entries.get(gfn);
    if (entry === undefined) return 0;
    if (intent === NESTED_WRITE) this.#lastWrites = [gfn, ...this.#lastWrites].slice(0, LAST_WRITES);
    if (entry.isDemanded && !this.#populateOnDemand(entry)) return 0;
    if (entry.isRefusing && (entry.rights & intent) === 0) return NESTED_REFUSED;
    return entry.mfn * NESTED_SCALE + entry.rights;
  }

  lookupUnrestricted(gfn: number): number {
    const entry = this.#entries.get(gfn);
    if (entry === undefined || entry.isDemanded) return 0;
    return entry.mfn * NESTED_SCALE + (entry.isRefusing ? ALL : entry.rights);
  }

  /** An access was refused: the next time it is not. */
  accessRefused({ gpa }: RefusedAccess): void {
    const entry = this.#entries.get(Math.floor(gpa / PAGE_SIZE));
    if (entry === undefined) return;
    this.isLifted ||= entry.isGuarded;
    for (const each of entry.isGuarded ? this.#entries.values() : [entry]) {
      if (each.isGuarded === entry.isGuarded) Object.assign(each, { rights: ALL, isRefusing: false });
    }
    this.#flush();
  }

  /** Machine address of a guest frame; undefined where it has no memory of its own. */
  machineAddress(gfn: number): number | undefined {
    const entry = this.#entries.get(gfn);
    return entry === undefined || entry.isDemanded || entry.isForeign ? undefined : entry.mfn * PAGE_SIZE;
  }

  /** Calls back for each machine frame that its vCPUs may reach. */
  forEachFrame(visit: (mfn: number, rights: number) => void): void {
    for (const { mfn, rights, isDemanded } of this.#entries.values()) if (!isDemanded) visit(mfn, rights);
  }

  hypercall(eax: number): number {
    const [a, b] = [(eax >>> 4) & 0x3ff, (eax >>> 14) & 0x3ff];
    const entry = this.#entries.get(a);
    switch (HYPERCALLS[eax & 15]) {
      case 'swap':
        this.#swap(a, b);
        break;
      case 'remove':
        this.#remove(a);
        return 0;
      case 'populate':
        if (entry === undefined && a < RAM_PAGES) this.#put(a, this.#frames.takeZeroed());
        break;
      case 'grant':
        this.#mapForeign(a, b);
        break;
      case 'ungrant':
        if (entry?.isForeign) this.#remove(a);
        return 0;
      case 'protect':
        if (entry?.isGuarded === false)
          Object.assign(entry, { rights: b & ALL & (entry.isForeign ? entry.rights : ALL), isRefusing: false });
        break;
      case 'demand':
        if (entry?.isGuarded === false && this.#isGivenUp(entry))
          Object.assign(entry, { mfn: 0, rights: ALL, isDemanded: true });
        break;
      case 'refuse':
        if (entry?.isGuarded === false && !entry.isForeign) Object.assign(entry, { rights: b & ALL, isRefusing: true });
        break;
      default:
        return -38;
    }
    this.#flush();
    return 0;
  }

  #put(gfn: number, mfn: number, rights = ALL, isForeign = false): void {
    this.#entries.set(gfn, { ...PLAIN, mfn, rights, isForeign });
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#entries.get(a), this.#entries.get(b)];
    if (left === undefined || right === undefined) return;
    this.#entries.set(a, right);
    this.#entries.set(b, left);
  }

  #remove(gfn: number): void {
    const entry = this.#entries.get(gfn);
    if (entry === undefined) return;
    const { mfn } = entry;
    if (entry.isGuarded || (!entry.isForeign && !this.#isGivenUp(entry))) return;
    if (entry.isForeign) this.#frames.release(mfn);
    this.#entries.delete(gfn);
    for (const vcpu of this.vcpus) vcpu.flushFrame(gfn, mfn);
  }

  // Back to the free ones, unless others have it mapped.
  #isGivenUp({ mfn, isDemanded, isForeign }: Entry): boolean {
    if (isDemanded) return true;
    if (isForeign || this.#frames.isReferenced(mfn)) return false;
    this.#frames.give(mfn);
    return true;
  }

  #mapForeign(gfn: number, which: number): void {
    const foreign = this.other?.machineAddress((DATA >> 12) + (which % SHARED));
    if (foreign === undefined || this.#entries.has(gfn) || gfn >= RAM_PAGES) return;
    const mfn = foreign / PAGE_SIZE;
    this.#frames.reference(mfn);
    this.#put(gfn, mfn, (which & 0x20) !== 0 ? NESTED_READ | NESTED_EXECUTE : ALL, true);
  }

  /** Now and then memory is short: a frame that is not in use gives its own. */
  #populateOnDemand(entry: Entry): boolean {
    if (this.#frames.isShort && this.#takeBack()) this.#flush();
    entry.mfn = this.#frames.takeZeroed();
    entry.isDemanded = false;
    return true;
  }

  #takeBack(): boolean {
    for (const [gfn, entry] of this.#entries) {
      if (entry.isDemanded || entry.isForeign || entry.isGuarded || this.#lastWrites.includes(gfn)) continue;
      if (!this.#frames.isZero(entry.mfn) || !this.#isGivenUp(entry)) continue;
      Object.assign(entry, { mfn: 0, rights: ALL, isDemanded: true, isRefusing: false });
      return true;
    }
    return false;
  }

  #flush(): void {
    for (const vcpu of this.vcpus) vcpu.flushTlb();
  }
}
