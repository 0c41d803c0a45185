/** Writes decoded instructions as records. */
import { BASE_RIP, type Decoded, NO_REGISTER } from '../decode/decoder.ts';
import type { OperandKind } from '../instructions/operands.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { DS, ES, SS } from '../state.ts';
import { type FormFields, fieldsOf } from './form-fields.ts';
import { type FormEntry, type HandlerTable, variantIndex } from './handlers.ts';
import type { FusedPair } from './main-function.ts';
import { MODE_CODE_64, MODE_FLAT, MODE_GUEST, MODE_STACK_32, MODE_STEP } from '../mode.ts';
import * as record from './record.ts';
import { slotOf } from './record-operands.ts';

export class RecordWriter {
  readonly #view: DataView;
  readonly #table: HandlerTable;
  readonly #fusedCount: number;
  /** Number of the fused handler by the numbers of its halves. */
  readonly #fused = new Map<number, number>();
  readonly #fusesAsSecond: Uint8Array;
  readonly #firsts: readonly number[];

  constructor(memory: MachineMemory, table: HandlerTable, fused: readonly FusedPair[]) {
    this.#view = memory.view;
    this.#table = table;
    this.#fusedCount = fused.length;
    this.#firsts = fused.map(({ first }) => first.id);
    this.#fusesAsSecond = new Uint8Array(table.coldStart);
    for (const [index, { first, second }] of fused.entries()) {
      this.#fused.set(first.id * 0x10000 + second.id, table.coldStart + index);
      this.#fusesAsSecond[second.id] = 1;
    }
  }

  /** A record that is no instruction. */
  pseudo(pc: number, handler: number, offset: number, displacement: number, immediate: number): void {
    const view = this.#view;
    view.setUint16(pc + record.RECORD_HANDLER, handler, true);
    view.setUint16(pc + record.RECORD_PLACE, offset & 0xfff, true);
    view.setUint32(pc + record.RECORD_REGISTER_A, 0, true);
    view.setInt32(pc + record.RECORD_DISPLACEMENT, displacement, true);
    view.setInt32(pc + record.RECORD_IMMEDIATE, immediate, true);
  }

  /** Copies a record's first instruction to `copy`, followed by a way back to the next record. */
  copy(pc: number, copy: number): void {
    const view = this.#view;
    for (let i = 0; i < record.RECORD_SIZE; i += 4) view.setUint32(copy + i, view.getUint32(pc + i, true), true);
    const place = view.getUint16(pc + record.RECORD_PLACE, true);
    view.setUint16(copy + record.RECORD_HANDLER, this.firstOf(view.getUint16(pc, true)), true);
    const next = (place & 0xfff) + (place >>> 12);
    this.pseudo(copy + record.RECORD_SIZE, record.HANDLER_GOTO, next, next, pc + record.RECORD_SIZE);
  }

  /** Puts the entry of a region in the place of a record that was copied. */
  enterRegion(pc: number, copy: number, region: number): void {
    const view = this.#view;
    // A pair of which it was the second half would go by fields that are gone.
    const before = pc - record.RECORD_SIZE;
    if (this.#isBefore(before, view.getUint16(pc + record.RECORD_PLACE, true) & 0xfff)) {
      view.setUint16(before + record.RECORD_HANDLER, this.firstOf(view.getUint16(before, true)), true);
    }
    const first = this.#table.ofRecord(view.getUint16(copy + record.RECORD_HANDLER, true));
    view.setUint16(pc + record.RECORD_HANDLER, record.HANDLER_REGION, true);
    view.setUint32(pc + record.RECORD_CHAINED, first?.instruction.mnemonic === 'RET' ? 1 : 0, true);
    view.setInt32(pc + record.RECORD_DISPLACEMENT, copy, true);
    view.setInt32(pc + record.RECORD_IMMEDIATE, region, true);
  }

  /** Puts a record that was copied back in its place. */
  leaveRegion(pc: number, copy: number): void {
    const view = this.#view;
    for (let i = 0; i < record.RECORD_SIZE; i += 4) view.setUint32(pc + i, view.getUint32(copy + i, true), true);
  }

  /** Whoever executes these records, up to `end`, looks again where he is. */
  retire(start: number, end: number): void {
    const view = this.#view;
    for (let pc = start; pc < end; pc += record.RECORD_SIZE) {
      // END and STOP go by their displacement, which stays right; the others look up their own RIP. The displacement
      // of GOTO may be past the page's end, where a RIP of its own is not.
      const handler = view.getUint16(pc + record.RECORD_HANDLER, true);
      if (handler === record.HANDLER_GOTO) view.setUint16(pc + record.RECORD_HANDLER, record.HANDLER_END, true);
      else if (handler !== record.HANDLER_END && handler !== record.HANDLER_STOP) {
        view.setUint16(pc + record.RECORD_HANDLER, record.HANDLER_LEAVE, true);
      }
    }
  }

