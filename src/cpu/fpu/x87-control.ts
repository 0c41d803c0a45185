/** FLDCW, FNSTCW, FNSTSW, FNCLEX, FNINIT, FNSTENV, FLDENV, FNSAVE, FRSTOR, FINCSTP, FDECSTP, FFREE. */

import { INFINITY, ZERO } from './float.ts';
import type { X87State } from './x87-state.ts';
import { FSW_B, FSW_ES, FSW_EXCEPTIONS, FSW_SF } from './x87-state.ts';
import type { X87Unit } from './x87-unit.ts';

export const ENVIRONMENT_BYTES_16 = 14;
export const ENVIRONMENT_BYTES_32 = 28;
const REGISTER_BYTES = 10;

// Tags of the full tag word, two bits a physical register.
const TAG_VALID = 0;
const TAG_ZERO = 1;
const TAG_SPECIAL = 2;
const TAG_EMPTY = 3;

export function fldcw(unit: X87Unit): void {
  unit.state.fcw = unit.operand.getUint16(0, true);
}

export function fnstcw(unit: X87Unit): void {
  unit.operand.setUint16(0, unit.state.fcw, true);
  unit.stored = true;
}

export function fnstsw(unit: X87Unit): void {
  unit.operand.setUint16(0, unit.state.fsw, true);
  unit.stored = true;
}

export function fnstswAx(unit: X87Unit): void {
  unit.ax = unit.state.fsw;
}

export function fnclex(unit: X87Unit): void {
  const { state } = unit;
  state.fsw = state.fsw & ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
}

/** FNSTENV, and masks all exceptions. */
export function fnstenv(unit: X87Unit): void {
  writeEnvironment(unit);
  unit.state.fcw = unit.state.fcw | FSW_EXCEPTIONS;
  unit.stored = true;
}

export function fldenv(unit: X87Unit): void {
  readEnvironment(unit);
}

/** FNSAVE: the environment, ST to ST(7), and then FNINIT. */
export function fnsave(unit: X87Unit): void {
  const { state, operand } = unit;
  let at = writeEnvironment(unit);
  for (let i = 0; i < 8; i++, at += REGISTER_BYTES) {
    operand.setBigUint64(at, state.significand(i), true);
    operand.setUint16(at + 8, state.signExponent(i), true);
  }
  state.initialise();
  unit.stored = true;
}

export function frstor(unit: X87Unit): void {
  const { state, operand } = unit;
  let at = readEnvironment(unit);
  const { ftw } = state;
  for (let i = 0; i < 8; i++, at += REGISTER_BYTES) {
    state.put(i, operand.getUint16(at + 8, true), operand.getBigUint64(at, true));
  }
  state.ftw = ftw;
}

/** FINCSTP: +1, FDECSTP: -1. */
export function moveTop(unit: X87Unit, by: number): void {
  unit.state.top = unit.state.top + by;
}

export function ffree(unit: X87Unit, i: number): void {
  unit.state.markEmpty(i);
}

/** FFREEP, which no manual has but every processor. */
export function ffreep(unit: X87Unit, i: number): void {
  unit.state.markEmpty(i);
  unit.state.pop();
}

/** The two-bit tags of FNSTENV, from what the registers hold. */
export function fullTagWord(state: X87State): number {
  let word = 0;
  const { top } = state;
  for (let i = 0; i < 8; i++) word |= tagOf(state, i) << (((top + i) & 7) * 2);
  return word;
}

/** The abridged tag word of FXSAVE, from two-bit tags. */
export function abridgedTagWord(full: number): number {
  let word = 0;
  for (let register = 0; register < 8; register++) {
    if (((full >> (register * 2)) & 3) !== TAG_EMPTY) word |= 1 << register;
  }
  return word;
}

function tagOf(state: X87State, i: number): number {
  if (state.isEmpty(i)) return TAG_EMPTY;
  const value = state.read(i);
  if (value.kind === ZERO) return TAG_ZERO;
  return value.kind < INFINITY && !value.denormal ? TAG_VALID : TAG_SPECIAL;
}

/** Returns how many bytes it took. */
function writeEnvironment(unit: X87Unit): number {
  const { state, operand } = unit;
  const fip = Number(state.fip & 0xffff_ffffn);
  const fdp = Number(state.fdp & 0xffff_ffffn);
  const words = [state.fcw, state.fsw, fullTagWord(state), ...pointerWords(unit, fip, fdp)];
  if (unit.operandSize16) {
    words.forEach((word, i) => {
      operand.setUint16(i * 2, word, true);
    });
    return ENVIRONMENT_BYTES_16;
  }
  words.forEach((word, i) => {
    // The upper halves of the 16-bit fields are ones; those of FIP and FCS are part of the pointers.
    operand.setUint32(i * 4, i < 3 || (i === 6 && !unit.realMode) ? 0xffff0000 | word : word, true);
  });
  return ENVIRONMENT_BYTES_32;
}

/** The four fields after the tag word (SDM vol. 1, figures 8-9 to 8-12). */
function pointerWords(unit: X87Unit, fip: number, fdp: number): number[] {
  const { state } = unit;
  if (!unit.realMode) {
    const selector = unit.operandSize16 ? state.fcs : state.fcs | (state.fop << 16);
    return unit.operandSize16 ? [fip & 0xffff, selector, fdp & 0xffff, state.fds] : [fip, selector, fdp, state.fds];
  }
  const ip = (state.fcs * 16 + fip) >>> 0;
  const dp = (state.fds * 16 + fdp) >>> 0;
  if (unit.operandSize16) return [ip & 0xffff, ((ip >>> 4) & 0xf000) | state.fop, dp & 0xffff, (dp >>> 4) & 0xf000];
  return [0xffff0000 | (ip & 0xffff), ((ip >>> 16) << 12) | state.fop, 0xffff0000 | (dp & 0xffff), (dp >>> 16) << 12];
}

/** Returns how many bytes it took. */
function readEnvironment(unit: X87Unit): number {
  const { state, operand, operandSize16, realMode } = unit;
  const step = operandSize16 ? 2 : 4;
  const word = (field: number) => operand.getUint16(field * step, true);
  const pointer = (field: number) => (operandSize16 ? word(field) : operand.getUint32(field * step, true));
  state.fcw = word(0);
  state.fsw = word(1);
  state.ftw = abridgedTagWord(word(2));
  if (realMode) {
    state.fip = BigInt(realPointer(word(3), pointer(4), operandSize16));
    state.fdp = BigInt(realPointer(word(5), pointer(6), operandSize16));
    state.fcs = 0;
    state.fds = 0;
    state.fop = pointer(4);
  } else {
    state.fip = BigInt(pointer(3));
    state.fcs = word(4);
    state.fdp = BigInt(pointer(5));
    state.fds = word(6);
    if (!operandSize16) state.fop = operand.getUint16(4 * step + 2, true);
  }
  return operandSize16 ? ENVIRONMENT_BYTES_16 : ENVIRONMENT_BYTES_32;
}

/** A linear address in two fields, the upper part from bit 12 on. */
function realPointer(low: number, high: number, operandSize16: boolean): number {
  return (low | (operandSize16 ? (high & 0xf000) << 4 : ((high >>> 12) & 0xffff) << 16)) >>> 0;
}
