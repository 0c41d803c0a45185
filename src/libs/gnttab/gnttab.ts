import type { Domid, GrantRef } from '../../abi/xen.ts';

/**
 * Grants of other domains, mapped (the role of Xen's tools/libs/gnttab). Operations throw a HypercallError where Xen
 * refuses; a refused mapping carries the positive GNTST_* status as its errno.
 */
export interface GrantTables {
  /**
   * Maps the frame behind `ref` of `domid`'s grant table: a live view of 4096 bytes of machine memory, that both
   * sides write. It stays usable until `unmap`, since machine memory never grows.
   */
  mapGrantRef(domid: Domid, ref: GrantRef, writable: boolean): Uint8Array;

  /**
   * Says that bytes of a view of `mapGrantRef` were written. A page that stays mapped, as a ring or a persistent grant
   * does, may hold code for all its user knows, or be saved while the guest runs: each write of its contents is told,
   * once done. The end of a mapping tells of the whole page.
   */
  written(view: Uint8Array, offset: number, length: number): void;

  /** Gives back a view of `mapGrantRef`: the very object. */
  unmap(view: Uint8Array): void;
}
