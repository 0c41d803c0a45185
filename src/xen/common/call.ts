import { assert } from '../../lib/assert.ts';
import type { Domain } from './domain.ts';
import type { Hypervisor } from './hypervisor.ts';
import type { Vcpu } from './vcpu.ts';

/** Memory as the pointers of a hypercall name it: a guest's linear addresses, or offsets in dom0's call buffer. */
export interface GuestMemory {
  /** Copies from `address` into all of `into`; false where that is not all readable. */
  read(address: bigint, into: Uint8Array): boolean;
  /** Copies all of `from` to `address`; false where that is not all writable. */
  write(address: bigint, from: Uint8Array): boolean;
  /** The same with the address in halves: for what is done often. */
  readAt(lo: number, hi: number, into: Uint8Array): boolean;
  writeAt(lo: number, hi: number, from: Uint8Array): boolean;
  /** Machine address of bytes that these two would copy from or to without further ado; 0 where they must find out. */
  hostOf(lo: number, hi: number, bytes: number, isWrite: boolean): number;
}

/** A guest pointer. 0 is null. */
export type Handle = bigint;

/** What a handler returns: 0 or more, or a negative errno. `CONTINUE` asks to be called again with changed arguments. */
export type HypercallResult = number;

/**
 * The call has done a fair share and stored in `args` where to go on: the guest makes it again, after others had
 * their turn. It is no value that a hypercall returns.
 */
export const CONTINUE: HypercallResult = Number.NEGATIVE_INFINITY;

/** Steps of a loop over a guest's array after which a call makes room for others. */
export const STEPS_BEFORE_CONTINUE = 2048;

/** What `storeLong` stores for a frame that is nowhere: all ones. */
export const INVALID_GFN = -1;

const SCRATCH_BYTES = 16 * 1024;
/** Structures up to this size are brought in without making a view of the scratch memory each time. */
const SMALL_BYTES = 64;
/** Up to this size a loop over words is faster than a copy that makes an array of its own. */
const MOST_WORDS_BYTES = 256;

