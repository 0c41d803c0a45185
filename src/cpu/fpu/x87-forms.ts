/** The x87 opcode map, SDM vol. 2D, tables, a row a form, with the aliases that processors have kept. */
import type { Float } from './float.ts';
import {
  add,
  arithmetic,
  arithmeticWithMemory,
  divide,
  divideReversed,
  fabs,
  fchs,
  fprem,
  fprem1,
  frndint,
  fscale,
  fsqrt,
  fxtract,
  multiply,
  type Operation,
  subtract,
  subtractReversed,
} from './x87-arithmetic.ts';
import { compareToFlags, compareWithMemory, compareWithRegister, ftst, fxam } from './x87-compare.ts';
import {
  ffree,
  ffreep,
  fldcw,
  fldenv,
  fnclex,
  fnsave,
  fnstcw,
  fnstenv,
  fnstsw,
  fnstswAx,
  frstor,
  moveTop,
} from './x87-control.ts';
import { f2xm1, fcos, fpatan, fptan, fsin, fsincos, fyl2x, fyl2xp1 } from './x87-transcendental.ts';
import {
  conditionalMove,
  exchange,
  loadBcd,
  loadConstant,
  loadF80,
  loadFloat,
  loadInteger,
  loadRegister,
  moveAndPop,
  operandF32,
  operandF64,
  operandInteger,
  storeBcd,
  storeF32,
  storeF64,
  storeF80,
  storeInteger,
  storeRegister,
} from './x87-transfer.ts';
import type { X87Unit } from './x87-unit.ts';

export type Access = 'read' | 'write' | 'none';

export interface Form {
  readonly name: string;
  /** How the memory operand is used, and its bytes: with 32-bit and with 16-bit operand size. */
  readonly access: Access;
  readonly bytes: number;
  readonly bytes16: number;
  /** Raises a pending exception first. */
  readonly waits: boolean;
  /** Leaves FIP, FDP and FOP alone, and C1 to itself. */
  readonly control: boolean;
  readonly run: (unit: X87Unit, i: number) => void;
}

const forms = new Map<number, Form>();

/** The form of an opcode byte (D8 to DF) and a ModRM byte, or undefined: #UD. */
export function x87Form(opcode: number, modrm: number): Form | undefined {
  return forms.get(modrm < 0xc0 ? memoryKey(opcode, (modrm >> 3) & 7) : registerKey(opcode, modrm));
}

const CF = 0x01;
const PF = 0x04;
const ZF = 0x40;

const OPERATIONS: readonly [string, number, Operation][] = [
  ['FADD', 0, add],
  ['FMUL', 1, multiply],
  ['FSUB', 4, subtract],
  ['FSUBR', 5, subtractReversed],
  ['FDIV', 6, divide],
  ['FDIVR', 7, divideReversed],
];

const MEMORY_OPERANDS: readonly [number, string, number, (unit: X87Unit) => Float][] = [
  [0xd8, 'm32fp', 4, operandF32],
  [0xda, 'm32int', 4, (u) => operandInteger(u, 4)],
  [0xdc, 'm64fp', 8, operandF64],
  [0xde, 'm16int', 2, (u) => operandInteger(u, 2)],
];

for (const [opcode, operand, bytes, source] of MEMORY_OPERANDS) {
  for (const [name, digit, operation] of OPERATIONS) {
    memory(opcode, digit, `${name} ${operand}`, 'read', bytes, (u) => arithmeticWithMemory(u, operation, source(u)));
  }
  memory(opcode, 2, `FCOM ${operand}`, 'read', bytes, (u) => compareWithMemory(u, source(u), 0));
  memory(opcode, 3, `FCOMP ${operand}`, 'read', bytes, (u) => compareWithMemory(u, source(u), 1));
}

for (const [name, digit, operation] of OPERATIONS) {
  registers(0xd8, 0xc0 + digit * 8, `${name} ST, ST(i)`, (u, i) => arithmetic(u, operation, 0, i, false));
  // In DC and DE the encodings of FSUB and FSUBR, and of FDIV and FDIVR, change places.
  const swapped = digit < 4 ? digit : digit ^ 1;
  registers(0xdc, 0xc0 + swapped * 8, `${name} ST(i), ST`, (u, i) => arithmetic(u, operation, i, 0, false));
  registers(0xde, 0xc0 + swapped * 8, `${name}P ST(i), ST`, (u, i) => arithmetic(u, operation, i, 0, true));
}

