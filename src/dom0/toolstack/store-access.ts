import type { Domid, Gfn, Port } from '../../abi/xen.ts';
import type { StoreClient } from '../../libs/store/store.ts';
import type { StoreLimits } from './domain-config.ts';
import type { StoreNode } from './store-nodes.ts';

/** What the toolstack does to the store. */
export interface DomainStore {
  /** The node's value; undefined where there is no such node. */
  read(path: string): Promise<string | undefined>;
  /** The names below a node; undefined where there is no such node. */
  directory(path: string): Promise<readonly string[] | undefined>;
  /** Removes those of `paths` that are there and then writes `nodes`, in order, in one transaction. */
  replace(paths: readonly string[], nodes: readonly StoreNode[]): Promise<void>;
  /** Removes a directory that has become empty, and those above it, up to but not including `root`. */
  prune(path: string, root: string): Promise<void>;
  /** Tells xenstored of a domain, the frame of its ring, the ring's event channel, and what it may. */
  introduce(domid: Domid, ring: Gfn, port: Port, limits?: StoreLimits): Promise<void>;
  /** What a domain may have, or all those may that nothing was set for. */
  quotas(domid?: Domid): Promise<readonly { readonly name: string; readonly limit: number }[]>;
  setQuota(name: string, limit: number, domid?: Domid): Promise<void>;
  /** XENSTORE_SERVER_FEATURE_*: what xenstored offers. */
  features(): Promise<number>;
  /** Has xenstored forget a domain, and let go of its ring; it may be introduced again. */
  release(domid: Domid): Promise<void>;
  /** Tells xenstored that a domain goes on which had shut down. */
  resume(domid: Domid): Promise<void>;
  /** Calls `fired` for every change at or below `path`, and once at once; returns how to stop that. */
  watch(path: string, fired: () => void): Promise<() => Promise<void>>;
}

/** The toolstack's view of a connection to xenstored. */
export function domainStore(client: StoreClient): DomainStore {
  return {
    read: (path) => client.read(path),
    directory: (path) => client.directory(path),
    introduce: async (domid, ring, port, { featureMask, quota = [] } = { quota: [] }) => {
      if (featureMask !== undefined) await client.setFeatures(domid, (await client.getFeatures()) & featureMask);
      await client.introduceDomain(domid, ring, port);
      for (const { name, limit } of quota) await client.setQuota(name, limit, domid);
    },
    quotas: async (domid) => {
      const names = await client.quotas();
      return await Promise.all(names.map(async (name) => ({ name, limit: await client.getQuota(name, domid) })));
    },
    setQuota: (name, limit, domid) => client.setQuota(name, limit, domid),
    features: () => client.getFeatures(),
    release: (domid) => client.releaseDomain(domid),
    resume: (domid) => client.resumeDomain(domid),
    watch: (path, fired) => client.watch(path, () => fired()),
    prune: async (path, root) => {
      for (let each = path; each.length > root.length; each = each.slice(0, each.lastIndexOf('/'))) {
        const below = await client.directory(each);
        if (below === undefined) continue;
        if (below.length > 0) return;
        await client.rm(each);
      }
    },
    replace: (paths, nodes) =>
      client.transaction(async (transaction) => {
        for (const path of paths) await transaction.rm(path);
        for (const { path, value, permissions } of nodes) {
          await transaction.write(path, value);
          if (permissions !== undefined) await transaction.setPermissions(path, permissions);
        }
      }),
  };
}
