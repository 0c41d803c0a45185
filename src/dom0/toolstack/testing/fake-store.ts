import { StoreError } from '../../../libs/store/store.ts';
import type { DomainStore } from '../store-access.ts';
import type { StoreNode } from '../store-nodes.ts';

/** A store for tests of the toolstack: a map of nodes, with a failure on demand. */
export class FakeStore implements DomainStore {
  readonly nodes = new Map<string, string>();
  readonly introduced = new Map<number, { readonly ring: number; readonly port: number }>();
  readonly #watches = new Set<{ readonly path: string; readonly fired: () => void }>();
  /** The method that fails next. */
  failing: 'read' | 'replace' | 'introduce' | 'watch' | undefined;

  get watching(): number {
    return this.#watches.size;
  }

  /** Fires every watch on `path`. */
  fire(path: string): void {
    for (const watch of [...this.#watches]) if (watch.path === path) watch.fired();
  }

  async read(path: string): Promise<string | undefined> {
    this.#enter('read');
    return this.nodes.get(path);
  }

  async directory(path: string): Promise<string[] | undefined> {
    const below = [...this.nodes.keys()].filter((node) => node.startsWith(`${path}/`));
    const names = below.map((node) => node.slice(path.length + 1).split('/')[0] ?? '');
    return below.length > 0 || this.nodes.has(path) ? [...new Set(names)] : undefined;
  }

  async replace(paths: readonly string[], nodes: readonly StoreNode[]): Promise<void> {
    this.#enter('replace');
    for (const path of paths) {
      for (const node of [...this.nodes.keys()]) {
        if (node === path || node.startsWith(`${path}/`)) this.nodes.delete(node);
      }
    }
    for (const { path, value } of nodes) this.nodes.set(path, value);
  }

  /** There are no empty directories here. */
  async prune(): Promise<void> {}

  async quotas(): Promise<{ name: string; limit: number }[]> {
    return [];
  }

  async setQuota(): Promise<void> {}

  async features(): Promise<number> {
    return 0;
  }

  async release(domid: number): Promise<void> {
    this.introduced.delete(domid);
  }

  async introduce(domid: number, ring: number, port: number): Promise<void> {
    this.#enter('introduce');
    this.introduced.set(domid, { ring, port });
  }

  async resume(): Promise<void> {}

  async watch(path: string, fired: () => void): Promise<() => Promise<void>> {
    this.#enter('watch');
    const watch = { path, fired };
    this.#watches.add(watch);
    fired();
    return async () => void this.#watches.delete(watch);
  }

  #enter(method: NonNullable<FakeStore['failing']>): void {
    if (this.failing !== method) return;
    this.failing = undefined;
    throw new StoreError('ENOSPC', method);
  }
}
