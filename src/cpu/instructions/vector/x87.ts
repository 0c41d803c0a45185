/**
 * The x87 instructions, D8 to DF and WAIT: a row an encoding (SDM vol. 2D, tables ). What they do is in x87/ for
 * those that are emitted, and in fpu/.
 */
import { type Form, form, type Instruction, instruction, systemInstruction } from '../define.ts';
import {
  AX,
  m,
  m16,
  m32,
  m64,
  m80,
  type Operand,
  type OperandKind,
  r,
  rw,
  ST0,
  stackRegister,
  w,
} from '../operands.ts';
import { storeControl } from '../x87/emitted.ts';
import { raisePendingX87 } from './packed.ts';
import { type Arrangement, memoryExecute, plainExecute, registerExecute, STATUS_WORD } from '../x87/requests.ts';
import { x87Call } from './x87-call.ts';

export const X87: readonly Instruction[] = [
  instruction('WAIT', {
    manual: 'SDM vol. 2D, WAIT/FWAIT',
    unit: 'x87',
    forms: [form('9B')],
    execute: raisePendingX87,
  }),
  instruction('FNSTSW', {
    manual: 'SDM vol. 2A, FSTSW/FNSTSW',
    unit: 'x87',
    forms: [form('DF E0', [w(AX)])],
    execute: storeControl(STATUS_WORD),
  }),
  ...memoryRows(),
  ...registerRows(),
  ...plainRows(),
];

type MemoryRow = readonly [mnemonic: string, encoding: string, operand: OperandKind];

// biome-ignore format: a row of the opcode map is a line
function memoryRows(): Instruction[] {
  const arithmetic = (opcode: string, kind: OperandKind, integer: 'I' | ''): MemoryRow[] =>
    ['ADD', 'MUL', 'COM', 'COMP', 'SUB', 'SUBR', 'DIV', 'DIVR'].map((name, digit) =>
      [`F${integer}${name}`, `${opcode} /${digit}`, kind]);
  const loads: readonly MemoryRow[] = [
    ...arithmetic('D8', m32, ''), ...arithmetic('DA', m32, 'I'), ...arithmetic('DC', m64, ''), ...arithmetic('DE', m16, 'I'),
    ['FLD',    'D9 /0', m32], ['FLD',    'DD /0', m64], ['FLD',  'DB /5', m80],
    ['FILD',   'DF /0', m16], ['FILD',   'DB /0', m32], ['FILD', 'DF /5', m64],
    ['FBLD',   'DF /4', m80], ['FLDCW',  'D9 /5', m16], ['FLDENV', 'D9 /4', m], ['FRSTOR', 'DD /4', m],
  ];
  const stores: readonly MemoryRow[] = [
    ['FST',    'D9 /2', m32], ['FST',    'DD /2', m64],
    ['FSTP',   'D9 /3', m32], ['FSTP',   'DD /3', m64], ['FSTP',   'DB /7', m80],
    ['FIST',   'DF /2', m16], ['FIST',   'DB /2', m32],
    ['FISTP',  'DF /3', m16], ['FISTP',  'DB /3', m32], ['FISTP',  'DF /7', m64],
    ['FISTTP', 'DF /1', m16], ['FISTTP', 'DB /1', m32], ['FISTTP', 'DD /1', m64],
    ['FBSTP',  'DF /6', m80], ['FNSTCW', 'D9 /7', m16], ['FNSTSW', 'DD /7', m16],
    ['FNSTENV', 'D9 /6', m],  ['FNSAVE', 'DD /6', m],
  ];
  const instructionOf = ([mnemonic, encoding, kind]: MemoryRow, operand: Operand): Instruction => {
    const opcode = Number.parseInt(encoding.slice(0, 2), 16);
    const digit = Number(encoding.slice(4));
    const row = {
      ...rowOf(mnemonic, form(encoding, [operand])),
      ...(kind === m ? { depends: ['operandSize'] as const } : {}),
    };
    const execute = memoryExecute(mnemonic, opcode, digit, kind.name);
    if (execute !== undefined) return instruction(mnemonic, { ...row, execute });
    return systemInstruction(mnemonic, { ...row, call: x87Call(opcode, digit << 3) });
  };
  return [...loads.map((row) => instructionOf(row, r(row[2]))), ...stores.map((row) => instructionOf(row, w(row[2])))];
}

