/** What our decoder says of the operands, in the words of the comparison. */
import { BASE_RIP, type Decoded, NO_REGISTER } from '../../../src/cpu/decode/decoder.ts';
import type { Candidate } from '../../../src/cpu/decode/table.ts';
import {
  type OperandKind,
  pointerOffset,
  pointerSelector,
  translationTable,
} from '../../../src/cpu/instructions/operands.ts';
import { widthBits } from '../../../src/cpu/interpreter/handlers.ts';

const BYTES = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'];
const LEGACY = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

export function ourOperands(decoded: Decoded<Candidate>, at: number): string[] {
  const { form } = decoded.candidate as Candidate;
  const far = form.operands.findIndex(({ kind }) => kind === pointerSelector);
  if (far >= 0) return [`far ${(decoded.immediate2 & 0xffff).toString(16)}:${immediate(decoded, pointerOffset)}`];
  if (form.operands.some(({ kind }) => kind === translationTable)) return [table(decoded)];
  return form.operands.map(({ kind }) => operand(decoded, kind, at));
}

/** DS:rBX + AL */
function table(decoded: Decoded<Candidate>): string {
  return `[${SEGMENTS[decoded.segment]} ${general(3, decoded.addressSize)} AL*1 0]`;
}

function operand(decoded: Decoded<Candidate>, kind: OperandKind, at: number): string {
  switch (kind.field) {
    case 'rm':
      if (decoded.hasMemory && kind.place !== 'register') return memory(decoded, at);
      return registerName(decoded, kind, decoded.rmRegister);
    case 'reg':
      return registerName(decoded, kind, decoded.regRegister);
    case 'opcode':
      return registerName(decoded, kind, decoded.opcodeRegister);
    case 'fixed':
      return kind.file === undefined ? String(kind.fixed) : registerName(decoded, kind, kind.fixed, true);
    case 'implicit':
      return `implicit ${SEGMENTS[decoded.segment]}`;
    case 'destination':
      return 'implicit ES';
    case 'offset': {
      const offset =
        BigInt.asUintN(32, BigInt(decoded.immediate)) | (BigInt.asUintN(32, BigInt(decoded.immediateHi)) << 32n);
      return `[${SEGMENTS[decoded.segment]} - -*1 ${BigInt.asUintN(decoded.addressSize, offset).toString(16)}]`;
    }
    case 'relative': {
      const target = BigInt(at + decoded.length + decoded.immediate);
      return `to ${BigInt.asUintN(decoded.operandSize, target).toString(16)}`;
    }
    default:
      return immediate(decoded, kind);
  }
}

function immediate(decoded: Decoded<Candidate>, kind: OperandKind): string {
  const width = widthBits(kind.width, decoded.operandSize);
  let value = BigInt(kind.field === 'second-immediate' ? decoded.immediate2 : decoded.immediate);
  if (kind.encoded === 'v' && decoded.operandSize === 64) {
    value = BigInt.asUintN(32, value) | (BigInt(decoded.immediateHi) << 32n);
  }
  return BigInt.asUintN(width, value).toString(16);
}

function memory(decoded: Decoded<Candidate>, at: number): string {
  const { base, index, addressSize } = decoded;
  const name = (number: number): string => (number === NO_REGISTER ? '-' : general(number, addressSize));
  const baseName = base === BASE_RIP ? (addressSize === 64 ? 'RIP' : 'EIP') : name(base);
  let displacement = BigInt(decoded.displacement);
  if (base === BASE_RIP) displacement += BigInt(at + decoded.length);
  // iced keeps a 16-bit displacement that has a base unsigned, and sign-extends others to 64 bits only in 64-bit code.
  const width = addressSize === 64 ? 64 : base === BASE_RIP ? 32 : addressSize;
  const scale = index === NO_REGISTER ? 1 : 1 << decoded.scale;
  return `[${SEGMENTS[decoded.segment]} ${baseName} ${name(index)}*${scale} ${BigInt.asUintN(width, displacement).toString(16)}]`;
}

function registerName(decoded: Decoded<Candidate>, kind: OperandKind, number: number, fixed = false): string {
  switch (kind.file) {
    case 'gpr': {
      const width = widthBits(kind.width, decoded.operandSize);
      if (width === 8 && decoded.rex === 0 && number >= 4 && !fixed) return BYTES[number] as string;
      return general(number, width);
    }
    case 'xmm':
      return `XMM${number}`;
    case 'mm':
      return `MM${number & 7}`;
    case 'st':
      return `ST${number & 7}`;
    case 'segment':
      return SEGMENTS[number & 7] ?? `segment ${number}`;
    case 'control':
      return `CR${number}`;
    case 'debug':
      return `DR${number}`;
    default:
      return '?';
  }
}

function general(number: number, width: number): string {
  if (number >= 8) return `R${number}${width === 64 ? '' : width === 32 ? 'D' : width === 16 ? 'W' : 'L'}`;
  if (width === 8) return number < 4 ? (BYTES[number] as string) : `${LEGACY[number]}L`;
  return `${width === 64 ? 'R' : width === 32 ? 'E' : ''}${LEGACY[number]}`;
}
