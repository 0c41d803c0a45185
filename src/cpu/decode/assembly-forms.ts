/** Which bytes a written instruction may be: every row of its mnemonic that its operands fit, encoded. */
import type { Instruction } from '../instructions/define.ts';
import { type OperandKind, pointerOffset, pointerSelector } from '../instructions/operands.ts';
import type { WrittenMemory, WrittenOperand } from './assembly-operands.ts';
import { BASE_RIP, NO_REGISTER } from './decoder.ts';
import { isFence } from './disassembler.ts';
import { type CodeWidth, encode, fieldsFor, type InstructionFields } from './encoder.ts';
import { SyntaxMistake } from './expression.ts';
import { ALIASES, BY_ADDRESS_SIZE, BY_OPERAND_SIZE, RENAMED, SUFFIXED } from './names.ts';
import { rowsOf } from './rows.ts';
import { isSized, kindBits, operandSizes } from './sizes.ts';
import type { Candidate } from './table.ts';

/** An instruction as the assembler read it. */
export interface Written {
  /** In lower case: 'add', 'jmp far'. */
  readonly mnemonic: string;
  readonly operands: readonly WrittenOperand[];
  readonly lock: boolean;
  readonly repeat: number;
  /** Sizes and segment from prefixes; 0 and -1 where there are none. */
  readonly operandSize: number;
  readonly addressSize: number;
  readonly segment: number;
  readonly width: CodeWidth;
  readonly address: bigint;
}

/** A row under one of its spellings. */
interface Spelled {
  readonly row: Candidate;
  /** No operands are written. */
  readonly bare: boolean;
  readonly operandSize?: 16 | 32 | 64;
  readonly addressSize?: 16 | 32 | 64;
}

export class AssemblyForms {
  readonly #spellings = new Map<string, Spelled[]>();

  constructor(instructions: readonly Instruction[]) {
    for (const row of rowsOf(instructions)) this.#spell(row);
  }

  knows(mnemonic: string): boolean {
    return this.#spellings.has(ALIASES.get(mnemonic) ?? mnemonic);
  }

  /** All encodings, shortest first. Throws where nothing fits. */
  encodings(written: Written): Uint8Array[] {
    const spelled = this.#spellings.get(ALIASES.get(written.mnemonic) ?? written.mnemonic);
    if (spelled === undefined) throw new SyntaxMistake(`there is no instruction '${written.mnemonic}'`);
    const found: { bytes: Uint8Array; memoryBits: number }[] = [];
    for (const one of spelled) {
      for (const operandSize of sizesFor(one, written)) {
        const fields = match(one, written, operandSize);
        if (fields === undefined) continue;
        const bytes = finish(one.row, written, fields);
        if (bytes !== undefined) found.push({ bytes, memoryBits: memoryBits(one.row, operandSize) });
      }
    }
    if (found.length === 0) {
      throw new SyntaxMistake(`'${written.mnemonic}' does not take these operands in ${written.width}-bit code`);
    }
    const hasUnsized = written.operands.some((operand) => operand.type === 'memory' && operand.size === 0);
    if (hasUnsized && new Set(found.map((each) => each.memoryBits)).size > 1) {
      throw new SyntaxMistake(`'${written.mnemonic}': say the size of the memory operand: byte, word, dword, qword`);
    }
    return found.map(({ bytes }) => bytes).sort((a, b) => a.length - b.length);
  }

  #spell(row: Candidate): void {
    const { mnemonic } = row.instruction;
    const { form } = row;
    if (SUFFIXED.has(mnemonic) && form.operands.every(({ kind }) => kind.file !== 'xmm')) {
      const stem = mnemonic.toLowerCase();
      if (form.operands.some(({ kind }) => kind.width === 8)) this.#add(`${stem}b`, { row, bare: true });
      else for (const [size, letter] of SUFFIXES) this.#add(`${stem}${letter}`, { row, bare: true, operandSize: size });
      return;
    }
    const bySize = BY_OPERAND_SIZE.get(mnemonic);
    if (bySize !== undefined) {
      for (const [size] of SUFFIXES) {
        if (bySize[size] !== undefined) this.#add(bySize[size], { row, bare: true, operandSize: size });
      }
      if (mnemonic.startsWith('P') || mnemonic === 'IRET') this.#add(mnemonic.toLowerCase(), { row, bare: true });
      return;
    }
    const byAddress = BY_ADDRESS_SIZE.get(mnemonic);
    if (byAddress !== undefined) {
      for (const [size] of SUFFIXES) this.#add(byAddress[size] as string, { row, bare: false, addressSize: size });
      return;
    }
    const name = RENAMED.get(mnemonic) ?? (form.name ?? mnemonic).toLowerCase();
    this.#add(name, { row, bare: isFence(row) || mnemonic === 'XLAT' });
  }

  #add(name: string, spelled: Spelled): void {
    const known = this.#spellings.get(name);
    if (known === undefined) this.#spellings.set(name, [spelled]);
    else known.push(spelled);
  }
}

