import type { Domid } from '../../abi/xen.ts';
import type { ToolstackHost } from './domain-create.ts';
import { attempt, DomainError, reason } from './errors.ts';
import type { DomainStore } from './store-access.ts';
import { BACKENDS, domainPaths } from './store-nodes.ts';
import { Undo } from './undo.ts';

/**
 * Destroys a domain: stops it, removes its nodes from the store, and has Xen free what it held (libxl_domain_destroy).
 * Every step is tried; a DomainError names those that failed. A domain that is gone already is only forgotten.
 */
export async function destroyDomain(
  host: Pick<ToolstackHost, 'ctrl' | 'store'>,
  domid: Domid,
  uuid: Uint8Array,
): Promise<void> {
  const { ctrl, store } = host;
  const there = await attempt(`look at domain ${domid}`, () => ctrl.domain_getinfo(domid) !== undefined);

  const steps = new Undo();
  if (there) steps.push(`destroy domain ${domid}`, () => ctrl.domain_destroy(domid));
  steps.push(`remove domain ${domid} from the store`, () => forgetDomain(store, domid, uuid));
  if (there) steps.push(`pause domain ${domid}`, () => ctrl.domain_pause(domid));

  const failures = await steps.run(reason);
  if (failures.length > 0) throw new DomainError('DOMAIN_REFUSED', failures.join(', and '));
}

/** Removes all of a domain's nodes, and the directories of dom0's that were there for it alone. */
export async function forgetDomain(store: DomainStore, domid: Domid, uuid: Uint8Array): Promise<void> {
  await store.replace(domainPaths(domid, uuid), []);
  await store.prune(BACKENDS.consoles, BACKENDS.root);
}