// biome-ignore format: a row of the opcode map is a line
function registerRows(): Instruction[] {
  const rows: readonly (readonly [string, string, Arrangement])[] = [
    ['FADD',   'D8 /0', '0,i'], ['FMUL',   'D8 /1', '0,i'], ['FSUB',   'D8 /4', '0,i'], ['FSUBR',  'D8 /5', '0,i'],
    ['FDIV',   'D8 /6', '0,i'], ['FDIVR',  'D8 /7', '0,i'],
    ['FADD',   'DC /0', 'i,0'], ['FMUL',   'DC /1', 'i,0'], ['FSUBR',  'DC /4', 'i,0'], ['FSUB',   'DC /5', 'i,0'],
    ['FDIVR',  'DC /6', 'i,0'], ['FDIV',   'DC /7', 'i,0'],
    ['FADDP',  'DE /0', 'i,0'], ['FMULP',  'DE /1', 'i,0'], ['FSUBRP', 'DE /4', 'i,0'], ['FSUBP',  'DE /5', 'i,0'],
    ['FDIVRP', 'DE /6', 'i,0'], ['FDIVP',  'DE /7', 'i,0'],
    ['FCOM',   'D8 /2', 'i'],   ['FCOMP',  'D8 /3', 'i'],   ['FUCOM',  'DD /4', 'i'],   ['FUCOMP', 'DD /5', 'i'],
    ['FUCOMI', 'DB /5', '0,i'], ['FCOMI',  'DB /6', '0,i'], ['FUCOMIP', 'DF /5', '0,i'], ['FCOMIP', 'DF /6', '0,i'],
    ['FLD',    'D9 /0', 'i'],   ['FXCH',   'D9 /1', 'i'],   ['FST',    'DD /2', 'i'],   ['FSTP',   'DD /3', 'i'],
    ['FCMOVB',  'DA /0', '0,i'], ['FCMOVE',  'DA /1', '0,i'], ['FCMOVBE',  'DA /2', '0,i'], ['FCMOVU',  'DA /3', '0,i'],
    ['FCMOVNB', 'DB /0', '0,i'], ['FCMOVNE', 'DB /1', '0,i'], ['FCMOVNBE', 'DB /2', '0,i'], ['FCMOVNU', 'DB /3', '0,i'],
    ['FFREE',  'DD /0', 'i'],   ['FFREEP', 'DF /0', 'i'],
    // Encodings without a place in the manual, by the names that assemblers gave them.
    ['FCOM2',  'DC /2', 'i'],   ['FCOMP3', 'DC /3', 'i'],   ['FCOMP5', 'DE /2', 'i'],   ['FXCH4',  'DD /1', 'i'],
    ['FXCH7',  'DF /1', 'i'],   ['FSTP8',  'DF /2', 'i'],   ['FSTP9',  'DF /3', 'i'],   ['FSTPNCE', 'D9 /3', 'i'],
  ];
  return rows.map(([mnemonic, encoding, arrangement]) => {
    const opcode = Number.parseInt(encoding.slice(0, 2), 16);
    const modRm = 0xc0 | (Number(encoding.slice(4)) << 3);
    const row = rowOf(mnemonic, form(encoding, operandsOf(arrangement)));
    const execute = registerExecute(mnemonic, opcode, modRm, arrangement);
    if (execute !== undefined) return instruction(mnemonic, { ...row, execute });
    return systemInstruction(mnemonic, { ...row, call: x87Call(opcode, modRm, 0) });
  });
}

function operandsOf(arrangement: Arrangement): Operand[] {
  if (arrangement === 'i') return [rw(stackRegister)];
  return arrangement === '0,i' ? [rw(ST0), r(stackRegister)] : [rw(stackRegister), r(ST0)];
}

// biome-ignore format: a row of the opcode map is a line
function plainRows(): Instruction[] {
  const rows: readonly (readonly [string, string])[] = [
    ['FNOP',   'D9 D0'], ['FCHS',    'D9 E0'], ['FABS',    'D9 E1'], ['FTST',    'D9 E4'], ['FXAM',    'D9 E5'],
    ['FLD1',   'D9 E8'], ['FLDL2T',  'D9 E9'], ['FLDL2E',  'D9 EA'], ['FLDPI',   'D9 EB'], ['FLDLG2',  'D9 EC'],
    ['FLDLN2', 'D9 ED'], ['FLDZ',    'D9 EE'], ['F2XM1',   'D9 F0'], ['FYL2X',   'D9 F1'], ['FPTAN',   'D9 F2'],
    ['FPATAN', 'D9 F3'], ['FXTRACT', 'D9 F4'], ['FPREM1',  'D9 F5'], ['FDECSTP', 'D9 F6'], ['FINCSTP', 'D9 F7'],
    ['FPREM',  'D9 F8'], ['FYL2XP1', 'D9 F9'], ['FSQRT',   'D9 FA'], ['FSINCOS', 'D9 FB'], ['FRNDINT', 'D9 FC'],
    ['FSCALE', 'D9 FD'], ['FSIN',    'D9 FE'], ['FCOS',    'D9 FF'], ['FUCOMPP', 'DA E9'], ['FCOMPP',  'DE D9'],
    ['FNENI',  'DB E0'], ['FNDISI',  'DB E1'], ['FNCLEX',  'DB E2'], ['FNINIT',  'DB E3'], ['FNSETPM', 'DB E4'],
  ];
  return rows.map(([mnemonic, encoding]) => {
    const [opcode, modRm] = encoding.split(' ').map((byte) => Number.parseInt(byte, 16)) as [number, number];
    const row = rowOf(mnemonic, form(encoding));
    const execute = plainExecute(mnemonic, opcode, modRm);
    if (execute !== undefined) return instruction(mnemonic, { ...row, execute });
    return systemInstruction(mnemonic, { ...row, call: x87Call(opcode, modRm) });
  });
}

function rowOf(mnemonic: string, row: Form): { manual: string; unit: 'x87'; forms: readonly Form[] } {
  return { manual: `SDM vol. 2A, ${mnemonic}`, unit: 'x87', forms: [row] };
}