memory(0xd9, 0, 'FLD m32fp', 'read', 4, (u) => loadFloat(u, operandF32(u)));
memory(0xd9, 2, 'FST m32fp', 'write', 4, (u) => storeF32(u, false));
memory(0xd9, 3, 'FSTP m32fp', 'write', 4, (u) => storeF32(u, true));
memory(0xdd, 0, 'FLD m64fp', 'read', 8, (u) => loadFloat(u, operandF64(u)));
memory(0xdd, 2, 'FST m64fp', 'write', 8, (u) => storeF64(u, false));
memory(0xdd, 3, 'FSTP m64fp', 'write', 8, (u) => storeF64(u, true));
memory(0xdb, 5, 'FLD m80fp', 'read', 10, loadF80);
memory(0xdb, 7, 'FSTP m80fp', 'write', 10, storeF80);
memory(0xdf, 0, 'FILD m16int', 'read', 2, (u) => loadInteger(u, 2));
memory(0xdf, 1, 'FISTTP m16int', 'write', 2, (u) => storeInteger(u, 2, true, true));
memory(0xdf, 2, 'FIST m16int', 'write', 2, (u) => storeInteger(u, 2, false));
memory(0xdf, 3, 'FISTP m16int', 'write', 2, (u) => storeInteger(u, 2, true));
memory(0xdb, 0, 'FILD m32int', 'read', 4, (u) => loadInteger(u, 4));
memory(0xdb, 1, 'FISTTP m32int', 'write', 4, (u) => storeInteger(u, 4, true, true));
memory(0xdb, 2, 'FIST m32int', 'write', 4, (u) => storeInteger(u, 4, false));
memory(0xdb, 3, 'FISTP m32int', 'write', 4, (u) => storeInteger(u, 4, true));
memory(0xdf, 5, 'FILD m64int', 'read', 8, (u) => loadInteger(u, 8));
memory(0xdd, 1, 'FISTTP m64int', 'write', 8, (u) => storeInteger(u, 8, true, true));
memory(0xdf, 7, 'FISTP m64int', 'write', 8, (u) => storeInteger(u, 8, true));
memory(0xdf, 4, 'FBLD m80bcd', 'read', 10, loadBcd);
memory(0xdf, 6, 'FBSTP m80bcd', 'write', 10, storeBcd);

control(0xd9, 4, 'FLDENV', 'read', 28, 14, true, fldenv);
control(0xd9, 5, 'FLDCW', 'read', 2, 2, true, fldcw);
control(0xd9, 6, 'FNSTENV', 'write', 28, 14, false, fnstenv);
control(0xd9, 7, 'FNSTCW', 'write', 2, 2, false, fnstcw);
control(0xdd, 4, 'FRSTOR', 'read', 108, 94, true, frstor);
control(0xdd, 6, 'FNSAVE', 'write', 108, 94, false, fnsave);
control(0xdd, 7, 'FNSTSW m2byte', 'write', 2, 2, false, fnstsw);

registers(0xd8, 0xd0, 'FCOM ST(i)', (u, i) => compareWithRegister(u, i, true, 0));
registers(0xd8, 0xd8, 'FCOMP ST(i)', (u, i) => compareWithRegister(u, i, true, 1));
registers(0xdc, 0xd0, 'FCOM ST(i) alias', (u, i) => compareWithRegister(u, i, true, 0));
registers(0xdc, 0xd8, 'FCOMP ST(i) alias', (u, i) => compareWithRegister(u, i, true, 1));
registers(0xde, 0xd0, 'FCOMP ST(i) alias', (u, i) => compareWithRegister(u, i, true, 1));
single(0xde, 0xd9, 'FCOMPP', (u) => compareWithRegister(u, 1, true, 2));
registers(0xdd, 0xe0, 'FUCOM ST(i)', (u, i) => compareWithRegister(u, i, false, 0));
registers(0xdd, 0xe8, 'FUCOMP ST(i)', (u, i) => compareWithRegister(u, i, false, 1));
single(0xda, 0xe9, 'FUCOMPP', (u) => compareWithRegister(u, 1, false, 2));
registers(0xdb, 0xe8, 'FUCOMI ST, ST(i)', (u, i) => compareToFlags(u, i, false, 0));
registers(0xdb, 0xf0, 'FCOMI ST, ST(i)', (u, i) => compareToFlags(u, i, true, 0));
registers(0xdf, 0xe8, 'FUCOMIP ST, ST(i)', (u, i) => compareToFlags(u, i, false, 1));
registers(0xdf, 0xf0, 'FCOMIP ST, ST(i)', (u, i) => compareToFlags(u, i, true, 1));

registers(0xd9, 0xc0, 'FLD ST(i)', loadRegister);
registers(0xd9, 0xc8, 'FXCH ST(i)', exchange);
registers(0xdd, 0xc8, 'FXCH ST(i) alias', exchange);
registers(0xdf, 0xc8, 'FXCH ST(i) alias', exchange);
registers(0xdd, 0xd0, 'FST ST(i)', (u, i) => storeRegister(u, i, false));
registers(0xdd, 0xd8, 'FSTP ST(i)', (u, i) => storeRegister(u, i, true));
registers(0xd9, 0xd8, 'FSTPNCE ST(i)', moveAndPop);
registers(0xdf, 0xd0, 'FSTP ST(i) alias', (u, i) => storeRegister(u, i, true));
registers(0xdf, 0xd8, 'FSTP ST(i) alias', (u, i) => storeRegister(u, i, true));
registers(0xda, 0xc0, 'FCMOVB', (u, i) => conditionalMove(u, i, CF, false));
registers(0xda, 0xc8, 'FCMOVE', (u, i) => conditionalMove(u, i, ZF, false));
registers(0xda, 0xd0, 'FCMOVBE', (u, i) => conditionalMove(u, i, CF | ZF, false));
registers(0xda, 0xd8, 'FCMOVU', (u, i) => conditionalMove(u, i, PF, false));
registers(0xdb, 0xc0, 'FCMOVNB', (u, i) => conditionalMove(u, i, CF, true));
registers(0xdb, 0xc8, 'FCMOVNE', (u, i) => conditionalMove(u, i, ZF, true));
registers(0xdb, 0xd0, 'FCMOVNBE', (u, i) => conditionalMove(u, i, CF | ZF, true));
registers(0xdb, 0xd8, 'FCMOVNU', (u, i) => conditionalMove(u, i, PF, true));
registers(0xdd, 0xc0, 'FFREE ST(i)', ffree);
registers(0xdf, 0xc0, 'FFREEP ST(i)', ffreep);

