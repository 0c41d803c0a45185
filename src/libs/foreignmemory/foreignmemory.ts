import type { Domid, Gfn } from '../../abi/xen.ts';

/**
 * Frames of a domain that this one has privilege over (the role of Xen's tools/libs/foreignmemory). Operations throw
 * a HypercallError where Xen refuses.
 */
export interface ForeignMemory {
  /** Maps frames of `domid`, all or none: a live, writable view of 4096 bytes for each, in order. */
  map(domid: Domid, gfns: readonly Gfn[]): Uint8Array[];

  /** Gives back views of `map`: the very objects, in any order. */
  unmap(views: readonly Uint8Array[]): void;
}
