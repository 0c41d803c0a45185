/** What x87 instructions that are emitted do: their operands to the function that executes them, and back. */
import type { Semantics } from '../../emit/semantics.ts';
import type { Bits, Value } from '../../emit/values.ts';
import { type Float, packF80SignExponent, packF80Significand } from '../../fpu/float.ts';
import {
  CONTROL_FCS,
  CONTROL_FDP,
  CONTROL_FIP,
  CONTROL_FSW,
  FCW_INITIAL,
  FSW_B,
  FSW_ES,
  FSW_EXCEPTIONS,
  FSW_SF,
} from '../../fpu/x87-state.ts';
import * as state from '../../state.ts';
import type { OperandHandle } from '../define.ts';
import type { X87FunctionName } from './functions.ts';
import {
  HOW_MEMORY,
  howOf,
  KIND_F80,
  X87_EXPONENT,
  X87_RESULT,
  X87_RESULT_EXPONENT,
  withRegister,
} from './operation.ts';

export type Execute = (m: Semantics, ...operands: OperandHandle[]) => void;

/** What a function is asked for: `how` without FOP and registers, and an operand that is always the same. */
export interface Request {
  readonly name: X87FunctionName;
  readonly how?: number;
  readonly operand?: bigint;
  /** Where `how` has the register; and which operand it is. */
  readonly shift?: number;
  readonly register?: number;
}

/** An instruction with no operand in memory. */
export function onRegisters(opcode: number, modRm: number, request: Request, before?: Before, after?: After): Execute {
  const constant = howOf(opcode, modRm, request.how ?? 0);
  return (m, ...handles) => {
    const operand = before?.(m) ?? m.const(64, request.operand ?? 0n);
    const { shift, register = 0 } = request;
    const how =
      shift === undefined
        ? m.const(32, constant)
        : withRegister(m, constant, m.registerNumber(handles[register] as OperandHandle), shift);
    const vector = call(m, request.name, how, operand, m.const(64, 0));
    m.raiseIf(m.ne(vector, m.const(32, 0)), state.EXCEPTION_MF);
    after?.(m);
  };
}

type Before = (m: Semantics) => Value | undefined;
type After = (m: Semantics) => void;

/** An instruction that reads its operand: a number of `bits`, sign-extended if it is an integer, or an m80. */
export function onMemory(opcode: number, digit: number, request: Request, read: Read): Execute {
  const how = howOf(opcode, digit << 3, (request.how ?? 0) | HOW_MEMORY);
  return (m, handle) => {
    raisePending(m);
    const operand = read(m, handle as OperandHandle);
    call(m, request.name, m.const(32, how), operand, m.address(handle as OperandHandle));
  };
}

type Read = (m: Semantics, handle: OperandHandle) => Value;

export const readFloat: Read = (m, handle) => m.zext(m.read(handle), 64);
export const readInteger: Read = (m, handle) => m.sext(m.read(handle), 64);
export const readF80: Read = (m, handle) => {
  const significand = m.read(handle, 64);
  m.storeState(X87_EXPONENT, m.load(m.add(m.address(handle), m.const(64, 8)), 16));
  return significand;
};

/** An instruction that writes its operand. */
export function toMemory(opcode: number, digit: number, request: Request): Execute {
  const how = howOf(opcode, digit << 3, (request.how ?? 0) | HOW_MEMORY);
  const isF80 = (request.how ?? 0) >> 12 === KIND_F80;
  return (m, handle) => {
    raisePending(m);
    const address = m.address(handle as OperandHandle);
    const parts: Part[] = [partOf(m, address, m.bits(handle as OperandHandle), X87_RESULT)];
    if (isF80) parts.push(partOf(m, m.add(address, m.const(64, 8)), 16, X87_RESULT_EXPONENT));
    const status = call(m, request.name, m.const(32, how), m.const(64, 0), address);
    m.code.likely();
    m.if(m.isZero(status), () => {
      for (const { at, host, bits, from } of parts) m.storeProbed(at, host, m.loadState(from, bits));
    });
  };
}

interface Part {
  readonly at: Value;
  readonly host: number;
  readonly bits: Bits;
  readonly from: number;
}

function partOf(m: Semantics, at: Value, bits: Bits, from: number): Part {
  return { at, host: m.probe(at, bits), bits, from };
}

/** FCMOVcc: of a condition code. */
export function conditionOperand(code: number): Before {
  return (m) => m.zext(m.condition(code), 64);
}

/** A constant. */
export function f80Operand(value: Float): Before {
  return (m) => {
    m.storeState(X87_EXPONENT, m.const(16, packF80SignExponent(value)));
    return m.const(64, packF80Significand(value));
  };
}

/** FCOMI and its kin. */
export function outcomeToFlags(m: Semantics): void {
  m.flagsOfOrder(m.loadState(X87_RESULT, 32));
}

/** FNSTCW, FNSTSW: a word of the state, whatever is pending. */
export function storeControl(offset: number): Execute {
  return (m, to) => m.write(to as OperandHandle, m.loadState(state.OFFSET_X87_CONTROL + offset, 16));
}

/** FNCLEX: nothing is pending then. */
export function clearExceptions(m: Semantics): void {
  const at = state.OFFSET_X87_CONTROL + CONTROL_FSW;
  m.storeState(at, m.and(m.loadState(at, 16), m.const(16, ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B))));
}

/** FNINIT: the registers keep their bits, and are empty. */
export function initialise(m: Semantics): void {
  // FSW, FTW and FOP follow FCW, and are zero.
  m.storeState(state.OFFSET_X87_CONTROL, m.const(64, FCW_INITIAL));
  for (const at of [CONTROL_FIP, CONTROL_FDP]) m.storeState(state.OFFSET_X87_CONTROL + at, m.const(64, 0));
  m.storeState(state.OFFSET_X87_CONTROL + CONTROL_FCS, m.const(32, 0));
}

/** WAIT */
export function raisePending(m: Semantics): void {
  m.raiseIf(m.bit(m.loadState(state.OFFSET_X87_CONTROL + CONTROL_FSW, 16), Math.log2(FSW_ES)), state.EXCEPTION_MF);
}

function call(m: Semantics, name: X87FunctionName, how: Value, operand: Value, address: Value): Value {
  m.callShared(name, [how, m.control.instructionRip(), operand, address]);
  return m.pop(32);
}
