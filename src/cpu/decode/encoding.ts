/** The manual's notation for an encoding, as data: '66 0F 3A 0F /r ib', 'REX.W 83 /0 ib', '50+r', '0F 01 C1'. */
import type { Form } from '../instructions/define.ts';

/** How many bytes an immediate takes: z is 2 or 4, v is 2, 4 or 8 by the operand size; o an address. */
export type ImmediateSize = 'b' | 'w' | 'd' | 'z' | 'v' | 'o';

export interface Encoding {
  /** 0: one-byte opcodes; 1: 0F; 2: 0F 38; 3: 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** The low three bits of the opcode are a register. */
  readonly plusRegister: boolean;
  /** 'NP', '66', 'F3', 'F2', or '' where prefixes keep their ordinary meaning. */
  readonly prefix: '' | 'NP' | '66' | 'F3' | 'F2';
  /** 1: REX.W must be set, 0: must be clear, -1: either. */
  readonly w: -1 | 0 | 1;
  readonly hasModRm: boolean;
  /** ModRM.reg as an opcode extension, or -1. */
  readonly digit: number;
  /** The whole ModRM byte as an opcode extension, or -1. */
  readonly modRm: number;
  readonly immediates: readonly ImmediateSize[];
}

const PREFIXES = new Set(['NP', '66', 'F3', 'F2']);
const IMMEDIATES: Readonly<Record<string, ImmediateSize>> = {
  ib: 'b',
  iw: 'w',
  id: 'd',
  iz: 'z',
  iv: 'v',
  cb: 'b',
  cz: 'z',
};

/** Reads a form's encoding; throws on notation it does not know, for that is our own mistake. */
export function parseEncoding(form: Form): Encoding {
  const tokens = form.encoding.split(' ');
  let prefix: Encoding['prefix'] = '';
  let w: Encoding['w'] = -1;
  while (tokens.length > 1) {
    const token = tokens[0] as string;
    if (token === 'REX.W') w = 1;
    else if (token === 'W0') w = 0;
    else if (PREFIXES.has(token)) prefix = token as Encoding['prefix'];
    else break;
    tokens.shift();
  }
  const { map, opcode, plusRegister } = takeOpcode(tokens);
  const rest = takeRest(tokens, form.encoding);
  const needsModRm = form.operands.some(({ kind }) => kind.field === 'rm' || kind.field === 'reg');
  if (form.operands.some(({ kind }) => kind.field === 'offset')) rest.immediates.push('o');
  const hasModRm = rest.digit >= 0 || rest.modRm >= 0 || rest.slashR;
  if (needsModRm && !hasModRm)
    throw new Error(`${form.encoding}: operands need a ModRM byte that is not in the encoding`);
  return {
    map,
    opcode,
    plusRegister,
    prefix,
    w,
    hasModRm,
    digit: rest.digit,
    modRm: rest.modRm,
    immediates: rest.immediates,
  };
}

function takeOpcode(tokens: string[]): { map: number; opcode: number; plusRegister: boolean } {
  let map = 0;
  if (tokens[0] === '0F' && tokens.length > 1) {
    tokens.shift();
    map = 1;
    const second: string | undefined = tokens[0];
    if (second === '38' || second === '3A') {
      tokens.shift();
      map = second === '38' ? 2 : 3;
    }
  }
  const token = tokens.shift() as string;
  const plusRegister = token.endsWith('+r');
  return { map, opcode: Number.parseInt(token, 16), plusRegister };
}

function takeRest(
  tokens: readonly string[],
  encoding: string,
): { slashR: boolean; digit: number; modRm: number; immediates: ImmediateSize[] } {
  const result = { slashR: false, digit: -1, modRm: -1, immediates: [] as ImmediateSize[] };
  for (const token of tokens) {
    const immediate = IMMEDIATES[token];
    if (immediate !== undefined) result.immediates.push(immediate);
    else if (token === '/r') result.slashR = true;
    else if (/^\/[0-7]$/.test(token)) result.digit = Number(token.slice(1));
    else if (/^[0-9A-F]{2}$/.test(token)) result.modRm = Number.parseInt(token, 16);
    else throw new Error(`${encoding}: unknown token '${token}'`);
  }
  return result;
}
