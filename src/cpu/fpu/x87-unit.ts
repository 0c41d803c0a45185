/** What the x87 instructions share: operands in and out, stack faults, and how an instruction ends. SDM vol. 1, 8.5. */
import type { Float, FloatContext } from './float.ts';
import { FLAG_IE, FLAG_OE, FLAG_UE, INDEFINITE, stoppedBeforeComputing, x87Context } from './float.ts';
import type { X87State } from './x87-state.ts';
import { FSW_C1, FSW_SF } from './x87-state.ts';

/** The largest memory operand: FNSAVE's. */
export const OPERAND_BYTES = 108;

/** One x87 unit: its registers, and the instruction under way. */
export class X87Unit {
  readonly state: X87State;
  /** The memory operand: filled by the caller before a read, taken by it after a write. Little-endian, from offset 0. */
  readonly operand = new DataView(new ArrayBuffer(OPERAND_BYTES));
  /** In: CF, PF, ZF for FCMOVcc. Out: FCOMI and its kin replace CF, PF, ZF and clear OF, SF, AF. */
  eflags = 0;
  /** Out: FNSTSW AX. */
  ax = 0;
  /** In: the operand size is 16 bits, and the processor is in real or virtual-8086 mode: the format of FNSTENV. */
  operandSize16 = false;
  realMode = false;
  /** In: where the instruction and its memory operand are, for FIP, FCS, FDP and FDS. */
  ip = 0n;
  cs = 0;
  dataPointer = 0n;
  ds = 0;

  /** Of the instruction under way. */
  context: FloatContext = x87Context(0);
  stackFault = false;
  condition1 = false;
  /** C1 stays as it was, unless there is a stack fault: FNOP, FCMOVcc, FCOMI. */
  keepsCondition1 = false;
  /** The memory operand is to be written. */
  stored = false;

  constructor(state: X87State) {
    this.state = state;
  }

  begin(): void {
    this.context = x87Context(this.state.fcw);
    this.stackFault = false;
    this.condition1 = false;
    this.keepsCondition1 = false;
    this.stored = false;
  }

  /** Makes the flags of the instruction sticky; C1 is "rounded up" or what the instruction said. */
  complete(): void {
    const c1 = this.condition1 || this.context.roundedUp ? FSW_C1 : 0;
    const fault = this.stackFault ? FSW_SF : 0;
    const { state } = this;
    const kept = this.keepsCondition1 && !this.stackFault ? state.fsw : state.fsw & ~FSW_C1;
    state.fsw = kept | this.context.flags | c1 | fault;
  }
}

/** A register that should hold something is empty. Returns true if IE is masked: go on with the indefinite. */
export function stackUnderflow(unit: X87Unit): boolean {
  return stackFault(unit, false);
}

/** A register that should be empty is not. Returns true if IE is masked. */
export function stackOverflow(unit: X87Unit): boolean {
  return stackFault(unit, true);
}

/** Pushes a value, or on overflow what its masked response asks for: the indefinite. */
export function push(unit: X87Unit, value: Float): void {
  const { state } = unit;
  const full = !state.isEmpty(7);
  if (full && !stackOverflow(unit)) return;
  state.top = state.top - 1;
  state.write(0, full ? INDEFINITE : value);
}

/** An unmasked exception that is found before computing: nothing may change. */
export function stopped(unit: X87Unit): boolean {
  return stoppedBeforeComputing(unit.context);
}

/** An unmasked exception after which a result for memory is not stored (SDM vol. 1, 8.5.4, 8.5.5). */
export function storeStopped(unit: X87Unit): boolean {
  return stopped(unit) || (unit.context.flags & ~unit.context.masks & (FLAG_OE | FLAG_UE)) !== 0;
}

function stackFault(unit: X87Unit, overflow: boolean): boolean {
  unit.context.flags |= FLAG_IE;
  unit.context.roundedUp = false;
  unit.stackFault = true;
  unit.condition1 = overflow;
  return !stopped(unit);
}
