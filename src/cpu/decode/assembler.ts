/**
 * An assembler for tests and test kernels, from the same rows as the decoder. Intel syntax, one instruction a line:
 * 'again: lock add qword [rax+rcx*4+8], 1 ; comment'. Labels that start with a dot belong to the label before them.
 * Directives: bits 16|32|64, org N, align N, times N ..., db dw dd dq, resb N, NAME equ VALUE.
 * Forms are chosen by fit, the shortest encoding wins; branches are as short as their distance allows.
 */
import type { Instruction } from '../instructions/define.ts';
import { DS, ES, FS, GS, SS } from '../state.ts';
import { AssemblyForms, type Written } from './assembly-forms.ts';
import { readOperands } from './assembly-operands.ts';
import type { CodeWidth } from './encoder.ts';
import { evaluate, SyntaxMistake, type Token, TokenReader, tokenize } from './expression.ts';

export interface AssembleOptions {
  /** Address of the first byte. */
  readonly origin?: number | bigint;
  /** Width of code until a `bits` line; 64 where nothing is said. */
  readonly width?: CodeWidth;
  /** Constants that the source uses. */
  readonly symbols?: Readonly<Record<string, number | bigint>>;
}

export interface Assembled {
  readonly bytes: Uint8Array;
  readonly origin: bigint;
  /** Labels and `equ` names. */
  readonly symbols: ReadonlyMap<string, bigint>;
}

/** A mistake in the source: its line, and what is wrong with it. */
export class AssemblyError extends Error {
  readonly line: number;

  constructor(line: number, text: string, message: string) {
    super(`line ${line}: ${message}: ${text.trim()}`);
    this.line = line;
  }
}

/** Passes until all labels stay where they are. Code only grows from one pass to the next, so few are needed. */
const MOST_PASSES = 50;

export class Assembler {
  readonly #forms: AssemblyForms;

  constructor(instructions: readonly Instruction[]) {
    this.#forms = new AssemblyForms(instructions);
  }

  /** Assembles lines (or instructions separated by semicolon-free newlines). Throws AssemblyError. */
  assemble(source: string, options: AssembleOptions = {}): Assembled {
    const lines = parseLines(source);
    const sizes: number[] = [];
    let symbols: ReadonlyMap<string, bigint> = new Map();
    for (let number = 0; number < MOST_PASSES; number++) {
      const pass = new Pass(this.#forms, options, symbols, sizes, number === 0);
      pass.run(lines);
      const isStable = sameSymbols(symbols, pass.symbols);
      symbols = pass.symbols;
      if (!isStable || pass.hasUnknown) {
        if (isStable && number > 0) pass.reportUnknown();
        continue;
      }
      return { bytes: pass.bytes(), origin: BigInt(options.origin ?? 0), symbols };
    }
    throw new Error('labels do not settle: an expression must depend on its own value');
  }
}

interface Line {
  readonly number: number;
  readonly text: string;
  readonly label: string | undefined;
  readonly tokens: readonly Token[];
}

function parseLines(source: string): Line[] {
  return source.split('\n').map((text, index) => {
    try {
      const tokens = tokenize(text);
      const [first, second] = tokens;
      const isLabel = first?.type === 'name' && second?.type === 'sign' && second.text === ':';
      return {
        number: index + 1,
        text,
        label: isLabel ? first.text : undefined,
        tokens: isLabel ? tokens.slice(2) : tokens,
      };
    } catch (error) {
      throw inLine(error, index + 1, text);
    }
  });
}

const DATA_SIZES: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const SEGMENT_PREFIXES: Readonly<Record<string, number>> = { es: ES, cs: 1, ss: SS, ds: DS, fs: FS, gs: GS };
const SIZE_PREFIX = /^([oa])(16|32|64)$/;

/** One run over the source with the labels of the run before. */
class Pass {
  readonly symbols = new Map<string, bigint>();
  readonly #forms: AssemblyForms;
  readonly #before: ReadonlyMap<string, bigint>;
  /** Bytes that each instruction took in earlier passes; it may only grow. */
  readonly #sizes: number[];
  readonly #isFirst: boolean;
  readonly #constants = new Map<string, bigint>();
  readonly #out: number[] = [];
  #origin: bigint;
  #width: CodeWidth;
  #scope = '';
  #unknown: { line: Line; name: string } | undefined;
  #line: Line | undefined;
  #instruction = 0;

