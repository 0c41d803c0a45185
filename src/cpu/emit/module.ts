/** A WebAssembly module: types, imports, functions, a table, exports (core specification, 5.5). */
import { Code } from './code.ts';
import { OP_END, OP_REF_FUNC, TYPE_FUNCREF, TYPE_REF } from './opcodes.ts';

export interface FunctionType {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

/** Counts of locals beyond the parameters, by value type, in index order. */
export type Locals = readonly { readonly type: number; readonly count: number }[];

interface FunctionBody {
  readonly type: number;
  body: Code | undefined;
  locals: Locals;
}

/** A table as long as it will ever be, of functions of one type: a call through it need not ask for its length or theirs. */
export interface TypedTable {
  readonly name: string;
  readonly length: number;
  /** Index of the functions' type. */
  readonly type: number;
}

export class ModuleBuilder {
  readonly #types: FunctionType[] = [];
  /** Their indices, by the bytes of their parameters, a 0, and those of their results. */
  readonly #typeIndices = new Map<string, number>();
  readonly #imports: { name: string; type: number }[] = [];
  readonly #functions: FunctionBody[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  /** Imported tables, then tables of our own. */
  readonly #importedTables: (string | TypedTable)[] = [];
  readonly #tables: (FunctionTable | (TypedTable & { readonly initial: number }))[] = [];
  readonly #memory: { initial: number; maximum: number; shared: boolean };

  constructor(memory: { initial: number; maximum: number; shared: boolean }) {
    this.#memory = memory;
  }

  /** Index of a function type; equal types share one. */
  type(parameters: readonly number[], results: readonly number[]): number {
    const key = String.fromCharCode(...parameters, 0, ...results);
    const same = this.#typeIndices.get(key);
    if (same !== undefined) return same;
    this.#typeIndices.set(key, this.#types.length);
    this.#types.push({ parameters, results });
    return this.#types.length - 1;
  }

  /** Imports must all be named before the first function. Returns the function index. */
  import(name: string, parameters: readonly number[], results: readonly number[]): number {
    this.#imports.push({ name, type: this.type(parameters, results) });
    return this.#imports.length - 1;
  }

  /** Reserves a function; `define` gives its body later. Returns the function index. */
  declare(parameters: readonly number[], results: readonly number[]): number {
    this.#functions.push({ type: this.type(parameters, results), body: undefined, locals: [] });
    return this.#imports.length + this.#functions.length - 1;
  }

  define(index: number, locals: Locals, body: Code): void {
    const target = this.#functions[index - this.#imports.length];
    if (target === undefined) throw new Error(`function ${index} was not declared`);
    target.body = body;
    target.locals = locals;
  }

  export(name: string, index: number): void {
    this.#exports.push({ name, index });
  }

  /** An exported table of functions. Only the first one can have contents. */
  table(name: string, length: number, functions: readonly number[] = []): void {
    this.#tables.push({ length, functions, name });
  }
  /** The same with one function in all places. */
  typedTable(table: TypedTable, initial: number): void {
    this.#tables.push({ ...table, initial });
  }
  /** Imported tables come before others. */
  importTable(table: string | TypedTable): void {
    this.#importedTables.push(table);
  }

