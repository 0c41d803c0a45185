import { XEN_DOMCTL_INTERFACE_VERSION, XenDomctl } from '../../src/abi/domctl.ts';
import { XEN_SYSCTL_INTERFACE_VERSION, XenSysctl } from '../../src/abi/sysctl.ts';
import {
  __HYPERVISOR_argo_op,
  __HYPERVISOR_dm_op,
  __HYPERVISOR_domctl,
  __HYPERVISOR_multicall,
  __HYPERVISOR_sysctl,
  type Domid,
  MulticallEntry,
} from '../../src/abi/xen.ts';
import { HYPERCALLS } from '../../src/xen/hypercalls.ts';
import type { HypercallRow, Operation } from '../../src/xen/hypercall-row.ts';
import { possibleArgo } from './fuzz-argo.ts';
import { possibleDmOp } from './fuzz-dm.ts';
import type { SeededRandom } from './fuzz-random.ts';
import { argumentFor, fillStructure, type StructureClass } from './fuzz-structures.ts';
import { possibleTool } from './fuzz-tools.ts';
import * as values from './fuzz-values.ts';

/** One hypercall: registers, and what the guest's memory holds behind them. */
export interface FuzzCall {
  readonly name: string;
  readonly nr: number;
  readonly compat: boolean;
  readonly args: readonly bigint[];
  readonly memory: readonly { readonly address: number; readonly bytes: Uint8Array }[];
}

const MEMOP_EXTENT_SHIFT = 6n;
type Choice = readonly [HypercallRow, number, Operation];

/** Calls of a generated multicall. */
const MULTICALLS = 4;
const STRUCTURE_ROOM = 512;

/** Chooses and makes up calls, by the tables that Xen itself dispatches with. */
export class CallGrammar {
  readonly #random: SeededRandom;
  /** Operations that every guest has, and those that toolstacks alone may. */
  readonly #guests: readonly Choice[];
  readonly #tools: readonly Choice[];
  readonly #toolOdds: number;

