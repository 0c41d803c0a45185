/** Which x87 instructions are emitted, and what their functions are asked for. The rest is TypeScript. */
import { x87Context } from '../../fpu/float.ts';
import { FCW_INITIAL } from '../../fpu/x87-state.ts';
import { constant } from '../../fpu/x87-transfer.ts';
import {
  clearExceptions,
  conditionOperand,
  type Execute,
  f80Operand,
  initialise,
  onMemory,
  onRegisters,
  readF80,
  readFloat,
  readInteger,
  type Request,
  storeControl,
  toMemory,
} from './emitted.ts';
import type { X87FunctionName } from './functions.ts';
import {
  HOW_DESTINATION_SHIFT,
  HOW_KIND_SHIFT,
  HOW_NEAREST_QUOTIENT,
  HOW_NEGATE_DESTINATION,
  HOW_NEGATE_SOURCE,
  HOW_REVERSED,
  HOW_SOURCE_SHIFT,
  HOW_TO_FLAGS,
  HOW_TO_NEAREST,
  HOW_TRUNCATES,
  KIND_F32,
  KIND_F64,
  KIND_F80,
  KIND_INT16,
  KIND_INT32,
  KIND_INT64,
  KIND_INTEGER,
  KIND_ZERO,
} from './operation.ts';

/** Places in `Semantics.x87Control`. */
const CONTROL_WORD = 0;
export const STATUS_WORD = 1;

/** The operations that take two numbers, without the F and what follows. */
const OPERATIONS: Readonly<Record<string, Request>> = {
  ADD: { name: 'x87Sum' },
  SUB: { name: 'x87Sum', how: HOW_NEGATE_SOURCE },
  SUBR: { name: 'x87Sum', how: HOW_NEGATE_DESTINATION },
  MUL: { name: 'x87Product' },
  DIV: { name: 'x87Quotient' },
  DIVR: { name: 'x87Quotient', how: HOW_REVERSED },
  COM: { name: 'x87Compare' },
};
/** They are done in place; others are calls. */
const SHORT: ReadonlySet<string> = new Set<X87FunctionName>([
  'x87Load',
  'x87Exchange',
  'x87StoreRegister',
  'x87ConditionalMove',
  'x87ChangeSign',
  'x87Free',
  'x87MoveTop',
  'x87LoadControl',
]);
/** The last letter of what pops once; the number of pops is in the low bits of `how`. */
const POP = 1;

const FLOAT_KINDS: Readonly<Record<string, number>> = { m32: KIND_F32, m64: KIND_F64, m80: KIND_F80 };
const INTEGER_SIZES: Readonly<Record<string, number>> = { m16: KIND_INT16, m32: KIND_INT32, m64: KIND_INT64 };

/** What an instruction with a memory operand does; undefined for TypeScript. */
export function memoryExecute(mnemonic: string, opcode: number, digit: number, operand: string): Execute | undefined {
  const float = kindOf(FLOAT_KINDS[operand] ?? 0);
  const size = kindOf(INTEGER_SIZES[operand] ?? 0);
  const load = (name: Request['name'], how: number, read: typeof readFloat): Execute =>
    onMemory(opcode, digit, { name, how, isShort: SHORT.has(name) }, read);
  switch (mnemonic) {
    case 'FLD':
      return load('x87Load', float, operand === 'm80' ? readF80 : readFloat);
    case 'FILD':
      return load('x87Load', kindOf(KIND_INTEGER), readInteger);
    case 'FLDCW':
      return load('x87LoadControl', 0, readFloat);
    case 'FNSTCW':
      return storeControl(CONTROL_WORD);
    case 'FNSTSW':
      return storeControl(STATUS_WORD);
    case 'FST':
    case 'FSTP':
      return toMemory(opcode, digit, {
        name: 'x87StoreFloat',
        how: float | popsOf(mnemonic),
        isShort: operand === 'm80',
      });
    case 'FIST':
    case 'FISTP':
      return toMemory(opcode, digit, { name: 'x87StoreInteger', how: size | popsOf(mnemonic) });
    case 'FISTTP':
      return toMemory(opcode, digit, { name: 'x87StoreInteger', how: size | HOW_TRUNCATES | POP });
    default: {
      const isInteger = mnemonic.startsWith('FI');
      const found = operationOf(mnemonic.slice(isInteger ? 2 : 1));
      if (found === undefined) return undefined;
      const how = found.how | (isInteger ? kindOf(KIND_INTEGER) : float);
      return load(found.name, how, isInteger ? readInteger : readFloat);
    }
  }
}

export type Arrangement = 'i' | '0,i' | 'i,0';

const CONDITIONS: Readonly<Record<string, number>> = { B: 2, E: 4, BE: 6, U: 10, NB: 3, NE: 5, NBE: 7, NU: 11 };

