import type { Domid } from '../../abi/xen.ts';

/** Uses of one grant at a time, for reading and for writing: Xen's counters have 8 bits, whose highest refuses more. */
const MAX_PINS = 128;

/**
 * What Xen knows of the grants of one table that are in use (Xen's active_grant_entry): a row a reference, columns
 * in typed arrays, so that a use neither allocates nor is looked up.
 */
export class ActiveGrants {
  /** Uses for reading, and for writing: mappings, and copies that are under way. */
  #readers = new Uint8Array(0);
  #writers = new Uint8Array(0);
  /** Who uses it. */
  #domid = new Uint16Array(0);
  #mfn = new Uint32Array(0);
  /** The part of the frame that copies may touch. */
  #start = new Uint16Array(0);
  #length = new Uint16Array(0);
  #isSubPage = new Uint8Array(0);
  /** Whose grant it is at the end: the table's own domain's, or a transitive grant's granter and his reference. */
  #granter = new Uint16Array(0);
  #granterRef = new Uint32Array(0);

  /** Makes room for `entries` references; those there were stay. */
  resize(entries: number): void {
    this.#readers = grown(this.#readers, new Uint8Array(entries));
    this.#writers = grown(this.#writers, new Uint8Array(entries));
    this.#domid = grown(this.#domid, new Uint16Array(entries));
    this.#mfn = grown(this.#mfn, new Uint32Array(entries));
    this.#start = grown(this.#start, new Uint16Array(entries));
    this.#length = grown(this.#length, new Uint16Array(entries));
    this.#isSubPage = grown(this.#isSubPage, new Uint8Array(entries));
    this.#granter = grown(this.#granter, new Uint16Array(entries));
    this.#granterRef = grown(this.#granterRef, new Uint32Array(entries));
  }

  isPinned(ref: number): boolean {
    return (this.#readers[ref] as number) + (this.#writers[ref] as number) > 0;
  }

  hasWriters(ref: number): boolean {
    return (this.#writers[ref] as number) > 0;
  }

  /** One more use of the kind would overflow its counter. */
  isFull(ref: number, readonly: boolean): boolean {
    return ((readonly ? this.#readers[ref] : this.#writers[ref]) as number) >= MAX_PINS;
  }

  /** Counts a use more. */
  pin(ref: number, readonly: boolean): void {
    const counters = readonly ? this.#readers : this.#writers;
    counters[ref] = (counters[ref] as number) + 1;
  }

  /** Counts a use less. */
  unpin(ref: number, readonly: boolean): void {
    const counters = readonly ? this.#readers : this.#writers;
    counters[ref] = (counters[ref] as number) - 1;
  }

  /** Describes a grant that nobody used until now: a whole frame of the table's own domain. */
  describe(ref: number, user: Domid, mfn: number, granter: Domid): void {
    this.#domid[ref] = user;
    this.#mfn[ref] = mfn;
    this.#granter[ref] = granter;
    this.#granterRef[ref] = ref;
    this.#start[ref] = 0;
    this.#length[ref] = 4096;
    this.#isSubPage[ref] = 0;
  }

  /** After `describe`: only a part of the frame may be touched. `start` has 15 bits, as in Xen. */
  limit(ref: number, start: number, length: number): void {
    this.#start[ref] = start & 0x7fff;
    this.#length[ref] = length;
    this.#isSubPage[ref] = 1;
  }

  /** After `describe`: the grant passes on another one. */
  passOn(ref: number, granter: Domid, granterRef: number): void {
    this.#granter[ref] = granter;
    this.#granterRef[ref] = granterRef;
  }

  user(ref: number): number {
    return this.#domid[ref] as number;
  }
  mfn(ref: number): number {
    return this.#mfn[ref] as number;
  }
  start(ref: number): number {
    return this.#start[ref] as number;
  }
  length(ref: number): number {
    return this.#length[ref] as number;
  }
  isSubPage(ref: number): boolean {
    return this.#isSubPage[ref] !== 0;
  }
  granter(ref: number): number {
    return this.#granter[ref] as number;
  }
  granterRef(ref: number): number {
    return this.#granterRef[ref] as number;
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