/** One hypercall on its way: who makes it, its arguments, and the memory its pointers point to. One a vCPU, reused. */
export class Call {
  readonly xen: Hypervisor;
  readonly vcpu: Vcpu;
  readonly guest: GuestMemory;
  /** The caller is 32-bit code: pointers and longs have 4 bytes, structures the layouts of `abi/compat`. */
  compat = false;
  nr = 0;
  /** Up to six arguments, of 32-bit callers zero-extended. */
  readonly args = new BigUint64Array(6);
  readonly #halves = new Uint32Array(this.args.buffer);
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #words = new Uint32Array(this.#scratch.buffer);
  /** Over what `fetch` brought in. */
  readonly view = new DataView(this.#scratch.buffer);
  /** By length: the first bytes of the scratch memory. */
  readonly #first = Array.from({ length: SMALL_BYTES + 1 }, (_, length) => this.#scratch.subarray(0, length));
  #used = 0;
  /** Set while the calls of a multicall are made. */
  inMulticall = false;

  constructor(xen: Hypervisor, vcpu: Vcpu, guest: GuestMemory) {
    this.xen = xen;
    this.vcpu = vcpu;
    this.guest = guest;
  }

  get domain(): Domain {
    return this.vcpu.domain;
  }

  /** Starts a call: the structures of the last one are forgotten. */
  begin(nr: number, compat: boolean): void {
    this.nr = nr;
    this.compat = compat;
    this.#used = 0;
  }

  /** An argument that C declares unsigned int. */
  u32(index: number): number {
    return this.#halves[index * 2] as number;
  }

  /** An argument that C declares int. */
  s32(index: number): number {
    return (this.#halves[index * 2] as number) | 0;
  }

  /** An argument that C declares unsigned long, rounded above 2^53: good for range checks. */
  long(index: number): number {
    return (this.#halves[index * 2] as number) + (this.#halves[index * 2 + 1] as number) * 0x1_0000_0000;
  }

  /** Gives an argument its value. */
  setArgument(index: number, lo: number, hi: number): void {
    this.#halves[index * 2] = lo;
    this.#halves[index * 2 + 1] = hi;
  }

  /** The upper half of an argument; `u32` is the lower. */
  upper(index: number): number {
    return this.#halves[index * 2 + 1] as number;
  }

  handle(index: number): Handle {
    return this.args[index] as bigint;
  }

  /** Bytes of a pointer and a long of the caller. */
  get wordSize(): 4 | 8 {
    return this.compat ? 4 : 8;
  }

  /**
   * Brings `size` bytes from a guest pointer into the scratch memory and returns where in `view` they are; -1 where
   * the pointer is bad. They stay until the call ends.
   */
  fetch(handle: Handle, size: number): number {
    const at = this.room(size);
    return this.guest.read(handle, this.#scratch.subarray(at, at + size)) ? at : -1;
  }

  /** `fetch` of what argument `index` points at. */
  fetchArgument(index: number, size: number): number {
    return this.fetchAt(this.u32(index), this.upper(index), size);
  }

  /** `fetch` with the pointer in halves. */
  fetchAt(lo: number, hi: number, size: number): number {
    const at = this.#take(size);
    const host = this.#hostOf(lo, hi, size, false);
    if (host === 0) return this.guest.readAt(lo, hi, this.#piece(at, size)) ? at : -1;
    copyWords(this.#words, at, this.xen.memory.words, host, size);
    return at;
  }

  /** `store` with the pointer in halves. */
  storeAt(lo: number, hi: number, at: number, size: number): boolean {
    const host = this.#hostOf(lo, hi, size, true);
    if (host === 0) return this.guest.writeAt(lo, hi, this.#piece(at, size));
    copyWords(this.xen.memory.words, host, this.#words, at, size);
    return true;
  }

  /** Takes `size` zeroed bytes of scratch memory, aligned to 8. */
  room(size: number): number {
    const at = this.#take(size);
    this.#scratch.fill(0, at, at + size);
    return at;
  }

  /** Gives back the scratch memory from `at` on; for the elements of an array. */
  release(at: number): void {
    this.#used = at;
  }

  /** Copies `size` bytes of the scratch memory to a guest pointer; false where it is bad. */
  store(handle: Handle, at: number, size: number): boolean {
    return this.guest.write(handle, this.#scratch.subarray(at, at + size));
  }

  /** Brings one unsigned long (xen_pfn_t) of a guest array in; undefined where the pointer is bad. */
  fetchLong(handle: Handle, index: number): number | undefined {
    const size = this.wordSize;
    const at = this.room(8);
    const read = this.guest.read(element(handle, index, size), this.#scratch.subarray(at, at + size));
    this.release(at);
    if (!read) return undefined;
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }

  #take(size: number): number {
    const at = this.#used;
    this.#used += (size + 7) & ~7;
    assert(this.#used <= SCRATCH_BYTES, 'a hypercall fetches structures, and arrays element by element');
    return at;
  }

  /** Where memory can be reached word by word, for structures that are small and aligned; 0 elsewhere. */
  #hostOf(lo: number, hi: number, size: number, isWrite: boolean): number {
    return size > MOST_WORDS_BYTES || ((lo | size) & 3) !== 0 ? 0 : this.guest.hostOf(lo, hi, size, isWrite);
  }

  #piece(at: number, size: number): Uint8Array {
    if (at === 0 && size <= SMALL_BYTES) return this.#first[size] as Uint8Array;
    return this.#scratch.subarray(at, at + size);
  }

  /** Stores one unsigned long, or INVALID_GFN, into a guest array; false where the pointer is bad. */
  storeLong(handle: Handle, index: number, value: number): boolean {
    const size = this.wordSize;
    const at = this.room(8);
    this.view.setUint32(at, value % 0x1_0000_0000, true);
    this.view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
    const stored = this.store(element(handle, index, size), at, size);
    this.release(at);
    return stored;
  }
}

/** Copies `bytes` from an offset in one memory to an offset in another, all of them multiples of 4. */
function copyWords(to: Uint32Array, toAt: number, from: Uint32Array, fromAt: number, bytes: number): void {
  const target = toAt >>> 2;
  const source = fromAt >>> 2;
  for (let word = 0; word < bytes >>> 2; word++) to[target + word] = from[source + word] as number;
}

/** The pointer to element `index` of an array of `size`-byte elements. */
export function element(handle: Handle, index: number, size: number): Handle {
  return BigInt.asUintN(64, handle + BigInt(index) * BigInt(size));
}