  constructor(
    forms: AssemblyForms,
    options: AssembleOptions,
    before: ReadonlyMap<string, bigint>,
    sizes: number[],
    isFirst: boolean,
  ) {
    this.#forms = forms;
    this.#before = before;
    this.#sizes = sizes;
    this.#isFirst = isFirst;
    this.#origin = BigInt(options.origin ?? 0);
    this.#width = options.width ?? 64;
    for (const [name, value] of Object.entries(options.symbols ?? {})) this.#constants.set(name, BigInt(value));
  }

  get hasUnknown(): boolean {
    return this.#unknown !== undefined;
  }

  reportUnknown(): never {
    const { line, name } = this.#unknown as { line: Line; name: string };
    throw new AssemblyError(line.number, line.text, `'${name}' is not defined`);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out);
  }

  run(lines: readonly Line[]): void {
    for (const line of lines) {
      this.#line = line;
      try {
        if (line.label !== undefined) this.#define(line.label, this.#here);
        if (line.tokens.length > 0) this.#statement(new TokenReader(line.tokens));
      } catch (error) {
        throw inLine(error, line.number, line.text);
      }
    }
  }

  get #here(): bigint {
    return this.#origin + BigInt(this.#out.length);
  }

  #define(name: string, value: bigint): void {
    const full = this.#fullName(name);
    if (!name.startsWith('.')) this.#scope = name;
    if (this.symbols.has(full) || this.#constants.has(full)) throw new SyntaxMistake(`'${name}' is defined twice`);
    this.symbols.set(full, value);
  }

  #fullName(name: string): string {
    return name.startsWith('.') ? `${this.#scope}${name}` : name;
  }

  #resolve = (name: string): bigint => {
    if (name === '$') return this.#here;
    if (name === '$$') return this.#origin;
    const full = this.#fullName(name);
    const value = this.symbols.get(full) ?? this.#constants.get(full) ?? this.#before.get(full);
    if (value !== undefined) return value;
    this.#unknown ??= { line: this.#line as Line, name };
    // A label further on: near is the best guess, for code may still grow.
    return this.#here;
  };

  #statement(reader: TokenReader): void {
    const word = reader.next();
    if (word.type !== 'name') throw new SyntaxMistake(`expected an instruction, not '${word.text}'`);
    if (reader.takeName('equ')) {
      const value = evaluate(reader, this.#resolve);
      this.symbols.set(this.#fullName(word.text), value);
      this.#end(reader);
      return;
    }
    if (!this.#directive(word.text.toLowerCase(), reader)) this.#code(word.text.toLowerCase(), reader);
  }

  // False if the word is not a directive.
  #directive(word: string, reader: TokenReader): boolean {
    const size = DATA_SIZES[word];
    if (size !== undefined) {
      this.#data(reader, size);
      return true;
    }
    switch (word) {
      case 'bits':
        this.#width = this.#oneOf(reader, [16, 32, 64]) as CodeWidth;
        break;
      case 'org':
        this.#origin = evaluate(reader, this.#resolve) - BigInt(this.#out.length);
        break;
      case 'align': {
        const boundary = evaluate(reader, this.#resolve);
        // Code is padded with NOPs: it may be run through.
        const fill = reader.take(',') ? Number(evaluate(reader, this.#resolve)) : 0x90;
        while (this.#here % boundary !== 0n) this.#out.push(fill);
        break;
      }
      case 'resb':
        for (let left = evaluate(reader, this.#resolve); left > 0n; left--) this.#out.push(0);
        break;
      case 'times': {
        const count = evaluate(reader, this.#resolve);
        const repeated = reader.rest();
        for (let i = 0n; i < count; i++) this.#statement(new TokenReader(repeated));
        return true;
      }
      default:
        return false;
    }
    this.#end(reader);
    return true;
  }

  #oneOf(reader: TokenReader, allowed: readonly number[]): number {
    const value = Number(evaluate(reader, this.#resolve));
    if (!allowed.includes(value)) throw new SyntaxMistake(`expected ${allowed.join(', ')}, not ${value}`);
    return value;
  }

  #data(reader: TokenReader, size: number): void {
    do {
      const token = reader.peek();
      const after = reader.peek(1);
      if (token?.type === 'string' && (after === undefined || after.text === ',')) {
        const bytes = new TextEncoder().encode(reader.next().text);
        this.#out.push(...bytes);
        while (this.#out.length % size !== 0 && bytes.length % size !== 0) this.#out.push(0);
      } else {
        this.#number(evaluate(reader, this.#resolve), size);
      }
    } while (reader.take(','));
    this.#end(reader);
  }

  #number(value: bigint, size: number): void {
    const bits = BigInt(size * 8);
    if (!this.#isFirst && (value < -(1n << (bits - 1n)) || value >= 1n << bits)) {
      throw new SyntaxMistake(`${value} does not fit into ${size} bytes`);
    }
    for (let i = 0; i < size; i++) this.#out.push(Number((value >> BigInt(8 * i)) & 0xffn));
  }

  #code(first: string, reader: TokenReader): void {
    let word = first;
    let prefixes = { lock: false, repeat: 0, operandSize: 0, addressSize: 0, segment: -1 };
    for (;;) {
      const next = prefix(word, prefixes, this.#forms);
      if (next === undefined) break;
      prefixes = next;
      const token = reader.next();
      word = token.text.toLowerCase();
    }
    if (reader.takeName('far')) word = `${word} far`;
    if (!this.#forms.knows(word)) throw new SyntaxMistake(`there is no instruction '${word}'`);
    const operands = readOperands(reader, this.#resolve);
    const written: Written = { mnemonic: word, operands, ...prefixes, width: this.#width, address: this.#here };
    this.#out.push(...this.#choose(written));
  }

  // The shortest encoding that is not shorter than before: so passes come to an end.
  #choose(written: Written): Uint8Array {
    const encodings = this.#forms.encodings(written);
    const index = this.#instruction++;
    const least = this.#sizes[index] ?? 0;
    const chosen = encodings.find(({ length }) => length >= least) ?? (encodings.at(-1) as Uint8Array);
    this.#sizes[index] = chosen.length;
    return chosen;
  }

  #end(reader: TokenReader): void {
    if (!reader.done) throw new SyntaxMistake(`'${reader.peek()?.text}' is one word too many`);
  }
}

type Prefixes = Pick<Written, 'lock' | 'repeat' | 'operandSize' | 'addressSize' | 'segment'>;

// Prefixes with one more; undefined if the word is none.
function prefix<P extends Prefixes>(word: string, before: P, forms: AssemblyForms): P | undefined {
  const size = SIZE_PREFIX.exec(word);
  if (size !== null) {
    const bits = Number(size[2]);
    return size[1] === 'o' ? { ...before, operandSize: bits } : { ...before, addressSize: bits };
  }
  switch (word) {
    case 'lock':
      return { ...before, lock: true };
    case 'rep':
    case 'repe':
    case 'repz':
      return { ...before, repeat: 0xf3 };
    case 'repne':
    case 'repnz':
      return { ...before, repeat: 0xf2 };
    default: {
      const segment = SEGMENT_PREFIXES[word];
      return segment === undefined || forms.knows(word) ? undefined : { ...before, segment };
    }
  }
}

function inLine(error: unknown, number: number, text: string): unknown {
  return error instanceof SyntaxMistake ? new AssemblyError(number, text, error.message) : error;
}

function sameSymbols(a: ReadonlyMap<string, bigint>, b: ReadonlyMap<string, bigint>): boolean {
  return a.size === b.size && Array.from(a).every(([name, value]) => b.get(name) === value);
}
