/** Decoded instructions as Intel syntax text, in the dialect that our assembler reads (NASM's, nearly). */
import type { OperandKind } from '../instructions/operands.ts';
import { pointerOffset, pointerSelector } from '../instructions/operands.ts';
import { DS, SS } from '../state.ts';
import { BASE_RIP, type Decoded, NO_REGISTER } from './decoder.ts';
import type { CodeWidth } from './encoder.ts';
import {
  BY_ADDRESS_SIZE,
  BY_OPERAND_SIZE,
  generalName,
  NAME_OF_SIZE,
  RENAMED,
  SUFFIXED,
  segmentName,
  specialName,
} from './names.ts';
import { defaultOperandSize, kindBits } from './sizes.ts';
import type { Candidate } from './table.ts';

/** The instruction that was decoded, at an address in code of a width: 'lock add qword [rax+rcx*4-0x8], 0x1'. */
export function disassemble(decoded: Decoded<Candidate>, width: CodeWidth, address: bigint): string {
  const row = decoded.candidate;
  if (row === undefined) throw new Error('nothing was decoded');
  const operands = writtenOperands(decoded, row, width, address);
  const text = operands.length === 0 ? spelling(decoded, row) : `${spelling(decoded, row)} ${operands.join(', ')}`;
  return `${prefixes(decoded, row, width)}${text}`;
}

function spelling({ operandSize, addressSize }: Decoded<Candidate>, { instruction, form }: Candidate): string {
  const { mnemonic } = instruction;
  if (SUFFIXED.has(mnemonic) && form.operands.every(({ kind }) => kind.file !== 'xmm')) {
    const isByte = form.operands.some(({ kind }) => kind.width === 8);
    return `${mnemonic.toLowerCase()}${isByte ? 'b' : { 16: 'w', 32: 'd', 64: 'q' }[operandSize]}`;
  }
  const sized = BY_OPERAND_SIZE.get(mnemonic)?.[operandSize] ?? BY_ADDRESS_SIZE.get(mnemonic)?.[addressSize];
  return sized ?? RENAMED.get(mnemonic) ?? (form.name ?? mnemonic).toLowerCase();
}

// What the operands do not show: LOCK, REP, a segment, sizes.
function prefixes(decoded: Decoded<Candidate>, row: Candidate, width: CodeWidth): string {
  const { instruction, form } = row;
  const words: string[] = [];
  if (decoded.lock) words.push('lock');
  if (form.repeat && decoded.repeat !== 0) words.push(repeatName(instruction.mnemonic, decoded.repeat));
  const implicit = form.operands.some(({ kind }) => kind.field === 'implicit');
  if (implicit && shownSegment(decoded, width) !== '') words.push(segmentName(decoded.override));
  const named = BY_OPERAND_SIZE.has(instruction.mnemonic) || SUFFIXED.has(instruction.mnemonic);
  const bySize = instruction.depends?.includes('operandSize') || form.operands.some(({ kind }) => kind.width === 'v');
  if (bySize && !named && decoded.operandSize !== defaultOperandSize(form, width) && !showsSize(decoded, row)) {
    words.push(`o${decoded.operandSize}`);
  }
  if (usesAddressSize(decoded, row) && decoded.addressSize !== width) words.push(`a${decoded.addressSize}`);
  return words.map((word) => `${word} `).join('');
}

function repeatName(mnemonic: string, repeat: number): string {
  if (repeat === 0xf2) return 'repne';
  return mnemonic === 'CMPS' || mnemonic === 'SCAS' ? 'repe' : 'rep';
}

function showsSize(decoded: Decoded<Candidate>, { form }: Candidate): boolean {
  return form.operands.some(({ kind }) => {
    if (kind.field === 'offset') return true;
    const isSized = ['v', 'z', 'y'].includes(String(isMemory(decoded, kind) ? kind.memoryWidth : kind.width));
    return isSized && (isMemory(decoded, kind) || kind.file === 'gpr');
  });
}

// An address size other than the code's that no register of an address shows.
function usesAddressSize(decoded: Decoded<Candidate>, { instruction, form, encoding }: Candidate): boolean {
  if (BY_ADDRESS_SIZE.has(instruction.mnemonic)) return false;
  if (form.operands.some(({ kind }) => kind.field === 'offset')) return true;
  if (form.operands.some(({ kind }) => kind.field === 'rm' && isMemory(decoded, kind))) {
    return decoded.base === NO_REGISTER ? decoded.index === NO_REGISTER : decoded.base === BASE_RIP;
  }
  if (encoding.hasModRm) return form.operands.some(({ kind }) => kind.field === 'implicit');
  return (
    form.operands.some(({ kind }) => kind.field === 'implicit' || kind.field === 'destination') ||
    instruction.depends?.includes('addressSize') === true
  );
}

function writtenOperands(decoded: Decoded<Candidate>, row: Candidate, width: CodeWidth, address: bigint): string[] {
  const { instruction, form } = row;
  const { mnemonic } = instruction;
  if (BY_OPERAND_SIZE.has(mnemonic) || isSuffixed(row) || mnemonic === 'XLAT' || isFence(row)) return [];
  if (form.operands.some(({ kind }) => kind === pointerSelector)) {
    return [`${hex(BigInt(decoded.immediate2 & 0xffff))}:${immediate(decoded, pointerOffset)}`];
  }
  return form.operands.flatMap(({ kind }) => {
    if (kind.field === 'implicit' || kind.field === 'destination') return [];
    return operand(decoded, kind, width, address);
  });
}

