import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { XenolithError } from '../../../lib/errors.ts';
import type { Value } from './config.ts';
import { parseConfig } from './parser.ts';

// What is accepted and refused was compared, case by case, with libxlu of Debian's xen-utils 4.17.
// Where the line or the list of what was expected differs from libxlu's, ours is the complete one.

type Plain = string | Plain[];

function plain(value: Value): Plain {
  return value.kind === 'string' ? value.text : value.items.map(plain);
}

function read(text: string, extra: readonly string[] = []): Record<string, Plain> {
  const config = parseConfig('guest.cfg', text, extra);
  return Object.fromEntries([...config.settings()].map((setting) => [setting.name, plain(setting.value)]));
}

function complaints(text: string, extra: readonly string[] = []): string[] {
  let message = '';
  throws(
    () => parseConfig('guest.cfg', text, extra),
    (error: XenolithError) => {
      equal(error.code, 'XL_CONFIG_SYNTAX');
      message = error.message;
      return true;
    },
  );
  return message.split('\n');
}

const accepted: readonly (readonly [rule: string, text: string, settings: Record<string, Plain>])[] = [
  ['the empty file', '', {}],
  ['blank lines and lone semicolons', '\n \t\n;;\n', {}],
  ['a last line needs no newline', 'a=1', { a: '1' }],
  ['both quotes, each free to hold the other', `a='x"'\nb="it's"\n`, { a: 'x"', b: "it's" }],
  ['a semicolon ends a setting', 'a=1;b=2;\nc=3', { a: '1', b: '2', c: '3' }],
  ['blanks anywhere', '\t a\t= 1 ;  b=[ 1 , 2 ]  \n', { a: '1', b: ['1', '2'] }],
  ['comments', '# one\na=1 # two\n#\nb=2;# three\n', { a: '1', b: '2' }],
  ['a hash in quotes is text', 'a="x # y"', { a: 'x # y' }],
  ['numbers stay as written', 'a=0x1f\nb=010\nc=12ab\nd=0', { a: '0x1f', b: '010', c: '12ab', d: '0' }],
  ['names have digits, dots and underscores', 'a.b_9 = 1', { 'a.b_9': '1' }],
  ['empty strings and lists', "a=''\nb=[]\nc=[\n]\n", { a: '', b: [], c: [] }],
  ['a list ends with or without a comma', 'a=[1,2]\nb=[1,2,]\n', { a: ['1', '2'], b: ['1', '2'] }],
  ['a list spans lines, comments included', 'a=[ # one\n\n1\n, # two\n2\n]\n', { a: ['1', '2'] }],
  ['lists in lists', 'a=[["x", "y"], [], "z"]', { a: [['x', 'y'], [], 'z'] }],
  ['the last setting wins', 'a=1\na=[2]\na="3"', { a: '3' }],
  ['+= joins strings', "a='x'\na+=' y'\na+='z'", { a: 'x yz' }],
  ['+= joins lists', 'a=[1]\na+=[2,3]', { a: ['1', '2', '3'] }],
  ['+= begins what is not there', 'a+="y"', { a: 'y' }],
  ['escapes', String.raw`a="\\\"\'\a\b\f\n\r\t\v"`, { a: '\\"\'\x07\b\f\n\r\t\v' }],
  ['numeric escapes (libxlu means them, but fails on every one)', String.raw`a="\x41\101\33[0m"`, { a: 'AA\x1b[0m' }],
  ['text is UTF-8', 'a="é"', { a: 'é' }],
];

for (const [rule, text, settings] of accepted) {
  test(`xl.cfg: ${rule}`, () => deepEqual(read(text), settings));
}

