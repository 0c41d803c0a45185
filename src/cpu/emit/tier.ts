/** What a tier supplies so that semantics can be emitted for it. */
import type { OperandHandle } from '../instructions/define.ts';
import type { Bits, Value } from './values.ts';

/** Functions of the generated module that handlers call, by function index. */
export interface Runtime {
  /** (vcpu, address: i64) -> value, one for 8, 16, 32, 64, 128 bits. Faults set OFFSET_EVENT. */
  readonly readSlow: Readonly<Record<8 | 16 | 32 | 64 | 128, number>>;
  /** (vcpu, address: i64, value) */
  readonly writeSlow: Readonly<Record<8 | 16 | 32 | 64 | 128, number>>;
  /** (vcpu, address: i64, bytes: i32) -> host address, 0 where the access must take the slow way. */
  readonly probeWrite: number;
  /** (vcpu, segment: i32, offset: i64, bytes: i32, write: i32) -> linear address of an offset, in legacy modes. */
  readonly offsetLinear: number;
  /** See blocks.ts. */
  readonly copyBlock: number;
  readonly fillBlock: number;
  /** (operation: i32) -> vector to raise, or 0: see system/vector-slow.ts. */
  readonly vectorSlow: number;
  /** Functions of interpreter/float-functions.ts, by name. Those of SSE may raise, as `readSlow` does. */
  readonly floats: ReadonlyMap<string, number>;
}

/** How the tier finds what an operand handle names. */
export interface OperandAccess {
  bits(handle: OperandHandle): Bits;
  isMemory(handle: OperandHandle): boolean;
  readRegister(handle: OperandHandle, bits: Bits): Value;
  writeRegister(handle: OperandHandle, value: Value): void;
  /** The low element of a vector register as a float, where the tier has it as one. */
  readFloatRegister?(handle: OperandHandle, bits: 32 | 64): Value;
  writeFloatRegister?(handle: OperandHandle, value: Value): void;
  immediate(handle: OperandHandle, bits: Bits): Value;
  isImmediate(handle: OperandHandle): boolean;
  /** Linear address of a memory operand. */
  address(handle: OperandHandle): Value;
  /** Truth value, where it is told from less than the address: the address is no multiple of 16. */
  isMisaligned?(handle: OperandHandle): Value | undefined;
  /** Where a register operand that is no general register is in its file, as records have it; 32 bits. */
  registerNumber(handle: OperandHandle): Value;
  /** Truth value: the operand's segment starts at 0 and needs no check. In legacy modes only. */
  isUnsegmented(handle: OperandHandle): Value;
}

/** How control leaves a handler. Each method emits code after which the handler does not go on (on that path). */
export interface ControlFlow {
  /** Leaves with the exception that OFFSET_EVENT describes; nothing of this instruction may have been committed. */
  fault(): void;
  /** Goes to a RIP. */
  jump(target: Value): void;
  /** Goes to the target of a relative operand. */
  jumpRelative(handle: OperandHandle): void;
  /** RIP of this instruction. */
  instructionRip(): Value;
  /** RIP of the next instruction, 64 bits, not truncated. */
  nextRip(): Value;
  /** Raises an exception through TypeScript. */
  raise(vector: number, errorCode: number): void;
  /** Continues with the same instruction again: REP between chunks, with the budget charged. */
  again(): void;
  /**
   * A call follows that may reach an intercept: leaves the instruction's place and the budget that its predecessors
   * left in the state (OFFSET_PC, OFFSET_BUDGET), so that `EngineVcpu.instructions` is exact there.
   */
  settle(): void;
}

/** Widths that the form leaves open, settled for this handler. */
export interface HandlerContext {
  readonly operandSize: 16 | 32 | 64;
  readonly addressSize: 16 | 32 | 64;
  readonly stackSize: 16 | 32 | 64;
  readonly repeat: '' | 'rep' | 'repne';
}
