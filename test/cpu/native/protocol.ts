/** What harness.c and the tests agree on: where things are, and how a case and its outcome are laid out. */

/** Instruction slots: the code of case i of a batch starts at CODE + i * SLOT + CODE_IN_SLOT. */
export const CODE = 0x17a50000;
export const SLOT = 512;
export const SLOTS = 1024;
export const CODE_IN_SLOT = 16;
export const CODE_BYTES = SLOT * SLOTS;
/** Two writable pages, all zeros at the start of every case but for the window, then a read-only one; nothing else. */
export const DATA = 0x20000000;
export const DATA_WRITABLE_BYTES = 0x2000;
export const DATA_BYTES = 0x3000;
/** The part of data that every case brings with it; a page ends in its middle. */
export const WINDOW = DATA + 0x1000 - 128;
export const WINDOW_BYTES = 256;
/** HLT: what slots are full of, and where branches end. In user mode it is #GP(0) in code of any width. */
export const FILLER = 0xf4;
/** Bytes of code that fit into a slot with the jump to the exit. */
export const CODE_LIMIT = 464;

export const INPUT_BYTES = 872;
export const INPUT_WIDTH = 0;
export const INPUT_HAS_FX = 1;
export const INPUT_LENGTH = 2;
export const INPUT_RFLAGS = 8;
export const INPUT_GPR = 16;
export const INPUT_CODE = 144;
export const INPUT_WINDOW = 616;

export const OUTPUT_BYTES = 424;
export const OUTPUT_VECTOR = 0;
export const OUTPUT_ERROR = 4;
export const OUTPUT_CR2 = 8;
export const OUTPUT_RIP = 16;
export const OUTPUT_RFLAGS = 24;
export const OUTPUT_GPR = 32;
export const OUTPUT_WINDOW = 160;
export const OUTPUT_DATA_HASH = 416;

export const FX_BYTES = 512;
/** The instruction went on to the one after it. */
export const NO_VECTOR = 0xffffffff;
/** It did not end within seconds. */
export const VECTOR_HANG = 0xfffffffe;

/** One instruction with everything it starts from. */
export interface Case {
  readonly width: 64 | 32;
  readonly code: Uint8Array;
  /** Slot of the batch: decides the instruction's address. */
  readonly slot: number;
  readonly rflags: number;
  /** 16 registers in encoding order. */
  readonly gpr: BigUint64Array;
  readonly window: Uint8Array;
  /** FXSAVE image, for instructions that touch more than general registers. */
  readonly fx: Uint8Array | undefined;
}

/** What was there afterwards. */
export interface Outcome {
  readonly vector: number;
  readonly error: number;
  readonly cr2: bigint;
  readonly rip: bigint;
  readonly rflags: number;
  readonly gpr: BigUint64Array;
  readonly window: Uint8Array;
  /** Of both writable pages. */
  readonly dataHash: number;
  readonly fx: Uint8Array | undefined;
}

/** Linear address of a case's instruction. */
export function addressOf({ slot }: Pick<Case, 'slot'>): number {
  return CODE + slot * SLOT + CODE_IN_SLOT;
}

/** A batch as harness.c reads it: count and size, then the cases. */
export function encodeBatch(cases: readonly Case[]): Uint8Array {
  const size = cases.reduce((sum, { fx }) => sum + INPUT_BYTES + (fx === undefined ? 0 : FX_BYTES), 0);
  const bytes = new Uint8Array(8 + size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, cases.length, true);
  view.setUint32(4, size, true);
  let at = 8;
  for (const [index, one] of cases.entries()) {
    if (one.slot !== index) throw new Error(`case ${index} of a batch is in slot ${one.slot}`);
    bytes[at + INPUT_WIDTH] = one.width;
    view.setUint16(at + INPUT_LENGTH, one.code.length, true);
    bytes[at + INPUT_HAS_FX] = one.fx === undefined ? 0 : 1;
    view.setBigUint64(at + INPUT_RFLAGS, BigInt(one.rflags), true);
    bytes.set(new Uint8Array(one.gpr.buffer, one.gpr.byteOffset, 128), at + INPUT_GPR);
    bytes.set(one.code, at + INPUT_CODE);
    bytes.set(one.window, at + INPUT_WINDOW);
    at += INPUT_BYTES;
    if (one.fx !== undefined) {
      bytes.set(one.fx, at);
      at += FX_BYTES;
    }
  }
  return bytes;
}

/** Bytes of the answer to a batch. */
export function outputSize(cases: readonly Case[]): number {
  return cases.reduce((sum, { fx }) => sum + OUTPUT_BYTES + (fx === undefined ? 0 : FX_BYTES), 0);
}

export function decodeOutcomes(cases: readonly Case[], bytes: Uint8Array): Outcome[] {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  let at = 0;
  return cases.map(({ fx }) => {
    const start = at;
    at += OUTPUT_BYTES + (fx === undefined ? 0 : FX_BYTES);
    return {
      vector: view.getUint32(start + OUTPUT_VECTOR, true),
      error: view.getUint32(start + OUTPUT_ERROR, true),
      cr2: view.getBigUint64(start + OUTPUT_CR2, true),
      rip: view.getBigUint64(start + OUTPUT_RIP, true),
      rflags: view.getUint32(start + OUTPUT_RFLAGS, true),
      gpr: new BigUint64Array(copy.buffer, start + OUTPUT_GPR, 16),
      window: copy.subarray(start + OUTPUT_WINDOW, start + OUTPUT_WINDOW + WINDOW_BYTES),
      dataHash: view.getUint32(start + OUTPUT_DATA_HASH, true),
      fx: fx === undefined ? undefined : copy.subarray(start + OUTPUT_BYTES, start + OUTPUT_BYTES + FX_BYTES),
    };
  });
}