  /** The handler of a record's first instruction alone, which is the record's unless it is fused. */
  firstOf(handler: number): number {
    return this.#firsts[handler - this.#table.coldStart] ?? handler;
  }

  /** An instruction at `offset` in its page. False if there is no handler for it: #UD. */
  write(pc: number, decoded: Decoded<FormEntry>, mode: number, offset: number): boolean {
    const found = decoded.candidate as FormEntry;
    const entry = (mode & MODE_GUEST) !== 0 ? (found.inGuest ?? found) : found;
    entry.fields ??= fieldsOf(entry.form);
    const { fields } = entry;
    const isMemory = fields.implicitBase >= 0 || (entry.encoding.hasModRm ? decoded.hasMemory : fields.hasOffset);
    let shape = isMemory ? this.#shape(decoded, entry, mode, offset) : record.SHAPE_REGISTER;
    let id = entry.handlers[this.#variant(decoded, entry, mode, shape)] as number;
    if (id < 0 && shape > record.SHAPE_ANY) {
      shape = record.SHAPE_ANY;
      id = entry.handlers[this.#variant(decoded, entry, mode, shape)] as number;
    }
    if (id < 0) return false;
    const view = this.#view;
    const handler = id < this.#table.coldStart ? id : id + this.#fusedCount;
    view.setUint16(pc + record.RECORD_HANDLER, handler, true);
    view.setUint16(pc + record.RECORD_PLACE, offset | (decoded.length << 12), true);
    view.setUint32(pc + record.RECORD_REGISTER_A, 0, true);
    this.#registers(pc, decoded, fields, isMemory);
    this.#numbers(pc, decoded, fields, offset, isMemory);
    if (isMemory) this.#address(pc, decoded, entry, fields, mode, shape, offset);
    if (id < this.#table.coldStart && this.#fusesAsSecond[id] === 1) this.#fuse(pc, id, offset, mode);
    return true;
  }

  // Makes the record before this one execute both, if it is the instruction before this one and they pair.
  #fuse(pc: number, id: number, offset: number, mode: number): void {
    if ((mode & MODE_STEP) !== 0) return;
    const view = this.#view;
    const before = pc - record.RECORD_SIZE;
    const previous = view.getUint16(before + record.RECORD_HANDLER, true);
    if (!this.#isBefore(before, offset)) return;
    const fused = this.#fused.get(previous * 0x10000 + id);
    if (fused !== undefined) view.setUint16(before + record.RECORD_HANDLER, fused, true);
  }

  // Whether a record is of the instruction that ends where the one at `offset` begins.
  #isBefore(pc: number, offset: number): boolean {
    const place = this.#view.getUint16(pc + record.RECORD_PLACE, true);
    return (place & 0xfff) + (place >>> 12) === offset && place >>> 12 !== 0;
  }

  #variant(decoded: Decoded<FormEntry>, { form }: FormEntry, mode: number, shape: number): number {
    const stack = (mode & MODE_CODE_64) !== 0 ? 2 : (mode & MODE_STACK_32) !== 0 ? 1 : 0;
    const repeat = !form.repeat || decoded.repeat === 0 ? 0 : decoded.repeat === 0xf3 ? 1 : 2;
    return variantIndex(sizeIndex(decoded.operandSize), stack, sizeIndex(decoded.addressSize), repeat, shape);
  }

  #registers(pc: number, decoded: Decoded<FormEntry>, { registers }: FormFields, isMemory: boolean): void {
    let field = record.RECORD_REGISTER_A;
    for (let i = 0; i < registers.length; i++) {
      const kind = registers[i] as OperandKind;
      const number = registerNumber(decoded, kind, isMemory);
      if (number < 0) continue;
      this.#view.setUint8(pc + field, registerSlot(kind, number, decoded.rex));
      field++;
    }
  }

