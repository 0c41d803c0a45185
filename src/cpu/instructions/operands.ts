/** Operands of instruction forms, by the names of the manual (SDM vol. 2A, 3.1.1.3). */

/** Which part of the encoding says which register, memory or number it is. */
export type Field =
  | 'rm'
  | 'reg'
  | 'opcode'
  | 'immediate'
  | 'second-immediate'
  | 'fixed'
  | 'offset'
  | 'relative'
  /** Memory at a register that the instruction implies, in DS unless overridden. */
  | 'implicit'
  /** Memory at ES:rDI, whatever the prefixes say: where string instructions write. */
  | 'destination';
export type RegisterFile = 'gpr' | 'xmm' | 'mm' | 'segment' | 'control' | 'debug' | 'st';
/** A width in bits; v is 16, 32 or 64 by the operand size, z is 16 or 32 (sign-extended to v), y is 32 or 64. */
export type Width = 8 | 16 | 32 | 64 | 80 | 128 | 'v' | 'z' | 'y' | 'none';

export interface OperandKind {
  readonly name: string;
  readonly field: Field;
  readonly file: RegisterFile | undefined;
  /** Of the operand as a register or number. */
  readonly width: Width;
  /** Of the operand in memory, where ModRM.rm may name memory. */
  readonly memoryWidth: Width;
  /** What ModRM.mod must say. */
  readonly place: 'register' | 'memory' | 'either';
  /** Number of a fixed register or value of a fixed number. */
  readonly fixed: number;
  /** Immediates: how many bits are encoded, and whether they are sign-extended to the width. */
  readonly encoded: 8 | 16 | 32 | 64 | 'v' | 'z' | 'none';
  readonly signExtended: boolean;
}

export type Access = 'r' | 'w' | 'rw' | 'address';
export interface Operand {
  readonly kind: OperandKind;
  readonly access: Access;
}

export const r = (kind: OperandKind): Operand => ({ kind, access: 'r' });
export const w = (kind: OperandKind): Operand => ({ kind, access: 'w' });
export const rw = (kind: OperandKind): Operand => ({ kind, access: 'rw' });
/** Only the address is used: LEA, INVLPG, FXSAVE. */
export const address = (kind: OperandKind): Operand => ({ kind, access: 'address' });

const rmOf = (name: string, file: RegisterFile, width: Width, memoryWidth: Width = width): OperandKind =>
  kind(name, 'rm', file, width, { memoryWidth, place: 'either' });
const memoryOf = (name: string, width: Width): OperandKind => kind(name, 'rm', undefined, width, { place: 'memory' });
const regOf = (name: string, file: RegisterFile, width: Width): OperandKind => kind(name, 'reg', file, width, {});
const fixedOf = (name: string, file: RegisterFile, width: Width, fixed: number): OperandKind =>
  kind(name, 'fixed', file, width, { fixed });
const immediateOf = (
  name: string,
  width: Width,
  encoded: OperandKind['encoded'],
  signExtended: boolean,
  field: Field = 'immediate',
): OperandKind => kind(name, field, undefined, width, { encoded, signExtended });

// r/m: a general register or memory
export const rm8 = rmOf('r/m8', 'gpr', 8);
export const rm16 = rmOf('r/m16', 'gpr', 16);
export const rm32 = rmOf('r/m32', 'gpr', 32);
export const rm64 = rmOf('r/m64', 'gpr', 64);
export const rm = rmOf('r/m', 'gpr', 'v');
export const rmy = rmOf('r/my', 'gpr', 'y');
/** A register of operand size, or 16 bits of memory (MOV from Sreg, SLDT, STR, SMSW). */
export const rm16v = rmOf('r/m16', 'gpr', 'v', 16);
/** A 32-bit register or a byte (PEXTRB), or a word (PEXTRW), of memory. */
export const r32m8 = rmOf('r32/m8', 'gpr', 'y', 8);
export const r32m16 = rmOf('r32/m16', 'gpr', 'y', 16);
/** Only a register in ModRM.rm. */
export const rmRegister = kind('r', 'rm', 'gpr', 'v', { place: 'register' });
export const rmRegister32 = kind('r32', 'rm', 'gpr', 32, { place: 'register' });
export const rmRegister64 = kind('r64', 'rm', 'gpr', 64, { place: 'register' });
export const rmRegisterY = kind('ry', 'rm', 'gpr', 'y', { place: 'register' });

// m: memory only
export const m = memoryOf('m', 'none');
export const m8 = memoryOf('m8', 8);
export const m16 = memoryOf('m16', 16);
export const m32 = memoryOf('m32', 32);
export const m64 = memoryOf('m64', 64);
export const m80 = memoryOf('m80', 80);
export const m128 = memoryOf('m128', 128);
export const mv = memoryOf('mv', 'v');
export const my = memoryOf('my', 'y');

// r: a general register in ModRM.reg, or in the opcode's low three bits
export const reg8 = regOf('r8', 'gpr', 8);
export const reg16 = regOf('r16', 'gpr', 16);
export const reg32 = regOf('r32', 'gpr', 32);
export const reg64 = regOf('r64', 'gpr', 64);
export const reg = regOf('r', 'gpr', 'v');
export const regy = regOf('ry', 'gpr', 'y');
export const opcodeReg8 = kind('r8', 'opcode', 'gpr', 8, {});
export const opcodeReg = kind('r', 'opcode', 'gpr', 'v', {});