single(0xd9, 0xd0, 'FNOP', (u) => {
  u.keepsCondition1 = true;
});
single(0xd9, 0xe0, 'FCHS', fchs);
single(0xd9, 0xe1, 'FABS', fabs);
single(0xd9, 0xe4, 'FTST', ftst);
single(0xd9, 0xe5, 'FXAM', fxam);
single(0xd9, 0xe8, 'FLD1', (u) => loadConstant(u, 'one'));
single(0xd9, 0xe9, 'FLDL2T', (u) => loadConstant(u, 'log2of10'));
single(0xd9, 0xea, 'FLDL2E', (u) => loadConstant(u, 'log2ofE'));
single(0xd9, 0xeb, 'FLDPI', (u) => loadConstant(u, 'pi'));
single(0xd9, 0xec, 'FLDLG2', (u) => loadConstant(u, 'log10of2'));
single(0xd9, 0xed, 'FLDLN2', (u) => loadConstant(u, 'lnOf2'));
single(0xd9, 0xee, 'FLDZ', (u) => loadConstant(u, 'zero'));
single(0xd9, 0xf0, 'F2XM1', f2xm1);
single(0xd9, 0xf1, 'FYL2X', fyl2x);
single(0xd9, 0xf2, 'FPTAN', fptan);
single(0xd9, 0xf3, 'FPATAN', fpatan);
single(0xd9, 0xf4, 'FXTRACT', fxtract);
single(0xd9, 0xf5, 'FPREM1', fprem1);
single(0xd9, 0xf6, 'FDECSTP', (u) => moveTop(u, -1));
single(0xd9, 0xf7, 'FINCSTP', (u) => moveTop(u, 1));
single(0xd9, 0xf8, 'FPREM', fprem);
single(0xd9, 0xf9, 'FYL2XP1', fyl2xp1);
single(0xd9, 0xfa, 'FSQRT', fsqrt);
single(0xd9, 0xfb, 'FSINCOS', fsincos);
single(0xd9, 0xfc, 'FRNDINT', frndint);
single(0xd9, 0xfd, 'FSCALE', fscale);
single(0xd9, 0xfe, 'FSIN', fsin);
single(0xd9, 0xff, 'FCOS', fcos);

controlRegister(0xdb, 0xe0, 'FNENI', () => {});
controlRegister(0xdb, 0xe1, 'FNDISI', () => {});
controlRegister(0xdb, 0xe2, 'FNCLEX', fnclex);
controlRegister(0xdb, 0xe3, 'FNINIT', (u) => u.state.initialise());
controlRegister(0xdb, 0xe4, 'FNSETPM', () => {});
controlRegister(0xdf, 0xe0, 'FNSTSW AX', fnstswAx);

type Run = Form['run'];

function memory(opcode: number, digit: number, name: string, access: Access, bytes: number, run: Run): void {
  const form = { name, access, bytes, bytes16: bytes, waits: true, control: false, run };
  forms.set(memoryKey(opcode, digit), form);
}

/** A row of the control instructions with a memory operand. */
function control(
  opcode: number,
  digit: number,
  name: string,
  access: Access,
  bytes: number,
  bytes16: number,
  waits: boolean,
  run: Run,
): void {
  forms.set(memoryKey(opcode, digit), { name, access, bytes, bytes16, waits, control: true, run });
}

/** A row for ST(0) to ST(7), in the low three bits of ModRM. */
function registers(opcode: number, modrm: number, name: string, run: Run): void {
  for (let i = 0; i < 8; i++) single(opcode, modrm + i, name, run);
}

function single(opcode: number, modrm: number, name: string, run: Run): void {
  const form: Form = { name, access: 'none', bytes: 0, bytes16: 0, waits: true, control: false, run };
  forms.set(registerKey(opcode, modrm), form);
}

function controlRegister(opcode: number, modrm: number, name: string, run: Run): void {
  const form: Form = { name, access: 'none', bytes: 0, bytes16: 0, waits: false, control: true, run };
  forms.set(registerKey(opcode, modrm), form);
}

function memoryKey(opcode: number, digit: number): number {
  return opcode * 256 + digit;
}

function registerKey(opcode: number, modrm: number): number {
  return opcode * 256 + modrm;
}
