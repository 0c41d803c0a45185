import type { Domid, Gfn } from '../../abi/xen.ts';

/**
 * What a dom0 process needs of its own domain besides hypercalls: what page tables do for a mapping, and an interrupt
 * for an event. On Linux that is the kernel behind /dev/xen/privcmd, gntdev and evtchn; here Xen stands in for it.
 */
export interface Privcmd {
  /** This domain's shared_info page, live: pending and mask bits of its event channels. */
  readonly sharedInfo: Uint8Array;

  /**
   * Calls `handler` after events became pending, once for any number of them; never from inside a hypercall. The
   * handler clears evtchn_upcall_pending before it looks. A second handler replaces the first.
   */
  onUpcall(handler: () => void): void;

  /** A live, writable view of a frame of a domain this one has privilege over; or a negative errno. */
  mapForeign(domid: Domid, gfn: Gfn): Uint8Array | number;

  /**
   * Live, writable views of frames that Xen keeps for a domain (IOCTL_PRIVCMD_MMAP_RESOURCE): `count` of XENMEM_resource_*
   * `type` and `id`, from `frame` on; or a negative errno. They are given back as foreign ones.
   */
  mapResource(domid: Domid, type: number, id: number, frame: number, count: number): Uint8Array[] | number;

  /** Gives back a view of `mapForeign` or `mapResource`: that very object. 0, or a negative errno. */
  unmapForeign(view: Uint8Array): number;

  /** A live view of the frame behind a grant mapping of this domain, by its handle; undefined where there is none. */
  grantView(handle: number): Uint8Array | undefined;

  /**
   * Tells the processors, and the log of dirty pages, that this domain wrote to the frame behind a grant mapping: what
   * page tables do for a real domain. Nothing where there is no such mapping.
   */
  grantWritten(handle: number, offset: number, length: number): void;
}
