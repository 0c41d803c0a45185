import { XenolithError } from '../../../lib/errors.ts';
import { Config, type Setting, type Value } from './config.ts';
import { type Complaint, type Token, type TokenKind, tokens } from './lexer.ts';

/**
 * Parses an xl config file by the grammar of tools/libs/util/libxlu_cfg_y.y.
 *
 * `extra` are the `key=value` arguments of the command line: they are read after the file, each on a line of its own,
 * so that they override it or, with `+=`, add to it.
 *
 * Throws a XenolithError (XL_CONFIG_SYNTAX) with one line for each mistake: where it is, near what, libxlu's words for
 * it, and in parentheses what to do. As with libxlu, an error ends its line, and what the parser stumbles over next
 * stays unsaid until it has found its feet again.
 */
export function parseConfig(source: string, text: string, extra: readonly string[] = []): Config {
  const fileLines = countLines(text);
  const whole = extra.length === 0 ? text : `${text}\n${extra.join('\n')}\n`;
  const where = (line: number) => (line <= fileLines ? `${source}:${line}` : `command line:${line - fileLines}`);

  const parser = new Parser(whole);
  const settings = parser.file();
  if (parser.complaints.length > 0) {
    throw new XenolithError('XL_CONFIG_SYNTAX', parser.complaints.map((each) => sentence(each, where)).join('\n'));
  }
  return new Config(settings, where);
}

function countLines(text: string): number {
  return text.split('\n').length;
}

function sentence(complaint: Complaint, where: (line: number) => string): string {
  const hint = complaint.hint === undefined ? '' : ` (${complaint.hint})`;
  return `${where(complaint.line)}: config parsing error near ${quote(complaint.near)}: ${complaint.message}${hint}`;
}

/** As libxlu writes it: an opening backquote, a closing apostrophe. */
function quote(near: string): string {
  if (near === '') return 'the end of the file';
  if (near.endsWith('\n')) return '<newline>';
  const printable = near.replace(CONTROL, (character) => JSON.stringify(character).slice(1, -1));
  return `\`${printable}'`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f]/g;

/** Unwinds to the statement; its complaint is already noted. */
class SyntaxFailure extends Error {}

/** After an error, bison keeps quiet until this many tokens made sense. */
const TOKENS_TO_TRUST = 3;

class Parser {
  readonly complaints: Complaint[] = [];
  readonly #tokens: Iterator<Token, void>;
  readonly #settings = new Map<string, Setting>();
  #token: Token;
  #quietFor = 0;

  constructor(text: string) {
    this.#tokens = tokens(text, (complaint) => this.#complain(complaint));
    this.#token = this.#read();
  }

  /** file: { [assignment] (NEWLINE | ';') } [assignment] */
  file(): Map<string, Setting> {
    while (!this.#at('end of file')) {
      try {
        this.#statement();
      } catch (error) {
        if (!(error instanceof SyntaxFailure)) throw error;
        this.#skipLine();
      }
    }
    return this.#settings;
  }

  #statement(): void {
    if (this.#at('NEWLINE') || this.#at(';')) {
      this.#advance();
      return;
    }
    const name = this.#take(['IDENT'], "IDENT or NEWLINE or ';'", 'expected name = value');
    const operator = this.#take(['+=', '='], "+= or '='", `expected ${name.text} = value`);
    const value = this.#value("STRING or NUMBER or '['");
    this.#store(name, operator, value);

    if (this.#at('end of file')) return;
    this.#take(['NEWLINE', ';'], "NEWLINE or ';'", 'one setting a line, or ; between two');
  }

  /** value: STRING | NUMBER | '[' { value ',' } [value] ']', with newlines allowed between the brackets */
  #value(expecting: string): Value {
    if (this.#at('[')) return this.#list();

    const hint = this.#at('IDENT') ? `a string needs quotes: "${this.#token.text}"` : undefined;
    const { kind, value, line } = this.#take(['STRING', 'NUMBER'], expecting, hint);
    return { kind: 'string', text: value, quoted: kind === 'STRING', line };
  }

  #list(): Value {
    const { line } = this.#advance();
    const unclosed = `the list that begins on line ${line} wants ]`;
    const items: Value[] = [];

    this.#skipNewlines();
    while (!this.#at(']')) {
      if (this.#at('end of file')) this.#fail("']'", unclosed);
      items.push(this.#value("STRING or NUMBER or '[' or ']'"));
      this.#skipNewlines();
      if (this.#at(']')) break;
      this.#take([','], "',' or ']'", unclosed);
      this.#skipNewlines();
    }
    this.#advance();
    return { kind: 'list', items, line };
  }

  #store(name: Token, operator: Token, value: Value): void {
    const earlier = this.#settings.get(name.text);
    const op = operator.kind === '+=' ? '+=' : '=';
    if (op === '=' || earlier === undefined) {
      this.#settings.set(name.text, { name: name.text, op, value, line: name.line });
      return;
    }

    const sum = add(earlier.value, value);
    if (sum === undefined) {
      const message = 'can\'t add [list] to "string" or vice versa';
      this.#complain({ line: name.line, near: `${name.text} +=`, message, hint: `line ${earlier.line} began it` });
      return;
    }
    this.#settings.set(name.text, { name: name.text, op, value: sum, line: name.line });
  }

  #take(kinds: readonly TokenKind[], expecting: string, hint?: string): Token {
    if (!kinds.includes(this.#token.kind)) this.#fail(expecting, hint);
    return this.#advance();
  }

  #fail(expecting: string, hint?: string): never {
    const { kind, text, line } = this.#token;
    const found = kind.length <= 2 && kind !== '+=' ? `'${kind}'` : kind;
    const message = `syntax error, unexpected ${found}, expecting ${expecting}`;
    if (this.#quietFor === 0) this.#complain({ line, near: text, message, hint });
    this.#quietFor = TOKENS_TO_TRUST;
    throw new SyntaxFailure();
  }

  /**
   * Notes a complaint, unless its line already has one: the second is mostly an echo of the first. A file with CR LF
   * is told so once, not on every line.
   */
  #complain(complaint: Complaint): void {
    const echo = (each: Complaint) => each.line === complaint.line || (each.near === '\r' && complaint.near === '\r');
    if (this.complaints.some(echo)) return;
    this.complaints.push(complaint);
  }

  #at(kind: TokenKind): boolean {
    return this.#token.kind === kind;
  }

  #advance(): Token {
    const token = this.#token;
    this.#quietFor = Math.max(0, this.#quietFor - 1);
    this.#token = this.#read();
    return token;
  }

  #read(): Token {
    const next = this.#tokens.next();
    return next.done === true ? this.#token : next.value;
  }

  #skipNewlines(): void {
    while (this.#at('NEWLINE')) this.#advance();
  }

  #skipLine(): void {
    while (!this.#at('NEWLINE') && !this.#at('end of file')) this.#token = this.#read();
    if (this.#at('NEWLINE')) this.#advance();
  }
}

function add(first: Value, second: Value): Value | undefined {
  if (first.kind === 'string' && second.kind === 'string') {
    return { ...second, text: first.text + second.text };
  }
  if (first.kind === 'list' && second.kind === 'list') {
    return { ...second, items: [...first.items, ...second.items] };
  }
  return undefined;
}
