import { type Call, CONTINUE, element, type HypercallResult } from './common/call.ts';
import type { AbiStructure, HypercallRow, Operation, Pointee } from './hypercall-row.ts';

/** Told of every hypercall while it is `Hypervisor.trace`. While that is undefined, it costs one comparison a call. */
export interface HypercallTrace {
  /** A call is about to be made. */
  enter(call: Call, row: HypercallRow, operation: Operation | undefined): void;
  /** It was made. The calls of a multicall come and go between the two. */
  leave(call: Call, row: HypercallRow, operation: Operation | undefined, result: HypercallResult): void;
}

/** What is remembered of a call until it is made. */
interface CallBefore {
  readonly call: Call;
  readonly given: readonly string[];
  readonly fields: readonly string[];
  readonly args: BigUint64Array;
}

/** Elements of an array that are shown. */
const MAX_ELEMENTS = 4;

/**
 * Prints a line a hypercall:
 * `d1v0 event_channel_op EVTCHNOP_bind_virq{virq=0 vcpu=0 port=0} = 0 {port=3}`: what it was given, what it returned,
 * and what of the structure it changed.
 */
export class HypercallTracer implements HypercallTrace {
  readonly #print: (line: string) => void;
  /** Calls that are being made, the innermost last. */
  readonly #begun: CallBefore[] = [];

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  enter(call: Call, _row: HypercallRow, operation: Operation | undefined): void {
    const fields = operation === undefined ? [] : fieldsOf(call, operation);
    const given = [...(operation === undefined ? rawArguments(call) : plainArguments(call, operation)), ...fields];
    this.#begun.push({ call, given, fields, args: call.args.slice() });
  }

  leave(call: Call, row: HypercallRow, operation: Operation | undefined, result: HypercallResult): void {
    const begun = this.#begun.pop();
    if (begun?.call !== call) return; // It was begun before anybody listened.
    const name = operation === undefined || operation.name === row.name ? row.name : `${row.name} ${operation.name}`;
    // The call may have moved its arguments on; what it changed lies where it began.
    const moved = call.args.slice();
    call.args.set(begun.args);
    const changed = operation === undefined || result < 0 ? [] : difference(begun.fields, fieldsOf(call, operation));
    call.args.set(moved);
    const answer = changed.length === 0 ? '' : ` {${changed.join(' ')}}`;
    this.#print(`${call.vcpu.name} ${name}{${begun.given.join(' ')}} = ${resultText(result)}${answer}`);
  }
}

/** The fields behind a call's pointer, as 'name=value'. */
function fieldsOf(call: Call, { pointee }: Operation): string[] {
  if (pointee === undefined || call.handle(pointee.argument) === 0n) return [];
  const structure = call.compat ? (pointee.compat ?? pointee.structure) : pointee.structure;
  const count = pointee.count === undefined ? 1 : Math.min(call.u32(pointee.count), MAX_ELEMENTS);
  const fields: string[] = [];
  for (let index = 0; index < count; index++) {
    const prefix = pointee.count === undefined || call.u32(pointee.count) === 1 ? '' : `[${index}].`;
    fields.push(...elementFields(call, pointee, structure, index).map((field) => prefix + field));
  }
  return fields;
}

function elementFields(call: Call, pointee: Pointee, structure: AbiStructure, index: number): string[] {
  const bytes = new Uint8Array(structure.SIZE);
  const offset = BigInt(pointee.offset ?? 0);
  const start = element(call.handle(pointee.argument) + offset, index, structure.SIZE);
  if (!call.guest.read(start, bytes)) return ['<bad pointer>'];
  return describe(new structure(new DataView(bytes.buffer), 0), structure.prototype as object);
}

/** Every field of an ABI structure, by its getters; halves of fields and padding are left out. */
function describe(value: object, prototype: object): string[] {
  const fields: string[] = [];
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (descriptor.get === undefined || /(Lo|Hi)$|^_?pad|^rsvd/.test(name)) continue;
    const field: unknown = descriptor.get.call(value);
    if (typeof field === 'number') fields.push(`${name}=${numberText(field)}`);
    else if (typeof field === 'bigint') fields.push(`${name}=${bigText(field)}`);
    else if (field instanceof Uint8Array) fields.push(`${name}=${bytesText(field)}`);
    else if (typeof field === 'object' && field !== null) {
      fields.push(`${name}={${describe(field, Object.getPrototypeOf(field) as object).join(' ')}}`);
    }
  }
  return fields;
}

function plainArguments(call: Call, operation: Operation): string[] {
  return operation.plain.flatMap((name, index) => (name === '' ? [] : [`${name}=${bigText(call.handle(index))}`]));
}

function rawArguments(call: Call): string[] {
  return Array.from(call.args.subarray(0, 5), (argument) => bigText(argument));
}

function difference(before: readonly string[], after: readonly string[]): string[] {
  return after.filter((field) => !before.includes(field));
}

function resultText(result: HypercallResult): string {
  return result === CONTINUE ? '(to be continued)' : numberText(result);
}

function numberText(value: number): string {
  return Math.abs(value) < 4096 ? String(value) : `0x${value.toString(16)}`;
}

function bigText(value: bigint): string {
  return value < 4096n ? String(value) : `0x${value.toString(16)}`;
}

function bytesText(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
