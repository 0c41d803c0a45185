import { parentOf, ROOT } from './paths.ts';

/** A watch a client has set. */
export interface Watch {
  /** Absolute, or a special name with a @. */
  readonly path: string;
  readonly token: string;
  /** What the client left out in front of the path, and does not want to see in events: '' or '/local/domain/N/'. */
  readonly prefix: string;
  /** How many levels below the path it reaches; undefined: all. */
  readonly depth: number | undefined;
}

/** A watch with whose it is. */
export interface SetWatch<Owner> extends Watch {
  readonly owner: Owner;
  /** Grows from watch to watch: events of one change go to a client in the order it set its watches. */
  readonly order: number;
}

/** All watches of all clients, by their paths: a change finds those it concerns in as many steps as its path has. */
export class WatchIndex<Owner> {
  readonly #byPath = new Map<string, Set<SetWatch<Owner>>>();
  #order = 0;

  add(owner: Owner, watch: Watch): SetWatch<Owner> {
    const set = { ...watch, owner, order: ++this.#order };
    const others = this.#byPath.get(watch.path);
    if (others === undefined) this.#byPath.set(watch.path, new Set([set]));
    else others.add(set);
    return set;
  }

  remove(watch: SetWatch<Owner>): void {
    const others = this.#byPath.get(watch.path);
    others?.delete(watch);
    if (others?.size === 0) this.#byPath.delete(watch.path);
  }

  /** Watches of exactly this path. */
  at(path: string): Iterable<SetWatch<Owner>> {
    return this.#byPath.get(path) ?? [];
  }

  /** Watches that a change of `path` concerns, those of the nodes above it with them, in the order they were set. */
  reaching(path: string): SetWatch<Owner>[] {
    const found: SetWatch<Owner>[] = [];
    let levels = 0;
    for (let ancestor = path; ; ancestor = parentOf(ancestor)) {
      for (const watch of this.#byPath.get(ancestor) ?? []) {
        if (watch.depth === undefined || levels <= watch.depth) found.push(watch);
      }
      if (ancestor === ROOT) break;
      levels++;
    }
    return found.length < 2 ? found : found.sort((a, b) => a.order - b.order);
  }
}