/** What an instruction with registers does: 'i' is ST(i) alone, the others have ST as destination or as source. */
export function registerExecute(
  mnemonic: string,
  opcode: number,
  modRm: number,
  arrangement: Arrangement,
): Execute | undefined {
  const on = (request: Request, toFlags = false): Execute =>
    onRegisters(
      opcode,
      modRm,
      { register: arrangement === '0,i' ? 1 : 0, isShort: SHORT.has(request.name), ...request },
      toFlags,
    );
  const [source, destination] = [{ shift: HOW_SOURCE_SHIFT }, { shift: HOW_DESTINATION_SHIFT }];
  const plain = mnemonic.replace(/\d$/, '');
  const pops = popsOf(plain);
  switch (plain) {
    case 'FLD':
      return on({ name: 'x87Load', ...source });
    case 'FXCH':
      return on({ name: 'x87Exchange', ...destination });
    case 'FST':
    case 'FSTP':
      return on({ name: 'x87StoreRegister', how: pops, ...destination });
    case 'FFREE':
      return on({ name: 'x87Free', ...destination });
    case 'FUCOM':
    case 'FUCOMP':
      return on({ name: 'x87Compare', how: pops, ...source });
    case 'FCOMI':
    case 'FUCOMI':
    case 'FCOMIP':
    case 'FUCOMIP':
      return on({ name: 'x87Compare', how: HOW_TO_FLAGS | pops, isShort: true, ...source }, true);
  }
  const condition = CONDITIONS[plain.replace(/^FCMOV/, '')];
  if (condition !== undefined)
    return on({ name: 'x87ConditionalMove', operand: conditionOperand(condition), ...source });
  const found = operationOf(plain.slice(1));
  if (found === undefined) return undefined;
  return on({ ...found, ...(arrangement === 'i,0' ? destination : source) });
}

/** 16 times the i of ST(1), as source. */
const FROM_ST1 = 0x10 << HOW_SOURCE_SHIFT;
/** What `changeSign` keeps of sign and exponent, and what it changes, 16 bits higher. */
const CHANGES_SIGN = 0x8000ffffn;
const DROPS_SIGN = 0x7fffn;

const ONE_AS_F64 = 0x3ff0_0000_0000_0000n;

const PLAIN: Readonly<Record<string, Request>> = {
  FLD1: { name: 'x87Load', how: kindOf(KIND_F64), operand: ONE_AS_F64 },
  FLDZ: { name: 'x87Load', how: kindOf(KIND_F64) },
  FCHS: { name: 'x87ChangeSign', operand: CHANGES_SIGN },
  FABS: { name: 'x87ChangeSign', operand: DROPS_SIGN },
  FTST: { name: 'x87Compare', how: kindOf(KIND_ZERO) },
  FXAM: { name: 'x87Examine' },
  FDECSTP: { name: 'x87MoveTop', operand: 1n },
  FINCSTP: { name: 'x87MoveTop' },
  FPREM: { name: 'x87Remainder', how: FROM_ST1 },
  FPREM1: { name: 'x87Remainder', how: FROM_ST1 | HOW_NEAREST_QUOTIENT },
  FSCALE: { name: 'x87Scale', how: FROM_ST1 },
  FXTRACT: { name: 'x87Extract' },
  FSQRT: { name: 'x87Root' },
  FRNDINT: { name: 'x87Integral' },
  FUCOMPP: { name: 'x87Compare', how: (2 * POP) | FROM_ST1 },
  FCOMPP: { name: 'x87Compare', how: (2 * POP) | FROM_ST1 },
};

const IRRATIONAL: Readonly<Record<string, Parameters<typeof constant>[1]>> = {
  FLDL2T: 'log2of10',
  FLDL2E: 'log2ofE',
  FLDPI: 'pi',
  FLDLG2: 'log10of2',
  FLDLN2: 'lnOf2',
};

/** What an instruction without operands does. */
export function plainExecute(mnemonic: string, opcode: number, modRm: number): Execute | undefined {
  if (mnemonic === 'FNCLEX') return clearExceptions;
  if (mnemonic === 'FNINIT') return initialise;
  const request = PLAIN[mnemonic];
  if (request !== undefined) return onRegisters(opcode, modRm, { isShort: SHORT.has(request.name), ...request });
  const name = IRRATIONAL[mnemonic];
  if (name === undefined) return undefined;
  const value = constant(x87Context(FCW_INITIAL), name);
  const how = kindOf(KIND_F80) | HOW_TO_NEAREST;
  return onRegisters(opcode, modRm, { name: 'x87Load', how, operand: f80Operand(value), isShort: true });
}

function operationOf(name: string): { name: Request['name']; how: number } | undefined {
  const found = OPERATIONS[name] ?? OPERATIONS[name.replace(/P$/, '')];
  if (found === undefined) return undefined;
  return { name: found.name, how: (found.how ?? 0) | popsOf(name) };
}

function popsOf(mnemonic: string): number {
  return mnemonic.endsWith('P') ? POP : 0;
}

function kindOf(kind: number): number {
  return kind << HOW_KIND_SHIFT;
}
