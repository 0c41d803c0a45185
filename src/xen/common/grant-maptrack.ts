import { GNTMAP_readonly } from '../../abi/grant_table.ts';
import { assert } from '../../lib/assert.ts';

/** Mappings that one maptrack frame of real Xen holds: 16 bytes each. */
const PER_FRAME = 256;

/** The grants of other domains that a domain has mapped, by handle (Xen's maptrack table). */
export class Maptrack {
  readonly #maxFrames: number;
  #capacity = 0;
  /** GNTMAP_* of a mapping; 0 where the handle is free. */
  #flags = new Uint16Array(0);
  #domid = new Uint16Array(0);
  #ref = new Uint32Array(0);
  /** Where the mapper wanted it: low and high half. */
  #addressLo = new Uint32Array(0);
  #addressHi = new Uint32Array(0);
  /** Free handles, a stack. */
  #free = new Uint32Array(0);
  #freeCount = 0;

  constructor(maxFrames: number) {
    this.#maxFrames = maxFrames;
  }

  /** Mappings there are. */
  get inUse(): number {
    return this.#capacity - this.#freeCount;
  }

  /** Handles there have been, free ones among them. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Whether `add` has room. */
  get hasRoom(): boolean {
    return this.#freeCount > 0 || this.#capacity < this.#maxFrames * PER_FRAME;
  }

  /** Notes a mapping and returns its handle; there is room. */
  add(domid: number, ref: number, flags: number, addressLo: number, addressHi: number): number {
    if (this.#freeCount === 0) this.#grow();
    this.#freeCount -= 1;
    const handle = this.#free[this.#freeCount] as number;
    this.#flags[handle] = flags;
    this.#domid[handle] = domid;
    this.#ref[handle] = ref;
    this.#addressLo[handle] = addressLo;
    this.#addressHi[handle] = addressHi;
    return handle;
  }

  /** Forgets a mapping. */
  remove(handle: number): void {
    assert(this.has(handle), 'a mapping is forgotten once');
    this.#flags[handle] = 0;
    this.#free[this.#freeCount] = handle;
    this.#freeCount += 1;
  }

  has(handle: number): boolean {
    return handle < this.#capacity && this.#flags[handle] !== 0;
  }

  isReadonly(handle: number): boolean {
    return ((this.#flags[handle] as number) & GNTMAP_readonly) !== 0;
  }
  domid(handle: number): number {
    return this.#domid[handle] as number;
  }
  ref(handle: number): number {
    return this.#ref[handle] as number;
  }
  addressLo(handle: number): number {
    return this.#addressLo[handle] as number;
  }
  addressHi(handle: number): number {
    return this.#addressHi[handle] as number;
  }

  #grow(): void {
    assert(this.hasRoom, 'a mapping is made where there is room for it');
    const first = this.#capacity;
    // Doubling: a domain that maps much does not copy the table a frame at a time.
    this.#capacity = Math.min(this.#maxFrames * PER_FRAME, Math.max(PER_FRAME, 2 * first));
    this.#flags = larger(this.#flags, new Uint16Array(this.#capacity));
    this.#domid = larger(this.#domid, new Uint16Array(this.#capacity));
    this.#ref = larger(this.#ref, new Uint32Array(this.#capacity));
    this.#addressLo = larger(this.#addressLo, new Uint32Array(this.#capacity));
    this.#addressHi = larger(this.#addressHi, new Uint32Array(this.#capacity));
    this.#free = new Uint32Array(this.#capacity);
    for (let handle = this.#capacity - 1; handle >= first; handle--) {
      this.#free[this.#freeCount] = handle;
      this.#freeCount += 1;
    }
  }
}

function larger<T extends Uint16Array | Uint32Array>(old: T, array: T): T {
  array.set(old);
  return array;
}