function isSuffixed({ instruction, form }: Candidate): boolean {
  return SUFFIXED.has(instruction.mnemonic) && form.operands.every(({ kind }) => kind.file !== 'xmm');
}

/** LFENCE and its like: ModRM.rm is there but names nothing. */
export function isFence({ form }: Candidate): boolean {
  return (
    form.operands.length === 1 && form.operands[0]?.access === 'address' && form.operands[0].kind.place === 'register'
  );
}

function isMemory(decoded: Decoded<Candidate>, kind: OperandKind): boolean {
  return kind.field === 'offset' || (kind.field === 'rm' && kind.place !== 'register' && decoded.hasMemory);
}

function operand(decoded: Decoded<Candidate>, kind: OperandKind, width: CodeWidth, address: bigint): string {
  switch (kind.field) {
    case 'rm':
      if (isMemory(decoded, kind)) return memory(decoded, kind, width, address);
      return registerName(decoded, kind, decoded.rmRegister);
    case 'reg':
      return registerName(decoded, kind, decoded.regRegister);
    case 'opcode':
      return registerName(decoded, kind, decoded.opcodeRegister);
    case 'fixed':
      return kind.file === undefined ? String(kind.fixed) : fixedName(decoded, kind);
    case 'offset':
      return memory(decoded, kind, width, address);
    case 'relative':
      return hex(BigInt.asUintN(decoded.operandSize, address + BigInt(decoded.length + decoded.immediate)));
    default:
      return immediate(decoded, kind);
  }
}

function registerName(decoded: Decoded<Candidate>, kind: OperandKind, number: number): string {
  if (kind.file !== 'gpr') return specialName(kind.file ?? 'gpr', number);
  return generalName(number, kindBits(kind.width, decoded.operandSize), decoded.rex !== 0);
}

function fixedName(decoded: Decoded<Candidate>, kind: OperandKind): string {
  if (kind.file !== 'gpr') return specialName(kind.file ?? 'gpr', kind.fixed);
  return generalName(kind.fixed, kindBits(kind.width, decoded.operandSize));
}

function immediate(decoded: Decoded<Candidate>, kind: OperandKind): string {
  const value = BigInt(kind.field === 'second-immediate' ? decoded.immediate2 : decoded.immediate);
  if (kind.encoded === 'v' && decoded.operandSize === 64) {
    return hex(BigInt.asUintN(32, value) | (BigInt.asUintN(32, BigInt(decoded.immediateHi)) << 32n));
  }
  const bits = kindBits(kind.width, decoded.operandSize);
  return kind.signExtended ? signed(value) : hex(BigInt.asUintN(bits, value));
}

function memory(decoded: Decoded<Candidate>, kind: OperandKind, width: CodeWidth, address: bigint): string {
  const bits = kind.memoryWidth === 'none' ? 0 : kindBits(kind.memoryWidth, decoded.operandSize);
  const size = bits === 0 ? '' : `${NAME_OF_SIZE.get(bits)} `;
  return `${size}[${shownSegment(decoded, width)}${kind.field === 'offset' ? offset(decoded) : effective(decoded, address)}]`;
}

function offset({ immediate: low, immediateHi: high, addressSize }: Decoded<Candidate>): string {
  const value = BigInt.asUintN(32, BigInt(low)) | (BigInt.asUintN(32, BigInt(high)) << 32n);
  return hex(BigInt.asUintN(addressSize, value));
}

function effective(decoded: Decoded<Candidate>, address: bigint): string {
  const { base, index, scale, addressSize } = decoded;
  const displacement = BigInt(decoded.displacement);
  if (base === BASE_RIP) {
    return `rel ${hex(BigInt.asUintN(addressSize, address + BigInt(decoded.length) + displacement))}`;
  }
  const terms: string[] = [];
  if (base !== NO_REGISTER) terms.push(generalName(base, addressSize));
  if (index !== NO_REGISTER) {
    const name = generalName(index, addressSize);
    terms.push(addressSize === 16 ? name : `${name}*${1 << scale}`);
  }
  if (terms.length === 0) return hex(BigInt.asUintN(addressSize, displacement));
  const text = terms.join('+');
  if (displacement === 0n) return text;
  return displacement < 0n ? `${text}-${hex(-displacement)}` : `${text}+${hex(displacement)}`;
}

// Only where it is not the segment that applies anyway; in 64-bit code ES, CS, SS and DS are all the same.
function shownSegment(decoded: Decoded<Candidate>, width: CodeWidth): string {
  const { override, base } = decoded;
  if (override < 0) return '';
  if (width === 64) return override > DS ? `${segmentName(override)}:` : '';
  const usual = base === 4 || base === 5 ? SS : DS;
  return override === usual ? '' : `${segmentName(override)}:`;
}

function signed(value: bigint): string {
  return value < 0n ? `-${hex(-value)}` : hex(value);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