const SUFFIXES = [
  [16, 'w'],
  [32, 'd'],
  [64, 'q'],
] as const;

// Sizes to try: the one that was asked for, all if an operand can tell, else the default.
function sizesFor({ row, operandSize }: Spelled, written: Written): readonly (16 | 32 | 64)[] {
  const { form } = row;
  if (written.width === 64 ? form.no64 : form.only64) return [];
  const sizes = operandSizes(row, written.width);
  const wanted = operandSize ?? written.operandSize;
  if (wanted !== 0) return sizes.filter((size) => size === wanted);
  const tells = form.operands.some(({ kind }, index) => {
    const operand = written.operands[index];
    if (operand?.type === 'register') return isSized(kind.width);
    return operand?.type === 'memory' && isSized(kind.memoryWidth);
  });
  return tells ? sizes : sizes.slice(0, 1);
}

/** The operands a form wants to see written. */
function writtenKinds({ row, bare }: Spelled): readonly OperandKind[] {
  if (bare) return [];
  const kinds = row.form.operands.map(({ kind }) => kind);
  return kinds.filter((kind) => kind.field !== 'implicit' && kind.field !== 'destination' && kind !== pointerSelector);
}

// The fields of an encoding, or undefined where the operands do not fit.
function match(spelled: Spelled, written: Written, operandSize: 16 | 32 | 64): InstructionFields | undefined {
  const kinds = writtenKinds(spelled);
  if (kinds.length !== written.operands.length) return undefined;
  const addressSize = addressSizeOf(spelled, written);
  if (addressSize === undefined) return undefined;
  const { lock, repeat, width } = written;
  const { form } = spelled.row;
  if ((repeat !== 0 && !form.repeat) || (lock && !form.lock)) return undefined;
  let fields: InstructionFields = {
    ...fieldsFor(width),
    operandSize,
    addressSize,
    lock,
    repeat,
    override: written.segment,
  };
  let rex = { needed: false, forbidden: false };
  for (const [index, kind] of kinds.entries()) {
    const operand = written.operands[index] as WrittenOperand;
    const change = place(kind, operand, fields);
    if (change === undefined) return undefined;
    fields = { ...fields, ...change };
    if (operand.type === 'register') {
      rex = {
        needed: rex.needed || operand.register.needsRex,
        forbidden: rex.forbidden || operand.register.high,
      };
    }
  }
  if (form.noRexB && fields.opcodeRegister >= 8) return undefined;
  if (rex.needed && (width !== 64 || rex.forbidden)) return undefined;
  fields = { ...fields, rex: rex.needed };
  return rex.forbidden && needsRex(spelled.row, fields) ? undefined : fields;
}

function addressSizeOf({ addressSize }: Spelled, written: Written): 16 | 32 | 64 | undefined {
  const memory = written.operands.find((operand) => operand.type === 'memory');
  const size = addressSize ?? (memory?.addressSize || written.addressSize || written.width);
  if (written.width === 64 ? size === 16 : size === 64) return undefined;
  return size as 16 | 32 | 64;
}

function needsRex(row: Candidate, fields: InstructionFields): boolean {
  const bytes = encode(row.form, row.encoding, { ...fields, width: 64 });
  let at = 0;
  while (PREFIX_BYTES.has(bytes[at] as number)) at++;
  return fields.width === 64 && ((bytes[at] as number) & 0xf0) === 0x40;
}
const PREFIX_BYTES = new Set([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]);

// The change to the fields that an operand makes as a kind, or undefined.
function place(
  kind: OperandKind,
  operand: WrittenOperand,
  fields: InstructionFields,
): Partial<InstructionFields> | undefined {
  switch (operand.type) {
    case 'register':
      return placeRegister(kind, operand.register, fields);
    case 'memory':
      return placeMemory(kind, operand, fields);
    case 'far':
      if (kind !== pointerOffset) return undefined;
      return { immediate: operand.offset, immediate2: operand.selector };
    default:
      return placeNumber(kind, operand.value, operand.size, fields);
  }
}

