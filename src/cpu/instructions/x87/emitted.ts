/** What x87 instructions that are emitted do: their operands to what executes them, and back. */
import type { Semantics } from '../../emit/semantics.ts';
import type { Bits, Value } from '../../emit/values.ts';
import { type Float, packF80SignExponent, packF80Significand } from '../../fpu/float.ts';
import { FCW_INITIAL, FSW_B, FSW_ES, FSW_EXCEPTIONS, FSW_SF } from '../../fpu/x87-state.ts';
import * as state from '../../state.ts';
import type { OperandHandle } from '../define.ts';
import { raisePendingX87 } from '../vector/packed.ts';
import { callX87, type Done, inlineX87, type X87FunctionName } from './functions.ts';
import {
  HOLDS_BACK,
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
  readonly operand?: Operand | bigint;
  /** Where `how` has the register; and which operand it is. */
  readonly shift?: number;
  readonly register?: number;
  /** It is short enough to be done in place. */
  readonly isShort?: boolean;
}

/** What an instruction takes: up to 64 bits, and of an m80 the rest. */
interface Taken {
  readonly operand: Value;
  readonly signExponent?: Value | undefined;
}
type Operand = (m: Semantics, handle: OperandHandle) => Taken;

/** An instruction with no operand in memory. */
export function onRegisters(opcode: number, modRm: number, request: Request, toFlags = false): Execute {
  const constant = howOf(opcode, modRm, request.how ?? 0);
  const { shift, register = 0, operand } = request;
  return (m, ...handles) => {
    const taken = typeof operand === 'function' ? operand(m, { index: -1 }) : { operand: m.const(64, operand ?? 0n) };
    const how =
      shift === undefined
        ? m.const(32, constant)
        : withRegister(m, constant, m.registerNumber(handles[register] as OperandHandle), shift);
    const done = run(m, request, how, taken);
    const { control } = done;
    m.raiseIf(isHeldBack(m, control), state.EXCEPTION_MF);
    m.setX87Control(control);
    m.setX87Pointers();
    if (toFlags) m.flagsOfOrder(m.trunc(done.result, 32));
  };
}

/** An instruction that reads its operand. */
export function onMemory(opcode: number, digit: number, request: Request, read: Operand): Execute {
  const how = howOf(opcode, digit << 3, request.how ?? 0);
  return (m, handle) => {
    raisePendingX87(m);
    const taken = read(m, handle as OperandHandle);
    m.setX87Control(run(m, request, m.const(32, how), taken).control);
    if (request.name !== 'x87LoadControl') m.setX87Pointers(m.address(handle as OperandHandle));
  };
}

export const readFloat: Operand = (m, handle) => ({ operand: m.zext(m.read(handle), 64) });
export const readInteger: Operand = (m, handle) => ({ operand: m.sext(m.read(handle), 64) });
export const readF80: Operand = (m, handle) => {
  const operand = m.read(handle, 64);
  const upper = m.load(m.add(m.address(handle), m.const(64, 8)), 16);
  return { operand, signExponent: m.zext(upper, 32) };
};
/** A constant. */
export function f80Operand(value: Float): Operand {
  return (m) => ({
    operand: m.const(64, packF80Significand(value)),
    signExponent: m.const(32, packF80SignExponent(value)),
  });
}
/** FCMOVcc: whether a condition holds. */
export function conditionOperand(code: number): Operand {
  return (m) => ({ operand: m.zext(m.condition(code), 64) });
}

/** An instruction that writes its operand. */
export function toMemory(opcode: number, digit: number, request: Request): Execute {
  const how = howOf(opcode, digit << 3, request.how ?? 0);
  const isF80 = (request.how ?? 0) >> 12 === KIND_F80;
  return (m, handle) => {
    raisePendingX87(m);
    const address = m.address(handle as OperandHandle);
    const place = placeOf(m, address, m.bits(handle as OperandHandle));
    const upper = isF80 ? placeOf(m, m.add(address, m.const(64, 8)), 16) : undefined;
    const { control, result, signExponent } = run(m, request, m.const(32, how), { operand: m.const(64, 0) });
    m.code.likely();
    m.if(m.not(isHeldBack(m, control)), () => {
      m.storeProbed(place.at, place.host, m.trunc(result, place.bits));
      if (upper !== undefined) m.storeProbed(upper.at, upper.host, m.trunc(signExponent, 16));
    });
    m.setX87Control(m.and(control, m.const(64, ~HOLDS_BACK)));
    m.setX87Pointers(address);
  };
}

interface Place {
  readonly at: Value;
  readonly host: number;
  readonly bits: Bits;
}

function placeOf(m: Semantics, at: Value, bits: Bits): Place {
  return { at, host: m.probe(at, bits), bits };
}

/** FNSTCW, FNSTSW: 16 bits of the control words, whatever is pending. */
export function storeControl(word: number): Execute {
  return (m, to) => m.write(to as OperandHandle, m.trunc(m.shr(m.x87Control(), word * 16), 16));
}

/** FNCLEX: nothing is pending then. */
export function clearExceptions(m: Semantics): void {
  const kept = ~(BigInt(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B) << 16n);
  m.setX87Control(m.and(m.x87Control(), m.const(64, kept)));
}

/** FNINIT: the registers keep their bits, and are empty. */
export function initialise(m: Semantics): void {
  m.setX87Control(m.const(64, FCW_INITIAL));
  m.clearX87Pointers();
}

function run(m: Semantics, { name, isShort }: Request, how: Value, { operand, signExponent }: Taken): Done {
  const given = { how, control: m.x87Control(), operand, signExponent };
  if (isShort && how.isConstant) return inlineX87(m, name, given);
  if (signExponent !== undefined) m.storeState(X87_EXPONENT, m.trunc(signExponent, 16));
  const control = callX87(m, name, given);
  return {
    control,
    get result() {
      return m.loadState(X87_RESULT, 64);
    },
    get signExponent() {
      return m.zext(m.loadState(X87_RESULT_EXPONENT, 16), 32);
    },
  };
}

function isHeldBack(m: Semantics, control: Value): Value {
  return m.less(control, m.const(64, 0));
}
