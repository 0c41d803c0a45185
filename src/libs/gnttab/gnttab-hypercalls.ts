import { EINVAL, EIO } from '../../abi/errno.ts';
import {
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST_okay,
  GNTTABOP_map_grant_ref,
  GNTTABOP_unmap_grant_ref,
  GnttabMapGrantRef,
  GnttabUnmapGrantRef,
} from '../../abi/grant_table.ts';
import { __HYPERVISOR_grant_table_op, type Domid, type GrantRef } from '../../abi/xen.ts';
import { withBuffer } from '../call/buffer.ts';
import { checked, HypercallError, type Hypercaller } from '../call/call.ts';
import type { Privcmd } from '../call/privcmd.ts';
import type { GrantTables } from './gnttab.ts';

/**
 * Xen wants an address that a mapping is made at, and the same one to undo it. dom0 has no page tables, so that any
 * one does; it only must not be 0.
 */
const HOST_ADDRESS = 0x1000n;

/** Grants mapped through hypercalls. */
export class HypercallGrantTables implements GrantTables {
  readonly #call: Hypercaller;
  readonly #privcmd: Privcmd;
  readonly #handles = new Map<Uint8Array, number>();

  constructor(call: Hypercaller, privcmd: Privcmd) {
    this.#call = call;
    this.#privcmd = privcmd;
  }

  mapGrantRef(domid: Domid, ref: GrantRef, writable: boolean): Uint8Array {
    const handle = withBuffer(this.#call, GnttabMapGrantRef.SIZE, (view, at) => {
      const map = new GnttabMapGrantRef(view, at);
      map.host_addr = HOST_ADDRESS;
      map.flags = GNTMAP_host_map | (writable ? 0 : GNTMAP_readonly);
      map.ref = ref;
      map.dom = domid;
      this.#operation('GNTTABOP_map_grant_ref', GNTTABOP_map_grant_ref, at, () => map.status);
      return map.handle;
    });
    const mapped = this.#privcmd.grantView(handle);
    if (mapped === undefined) throw new HypercallError('GNTTABOP_map_grant_ref', EIO);
    this.#handles.set(mapped, handle);
    return mapped;
  }

  written(mapped: Uint8Array, offset: number, length: number): void {
    const handle = this.#handles.get(mapped);
    if (handle === undefined) throw new HypercallError('GNTTABOP_map_grant_ref', EINVAL);
    this.#privcmd.grantWritten(handle, offset, length);
  }

  unmap(mapped: Uint8Array): void {
    const handle = this.#handles.get(mapped);
    if (handle === undefined) throw new HypercallError('GNTTABOP_unmap_grant_ref', EINVAL);
    this.#handles.delete(mapped);
    withBuffer(this.#call, GnttabUnmapGrantRef.SIZE, (view, at) => {
      const unmap = new GnttabUnmapGrantRef(view, at);
      unmap.host_addr = HOST_ADDRESS;
      unmap.handle = handle;
      this.#operation('GNTTABOP_unmap_grant_ref', GNTTABOP_unmap_grant_ref, at, () => unmap.status);
    });
  }

  #operation(name: string, op: number, at: number, status: () => number): void {
    checked(name, this.#call.hypercall(__HYPERVISOR_grant_table_op, op, at, 1));
    if (status() !== GNTST_okay) throw new HypercallError(name, -status());
  }
}