  #numbers(pc: number, decoded: Decoded<FormEntry>, fields: FormFields, offset: number, isMemory: boolean): void {
    const view = this.#view;
    view.setInt32(pc + record.RECORD_IMMEDIATE, decoded.immediate, true);
    if (!isMemory) view.setInt32(pc + record.RECORD_DISPLACEMENT, 0, true);
    if (fields.hasRelative) {
      view.setInt32(pc + record.RECORD_DISPLACEMENT, decoded.immediate + offset + decoded.length, true);
      view.setInt32(pc + record.RECORD_LINK, 0, true);
    } else if (fields.hasSecondImmediate) {
      view.setInt32(pc + record.RECORD_DISPLACEMENT, decoded.immediate2, true);
    } else if (fields.hasWideImmediate && decoded.operandSize === 64) {
      view.setInt32(pc + record.RECORD_DISPLACEMENT, decoded.immediate, true);
      view.setInt32(pc + record.RECORD_IMMEDIATE, decoded.immediateHi, true);
    }
  }

  // The fast shapes are for 64-bit addresses without a segment base.
  #shape(decoded: Decoded<FormEntry>, entry: FormEntry, mode: number, offset: number): number {
    if (!entry.hot || decoded.addressSize !== 64 || (mode & MODE_CODE_64) === 0) return record.SHAPE_ANY;
    if (!entry.encoding.hasModRm || decoded.override >= 4) return record.SHAPE_ANY;
    if (decoded.base === BASE_RIP) {
      return fitsInt32(decoded.displacement + offset + decoded.length) ? record.SHAPE_RIP : record.SHAPE_ANY;
    }
    return decoded.index === NO_REGISTER ? record.SHAPE_BASE : record.SHAPE_INDEX;
  }

  #address(
    pc: number,
    decoded: Decoded<FormEntry>,
    entry: FormEntry,
    fields: FormFields,
    mode: number,
    shape: number,
    offset: number,
  ): void {
    const view = this.#view;
    const none = record.ANY_NO_REGISTER;
    const { implicitBase, hasOffset, isTable } = fields;
    const base = implicitBase >= 0 ? implicitBase : decoded.base === NO_REGISTER ? none : decoded.base;
    const index = decoded.index !== NO_REGISTER ? decoded.index : isTable ? record.ANY_IMPLICIT_INDEX : none;
    let displacement = hasOffset ? decoded.immediate : decoded.displacement;
    if (decoded.base === BASE_RIP) displacement += offset + decoded.length;
    view.setInt32(pc + record.RECORD_DISPLACEMENT, displacement, true);
    switch (shape) {
      case record.SHAPE_BASE:
      case record.SHAPE_INDEX:
        view.setUint8(pc + record.RECORD_BASE, base * 8);
        view.setUint8(pc + record.RECORD_INDEX, (index * 8) | decoded.scale);
        return;
      case record.SHAPE_RIP:
        return;
      default: {
        if (hasOffset) view.setInt32(pc + record.RECORD_IMMEDIATE, decoded.immediateHi, true);
        const register = decoded.base === BASE_RIP ? record.ANY_RIP : hasOffset ? record.ANY_WIDE_OFFSET : base;
        view.setUint8(pc + record.RECORD_BASE, register | (this.#segment(decoded, entry, mode) << 5));
        const short = decoded.addressSize < ((mode & MODE_CODE_64) !== 0 ? 64 : 32) ? record.ANY_SHORT_ADDRESS : 0;
        view.setUint8(pc + record.RECORD_INDEX, (index * 8) | short | decoded.scale);
      }
    }
  }

  // The segment whose base and limit matter. LEA's address has none.
  #segment(decoded: Decoded<FormEntry>, entry: FormEntry, mode: number): number {
    if (entry.instruction.mnemonic === 'LEA') return record.ANY_NO_SEGMENT;
    const { segment } = decoded;
    if ((mode & MODE_CODE_64) !== 0) return segment >= 4 ? segment : record.ANY_NO_SEGMENT;
    // Not CS: code is not writable, so its accesses are always checked.
    const isFlat = (mode & MODE_FLAT) !== 0 && (segment === DS || segment === SS || segment === ES);
    return isFlat ? record.ANY_NO_SEGMENT : segment;
  }
}

function registerNumber(decoded: Decoded<FormEntry>, kind: OperandKind, isMemory: boolean): number {
  switch (kind.field) {
    case 'rm':
      return isMemory && kind.place !== 'register' ? -1 : decoded.rmRegister;
    case 'reg':
      return decoded.regRegister;
    case 'opcode':
      return decoded.opcodeRegister;
    default:
      return -1;
  }
}

/** MMX, segment and x87 registers ignore REX; byte registers 4 to 7 without REX are AH, CH, DH, BH. */
function registerSlot(kind: OperandKind, number: number, rex: number): number {
  switch (kind.file) {
    case 'mm':
    case 'st':
    case 'segment':
      return slotOf(kind.file, number & 7);
    case 'gpr':
      if (kind.width === 8 && rex === 0 && number >= 4) return slotOf('gpr', number - 4) + 1;
      return slotOf('gpr', number);
    default:
      return slotOf(kind.file ?? 'gpr', number);
  }
}

function sizeIndex(size: number): number {
  return size === 16 ? 0 : size === 32 ? 1 : 2;
}

function fitsInt32(value: number): boolean {
  return value === (value | 0);
}
