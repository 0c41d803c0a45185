/** Values that semantics compute with: an integer of 1 to 128 bits, or a float, held in a wasm local, or a constant. */
import type { Code } from './code.ts';
import * as op from './opcodes.ts';
import { TYPE_I32, TYPE_I64, TYPE_V128 } from './opcodes.ts';

/** 1 is a truth value. 8, 16 and 32 live in an i32, zero-extended; 64 in an i64; 128 in a v128. */
export type Bits = 1 | 8 | 16 | 32 | 64 | 128;

/** Where a 64-bit value lies: so many bytes behind another, which has a number. */
export interface Anchor {
  readonly root: number;
  readonly offset: number;
}

export class Value {
  readonly bits: Bits;
  /** -1 for a constant. */
  readonly local: number;
  readonly constant: bigint;
  /** The local is an f32 or f64: only what says that it takes floats takes such a value. */
  readonly isFloat: boolean;
  /** Where whoever emits code keeps track of it. */
  anchor: Anchor | undefined = undefined;
  /** Pushes the value, which is in no local: computed each time, where it is used. */
  readonly later: ((code: Code) => void) | undefined;

  constructor(bits: Bits, local: number, constant = 0n, isFloat = false, later?: (code: Code) => void) {
    this.bits = bits;
    this.later = later;
    this.local = local;
    this.constant = constant;
    this.isFloat = isFloat;
  }

  get isConstant(): boolean {
    return this.local < 0;
  }
}

/** `value` is the sum of another and a constant: its anchor follows. */
export function behind(value: Value, base: Value, constant: bigint): Value {
  if (base.anchor === undefined) return value;
  const { root, offset } = base.anchor;
  const sum = offset + Number(BigInt.asIntN(64, constant));
  if (Math.abs(sum) < FARTHEST) value.anchor = { root, offset: sum };
  return value;
}
const FARTHEST = 2 ** 40;

/** The store that writes a value. */
export function storeOf(value: Value): number {
  return value.isFloat ? FLOAT_STORES[value.bits as 32 | 64] : STORES[value.bits];
}

export function wasmType(bits: Bits): number {
  if (bits === 128) return TYPE_V128;
  return bits === 64 ? TYPE_I64 : TYPE_I32;
}

/** Puts a value on the wasm stack. */
export function push(code: Code, value: Value): void {
  if (value.later !== undefined) value.later(code);
  else if (!value.isConstant) code.get(value.local);
  else if (value.bits === 64) code.i64(value.constant);
  else code.i32(Number(BigInt.asIntN(32, value.constant)));
}

/** Numbers of locals of one function, handed out by type and taken back all at once. */
export class LocalPool {
  /** Locals by type, in the order in which they were first needed. */
  readonly declared: { type: number; index: number }[] = [];
  readonly #free = new Map<number, number[]>();
  readonly #used: { type: number; index: number }[] = [];
  #next: number;

  constructor(parameters: number) {
    this.#next = parameters;
  }

  take(type: number): number {
    const index = this.#free.get(type)?.pop() ?? this.#declare(type);
    this.#used.push({ type, index });
    return index;
  }

  /** All temporaries of the handler that just ended are free again. */
  releaseAll(): void {
    for (const { type, index } of this.#used.reverse()) {
      const free = this.#free.get(type);
      if (free === undefined) this.#free.set(type, [index]);
      else free.push(index);
    }
    this.#used.length = 0;
  }

  /** A local that is never handed out again. */
  fixed(type: number): number {
    return this.#declare(type);
  }

  /** The declaration list of the function. */
  locals(): { type: number; count: number }[] {
    const runs: { type: number; count: number }[] = [];
    for (const { type } of this.declared) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    return runs;
  }

  #declare(type: number): number {
    const index = this.#next++;
    this.declared.push({ type, index });
    return index;
  }
}

/** Loads that leave a normalised value of a width, and the stores that write one. */
export const LOADS: Readonly<Record<Bits, number>> = {
  1: op.OP_I32_LOAD8_U,
  8: op.OP_I32_LOAD8_U,
  16: op.OP_I32_LOAD16_U,
  32: op.OP_I32_LOAD,
  64: op.OP_I64_LOAD,
  128: op.OP_V128_LOAD,
};
export const STORES: Readonly<Record<Bits, number>> = {
  1: op.OP_I32_STORE8,
  8: op.OP_I32_STORE8,
  16: op.OP_I32_STORE16,
  32: op.OP_I32_STORE,
  64: op.OP_I64_STORE,
  128: op.OP_V128_STORE,
};

/** The low element alone: loads that leave zeros above it in a vector, and floats. */
export const LOW_LOADS = { 32: op.OP_V128_LOAD32_ZERO, 64: op.OP_V128_LOAD64_ZERO } as const;
export const LOW_REPLACES = { 32: op.OP_I32X4_REPLACE_LANE, 64: op.OP_I64X2_REPLACE_LANE } as const;
export const FLOAT_STORES = { 32: op.OP_F32_STORE, 64: op.OP_F64_STORE } as const;
