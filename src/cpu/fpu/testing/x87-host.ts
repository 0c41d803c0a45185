/** Random x87 states, and the same instruction run on them by our unit and by the host. */
import type { Random } from './float-samples.ts';
import { below, random64, sampleF32, sampleF64, sampleF80 } from './float-samples.ts';
import { EFLAGS_AT, MEMORY_AT, newState, RAX_AT, X87_AT } from './host-oracle.ts';
import { execute, X87_PENDING, X87_STORE, X87_UNDEFINED, x87Operand } from '../x87.ts';
import { X87_REGISTERS_BYTES, X87State } from '../x87-state.ts';
import { X87Unit } from '../x87-unit.ts';

/** Room for the largest memory operand. */
export const MEMORY = 112;
const FRSTOR = 0x20;
const FNSAVE = 0x30;
const EFLAGS_ARITHMETIC = 0x8d5;
/** An offset of the registers that shows whether the constructor's arguments are used. */
const REGISTERS_AT = 16;

export interface Encoding {
  readonly opcode: number;
  readonly modrm: number;
  readonly name: string;
  readonly operandSize16: boolean;
}

export function encoding(opcode: number, modrm: number, operandSize16 = false): Encoding {
  const name = x87Operand(opcode, modrm, false)?.name ?? `#UD ${hex(opcode, 2)} ${hex(modrm, 2)}`;
  return { opcode, modrm, name, operandSize16 };
}

/** The bytes of the instruction, its memory operand at [rdi]. */
export function codeOf({ opcode, modrm, operandSize16 }: Encoding): number[] {
  return operandSize16 ? [0x66, opcode, modrm] : [opcode, modrm];
}

/** What our unit makes of a state, or why it does nothing. FRSTOR brings the state in, FNSAVE takes it out. */
export function runOnOurs(row: Encoding, before: DataView): DataView | '#UD' | '#MF' {
  const after = new DataView(before.buffer.slice(0));
  const view = new DataView(new ArrayBuffer(256));
  const unit = new X87Unit(new X87State(view, REGISTERS_AT, REGISTERS_AT + X87_REGISTERS_BYTES));
  copy(before, X87_AT, unit.operand, 0, 108);
  execute(unit, 0xdd, FRSTOR);
  copy(before, MEMORY_AT, unit.operand, 0, 108);
  unit.eflags = before.getUint32(EFLAGS_AT, true);
  unit.ax = before.getUint16(RAX_AT, true);
  unit.operandSize16 = row.operandSize16;
  const outcome = execute(unit, row.opcode, row.modrm);
  unit.operandSize16 = false;
  if (outcome === X87_UNDEFINED) return '#UD';
  if (outcome === X87_PENDING) return '#MF';
  if (outcome === X87_STORE) {
    copy(unit.operand, 0, after, MEMORY_AT, x87Operand(row.opcode, row.modrm, row.operandSize16)?.bytes ?? 0);
  }
  after.setUint32(EFLAGS_AT, unit.eflags, true);
  after.setUint16(RAX_AT, unit.ax, true);
  execute(unit, 0xdd, FNSAVE);
  copy(unit.operand, 0, after, X87_AT, 108);
  return after;
}

/** Everything that an instruction may change, but for FIP, FCS, FOP, FDP and FDS. */
export function show(state: DataView): string {
  const word = (at: number) => hex(state.getUint16(X87_AT + at, true), 4);
  const registers: string[] = [];
  for (let i = 0; i < 8; i++) {
    const at = X87_AT + 28 + i * 10;
    registers.push(
      `${hex(state.getUint16(at + 8, true), 4)}.${state.getBigUint64(at, true).toString(16).padStart(16, '0')}`,
    );
  }
  const memory = Array.from(new Uint8Array(state.buffer, state.byteOffset + MEMORY_AT, MEMORY), (b) => hex(b, 2)).join(
    '',
  );
  const eflags = hex(state.getUint32(EFLAGS_AT, true) & EFLAGS_ARITHMETIC, 3);
  const rest = `eflags ${eflags} ax ${hex(state.getUint16(RAX_AT, true), 4)}`;
  return `fcw ${word(0)} fsw ${word(4)} ftw ${word(8)} ${rest}\n  ${registers.join(' ')}\n  ${memory}`;
}

/** A state and a memory operand for `row`. Without `pending`, no exception that is said to have been raised is unmasked. */
export function sampleState(random: Random, row: Encoding, pending = false): DataView {
  const state = newState(MEMORY);
  writeX87(random, state, X87_AT, pending);
  state.setUint32(EFLAGS_AT, 0x202 | (random() & EFLAGS_ARITHMETIC), true);
  state.setBigUint64(RAX_AT, random64(random), true);
  for (let at = 0; at < MEMORY; at += 4) state.setUint32(MEMORY_AT + at, random(), true);
  writeOperand(random, state, row);
  return state;
}

function writeOperand(random: Random, state: DataView, row: Encoding): void {
  const form = x87Operand(row.opcode, row.modrm, false);
  if (form === undefined || form.access !== 'read') return;
  if (form.name === 'FLDENV' || form.name === 'FRSTOR') writeX87(random, state, MEMORY_AT, true);
  else if (form.name.includes('m32fp')) state.setUint32(MEMORY_AT, sampleF32(random), true);
  else if (form.name.includes('m64fp')) state.setBigUint64(MEMORY_AT, sampleF64(random), true);
  else if (form.name.includes('m80fp')) writeF80(random, state, MEMORY_AT);
  else if (form.name === 'FBLD m80bcd') {
    for (let i = 0; i < 9; i++) state.setUint8(MEMORY_AT + i, below(random, 10) * 16 + below(random, 10));
  } else state.setBigInt64(MEMORY_AT, BigInt.asIntN(64, random64(random) >> BigInt(below(random, 64))), true);
}

/** An FNSAVE image. */
function writeX87(random: Random, state: DataView, at: number, pending: boolean): void {
  const masks = pending || below(random, 4) === 0 ? random() & 0x3f : 0x3f;
  const fcw = masks | 0x40 | (random() & 0xf00);
  const sticky = below(random, 2) === 0 ? random() & (pending ? 0x7f : masks | 0x40) : 0;
  state.setUint16(at, fcw, true);
  state.setUint16(at + 4, sticky | (random() & 0x7f00), true);
  state.setUint16(at + 8, sampleTags(random), true);
  for (let i = 0; i < 8; i++) writeF80(random, state, at + 28 + i * 10);
}

function sampleTags(random: Random): number {
  switch (below(random, 4)) {
    case 0:
      return random() & 0xffff;
    case 1:
      return 0xffff & ~(3 << (below(random, 8) * 2));
    case 2:
      return 3 << (below(random, 8) * 2);
    default:
      return 0;
  }
}

export function writeF80(random: Random, state: DataView, at: number): void {
  const { signExponent, significand } = sampleF80(random);
  state.setBigUint64(at, significand, true);
  state.setUint16(at + 8, signExponent, true);
}

function copy(from: DataView, fromAt: number, to: DataView, toAt: number, bytes: number): void {
  new Uint8Array(to.buffer, to.byteOffset + toAt, bytes).set(
    new Uint8Array(from.buffer, from.byteOffset + fromAt, bytes),
  );
}

export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
