/** A WebAssembly function body under construction: bytes, LEB128, and labels instead of branch depths. */
import {
  BLOCK_VOID,
  OP_BLOCK,
  OP_BR,
  OP_BR_IF,
  OP_BR_TABLE,
  OP_CALL,
  OP_ELSE,
  OP_END,
  OP_F64_CONST,
  OP_I32_CONST,
  OP_I64_CONST,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOCAL_SET,
  OP_LOCAL_TEE,
  OP_LOOP,
  PREFIX_MISC,
  PREFIX_SIMD,
} from './opcodes.ts';

/** A structured block: branching to it leaves a block or repeats a loop. */
export type Label = number & { readonly __brand: 'Label' };

/** Which way a branch mostly goes: by the place of its `if` or `br_if` in the body. */
export interface BranchHint {
  readonly at: number;
  readonly isLikely: boolean;
}

export class Code {
  readonly hints: BranchHint[] = [];
  #bytes: Uint8Array;
  #length = 0;
  #depth = 0;

  /** With room for so many bytes; it grows. */
  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }
  /** Blocks that are open. */
  get depth(): number {
    return this.#depth;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Unsigned LEB128, below 2^32. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit value. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest >= 0x40) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of a 64-bit value. */
  s64(value: bigint): void {
    const low = Number(BigInt.asIntN(32, value));
    if (BigInt(low) === value) {
      this.s32(low);
      return;
    }
    let rest = BigInt.asIntN(64, value);
    while (rest < -0x40n || rest >= 0x40n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  /** One opcode; SIMD and miscellaneous ones carry their prefix in bits 8 and up. */
  op(opcode: number): void {
    const prefix = opcode >>> 16;
    if (prefix === 0) {
      this.byte(opcode);
      return;
    }
    this.byte(prefix === 1 ? PREFIX_SIMD : PREFIX_MISC);
    this.u32(opcode & 0xffff);
  }

  get(local: number): void {
    this.byte(OP_LOCAL_GET);
    this.u32(local);
  }
  set(local: number): void {
    this.byte(OP_LOCAL_SET);
    this.u32(local);
  }
  tee(local: number): void {
    this.byte(OP_LOCAL_TEE);
    this.u32(local);
  }
  i32(value: number): void {
    this.byte(OP_I32_CONST);
    this.s32(value);
  }
  i64(value: bigint): void {
    this.byte(OP_I64_CONST);
    this.s64(value);
  }
  f64(value: number): void {
    this.byte(OP_F64_CONST);
    this.append(new Uint8Array(new Float64Array([value]).buffer));
  }
  call(functionIndex: number): void {
    this.byte(OP_CALL);
    this.u32(functionIndex);
  }

  /** A load or store: opcode, then alignment hint and constant offset. */
  memory(opcode: number, offset: number): void {
    this.op(opcode);
    this.u32(0);
    this.u32(offset);
  }

  /** The `if` or `br_if` that follows is taken always, or hardly ever, as far as the compiler should care. */
  likely(): void {
    this.hints.push({ at: this.#length, isLikely: true });
  }
  unlikely(): void {
    this.hints.push({ at: this.#length, isLikely: false });
  }

  block(type = BLOCK_VOID): Label {
    return this.#open(OP_BLOCK, type);
  }
  loop(type = BLOCK_VOID): Label {
    return this.#open(OP_LOOP, type);
  }
  if(type = BLOCK_VOID): Label {
    return this.#open(OP_IF, type);
  }
  else(): void {
    this.byte(OP_ELSE);
  }
  end(): void {
    this.#depth--;
    this.byte(OP_END);
  }
  br(label: Label): void {
    this.byte(OP_BR);
    this.u32(this.#depth - label);
  }
  brIf(label: Label): void {
    this.byte(OP_BR_IF);
    this.u32(this.#depth - label);
  }
  brTable(labels: readonly Label[], otherwise: Label): void {
    this.byte(OP_BR_TABLE);
    this.u32(labels.length);
    for (const label of labels) this.u32(this.#depth - label);
    this.u32(this.#depth - otherwise);
  }

  #open(opcode: number, type: number): Label {
    this.byte(opcode);
    this.byte(type);
    this.#depth++;
    return this.#depth as Label;
  }

  #grow(atLeast: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + atLeast));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
