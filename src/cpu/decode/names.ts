/** How registers and instructions are spelled in assembly text: for the disassembler and, read backwards, the assembler. */
import type { RegisterFile } from '../instructions/operands.ts';

const BYTE = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH = ['ah', 'ch', 'dh', 'bh'];
const WORD = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const WIDTHS = [8, 16, 32, 64] as const;

/** A register as text names it. */
export interface NamedRegister {
  readonly file: RegisterFile;
  readonly number: number;
  readonly bits: number;
  /** AH, CH, DH, BH: numbered 4 to 7 in an encoding without REX. */
  readonly high: boolean;
  /** SPL, BPL, SIL, DIL: numbered 4 to 7 in one with REX. */
  readonly needsRex: boolean;
}

/** The name of a general register. `hasRex` tells SPL from AH. */
export function generalName(number: number, bits: number, hasRex = true): string {
  if (number >= 8) return `r${number}${bits === 64 ? '' : bits === 32 ? 'd' : bits === 16 ? 'w' : 'b'}`;
  if (bits === 8) return (!hasRex && number >= 4 ? HIGH[number - 4] : BYTE[number]) as string;
  return `${bits === 64 ? 'r' : bits === 32 ? 'e' : ''}${WORD[number]}`;
}

export function segmentName(number: number): string {
  return SEGMENTS[number] ?? `segment${number}`;
}

/** The name of a register that is not a general one. */
export function specialName(file: RegisterFile, number: number): string {
  switch (file) {
    case 'xmm':
      return `xmm${number}`;
    case 'mm':
      return `mm${number & 7}`;
    case 'st':
      return `st${number & 7}`;
    case 'segment':
      return segmentName(number & 7);
    case 'control':
      return `cr${number}`;
    default:
      return `dr${number}`;
  }
}

export const REGISTERS: ReadonlyMap<string, NamedRegister> = allRegisters();

function allRegisters(): Map<string, NamedRegister> {
  const all = new Map<string, NamedRegister>();
  const plain = { high: false, needsRex: false };
  for (const bits of WIDTHS) {
    for (let number = 0; number < 16; number++) {
      const needsRex = bits === 8 && number >= 4 && number < 8;
      all.set(generalName(number, bits), { file: 'gpr', number, bits, high: false, needsRex });
    }
  }
  for (const [index, name] of HIGH.entries()) {
    all.set(name, { file: 'gpr', number: index + 4, bits: 8, high: true, needsRex: false });
  }
  const files = [
    ['xmm', 16, 128],
    ['mm', 8, 64],
    ['st', 8, 80],
    ['segment', 6, 16],
    ['control', 16, 64],
    ['debug', 16, 64],
  ] as const;
  for (const [file, count, bits] of files) {
    for (let number = 0; number < count; number++) all.set(specialName(file, number), { file, number, bits, ...plain });
  }
  all.set('st', { file: 'st', number: 0, bits: 80, ...plain });
  return all;
}

/** Instructions whose name says the element's size, and whose operands are not written: MOVSB. */
export const SUFFIXED = new Set(['MOVS', 'STOS', 'LODS', 'SCAS', 'CMPS', 'INS', 'OUTS']);
/** Names by operand size; no operands are written. */
export const BY_OPERAND_SIZE: ReadonlyMap<string, Readonly<Record<number, string>>> = new Map([
  ['CBW', { 16: 'cbw', 32: 'cwde', 64: 'cdqe' }],
  ['CWD', { 16: 'cwd', 32: 'cdq', 64: 'cqo' }],
  ['PUSHA', { 16: 'pushaw', 32: 'pushad' }],
  ['POPA', { 16: 'popaw', 32: 'popad' }],
  ['PUSHF', { 16: 'pushfw', 32: 'pushfd', 64: 'pushfq' }],
  ['POPF', { 16: 'popfw', 32: 'popfd', 64: 'popfq' }],
  ['IRET', { 16: 'iretw', 32: 'iretd', 64: 'iretq' }],
]);
/** Names by address size. */
export const BY_ADDRESS_SIZE: ReadonlyMap<string, Readonly<Record<number, string>>> = new Map([
  ['JRCXZ', { 16: 'jcxz', 32: 'jecxz', 64: 'jrcxz' }],
]);
/** Rows whose own name is not the one they are written with. */
export const RENAMED: ReadonlyMap<string, string> = new Map([
  ['JMP_FAR', 'jmp far'],
  ['CALL_FAR', 'call far'],
  ['RET_FAR', 'retf'],
  ['XLAT', 'xlatb'],
]);

const CONDITION_ALIASES: readonly (readonly [string, string])[] = [
  ['c', 'b'],
  ['nae', 'b'],
  ['nc', 'ae'],
  ['nb', 'ae'],
  ['z', 'e'],
  ['nz', 'ne'],
  ['na', 'be'],
  ['nbe', 'a'],
  ['pe', 'p'],
  ['po', 'np'],
  ['nge', 'l'],
  ['nl', 'ge'],
  ['ng', 'le'],
  ['nle', 'g'],
];

/** Other names that assembly sources use. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ...CONDITION_ALIASES.flatMap(([alias, name]) =>
    ['j', 'set', 'cmov'].map((stem) => [`${stem}${alias}`, `${stem}${name}`] as const),
  ),
  ['loopz', 'loope'],
  ['loopnz', 'loopne'],
  ['sal', 'shl'],
  ['retn', 'ret'],
  ['fwait', 'wait'],
  ['xlat', 'xlatb'],
  ['icebp', 'int1'],
]);

/** Bits of a memory operand by the word before it. */
export const SIZE_NAMES: ReadonlyMap<string, number> = new Map([
  ['byte', 8],
  ['word', 16],
  ['dword', 32],
  ['qword', 64],
  ['tword', 80],
  ['oword', 128],
]);
export const NAME_OF_SIZE: ReadonlyMap<number, string> = new Map(
  Array.from(SIZE_NAMES, ([name, bits]) => [bits, name]),
);
