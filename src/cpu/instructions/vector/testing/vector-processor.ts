/** A test processor that runs one instruction at a time and tells which exception it raised. */
import * as state from '../../../state.ts';
import { CODE, TestProcessor } from '../../../testing/processor.ts';

const GDT = 0x3000;
const IDT = 0x4000;
/** Exception n goes to HANDLERS + 16 * n. */
const HANDLERS = 0x5000;
const JUMP_TO_ITSELF = [0xeb, 0xfe];
const VECTORS = 32;

export class VectorProcessor {
  readonly processor = new TestProcessor();
  readonly state = this.processor.state;
  #length = 0;

  constructor() {
    const { view } = this.processor;
    // A flat 64-bit code segment and a flat data segment.
    view.setBigUint64(GDT + 8, 0x00af9b000000ffffn, true);
    view.setBigUint64(GDT + 16, 0x00cf93000000ffffn, true);
    this.state.setU64(state.OFFSET_GDTR, BigInt(GDT));
    this.state.setU32(state.OFFSET_GDTR + 8, 23);
    for (let vector = 0; vector < VECTORS; vector++) {
      const handler = HANDLERS + vector * 16;
      this.processor.load(handler, JUMP_TO_ITSELF);
      view.setUint16(IDT + vector * 16, handler, true);
      view.setUint16(IDT + vector * 16 + 2, 8, true);
      view.setUint16(IDT + vector * 16 + 4, 0x8e00, true);
    }
    this.state.setU64(state.OFFSET_IDTR, BigInt(IDT));
    this.state.setU32(state.OFFSET_IDTR + 8, VECTORS * 16 - 1);
  }

  [Symbol.dispose](): void {
    this.processor[Symbol.dispose]();
  }

  /** Makes `step` run these bytes. */
  place(code: readonly number[]): void {
    this.#length = code.length;
    this.processor.load(CODE, [...code, ...JUMP_TO_ITSELF]);
  }

  /** Runs the instruction; returns the vector of the exception it raised, or -1. */
  step(): number {
    this.state.rip = BigInt(CODE);
    this.processor.vcpu.run(1);
    const rip = Number(this.state.rip);
    if (rip === CODE + this.#length) return -1;
    return (rip - HANDLERS) / 16;
  }

  execute(code: readonly number[]): number {
    this.place(code);
    return this.step();
  }

  /** An XMM register as two 64-bit halves, the low one first. */
  xmm(register: number): [bigint, bigint] {
    const at = state.OFFSET_XMM + register * 16;
    return [this.state.u64(at), this.state.u64(at + 8)];
  }
  setXmm(register: number, low: bigint, high = 0n): void {
    const at = state.OFFSET_XMM + register * 16;
    this.state.setU64(at, low);
    this.state.setU64(at + 8, high);
  }

  get mxcsr(): number {
    return this.state.u32(state.OFFSET_MXCSR);
  }
  set mxcsr(value: number) {
    this.state.setU32(state.OFFSET_MXCSR, value);
  }
}
