import type { Domid } from '../../abi/xen.ts';
import type { Accounts } from './accounts.ts';
import { PRIVILEGED_DOMID } from './accounts.ts';
import { childOf, leafOf, parentOf, ROOT } from './paths.ts';
import type { Permissions } from './permissions.ts';
import { XS_PERM_NONE } from './permissions.ts';

/** A node as it stood at one moment. It is never changed: whoever holds one holds a snapshot of it. */
export interface Node {
  /** Of the write that made it. Grows with every write to the store, so it names this version of this node. */
  readonly generation: number;
  readonly permissions: Permissions;
  readonly value: Uint8Array;
  /** Leaf names, oldest first. */
  readonly children: readonly string[];
  /** Length of the list of children in the protocol's notation, `<child-leaf-name>|*`. */
  readonly childBytes: number;
}

/** Names xenstored itself fires watches on; they are no nodes, but have permissions. */
export type SpecialWatch = '@introduceDomain' | '@releaseDomain';

export const NO_VALUE = new Uint8Array(0);

const NOBODY_BUT_DOM0: Permissions = [{ domid: PRIVILEGED_DOMID, access: XS_PERM_NONE, ignored: false }];

/** The tree of nodes, each under its path, with the accounts of their owners kept up to date. */
export class Store {
  readonly #nodes = new Map<string, Node>();
  readonly #accounts: Accounts;
  #generation = 0;
  readonly specialWatches = new Map<SpecialWatch, Permissions>([
    ['@introduceDomain', NOBODY_BUT_DOM0],
    ['@releaseDomain', NOBODY_BUT_DOM0],
  ]);

  /** An empty one has not even a root: whoever wants it that way fills it. */
  constructor(accounts: Accounts, start: 'fresh' | 'empty' = 'fresh') {
    this.#accounts = accounts;
    if (start === 'empty') return;
    for (const path of [ROOT, '/tool', '/tool/xenstored']) {
      const children = path === ROOT ? ['tool'] : path === '/tool' ? ['xenstored'] : [];
      const childBytes = childListLength(children);
      const generation = this.nextGeneration();
      this.set(path, { generation, permissions: NOBODY_BUT_DOM0, value: NO_VALUE, children, childBytes });
    }
  }

  /** Of the latest write. */
  get generation(): number {
    return this.#generation;
  }

  nextGeneration(): number {
    return ++this.#generation;
  }

  get(path: string): Node | undefined {
    return this.#nodes.get(path);
  }

  /** Puts `node` at `path`. That its parent lists it is up to the caller. */
  set(path: string, node: Node): void {
    this.#account(path, this.#nodes.get(path), -1);
    this.#nodes.set(path, node);
    this.#account(path, node, 1);
  }

  delete(path: string): void {
    this.#account(path, this.#nodes.get(path), -1);
    this.#nodes.delete(path);
  }

  #account(path: string, node: Node | undefined, sign: 1 | -1): void {
    if (node === undefined) return;
    const owner = this.#accounts.owner(ownerOf(node));
    owner.nodes += sign;
    owner.memory += sign * nodeMemory(path, node);
  }

  /** Looks the whole tree through for what must not be; a sentence for each finding. */
  check(): string[] {
    const findings: string[] = [];
    const owned = new Map<Domid, number>();
    for (const [path, node] of this.#nodes) {
      const owner = ownerOf(node);
      owned.set(owner, (owned.get(owner) ?? 0) + 1);
      if (path !== ROOT && !this.#nodes.get(parentOf(path))?.children.includes(leafOf(path))) {
        findings.push(`${path} is orphaned: its parent does not list it`);
      }
      if (new Set(node.children).size !== node.children.length) findings.push(`${path} lists a child twice`);
      for (const leaf of node.children) {
        if (!this.#nodes.has(childOf(path, leaf))) findings.push(`${path} lists ${leaf}, which is not there`);
      }
    }
    for (const account of this.#accounts.values()) {
      const nodes = owned.get(account.domid) ?? 0;
      if (account.nodes !== nodes) findings.push(`domain ${account.domid} owns ${nodes} nodes, not ${account.nodes}`);
    }
    return findings;
  }
}

export function ownerOf(node: Node): Domid {
  return node.permissions[0].domid;
}

/** Bytes a node counts for against node-size, as the C daemon's record of it has. */
export function nodeSize(node: Node): number {
  return 20 + 8 * node.permissions.length + node.value.length + node.childBytes;
}

/** Bytes a node counts for against its owner's memory. */
export function nodeMemory(path: string, node: Node): number {
  return path.length + nodeSize(node);
}

/** What `childBytes` is. */
export function childListLength(children: readonly string[]): number {
  let length = 0;
  for (const leaf of children) length += leaf.length + 1;
  return length;
}

/** `node` with one child more, the youngest. */
export function withChild(node: Node, leaf: string): Node {
  const { children, childBytes } = node.children.includes(leaf) ? withoutChild(node, leaf) : node;
  return { ...node, children: children.concat(leaf), childBytes: childBytes + leaf.length + 1 };
}

/** `node` with one child less. */
export function withoutChild(node: Node, leaf: string): Node {
  const children = node.children.filter((name) => name !== leaf);
  return { ...node, children, childBytes: childListLength(children) };
}
