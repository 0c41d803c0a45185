/**
 * FCOM, FUCOM, FICOM, FTST, FCOMI, FUCOMI, FXAM. With an unmasked exception the outcome is "unordered", as AMD's
 * processors leave it; Intel's manual leaves the conditions as they were. Neither pops.
 */
import { compare, EQUAL, LESS, UNORDERED } from './compare.ts';
import type { Float } from './float.ts';
import { INFINITY, isNotANumber, UNSUPPORTED, ZERO, zero } from './float.ts';
import { FSW_C0, FSW_C2, FSW_C3 } from './x87-state.ts';
import type { X87Unit } from './x87-unit.ts';
import { stackUnderflow, stopped } from './x87-unit.ts';

const EFLAGS_CF = 0x001;
const EFLAGS_PF = 0x004;
const EFLAGS_ZF = 0x040;
/** CF PF AF ZF SF OF: what FCOMI writes or clears. */
const EFLAGS_WRITTEN = 0x8d5;
const CONDITIONS = FSW_C0 | FSW_C2 | FSW_C3;

/** Compares ST with a memory operand. */
export function compareWithMemory(unit: X87Unit, source: Float, pops: number): void {
  const { state } = unit;
  if (state.isEmpty(0)) stackUnderflow(unit);
  else setConditions(unit, compare(unit.context, state.read(0), source, true));
  finish(unit, pops);
}

/** FTST: compares ST with 0.0. */
export function ftst(unit: X87Unit): void {
  compareWithMemory(unit, zero(0), 0);
}

/** FCOM and FUCOM (not signalling) with ST(i). */
export function compareWithRegister(unit: X87Unit, i: number, signalling: boolean, pops: number): void {
  const { state } = unit;
  if (state.isEmpty(0) || state.isEmpty(i)) stackUnderflow(unit);
  else setConditions(unit, compare(unit.context, state.read(0), state.read(i), signalling));
  finish(unit, pops);
}

/** FCOMI and FUCOMI: the outcome goes to EFLAGS. */
export function compareToFlags(unit: X87Unit, i: number, signalling: boolean, pops: number): void {
  const { state } = unit;
  unit.keepsCondition1 = true;
  let outcome = UNORDERED;
  if (state.isEmpty(0) || state.isEmpty(i)) stackUnderflow(unit);
  else outcome = compare(unit.context, state.read(0), state.read(i), signalling);
  unit.eflags = (unit.eflags & ~EFLAGS_WRITTEN) | flagsOf(outcome);
  if (stopped(unit)) return;
  for (let n = 0; n < pops; n++) state.pop();
}

/** FXAM: the class of ST in C3, C2, C0, its sign in C1. No exceptions. */
export function fxam(unit: X87Unit): void {
  const { state } = unit;
  unit.condition1 = (state.signExponent(0) & 0x8000) !== 0;
  const conditions = state.isEmpty(0) ? FSW_C3 | FSW_C0 : classOf(state.read(0));
  state.fsw = (state.fsw & ~CONDITIONS) | conditions;
}

function finish(unit: X87Unit, pops: number): void {
  if (unit.stackFault) setConditions(unit, UNORDERED);
  if (stopped(unit)) return;
  for (let n = 0; n < pops; n++) unit.state.pop();
}

function setConditions(unit: X87Unit, outcome: number): void {
  const { state } = unit;
  state.fsw = (state.fsw & ~CONDITIONS) | conditionsOf(outcome);
}

function conditionsOf(outcome: number): number {
  switch (outcome) {
    case UNORDERED:
      return CONDITIONS;
    case LESS:
      return FSW_C0;
    case EQUAL:
      return FSW_C3;
    default:
      return 0;
  }
}

function flagsOf(outcome: number): number {
  switch (outcome) {
    case UNORDERED:
      return EFLAGS_ZF | EFLAGS_PF | EFLAGS_CF;
    case LESS:
      return EFLAGS_CF;
    case EQUAL:
      return EFLAGS_ZF;
    default:
      return 0;
  }
}

function classOf(a: Float): number {
  if (a.kind === UNSUPPORTED) return 0;
  if (isNotANumber(a)) return FSW_C0;
  if (a.kind === INFINITY) return FSW_C2 | FSW_C0;
  if (a.kind === ZERO) return FSW_C3;
  return a.denormal ? FSW_C3 | FSW_C2 : FSW_C2;
}
