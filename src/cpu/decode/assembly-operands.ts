/** Operands as written: registers, memory, numbers, far pointers. */
import { BASE_RIP, NO_REGISTER } from './decoder.ts';
import { evaluate, SyntaxMistake, type TokenReader } from './expression.ts';
import { type NamedRegister, REGISTERS, SIZE_NAMES } from './names.ts';

export type WrittenOperand =
  | { readonly type: 'register'; readonly register: NamedRegister }
  | WrittenMemory
  /** `size` in bits where a word said it, else 0. */
  | { readonly type: 'number'; readonly value: bigint; readonly size: number }
  | { readonly type: 'far'; readonly selector: bigint; readonly offset: bigint };

export interface WrittenMemory {
  readonly type: 'memory';
  readonly size: number;
  /** Segment override, or -1. */
  readonly segment: number;
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  /** With BASE_RIP the target itself. */
  readonly displacement: bigint;
  /** Width of the registers in the address; 0 where there are none. */
  readonly addressSize: number;
}

/** Reads the operands of an instruction, up to the end of the line. */
export function readOperands(reader: TokenReader, resolve: (name: string) => bigint): WrittenOperand[] {
  const operands: WrittenOperand[] = [];
  while (!reader.done) {
    if (operands.length > 0) reader.expect(',');
    operands.push(readOperand(reader, resolve));
  }
  return operands;
}

function readOperand(reader: TokenReader, resolve: (name: string) => bigint): WrittenOperand {
  let size = 0;
  for (;;) {
    const word = reader.peek();
    const bits = word?.type === 'name' ? SIZE_NAMES.get(word.text.toLowerCase()) : undefined;
    if (bits === undefined && !['short', 'near', 'far'].includes(word?.text.toLowerCase() ?? '')) break;
    size = bits ?? size;
    reader.next();
  }
  if (reader.take('[')) return readMemory(reader, resolve, size);
  const name = reader.peek();
  const register = name?.type === 'name' ? REGISTERS.get(name.text.toLowerCase()) : undefined;
  if (register !== undefined) {
    reader.next();
    return { type: 'register', register };
  }
  const value = evaluate(reader, resolve);
  if (!reader.take(':')) return { type: 'number', value, size };
  return { type: 'far', selector: value, offset: evaluate(reader, resolve) };
}

/** Registers with their factors, and the rest of an address. */
interface Terms {
  readonly registers: { register: NamedRegister; factor: bigint; scaled: boolean }[];
  displacement: bigint;
}

function readMemory(reader: TokenReader, resolve: (name: string) => bigint, size: number): WrittenMemory {
  const name = reader.peek();
  const override = name?.type === 'name' ? REGISTERS.get(name.text.toLowerCase()) : undefined;
  let segment = -1;
  if (override?.file === 'segment') {
    segment = override.number;
    reader.next();
    reader.expect(':');
  }
  if (reader.takeName('rel')) {
    const displacement = evaluate(reader, resolve);
    reader.expect(']');
    return {
      type: 'memory',
      size,
      segment,
      base: BASE_RIP,
      index: NO_REGISTER,
      scale: 0,
      displacement,
      addressSize: 0,
    };
  }
  const terms: Terms = { registers: [], displacement: 0n };
  let sign = 1n;
  do {
    readTerm(reader, resolve, terms, sign);
    sign = reader.peek()?.text === '-' ? -1n : 1n;
  } while (reader.take('+') || reader.take('-'));
  reader.expect(']');
  return { type: 'memory', size, segment, ...address(terms), displacement: terms.displacement };
}

function readTerm(reader: TokenReader, resolve: (name: string) => bigint, terms: Terms, sign: bigint): void {
  const before = register(reader);
  if (before !== undefined) {
    if (sign < 0n) throw new SyntaxMistake('a register cannot be subtracted in an address');
    reader.next();
    const scaled = reader.take('*');
    terms.registers.push({ register: before, factor: scaled ? reader.next().value : 1n, scaled });
    return;
  }
  const factor = reader.peek()?.type === 'number' && reader.peek(1)?.text === '*' ? reader.peek()?.value : undefined;
  const after = factor === undefined ? undefined : register(reader, 2);
  if (factor !== undefined && after !== undefined) {
    for (let i = 0; i < 3; i++) reader.next();
    terms.registers.push({ register: after, factor, scaled: true });
    return;
  }
  // A term ends at the next plus or minus outside of parentheses.
  terms.displacement += sign * evaluate(reader, resolve, 6);
}

function register(reader: TokenReader, ahead = 0): NamedRegister | undefined {
  const token = reader.peek(ahead);
  return token?.type === 'name' ? REGISTERS.get(token.text.toLowerCase()) : undefined;
}

function address({ registers }: Terms): Pick<WrittenMemory, 'base' | 'index' | 'scale' | 'addressSize'> {
  const none = { base: NO_REGISTER, index: NO_REGISTER, scale: 0, addressSize: 0 };
  if (registers.length === 0) return none;
  const bits = registers[0]?.register.bits ?? 0;
  for (const { register: each } of registers) {
    if (each.file !== 'gpr' || each.bits !== bits || bits === 8) {
      throw new SyntaxMistake('an address takes general registers of one width: 16, 32 or 64 bits');
    }
  }
  if (registers.length > 2) throw new SyntaxMistake('an address takes at most two registers');
  if (bits === 16) return address16(registers.map(({ register: each }) => each.number));
  let base = registers.find(({ scaled, factor }) => !scaled && factor === 1n);
  let index = registers.find((each) => each !== base);
  // rSP can only be a base.
  if (index !== undefined && base !== undefined && index.register.number === 4 && index.factor === 1n) {
    [base, index] = [index, base];
  }
  const scale = [1n, 2n, 4n, 8n].indexOf(index?.factor ?? 1n);
  if (scale < 0 || index?.register.number === 4) {
    throw new SyntaxMistake('an index is any register but rSP, times 1, 2, 4 or 8');
  }
  return {
    base: base?.register.number ?? NO_REGISTER,
    index: index?.register.number ?? NO_REGISTER,
    scale,
    addressSize: bits,
  };
}

function address16(numbers: readonly number[]): Pick<WrittenMemory, 'base' | 'index' | 'scale' | 'addressSize'> {
  const isBase = (number: number): boolean => number === 3 || number === 5;
  if (numbers.length === 1) return { base: numbers[0] as number, index: NO_REGISTER, scale: 0, addressSize: 16 };
  const base = numbers.find(isBase) ?? NO_REGISTER;
  const index = numbers.find((number) => !isBase(number)) ?? NO_REGISTER;
  return { base, index, scale: 0, addressSize: 16 };
}