function placeRegister(
  kind: OperandKind,
  { file, number, bits }: { file: string; number: number; bits: number },
  fields: InstructionFields,
): Partial<InstructionFields> | undefined {
  if (kind.file !== file) return undefined;
  if (file === 'gpr' && bits !== kindBits(kind.width, fields.operandSize)) return undefined;
  switch (kind.field) {
    case 'rm':
      return kind.place === 'memory' ? undefined : { rm: number };
    case 'reg':
      return { reg: number };
    case 'opcode':
      return { opcodeRegister: number };
    case 'fixed':
      return kind.fixed === number ? {} : undefined;
    default:
      return undefined;
  }
}

function placeMemory(
  kind: OperandKind,
  operand: WrittenMemory,
  fields: InstructionFields,
): Partial<InstructionFields> | undefined {
  const bits = kindBits(kind.memoryWidth, fields.operandSize);
  if (operand.size !== 0 && operand.size !== bits) return undefined;
  const override = operand.segment >= 0 ? { override: operand.segment } : {};
  const { base, index, scale, displacement } = operand;
  if (kind.field === 'offset') {
    if (base !== NO_REGISTER || index !== NO_REGISTER) return undefined;
    return { immediate: displacement, ...override };
  }
  if (kind.field !== 'rm' || kind.place === 'register') return undefined;
  if (base === BASE_RIP && fields.width !== 64) return undefined;
  const wrapped = BigInt.asIntN(fields.addressSize === 16 ? 16 : fields.addressSize, displacement);
  if (base !== BASE_RIP && BigInt.asIntN(32, wrapped) !== wrapped) return undefined;
  // A target is kept whole: `finish` makes it relative.
  return { rm: { base, index, scale, displacement: Number(base === BASE_RIP ? displacement : wrapped) }, ...override };
}

function placeNumber(
  kind: OperandKind,
  value: bigint,
  size: number,
  fields: InstructionFields,
): Partial<InstructionFields> | undefined {
  switch (kind.field) {
    case 'fixed':
      return kind.file === undefined && value === BigInt(kind.fixed) ? {} : undefined;
    case 'relative':
      return { immediate: value };
    case 'immediate':
    case 'second-immediate': {
      const bits = kindBits(kind.width, fields.operandSize);
      if ((size !== 0 && size !== bits) || !fits(value, kind, fields.operandSize)) return undefined;
      return kind.field === 'immediate' ? { immediate: value } : { immediate2: value };
    }
    default:
      return undefined;
  }
}

/** Whether a number can be an immediate of a kind: as it is, or as its two's complement in the operand's width. */
function fits(value: bigint, kind: OperandKind, operandSize: 16 | 32 | 64): boolean {
  const width = kindBits(kind.width, operandSize);
  const encoded =
    kind.encoded === 'v' ? operandSize : kind.encoded === 'z' ? Math.min(operandSize, 32) : Number(kind.encoded);
  if (value < -(1n << BigInt(width - 1)) || value >= 1n << BigInt(width)) return false;
  if (!kind.signExtended) return value >= -(1n << BigInt(encoded - 1)) && value < 1n << BigInt(encoded);
  const wrapped = BigInt.asIntN(width, value);
  return BigInt.asIntN(encoded, wrapped) === wrapped;
}

// Encodes; relative operands become distances from the end of the instruction.
function finish(row: Candidate, written: Written, fields: InstructionFields): Uint8Array | undefined {
  const { form, encoding } = row;
  const { rm } = fields;
  try {
    if (typeof rm !== 'number' && rm.base === BASE_RIP) {
      const end = written.address + BigInt(encode(form, encoding, fields).length);
      const distance = BigInt(rm.displacement) - end;
      if (BigInt.asIntN(32, distance) !== distance) return undefined;
      return encode(form, encoding, { ...fields, rm: { ...rm, displacement: Number(distance) } });
    }
    const relative = form.operands.find(({ kind }) => kind.field === 'relative');
    if (relative === undefined) return encode(form, encoding, fields);
    const end = written.address + BigInt(encode(form, encoding, fields).length);
    const distance = BigInt.asIntN(fields.operandSize, fields.immediate - end);
    const bits = relative.kind.encoded === 8 ? 8 : fields.operandSize === 16 ? 16 : 32;
    if (BigInt.asIntN(bits, distance) !== distance) return undefined;
    return encode(form, encoding, { ...fields, immediate: distance });
  } catch (error) {
    // An address that the encoder cannot express in this address size.
    if (error instanceof RangeError || error instanceof TypeError) throw error;
    return undefined;
  }
}

function memoryBits({ form }: Candidate, operandSize: 16 | 32 | 64): number {
  const memory = form.operands.find(({ kind }) => kind.place !== 'register' && kind.memoryWidth !== 'none');
  return memory === undefined ? 0 : kindBits(memory.kind.memoryWidth, operandSize);
}
