import type { Domid, Gfn } from '../../abi/xen.ts';
import { checked, HypercallError } from '../call/call.ts';
import type { Privcmd } from '../call/privcmd.ts';
import type { ForeignMemory } from './foreignmemory.ts';

const OPERATION = 'IOCTL_PRIVCMD_MMAPBATCH_V2';

/** Foreign frames mapped by privilege. */
export class PrivcmdForeignMemory implements ForeignMemory {
  readonly #privcmd: Privcmd;

  constructor(privcmd: Privcmd) {
    this.#privcmd = privcmd;
  }

  map(domid: Domid, gfns: readonly Gfn[]): Uint8Array[] {
    const views: Uint8Array[] = [];
    for (const gfn of gfns) {
      const view = this.#privcmd.mapForeign(domid, gfn);
      if (typeof view === 'number') {
        this.unmap(views);
        throw new HypercallError(OPERATION, -view);
      }
      views.push(view);
    }
    return views;
  }

  map_resource(domid: Domid, type: number, id: number, frame: number, count: number): Uint8Array[] {
    const views = this.#privcmd.mapResource(domid, type, id, frame, count);
    if (typeof views === 'number') throw new HypercallError('XENMEM_acquire_resource', -views);
    return views;
  }

  unmap(views: readonly Uint8Array[]): void {
    for (const view of views) checked('munmap', this.#privcmd.unmapForeign(view));
  }
}