  /** @param toolOdds once in so many times a toolstack's operation is chosen */
  constructor(random: SeededRandom, toolOdds: number) {
    this.#random = random;
    this.#toolOdds = toolOdds;
    const choices = HYPERCALLS.flatMap((row) =>
      [...row.operations].map(([number, operation]) => [row, number, operation] as const),
    );
    this.#tools = choices.filter(([row]) => isTool(row));
    this.#guests = choices.filter(
      ([row, , { handler }]) => !isTool(row) && (handler !== undefined || row.select !== undefined),
    );
  }

  next(): FuzzCall {
    const call = this.#next();
    // A domain that shuts down makes no more calls; that is worth trying, but seldom.
    return call.name === 'SCHEDOP_shutdown' && !this.#random.oneIn(16) ? this.next() : call;
  }

  #next(): FuzzCall {
    const random = this.#random;
    if (random.oneIn(200)) return this.#nonsense();
    const [row, number, operation] = random.pick(random.oneIn(this.#toolOdds) ? this.#tools : this.#guests);
    return this.#make(row, number, operation);
  }

  /** Numbers nobody has heard of, arguments at random. */
  #nonsense(): FuzzCall {
    const random = this.#random;
    const args = Array.from({ length: 6 }, () => values.pointer(random));
    return { name: 'nonsense', nr: values.anything(random), compat: random.oneIn(3), args, memory: [] };
  }

  #make(row: HypercallRow, number: number, operation: Operation): FuzzCall {
    const random = this.#random;
    const compat = random.oneIn(4);
    const args = Array.from({ length: 6 }, () => this.#argument());
    const memory: { address: number; bytes: Uint8Array }[] = [];
    if (row.select !== undefined && !isTool(row)) args[0] = BigInt(number);
    if (row.name === 'memory_op' && random.oneIn(20))
      args[0] = BigInt(number) | (BigInt(random.below(16)) << MEMOP_EXTENT_SHIFT);
    const { pointee } = operation;
    operation.plain.forEach((name, index) => {
      if (name !== '') args[index] = argumentFor(name, random);
    });
    if (row.name === 'vcpu_op') args[1] = BigInt(random.oneIn(8) ? values.small(random) : random.below(2));
    if (isTool(row))
      args[0] = this.#toolStructure(row.nr, number, pointee?.structure as StructureClass | undefined, memory);
    else if (row.nr === __HYPERVISOR_multicall) args[0] = this.#multicall(args, memory);
    else if (pointee !== undefined) {
      const structure = (compat ? (pointee.compat ?? pointee.structure) : pointee.structure) as StructureClass;
      const elements = pointee.count === undefined ? 1 : 1 + random.below(4);
      if (pointee.count !== undefined) args[pointee.count] = BigInt(random.oneIn(4) ? values.count(random) : elements);
      args[pointee.argument] = this.#structures(structure, elements, memory);
    }
    if (row.nr === __HYPERVISOR_argo_op && !random.oneIn(4)) possibleArgo(number, args, memory, random);
    if (row.nr === __HYPERVISOR_dm_op && !random.oneIn(8)) possibleDmOp(number, args, memory, random, compat);
    // The arrays that structures point at: the arena has something in it everywhere.
    if (random.oneIn(2)) memory.push(this.#arrayOfFrames());
    return {
      name: operation.name,
      nr: row.nr,
      compat,
      args: compat ? args.map((value) => value & 0xffffffffn) : args,
      memory,
    };
  }

  #argument(): bigint {
    const random = this.#random;
    return random.oneIn(2) ? BigInt(values.anything(random)) : values.pointer(random);
  }

  #structures(structure: StructureClass, elements: number, memory: { address: number; bytes: Uint8Array }[]): bigint {
    const random = this.#random;
    if (random.oneIn(10)) return values.pointer(random);
    const bytes = new Uint8Array(structure.SIZE * elements);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < elements; index++) fillStructure(structure, view, index * structure.SIZE, random);
    const address = values.ARENA_FIRST + random.below(values.ARENA_BYTES - bytes.length);
    memory.push({ address, bytes });
    return BigInt(address);
  }

  #toolStructure(
    nr: number,
    number: number,
    structure: StructureClass | undefined,
    memory: { address: number; bytes: Uint8Array }[],
  ): bigint {
    const random = this.#random;
    if (random.oneIn(20)) return values.pointer(random);
    const bytes = new Uint8Array(STRUCTURE_ROOM);
    const view = new DataView(bytes.buffer);
    const isDomctl = nr === __HYPERVISOR_domctl;
    const header = isDomctl ? new XenDomctl(view, 0) : new XenSysctl(view, 0);
    header.cmd = random.oneIn(50) ? values.anything(random) : number;
    const version = isDomctl ? XEN_DOMCTL_INTERFACE_VERSION : XEN_SYSCTL_INTERFACE_VERSION;
    header.interface_version = random.oneIn(50) ? values.small(random) : version;
    if (header instanceof XenDomctl) header.domain = values.domid(random) as Domid;
    if (structure !== undefined) {
      fillStructure(structure, view, isDomctl ? XenDomctl.AT_u : XenSysctl.AT_u, random);
    }
    if (!random.oneIn(4)) possibleTool(header, number, view, random);
    const address = values.ARENA_FIRST + random.below(values.ARENA_BYTES - bytes.length);
    memory.push({ address, bytes });
    return BigInt(address);
  }

  /** A list of other calls, with their memory. */
  #multicall(args: bigint[], memory: { address: number; bytes: Uint8Array }[]): bigint {
    const random = this.#random;
    if (random.oneIn(8)) return values.pointer(random);
    const bytes = new Uint8Array(MulticallEntry.SIZE * MULTICALLS);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < MULTICALLS; index++) {
      const [row, number, operation] = random.pick(this.#guests);
      if (row.nr === __HYPERVISOR_multicall && !random.oneIn(10)) continue;
      const inner = row.nr === __HYPERVISOR_multicall ? this.#nonsense() : this.#make(row, number, operation);
      memory.push(...inner.memory);
      const entry = new MulticallEntry(view, index * MulticallEntry.SIZE);
      entry.op = inner.nr;
      inner.args.forEach((value, argument) => entry.set_args(argument, value));
    }
    const address = values.ARENA_FIRST + random.below(values.ARENA_BYTES - bytes.length);
    memory.push({ address, bytes });
    args[1] = BigInt(random.oneIn(8) ? values.count(random) : MULTICALLS);
    return BigInt(address);
  }

  #arrayOfFrames(): { address: number; bytes: Uint8Array } {
    const random = this.#random;
    const numbers = BigUint64Array.from({ length: 8 }, () => BigInt(values.gfn(random)));
    return {
      address: values.ARENA_FIRST + 8 * random.below(values.ARENA_BYTES / 8 - 8),
      bytes: new Uint8Array(numbers.buffer),
    };
  }
}

function isTool(row: HypercallRow): boolean {
  return row.nr === __HYPERVISOR_domctl || row.nr === __HYPERVISOR_sysctl;
}