  /** The module's bytes. Imports come from `env`; memory is `env.memory`. */
  bytes(): Uint8Array<ArrayBuffer> {
    const size = this.#functions.reduce((sum, { body, locals }) => sum + sizeOf(body, locals), 0);
    const out = new Code(size + OTHER_SECTIONS);
    out.append(new Uint8Array([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
    section(out, 1, (code) => vector(code, this.#types, writeType));
    section(out, 2, (code) => this.#writeImports(code));
    section(out, 3, (code) => vector(code, this.#functions, (to, { type }) => to.u32(type)));
    if (this.#tables.length > 0) section(out, 4, (code) => vector(code, this.#tables, writeTable));
    section(out, 7, (code) => this.#writeExports(code));
    const first = functionsOf(this.#tables[0]);
    if (first.length > 0) section(out, 9, (code) => vector(code, [first], writeElements));
    if (this.#functions.some(({ body }) => (body?.hints.length ?? 0) > 0)) this.#writeHints(out);
    section(out, 10, (code) => vector(code, this.#functions, writeBody), size);
    return new Uint8Array(out.bytes());
  }

  /** The section of the branch hinting proposal: by function, offsets from where its declaration of locals begins. */
  #writeHints(out: Code): void {
    const hinted = this.#functions.flatMap(({ body, locals }, place) => {
      if (body === undefined || body.hints.length === 0) return [];
      return [{ index: this.#imports.length + place, hints: body.hints, start: localsOf(locals).length }];
    });
    section(out, 0, (code) => {
      name(code, 'metadata.code.branch_hint');
      vector(code, hinted, (to, { index, hints, start }) => {
        to.u32(index);
        vector(to, hints, (hint, { at, isLikely }) => {
          hint.u32(start + at);
          hint.u32(1);
          hint.byte(isLikely ? 1 : 0);
        });
      });
    });
  }

  #writeImports(code: Code): void {
    code.u32(this.#imports.length + this.#importedTables.length + 1);
    name(code, 'env');
    name(code, 'memory');
    code.byte(2);
    code.byte(this.#memory.shared ? 3 : 1);
    code.u32(this.#memory.initial);
    code.u32(this.#memory.maximum);
    for (const { name: imported, type } of this.#imports) {
      name(code, 'env');
      name(code, imported);
      code.byte(0);
      code.u32(type);
    }
    for (const imported of this.#importedTables) {
      name(code, 'env');
      name(code, typeof imported === 'string' ? imported : imported.name);
      code.byte(1);
      if (typeof imported === 'string') writeTableType(code, 0);
      else writeTypedTable(code, imported);
    }
  }

  #writeExports(code: Code): void {
    const tables = this.#tables.map(({ name: exported }, index) => ({ name: exported, index, kind: 1 }));
    vector(code, [...this.#exports.map((item) => ({ ...item, kind: 0 })), ...tables], writeExport);
  }
}

/** Room for what is not code: names, types, hints. It grows. */
const OTHER_SECTIONS = 16384;
/** A count and a type. */
const MOST_BYTES_OF_LOCALS = 6;

function section(out: Code, id: number, write: (code: Code) => void, capacity?: number): void {
  const content = new Code(capacity);
  write(content);
  out.byte(id);
  out.u32(content.length);
  out.append(content.bytes());
}

function vector<T>(code: Code, items: readonly T[], write: (code: Code, item: T) => void): void {
  code.u32(items.length);
  for (const item of items) write(code, item);
}

function name(code: Code, text: string): void {
  code.u32(text.length);
  for (let i = 0; i < text.length; i++) code.byte(text.charCodeAt(i));
}

function writeType(code: Code, type: FunctionType): void {
  code.byte(0x60);
  vector(code, type.parameters, (to, t) => to.byte(t));
  vector(code, type.results, (to, t) => to.byte(t));
}

interface FunctionTable {
  readonly name: string;
  readonly length: number;
  readonly functions: readonly number[];
}

function functionsOf(table: object | undefined): readonly number[] {
  return table !== undefined && 'functions' in table ? (table as FunctionTable).functions : [];
}

function writeTable(code: Code, table: FunctionTable | (TypedTable & { readonly initial: number })): void {
  if ('functions' in table) {
    writeTableType(code, table.length);
    return;
  }
  // With what is in it at first, for null is not of this type.
  code.byte(0x40);
  code.byte(0);
  writeTypedTable(code, table);
  code.byte(OP_REF_FUNC);
  code.u32(table.initial);
  code.byte(OP_END);
}

function writeTableType(code: Code, length: number): void {
  code.byte(TYPE_FUNCREF);
  code.byte(0);
  code.u32(length);
}

function writeTypedTable(code: Code, { length, type }: TypedTable): void {
  code.byte(TYPE_REF);
  code.u32(type);
  code.byte(1);
  code.u32(length);
  code.u32(length);
}

function writeExport(code: Code, item: { name: string; index: number; kind: number }): void {
  name(code, item.name);
  code.byte(item.kind);
  code.u32(item.index);
}

function writeElements(code: Code, functions: readonly number[]): void {
  code.u32(0);
  code.i32(0);
  code.byte(OP_END);
  vector(code, functions, (to, index) => to.u32(index));
}

function writeBody(code: Code, item: FunctionBody): void {
  if (item.body === undefined) throw new Error('a declared function was never defined');
  const declarations = localsOf(item.locals);
  code.u32(declarations.length + item.body.length + 1);
  code.append(declarations.bytes());
  code.append(item.body.bytes());
  code.byte(OP_END);
}

// At most, with its length.
function sizeOf(body: Code | undefined, locals: Locals): number {
  return (body?.length ?? 0) + locals.length * MOST_BYTES_OF_LOCALS + 16;
}

function localsOf(locals: Locals): Code {
  const content = new Code(locals.length * MOST_BYTES_OF_LOCALS + 8);
  vector(content, locals, (to, { type, count }) => {
    to.u32(count);
    to.byte(type);
  });
  return content;
}
