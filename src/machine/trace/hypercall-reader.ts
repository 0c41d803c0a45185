import { TRC_PV_HYPERCALL_SUBCALL, TRC_PV_HYPERCALL_V2 } from '../../abi/trace.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_memory_op, __HYPERVISOR_sysctl } from '../../abi/xen.ts';
import { MEMOP_CMD_MASK } from '../../xen/common/memory.ts';
import type { AbiStructure, HypercallRow, Operation } from '../../xen/hypercall-row.ts';
import { HYPERCALLS } from '../../xen/hypercalls.ts';
import {
  TRC_X_HYPERCALL,
  TRC_X_HYPERCALL_CHANGED,
  TRC_X_HYPERCALL_CONTINUED,
  TRC_X_HYPERCALL_DATA,
  TRC_X_HYPERCALL_RETURN,
} from '../../xen/trace/events.ts';
import { CALLER_IS_COMPAT } from '../../xen/trace/hypercall-records.ts';
import type { TraceRecord } from '../../xen/trace/trace-record.ts';
import { hex } from './event-names.ts';

/** Arguments and fields of structures, as JSON has them: what is above 2^32 in hexadecimal. */
export type CallArguments = Record<string, unknown>;

/** A hypercall, from its record and what follows that. */
export interface ReadCall {
  readonly kind: 'call';
  readonly ns: number;
  readonly cpu: number;
  /** domid << 16 | vCPU */
  readonly who: number;
  /** As in Xen: EVTCHNOP_send, or multicall. */
  readonly name: string;
  readonly args: CallArguments;
}

export interface ReadReturn {
  readonly kind: 'return';
  readonly ns: number;
  readonly cpu: number;
  readonly who: number;
  readonly name: string;
  /** 'continued' where the rest is a call of its own. */
  readonly result: number | 'continued';
  /** What of its structure the call changed. */
  readonly changed: CallArguments;
}

interface OpenCall {
  readonly name: string;
  readonly row: HypercallRow | undefined;
  readonly operation: Operation | undefined;
  readonly compat: boolean;
  readonly args: CallArguments;
}

const ROWS = new Map(HYPERCALLS.map((row) => [row.nr, row]));
const ARGUMENT_SHIFT = 20;
const ARGUMENTS = 6;

/** Puts hypercalls together from records, and names what is in them. */
export class HypercallReader {
  readonly #tell: (read: ReadCall | ReadReturn) => void;
  /** The call whose structure may still follow. */
  #begun: { ns: number; cpu: number; who: number; first: number; args: bigint[]; compat: boolean } | undefined;
  readonly #data: number[] = [];
  /** By who makes them: calls that are not done, the innermost last. */
  readonly #open = new Map<number, OpenCall[]>();

  constructor(tell: (read: ReadCall | ReadReturn) => void) {
    this.#tell = tell;
  }

  /** Takes a record where it is part of a hypercall; false where it is another's. */
  take(record: TraceRecord): boolean {
    switch (record.event) {
      case TRC_X_HYPERCALL_CHANGED:
        this.flush();
        this.#addData(record);
        return true;
      case TRC_X_HYPERCALL_DATA:
        this.#addData(record);
        return true;
      case TRC_PV_HYPERCALL_V2:
      case TRC_PV_HYPERCALL_SUBCALL:
      case TRC_X_HYPERCALL:
        this.flush();
        this.#begin(record);
        return true;
      case TRC_X_HYPERCALL_RETURN:
      case TRC_X_HYPERCALL_CONTINUED:
        this.flush();
        this.#returned(record);
        return true;
      default:
        this.flush();
        return false;
    }
  }

  /** Tells of a call that may have waited for more: there is none. */
  flush(): void {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    const { first, args, compat, ns, cpu, who } = begun;
    const nr = first & 0xffff;
    const row = ROWS.get(nr);
    const data = this.#takeData();
    const operation = row?.operations.get(row.select === undefined ? 0 : operationNumber(nr, args, data));
    const name = operation?.name ?? row?.name ?? `hypercall ${nr}`;
    const named = nameArguments(operation, args, data, compat);
    this.#stack(who).push({ name, row, operation, compat, args: named });
    this.#tell({ kind: 'call', ns, cpu, who, name, args: named });
  }

  /** Records are missing: what was begun may never be told to end. */
  forget(): void {
    this.flush();
    this.#data.length = 0;
    this.#open.clear();
  }

