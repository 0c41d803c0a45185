import type { Domid, Gfn } from '../../abi/xen.ts';

/**
 * Frames of a domain that this one has privilege over (the role of Xen's tools/libs/foreignmemory). Operations throw
 * a HypercallError where Xen refuses.
 */
export interface ForeignMemory {
  /** Maps frames of `domid`, all or none: a live, writable view of 4096 bytes for each, in order. */
  map(domid: Domid, gfns: readonly Gfn[]): Uint8Array[];

  /** Maps frames that Xen keeps for a domain, such as its grant table: XENMEM_resource_* `type` and `id`. */
  map_resource(domid: Domid, type: number, id: number, frame: number, count: number): Uint8Array[];

  /** Gives back views of `map` or `map_resource`: the very objects, in any order. */
  unmap(views: readonly Uint8Array[]): void;
}
