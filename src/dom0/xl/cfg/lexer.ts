/** The terminals of the grammar, under the names libxlu's messages use for them. */
export type TokenKind = 'IDENT' | 'STRING' | 'NUMBER' | 'NEWLINE' | '+=' | '=' | '[' | ']' | ',' | ';' | 'end of file';

/** A piece of a config file. */
export interface Token {
  readonly kind: TokenKind;
  /** As written, quotes included. */
  readonly text: string;
  /** A string without its quotes and escapes; the text of anything else. */
  readonly value: string;
  /** Counted from 1; a NEWLINE is on the line it ends. */
  readonly line: number;
}

/** One thing wrong with a config file. */
export interface Complaint {
  readonly line: number;
  /** The text it is about; '\n' for the end of a line, '' for the end of the file. */
  readonly near: string;
  /** libxlu's words for it. */
  readonly message: string;
  /** What to do about it, where that can be told. */
  readonly hint?: string | undefined;
}

/**
 * Cuts a config file into tokens by the rules of tools/libs/util/libxlu_cfg_l.l. A lexical error is no token: it goes
 * to `complain`, the offending word is dropped, and reading goes on after it.
 *
 * One difference: libxlu refuses every \xHH, and drops the character of an octal escape. Here both give the character.
 */
export function* tokens(text: string, complain: (complaint: Complaint) => void): Generator<Token, void> {
  let position = 0;
  let line = 1;

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    return pattern.exec(text)?.[0];
  };

  while (position < text.length) {
    const blank = match(BLANK);
    if (blank !== undefined) {
      position += blank.length;
      continue;
    }

    const newline = match(NEWLINE);
    if (newline !== undefined) {
      yield { kind: 'NEWLINE', text: newline, value: newline, line };
      position += newline.length;
      line += 1;
      continue;
    }

    const found = RULES.map((rule) => ({ kind: rule.kind, text: match(rule.pattern) })).find(isMatch);
    if (found !== undefined) {
      const value = found.kind === 'STRING' ? dequote(found.text, line, complain) : found.text;
      yield { kind: found.kind, text: found.text, value, line };
      position += found.text.length;
      continue;
    }

    const word = match(BAD_WORD) ?? '';
    complain({
      line,
      near: word.replace(/[ \t]$/, ''),
      message: 'lexical error',
      hint: hintFor(word),
    });
    position += word.length;
  }
  yield { kind: 'end of file', text: '', value: '', line };
}

const BLANK = /[ \t]+/y;
const NEWLINE = /\n|#[^\n]*\n/y;
/** After a character that begins no token, its whole word is dropped; on its own it takes one blank with it. */
const BAD_WORD = /[^\n](?:[^ \t\n]+|[ \t]?)/uy;

const RULES: readonly { readonly kind: TokenKind; readonly pattern: RegExp }[] = [
  { kind: 'IDENT', pattern: /[a-z][._0-9a-z]*/y },
  { kind: 'NUMBER', pattern: /[0-9][0-9a-fx]*/y },
  // A NUL would cut the string short for every C program that reads it.
  { kind: 'STRING', pattern: /'(?:[^'\\\n\0]|\\[^\n\0])*'|"(?:[^"\\\n\0]|\\[^\n\0])*"/y },
  { kind: '+=', pattern: /\+=/y },
  { kind: '=', pattern: /=/y },
  { kind: '[', pattern: /\[/y },
  { kind: ']', pattern: /\]/y },
  { kind: ',', pattern: /,/y },
  { kind: ';', pattern: /;/y },
];

function isMatch(rule: { kind: TokenKind; text: string | undefined }): rule is { kind: TokenKind; text: string } {
  return rule.text !== undefined;
}

function hintFor(word: string): string | undefined {
  const first = word.charAt(0);
  if (first === '#') return 'the last line is a comment without a newline at its end';
  if (first === "'" || first === '"') return 'the quote is not closed on its line';
  if (first === '\r') return 'lines end with CR LF; expected LF alone';
  if (first === '\\') return 'a line cannot be continued; only a list may span lines';
  if (/^[-+][0-9]/.test(word)) return 'a signed number needs quotes';
  if (/^[A-Z]/.test(word)) return 'names are in lower case, and strings need quotes';
  if (PYTHON.test(first)) {
    return 'this looks like Python; a config file is only assignments of strings, numbers and lists';
  }
  return undefined;
}

/** The characters that make libxlu suspect one of xend's config files, which were Python. */
const PYTHON = /[-+.():]/;

function dequote(quoted: string, line: number, complain: (complaint: Complaint) => void): string {
  const refuse = (message: string, hint: string): string => {
    complain({ line, near: quoted, message, hint });
    return '';
  };
  return quoted.slice(1, -1).replace(ESCAPE, (_, escaped: string) => {
    const simple = SIMPLE_ESCAPES[escaped];
    if (simple !== undefined) return simple;
    if (escaped.startsWith('x')) {
      if (escaped.length < 3) {
        return refuse('invalid digit after backslash hex numerical character escape in quoted string', 'as in \\x1b');
      }
      return character(Number.parseInt(escaped.slice(1), 16), refuse);
    }
    if (/^[0-7]/.test(escaped)) return character(Number.parseInt(escaped, 8), refuse);
    return refuse(
      'invalid character after backslash in quoted string',
      'known are \\\\ \\" \\\' \\a \\b \\f \\n \\r \\t \\v, \\x1b and \\033',
    );
  });
}

function character(code: number, refuse: (message: string, hint: string) => string): string {
  if (code === 0 || code > 0xff) {
    return refuse('invalid numerical character escape in quoted string', 'a byte from 1 to 255 (\\377, \\xff)');
  }
  return String.fromCharCode(code);
}

const ESCAPE = /\\(x[0-9a-fA-F]{0,2}|[0-7]{1,3}|.)/gsu;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
