/**
 * Accesses near each other: what is addressed by one register with several displacements (a frame on the stack, the
 * fields of a structure) is looked for in the TLB once. The first access of a group, its leader, asks for all bytes that
 * the group turns out to have when the region is emitted whole; the others go by what it found, and the slow way where it
 * found nothing. Between them no mapping changes: where one may, all is forgotten.
 */
import * as op from '../emit/opcodes.ts';
import type { Anchor, LocalPool, Value } from '../emit/values.ts';

/** Most bytes of a group: the more there are, the more often they are not in one page. */
const SPAN_LIMIT = 256;
/** Most groups that are remembered at a place: each takes a register of the machine, or a place on its stack. */
const GROUP_LIMIT = 8;

export interface AccessGroup {
  readonly root: number;
  readonly isWrite: boolean;
  /** Local with the host address of the byte at `low`; 0 where the TLB did not have all. */
  readonly host: number;
  /** Offsets from the root of the first byte and of the one behind the last, so far. */
  low: number;
  high: number;
}

/** What is known at a place of the code. */
export interface AccessState {
  readonly anchors: ReadonlyMap<number, Anchor>;
  readonly groups: readonly AccessGroup[];
}

/** RIP-relative operands are anchored there. */
export const ROOT_IP_BASE = 0;

export class AccessGroups {
  readonly #locals: LocalPool;
  readonly #hosts: number[] = [];
  /** By register. */
  #anchors = new Map<number, Anchor>();
  /** Latest last. */
  #groups: AccessGroup[] = [];
  /** Roots of sums, by what they are sums of. */
  readonly #sums = new Map<string, number>();
  #nextRoot = ROOT_IP_BASE + 1;

  constructor(locals: LocalPool) {
    this.#locals = locals;
  }

  /** Where a general register's value lies. */
  anchorOf(register: number): Anchor {
    const known = this.#anchors.get(register);
    if (known !== undefined) return known;
    const anchor = { root: this.#nextRoot++, offset: 0 };
    this.#anchors.set(register, anchor);
    return anchor;
  }

  /** Where the sum of two values lies, the second `scale` times. */
  sum(a: Anchor | undefined, b: Anchor | undefined, shift: number): Anchor | undefined {
    if (a === undefined || b === undefined) return undefined;
    const name = `${a.root}+${b.root}<<${shift}`;
    let root = this.#sums.get(name);
    if (root === undefined) {
      root = this.#nextRoot++;
      this.#sums.set(name, root);
    }
    return { root, offset: a.offset + b.offset * 2 ** shift };
  }

  /** A register is written: with `value`, or with something else. */
  wrote(register: number, value: Value | undefined): void {
    if (value?.anchor === undefined) this.#anchors.delete(register);
    else this.#anchors.set(register, value.anchor);
  }

  /** Of what is written, and of what may be written, which can be read too; undefined where there is no such group. */
  join({ root, offset }: Anchor, bytes: number, isWrite: boolean): AccessGroup | undefined {
    let found: AccessGroup | undefined;
    for (const group of this.#groups) {
      if (group.root !== root || (isWrite && !group.isWrite)) continue;
      if (Math.max(group.high, offset + bytes) - Math.min(group.low, offset) > SPAN_LIMIT) continue;
      if (found === undefined || group.isWrite) found = group;
    }
    if (found === undefined) return undefined;
    found.low = Math.min(found.low, offset);
    found.high = Math.max(found.high, offset + bytes);
    return found;
  }

  /** A group that begins with an access. */
  lead({ root, offset }: Anchor, bytes: number, isWrite: boolean): AccessGroup {
    if (this.#groups.length === GROUP_LIMIT) this.#groups.shift();
    const group = { root, isWrite, host: this.#freeHost(), low: offset, high: offset + bytes };
    this.#groups.push(group);
    return group;
  }

  state(): AccessState {
    return { anchors: new Map(this.#anchors), groups: [...this.#groups] };
  }

  /** Goes on from a place, or from one of which nothing is known. */
  goOn(from: AccessState | undefined): void {
    this.#anchors = new Map(from?.anchors);
    this.#groups = [...(from?.groups ?? [])];
  }

  /** Goes on from where several ways meet. */
  meet(ways: readonly AccessState[]): void {
    const [first, ...others] = ways as [AccessState, ...AccessState[]];
    const isSame = (register: number, { root, offset }: Anchor): boolean =>
      others.every(({ anchors }) => {
        const other = anchors.get(register);
        return other?.root === root && other.offset === offset;
      });
    this.#anchors = new Map([...first.anchors].filter(([register, anchor]) => isSame(register, anchor)));
    this.#groups = first.groups.filter((group) => others.every(({ groups }) => groups.includes(group)));
  }

  #freeHost(): number {
    const free = this.#hosts.find((host) => !this.#groups.some((group) => group.host === host));
    if (free !== undefined) return free;
    const host = this.#locals.fixed(op.TYPE_I32);
    this.#hosts.push(host);
    return host;
  }
}
