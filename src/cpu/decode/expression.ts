/** Numbers, names and arithmetic in assembly text. */

/** A mistake in assembly text. The assembler adds the line. */
export class SyntaxMistake extends Error {}

export interface Token {
  readonly type: 'name' | 'number' | 'string' | 'sign';
  readonly text: string;
  readonly value: bigint;
}

const PATTERN =
  /\s*(?:(?<number>0x[0-9a-f_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*)(?![\w.])|(?<name>[.a-z_?][\w.?]*|\$\$?)|(?<string>"[^"]*"|'[^']*')|(?<sign><<|>>|[-+*/%&|^~()[\]:,]))/iy;

/** The tokens of a line without its comment. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length && line.slice(at).trim() !== '') {
    if (line.slice(at).trimStart().startsWith(';')) break;
    PATTERN.lastIndex = at;
    const found = PATTERN.exec(line);
    if (found?.groups === undefined) throw new SyntaxMistake(`cannot read '${line.slice(at).trim()}'`);
    tokens.push(tokenOf(found.groups));
    at = PATTERN.lastIndex;
  }
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>): Token {
  const { number, name, string, sign } = groups;
  if (number !== undefined) return { type: 'number', text: number, value: BigInt(number.replaceAll('_', '')) };
  if (name !== undefined) return { type: 'name', text: name, value: 0n };
  if (string !== undefined) {
    const text = string.slice(1, -1);
    const bytes = new TextEncoder().encode(text);
    return { type: 'string', text, value: bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) };
  }
  return { type: 'sign', text: sign as string, value: 0n };
}

/** What a name stands for; undefined where it is not known. */
export type Resolve = (name: string) => bigint | undefined;

/** Reads tokens one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }
  next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new SyntaxMistake('the line ends too early');
    this.#at++;
    return token;
  }
  /** Takes a sign if it is next. */
  take(sign: string): boolean {
    const token = this.peek();
    if (token?.type !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }
  /** Takes a name if it is next, whatever its case. */
  takeName(name: string): boolean {
    const token = this.peek();
    if (token?.type !== 'name' || token.text.toLowerCase() !== name) return false;
    this.#at++;
    return true;
  }
  expect(sign: string): void {
    if (!this.take(sign))
      throw new SyntaxMistake(`expected '${sign}'${this.done ? '' : ` before '${this.peek()?.text}'`}`);
  }
  rest(): readonly Token[] {
    return this.#tokens.slice(this.#at);
  }
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '<<': 4,
  '>>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
};

/** The value of an expression; names by `resolve`, which may throw. */
export function evaluate(reader: TokenReader, resolve: (name: string) => bigint, least = 1): bigint {
  let left = unary(reader, resolve);
  for (;;) {
    const sign = reader.peek();
    const precedence = sign?.type === 'sign' ? (PRECEDENCE[sign.text] ?? 0) : 0;
    if (precedence < least) return left;
    reader.next();
    left = apply((sign as Token).text, left, evaluate(reader, resolve, precedence + 1));
  }
}

function unary(reader: TokenReader, resolve: (name: string) => bigint): bigint {
  if (reader.take('-')) return -unary(reader, resolve);
  if (reader.take('+')) return unary(reader, resolve);
  if (reader.take('~')) return ~unary(reader, resolve);
  if (reader.take('(')) {
    const value = evaluate(reader, resolve);
    reader.expect(')');
    return value;
  }
  const token = reader.next();
  if (token.type === 'name') return resolve(token.text);
  if (token.type === 'sign') throw new SyntaxMistake(`expected a number or a name before '${token.text}'`);
  return token.value;
}

function apply(sign: string, a: bigint, b: bigint): bigint {
  switch (sign) {
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '&':
      return a & b;
    case '<<':
      return a << b;
    case '>>':
      return a >> b;
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? divisionByZero() : a / b;
    default:
      return b === 0n ? divisionByZero() : a % b;
  }
}

function divisionByZero(): never {
  throw new SyntaxMistake('division by zero');
}