  #begin(record: TraceRecord): void {
    const first = record.extra(0);
    const args: bigint[] = [];
    let at = 1;
    for (let index = 0; index < ARGUMENTS; index++) {
      const words = (first >>> (ARGUMENT_SHIFT + 2 * index)) & 3;
      if (words === 0) break;
      const low = BigInt(record.extra(at));
      args.push(words === 1 ? low : (BigInt(record.extra(at + 1)) << 32n) | low);
      at += words;
    }
    const compat = record.event === TRC_X_HYPERCALL && (first & CALLER_IS_COMPAT) !== 0;
    const { stampNs: ns, cpu } = record;
    this.#begun = { ns, cpu, who: whoOf(record), first: compat ? first & ~CALLER_IS_COMPAT : first, args, compat };
    this.#data.length = 0;
  }

  #returned(record: TraceRecord): void {
    const who = whoOf(record);
    const data = this.#takeData();
    const open = this.#stack(who).pop();
    const { stampNs: ns, cpu } = record;
    const row = ROWS.get(record.extra(0));
    const name = open?.name ?? row?.name ?? `hypercall ${record.extra(0)}`;
    const continued = record.event === TRC_X_HYPERCALL_CONTINUED;
    const result = continued ? 'continued' : (record.extra(2) | 0) * 2 ** 32 + record.extra(1);
    const changed = open === undefined || data.length === 0 ? {} : changedFields(open, data);
    this.#tell({ kind: 'return', ns, cpu, who, name, result, changed });
  }

  #addData(record: TraceRecord): void {
    for (let index = 0; index < record.extras; index++) this.#data.push(record.extra(index));
  }

  #stack(who: number): OpenCall[] {
    const known = this.#open.get(who);
    if (known !== undefined) return known;
    const stack: OpenCall[] = [];
    this.#open.set(who, stack);
    return stack;
  }

  #takeData(): readonly number[] {
    return this.#data.splice(0);
  }
}

function whoOf(record: TraceRecord): number {
  return (record.domid << 16) | record.vcpuId;
}

/** domctl and sysctl have their operation in the structure, the others as their first argument. */
function operationNumber(nr: number, args: readonly bigint[], data: readonly number[]): number {
  if (nr === __HYPERVISOR_domctl || nr === __HYPERVISOR_sysctl) return data[0] ?? -1;
  const first = Number((args[0] ?? 0n) & 0xffffffffn);
  return nr === __HYPERVISOR_memory_op ? first & MEMOP_CMD_MASK : first;
}

function nameArguments(
  operation: Operation | undefined,
  args: readonly bigint[],
  data: readonly number[],
  compat: boolean,
): CallArguments {
  const named: CallArguments = {};
  const { plain = [], pointee } = operation ?? {};
  if (operation === undefined) for (const [index, value] of args.entries()) named[`arg${index}`] = number(value);
  for (const [index, name] of plain.entries()) {
    const value = args[index];
    if (name !== '' && value !== undefined) named[name] = number(value, name);
  }
  if (pointee === undefined) return named;
  const count = pointee.count === undefined ? undefined : args[pointee.count];
  if (count !== undefined) named.count = number(count);
  return Object.assign(named, structureFields(operation, data, compat));
}

/** The structure that a call was given, as JSON; empty where its bytes were not recorded whole. */
function structureFields(operation: Operation | undefined, data: readonly number[], compat: boolean): CallArguments {
  const pointee = operation?.pointee;
  if (pointee === undefined || data.length === 0) return {};
  const structure = compat ? (pointee.compat ?? pointee.structure) : pointee.structure;
  const bytes = Uint32Array.from(data);
  const offset = pointee.offset ?? 0;
  if (bytes.byteLength < offset + structure.SIZE) return {};
  return describe(new structure(new DataView(bytes.buffer), offset), structure);
}

function changedFields({ operation, compat, args }: OpenCall, data: readonly number[]): CallArguments {
  const after = Object.entries(structureFields(operation, data, compat));
  return Object.fromEntries(after.filter(([name, value]) => JSON.stringify(args[name]) !== JSON.stringify(value)));
}

/** Every field of a structure by its getters; halves of fields, padding and unions' bytes are left out. */
function describe(value: object, structure: { readonly prototype: object } | AbiStructure): CallArguments {
  const fields: CallArguments = {};
  const { prototype } = structure as { readonly prototype: object };
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (get === undefined || /(Lo|Hi)$|^_?pad|^rsvd/.test(name)) continue;
    const field: unknown = get.call(value);
    if (typeof field === 'number' || typeof field === 'bigint') fields[name] = number(field, name);
    else if (field instanceof Uint8Array) fields[name] = Buffer.from(field).toString('hex');
    else if (typeof field === 'object' && field !== null) {
      fields[name] = describe(field, field.constructor as unknown as { readonly prototype: object });
    }
  }
  return fields;
}

/** Counts and times as numbers, what may be an address in hexadecimal. */
function number(value: number | bigint, name = ''): number | string {
  if (/ns$|time/.test(name) && value <= Number.MAX_SAFE_INTEGER) return Number(value);
  return value > 0xffffffff || value < -0x80000000 ? hex(value) : Number(value);
}
