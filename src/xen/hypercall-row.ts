import type { Call, HypercallResult } from './common/call.ts';

/** How far an operation is there: docs/SUPPORT.md is printed from this. */
export type Support = 'full' | 'partly' | 'absent';

export type Handler = (call: Call) => HypercallResult;

/** A structure of `src/abi`, as the tracer reads its fields. */
export interface AbiStructure {
  readonly C_NAME: string;
  readonly SIZE: number;
  new (memory: DataView, base: number): object;
}

/** What a pointer argument points at. */
export interface Pointee {
  /** Index of the pointer argument. */
  readonly argument: number;
  readonly structure: AbiStructure;
  /** Its layout in 32-bit code, where it differs. */
  readonly compat?: AbiStructure;
  /** Index of the argument that counts structures, for arrays. */
  readonly count?: number;
  /** Offset of `structure` from where the pointer points: domctl and sysctl have a header in front. */
  readonly offset?: number;
}

/** One operation of a hypercall, or a hypercall that has no operations. */
export interface Operation {
  readonly name: string;
  readonly support: Support;
  /** What is missing or different; for the operator and for docs/SUPPORT.md. */
  readonly note: string;
  /** Undefined where the operation is absent: it answers -ENOSYS. */
  readonly handler: Handler | undefined;
  /** Names of plain arguments, for the tracer; empty names are not shown. */
  readonly plain: readonly string[];
  readonly pointee: Pointee | undefined;
}

/** One hypercall of the table. */
export interface HypercallRow {
  readonly nr: number;
  readonly name: string;
  /** Which operation a call asks for; undefined where the call is one operation. */
  readonly select: ((call: Call) => number) | undefined;
  /** What a caller hears before it is told which operations there are: an errno, or 0 to go on. */
  readonly admit?: (call: Call) => HypercallResult;
  /** By number; a hypercall without operations has its only one at 0. */
  readonly operations: ReadonlyMap<number, Operation>;
}

/** Whether it is there, by what handler, with what restriction. */
export interface Implementation {
  readonly support: Support;
  readonly handler: Handler | undefined;
  readonly note: string;
}

export function full(handler: Handler, note = ''): Implementation {
  return { support: 'full', handler, note };
}

export function partly(handler: Handler, note: string): Implementation {
  return { support: 'partly', handler, note };
}

export function absent(note = ''): Implementation {
  return { support: 'absent', handler: undefined, note };
}

/** How the tracer reads the arguments: names of plain ones in order ('' for those not shown), or a pointee. */
export interface Arguments {
  readonly plain?: readonly string[];
  readonly pointee?: Pointee;
}

/** A row of an operation table: its number, its name in the header, what we have of it, its arguments. */
export function operation(
  number: number,
  name: string,
  implementation: Implementation,
  { plain = [], pointee }: Arguments = {},
): [number, Operation] {
  return [number, { name, ...implementation, plain, pointee }];
}

/** A hypercall whose argument `selector` chooses an operation. */
export function operations(
  nr: number,
  name: string,
  select: (call: Call) => number,
  rows: readonly [number, Operation][],
  admit?: (call: Call) => HypercallResult,
): HypercallRow {
  return { nr, name, select, operations: new Map(rows), ...(admit === undefined ? {} : { admit }) };
}

/** A hypercall that is one operation. */
export function single(nr: number, name: string, implementation: Implementation, args: Arguments = {}): HypercallRow {
  return { nr, name, select: undefined, operations: new Map([operation(0, name, implementation, args)]) };
}

/** A structure behind argument `argument`. */
export function at(argument: number, structure: AbiStructure, compat?: AbiStructure): Arguments {
  return { pointee: { argument, structure, ...(compat === undefined ? {} : { compat }) } };
}

/** An array of structures behind argument `argument`, as many as argument `count` says. */
export function arrayAt(argument: number, count: number, structure: AbiStructure, compat?: AbiStructure): Arguments {
  return { pointee: { argument, count, structure, ...(compat === undefined ? {} : { compat }) } };
}
