/** The other way round: a form and its operand fields to bytes. The assembler and the tests against processors use it. */
import type { Form } from '../instructions/define.ts';
import { CS, DS, ES, FS, GS, SS } from '../state.ts';
import { BASE_RIP, NO_REGISTER } from './decoder.ts';
import type { Encoding, ImmediateSize } from './encoding.ts';

/** Width of code in bits. */
export type CodeWidth = 16 | 32 | 64;

export interface MemoryFields {
  /** Register number, BASE_RIP, or NO_REGISTER. */
  readonly base: number;
  readonly index: number;
  /** As a shift: 0 to 3. */
  readonly scale: number;
  /** With BASE_RIP relative to the end of the instruction. */
  readonly displacement: number;
  /** The displacement in full width even where a byte would do. */
  readonly wide?: boolean;
}

export interface InstructionFields {
  readonly width: CodeWidth;
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  /** ModRM.rm: a register or memory. */
  readonly rm: number | MemoryFields;
  /** ModRM.reg where it is an operand; the register in the opcode. */
  readonly reg: number;
  readonly opcodeRegister: number;
  readonly immediate: bigint;
  readonly immediate2: bigint;
  readonly lock: boolean;
  /** 0xF3, 0xF2 or 0. */
  readonly repeat: number;
  /** Segment override, or -1. */
  readonly override: number;
  /** A REX prefix even if nothing in it is set: SPL, BPL, SIL, DIL. */
  readonly rex: boolean;
}

/** Fields of an instruction without operands in code of a width. */
export function fieldsFor(width: CodeWidth): InstructionFields {
  return {
    width,
    operandSize: width === 16 ? 16 : 32,
    addressSize: width,
    rm: 0,
    reg: 0,
    opcodeRegister: 0,
    immediate: 0n,
    immediate2: 0n,
    lock: false,
    repeat: 0,
    override: -1,
    rex: false,
  };
}

const OVERRIDE_BYTES = new Map([
  [ES, 0x26],
  [CS, 0x2e],
  [SS, 0x36],
  [DS, 0x3e],
  [FS, 0x64],
  [GS, 0x65],
]);
const MANDATORY: Readonly<Record<Encoding['prefix'], number>> = { '': 0, NP: 0, '66': 0x66, F3: 0xf3, F2: 0xf2 };

/** The bytes of an instruction. Fields the form does not have are ignored; what cannot be encoded throws. */
export function encode(form: Form, encoding: Encoding, fields: InstructionFields): Uint8Array {
  const bytes: number[] = [];
  prefixes(bytes, form, encoding, fields);
  opcode(bytes, encoding, fields);
  if (encoding.hasModRm) modRm(bytes, encoding, fields);
  for (const [index, kind] of encoding.immediates.entries()) {
    number(bytes, index === 0 ? fields.immediate : fields.immediate2, immediateBytes(kind, form, fields));
  }
  return new Uint8Array(bytes);
}

/** How many bytes an immediate of a form takes. */
export function immediateBytes(kind: ImmediateSize, form: Form, fields: InstructionFields): number {
  switch (kind) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'd':
      return 4;
    case 'o':
      return fields.addressSize / 8;
    case 'v':
      return fields.operandSize / 8;
    default:
      if (fields.width === 64 && form.force64) return 4;
      return fields.operandSize === 16 ? 2 : 4;
  }
}

function prefixes(bytes: number[], form: Form, encoding: Encoding, fields: InstructionFields): void {
  const { width, operandSize, addressSize } = fields;
  if (fields.lock) bytes.push(0xf0);
  if (fields.repeat !== 0) bytes.push(fields.repeat);
  if (fields.override >= 0) bytes.push(OVERRIDE_BYTES.get(fields.override) as number);
  if (addressSize !== width) bytes.push(0x67);
  const small = width === 16 ? operandSize === 32 : operandSize === 16;
  if (small && encoding.prefix !== '66') bytes.push(0x66);
  const mandatory = MANDATORY[encoding.prefix];
  if (mandatory !== 0) bytes.push(mandatory);
  const rex = rexBits(form, encoding, fields);
  if (width !== 64 && rex !== 0) throw new Error(`${form.encoding}: needs a REX prefix, which only 64-bit code has`);
  if (rex !== 0 || (fields.rex && width === 64)) bytes.push(0x40 | rex);
}