// Fixed registers
export const AL = fixedOf('AL', 'gpr', 8, 0);
export const CL = fixedOf('CL', 'gpr', 8, 1);
export const AX = fixedOf('AX', 'gpr', 16, 0);
export const DX = fixedOf('DX', 'gpr', 16, 2);
export const EAX = fixedOf('EAX', 'gpr', 32, 0);
export const rAX = fixedOf('rAX', 'gpr', 'v', 0);
export const eAX = fixedOf('eAX', 'gpr', 'z', 0);
export const XMM0 = fixedOf('XMM0', 'xmm', 128, 0);
export const ES_ = fixedOf('ES', 'segment', 16, 0);
export const CS_ = fixedOf('CS', 'segment', 16, 1);
export const SS_ = fixedOf('SS', 'segment', 16, 2);
export const DS_ = fixedOf('DS', 'segment', 16, 3);
export const FS_ = fixedOf('FS', 'segment', 16, 4);
export const GS_ = fixedOf('GS', 'segment', 16, 5);
/** The 1 of the one-bit shifts. */
export const one = kind('1', 'fixed', undefined, 8, { fixed: 1 });

// Immediates
export const imm8 = immediateOf('imm8', 8, 8, false);
export const imm16 = immediateOf('imm16', 16, 16, false);
/** A byte sign-extended to the operand size. */
export const imm8sx = immediateOf('imm8', 'v', 8, true);
/** 16 or 32 bits, sign-extended to the operand size. */
export const immz = immediateOf('immz', 'v', 'z', true);
/** As many bits as the operand has: only MOV r, imm. */
export const immv = immediateOf('immv', 'v', 'v', false);
/** ENTER's second. */
export const secondImm8 = immediateOf('imm8', 8, 8, false, 'second-immediate');
/** Branch displacements, relative to the next instruction. */
export const rel8 = immediateOf('rel8', 'v', 8, true, 'relative');
export const relz = immediateOf('relz', 'v', 'z', true, 'relative');
/** An address in the instruction itself: MOV AL, moffs8. */
export const moffs8 = kind('moffs8', 'offset', undefined, 8, { place: 'memory' });
export const moffs = kind('moffs', 'offset', undefined, 'v', { place: 'memory' });
/** DS:rSI, where string instructions read. The register is the kind's fixed number. */
export const stringSource8 = kind('m8', 'implicit', undefined, 8, { place: 'memory', fixed: 6 });
export const stringSource = kind('m', 'implicit', undefined, 'v', { place: 'memory', fixed: 6 });
/** ES:rDI */
export const stringDestination8 = kind('m8', 'destination', undefined, 8, { place: 'memory', fixed: 7 });
export const stringDestination = kind('m', 'destination', undefined, 'v', { place: 'memory', fixed: 7 });
/** DS:rBX + AL, the sum of which XLAT leaves at OFFSET_IMPLICIT_INDEX. */
export const translationTable = kind('m8', 'implicit', undefined, 8, { place: 'memory', fixed: 3 });
/** DS:rDI, where MASKMOVDQU and MASKMOVQ write. */
export const maskedDestination128 = kind('m128', 'implicit', undefined, 128, { place: 'memory', fixed: 7 });
export const maskedDestination64 = kind('m64', 'implicit', undefined, 64, { place: 'memory', fixed: 7 });
/** ptr16:16 and ptr16:32: the offset as immediate, the selector as second immediate. */
export const pointerOffset = immediateOf('ptr16:z', 'z', 'z', false);
export const pointerSelector = immediateOf('ptr16', 16, 16, false, 'second-immediate');

// System registers
export const sreg = regOf('Sreg', 'segment', 16);
export const creg = regOf('CRn', 'control', 64);
export const dreg = regOf('DRn', 'debug', 64);

// SSE and MMX
export const xmm = regOf('xmm', 'xmm', 128);
export const xmmM128 = rmOf('xmm/m128', 'xmm', 128);
export const xmmM64 = rmOf('xmm/m64', 'xmm', 128, 64);
export const xmmM32 = rmOf('xmm/m32', 'xmm', 128, 32);
export const xmmM16 = rmOf('xmm/m16', 'xmm', 128, 16);
export const xmmRegister = kind('xmm', 'rm', 'xmm', 128, { place: 'register' });
export const mm = regOf('mm', 'mm', 64);
export const mmM64 = rmOf('mm/m64', 'mm', 64);
export const mmM32 = rmOf('mm/m32', 'mm', 64, 32);
export const mmRegister = kind('mm', 'rm', 'mm', 64, { place: 'register' });

// x87: the top of the stack, and a register counted from there
export const ST0 = fixedOf('ST', 'st', 80, 0);
export const stackRegister = kind('ST(i)', 'rm', 'st', 80, { place: 'register' });

function kind(
  name: string,
  field: Field,
  file: RegisterFile | undefined,
  width: Width,
  rest: Partial<Pick<OperandKind, 'memoryWidth' | 'place' | 'fixed' | 'encoded' | 'signExtended'>>,
): OperandKind {
  return {
    name,
    field,
    file,
    width,
    memoryWidth: rest.memoryWidth ?? width,
    place: rest.place ?? 'register',
    fixed: rest.fixed ?? 0,
    encoded: rest.encoded ?? 'none',
    signExtended: rest.signExtended ?? false,
  };
}