const refused: readonly (readonly [text: string, ...complaints: string[]])[] = [
  [
    'a 1\n',
    "guest.cfg:1: config parsing error near `1': syntax error, unexpected NUMBER, expecting += or '=' (expected a = value)",
  ],
  [
    '\na\n',
    "guest.cfg:2: config parsing error near <newline>: syntax error, unexpected NEWLINE, expecting += or '=' (expected a = value)",
  ],
  [
    'a=',
    "guest.cfg:1: config parsing error near the end of the file: syntax error, unexpected end of file, expecting STRING or NUMBER or '['",
  ],
  [
    'a=b\n',
    "guest.cfg:1: config parsing error near `b': syntax error, unexpected IDENT, expecting STRING or NUMBER or '[' (a string needs quotes: \"b\")",
  ],
  [
    'a==1\n',
    "guest.cfg:1: config parsing error near `=': syntax error, unexpected '=', expecting STRING or NUMBER or '['",
  ],
  [
    'a=1 b=2\n',
    "guest.cfg:1: config parsing error near `b': syntax error, unexpected IDENT, expecting NEWLINE or ';' (one setting a line, or ; between two)",
  ],
  [
    '=1\n',
    "guest.cfg:1: config parsing error near `=': syntax error, unexpected '=', expecting IDENT or NEWLINE or ';' (expected name = value)",
  ],
  [
    '"x"=1\n',
    "guest.cfg:1: config parsing error near `\"x\"': syntax error, unexpected STRING, expecting IDENT or NEWLINE or ';' (expected name = value)",
  ],
  [
    '\na=[1\n 2]\n',
    "guest.cfg:3: config parsing error near `2': syntax error, unexpected NUMBER, expecting ',' or ']' (the list that begins on line 2 wants ])",
  ],
  [
    'a=[1,,2]\n',
    "guest.cfg:1: config parsing error near `,': syntax error, unexpected ',', expecting STRING or NUMBER or '[' or ']'",
  ],
  [
    'a=[1,\n',
    "guest.cfg:2: config parsing error near the end of the file: syntax error, unexpected end of file, expecting ']' (the list that begins on line 1 wants ])",
  ],
  [
    'a=1\na+=[2]\n',
    'guest.cfg:2: config parsing error near `a +=\': can\'t add [list] to "string" or vice versa (line 1 began it)',
  ],
  ["a='x\n", "guest.cfg:1: config parsing error near `'x': lexical error (the quote is not closed on its line)"],
  [
    'a=1 # c',
    "guest.cfg:1: config parsing error near `#': lexical error (the last line is a comment without a newline at its end)",
  ],
  [
    'a=\\\n1\n',
    "guest.cfg:1: config parsing error near `\\': lexical error (a line cannot be continued; only a list may span lines)",
  ],
  ['a=-1\n', "guest.cfg:1: config parsing error near `-1': lexical error (a signed number needs quotes)"],
  [
    'Name="x"\n',
    'guest.cfg:1: config parsing error near `Name="x"\': lexical error (names are in lower case, and strings need quotes)',
  ],
  [
    'a=int(1)\n',
    "guest.cfg:1: config parsing error near `int': syntax error, unexpected IDENT, expecting STRING or NUMBER or '[' (a string needs quotes: \"int\")",
  ],
  [
    'a=(1)\n',
    "guest.cfg:1: config parsing error near `(1)': lexical error (this looks like Python; a config file is only assignments of strings, numbers and lists)",
  ],
  [
    'a="\\q"\n',
    'guest.cfg:1: config parsing error near `"\\q"\': invalid character after backslash in quoted string (known are \\\\ \\" \\\' \\a \\b \\f \\n \\r \\t \\v, \\x1b and \\033)',
  ],
  [
    'a="\\x4"\n',
    'guest.cfg:1: config parsing error near `"\\x4"\': invalid digit after backslash hex numerical character escape in quoted string (as in \\x1b)',
  ],
  [
    'a="\\0"\n',
    'guest.cfg:1: config parsing error near `"\\0"\': invalid numerical character escape in quoted string (a byte from 1 to 255 (\\377, \\xff))',
  ],
  ['a=\0\n', "guest.cfg:1: config parsing error near `\\u0000': lexical error"],
];

for (const [text, ...expected] of refused) {
  test(`xl.cfg refuses ${JSON.stringify(text)}`, () => deepEqual(complaints(text), expected));
}

test('xl.cfg: an error ends its line, and errors further on are told too', () => {
  const lines = complaints('a=@\nb=1\nc=2\nd 3\n');
  deepEqual(
    lines.map((line) => line.split(': ')[0]),
    ['guest.cfg:1', 'guest.cfg:4'],
  );
});

test('xl.cfg: right after an error the parser keeps quiet, as bison does', () => {
  equal(complaints('b 2\nc 3\nd=4\n').length, 1);
});

test('xl.cfg: CR LF is told once a file', () => {
  deepEqual(complaints('a=1\r\nb=2\r\nc=3\r\n'), [
    "guest.cfg:1: config parsing error near `\\r': lexical error (lines end with CR LF; expected LF alone)",
  ]);
});

test('arguments after the file override it or add to it', () => {
  deepEqual(read('a=1\nb="x"', ['a=2', 'b+="y"', 'c=[1]; d=3']), { a: '2', b: 'xy', c: ['1'], d: '3' });
});

test('an argument is a line of its own, even after a file whose last line is a comment without a newline', () => {
  deepEqual(read('a=1 # c', ['b=2']), { a: '1', b: '2' });
});

test('a mistake in an argument is placed on the command line', () => {
  deepEqual(complaints('a=1\n', ['b=2', 'name=web']), [
    "command line:2: config parsing error near `web': syntax error, unexpected IDENT, expecting STRING or NUMBER or '[' (a string needs quotes: \"web\")",
  ]);
});