function rexBits(form: Form, encoding: Encoding, fields: InstructionFields): number {
  const { rm, width, operandSize } = fields;
  const isWide = width === 64 && operandSize === 64 && !form.default64 && !form.force64;
  let rex = encoding.w === 1 || (encoding.w < 0 && isWide) ? 8 : 0;
  if (encoding.plusRegister && fields.opcodeRegister >= 8) rex |= 1;
  if (!encoding.hasModRm) return rex;
  if (encoding.digit < 0 && encoding.modRm < 0 && fields.reg >= 8) rex |= 4;
  if (encoding.modRm >= 0) return rex;
  if (typeof rm === 'number') return rm >= 8 ? rex | 1 : rex;
  if (rm.index >= 8) rex |= 2;
  if (rm.base >= 8 && rm.base !== BASE_RIP) rex |= 1;
  return rex;
}

function opcode(bytes: number[], encoding: Encoding, fields: InstructionFields): void {
  if (encoding.map > 0) bytes.push(0x0f);
  if (encoding.map > 1) bytes.push(encoding.map === 2 ? 0x38 : 0x3a);
  bytes.push(encoding.opcode + (encoding.plusRegister ? fields.opcodeRegister & 7 : 0));
}

function modRm(bytes: number[], encoding: Encoding, fields: InstructionFields): void {
  if (encoding.modRm >= 0) {
    bytes.push(encoding.modRm);
    return;
  }
  const reg = (encoding.digit >= 0 ? encoding.digit : fields.reg & 7) << 3;
  const { rm } = fields;
  if (typeof rm === 'number') bytes.push(0xc0 | reg | (rm & 7));
  else if (fields.addressSize === 16) address16(bytes, reg, rm);
  else address32(bytes, reg, rm, fields.width === 64);
}

// Rows of SDM vol. 2A, table 2-1.
const PAIRS_16 = new Map([
  ['3,6', 0],
  ['3,7', 1],
  ['5,6', 2],
  ['5,7', 3],
  ['6,-1', 4],
  ['7,-1', 5],
  ['5,-1', 6],
  ['3,-1', 7],
]);

function address16(bytes: number[], reg: number, { base, index, displacement, wide }: MemoryFields): void {
  if (base === NO_REGISTER && index === NO_REGISTER) {
    bytes.push(reg | 6);
    number(bytes, BigInt(displacement), 2);
    return;
  }
  const row = PAIRS_16.get(`${base},${index}`);
  if (row === undefined) throw new Error('a 16-bit address has BX or BP, SI or DI, or one of both');
  const size = wide ? 2 : displacement === 0 && row !== 6 ? 0 : isByte(displacement) ? 1 : 2;
  bytes.push((size << 6) | reg | row);
  number(bytes, BigInt(displacement), size);
}

function address32(bytes: number[], reg: number, memory: MemoryFields, is64: boolean): void {
  const { base, index, scale, displacement, wide } = memory;
  if (index === 4) throw new Error('rSP is no index register');
  if (base === BASE_RIP) {
    bytes.push(reg | 5);
    number(bytes, BigInt(displacement), 4);
    return;
  }
  const needsSib = index !== NO_REGISTER || (base & 7) === 4 || (base === NO_REGISTER && is64);
  const sib = (scale << 6) | ((index === NO_REGISTER ? 4 : index & 7) << 3) | (base === NO_REGISTER ? 5 : base & 7);
  if (base === NO_REGISTER) {
    bytes.push(reg | (needsSib ? 4 : 5));
    if (needsSib) bytes.push(sib);
    number(bytes, BigInt(displacement), 4);
    return;
  }
  const size = wide ? 4 : displacement === 0 && (base & 7) !== 5 ? 0 : isByte(displacement) ? 1 : 4;
  bytes.push(((size === 4 ? 2 : size) << 6) | reg | (needsSib ? 4 : base & 7));
  if (needsSib) bytes.push(sib);
  number(bytes, BigInt(displacement), size);
}

function isByte(value: number): boolean {
  return value >= -128 && value <= 127;
}

function number(bytes: number[], value: bigint, size: number): void {
  let rest = BigInt.asUintN(64, value);
  for (let i = 0; i < size; i++) {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
}
