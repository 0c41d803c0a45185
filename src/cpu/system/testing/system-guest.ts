/**
 * A processor with descriptor tables and a handler for every vector, for tests of what the processor does by itself.
 * Each handler is a HLT, so that a run ends in the handler of whatever was delivered, its frame on the stack.
 */
import { writeStatusFlags } from '../../emit/flags.ts';
import { EXIT_HLT, type Exit, type Intercepts } from '../../engine.ts';
import * as state from '../../state.ts';
import { CODE, type EngineMaker, TestProcessor } from '../../testing/processor.ts';

export const GDT = 0x3000;
export const IDT = 0x4000;
/** Handler of vector v at HANDLERS + v * 16. */
export const HANDLERS = 0x6000;
export const TSS = 0x8000;
export const LDT = 0x8800;
/** Top of the stack for CPL 0, from the TSS. */
export const KERNEL_STACK = 0xa000;
/** IST1 */
export const IST_STACK = 0xb000;
export const USER_STACK = 0x50000;

// Selectors
export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const USER_CODE_32 = 0x1b;
export const USER_DATA = 0x23;
export const USER_CODE = 0x2b;
export const KERNEL_CODE_32 = 0x30;
export const TASK = 0x38;
export const LOCAL_TABLE = 0x48;
export const CALL_GATE = 0x58;
export const CONFORMING_CODE = 0x68;
export const ABSENT_DATA = 0x70;
export const KERNEL_CODE_16 = 0x78;
/** Free for tests, 16 bytes each. */
export const SPARE = 0x80;

const ERROR_CODES = new Set([8, 10, 11, 12, 13, 14, 17]);

/** What a handler found on its stack. */
export interface Delivered {
  readonly vector: number;
  /** -1 where the vector has none. */
  readonly errorCode: number;
  readonly rip: number;
  readonly cs: number;
  readonly rflags: number;
  readonly rsp: number;
  readonly ss: number;
}

export class SystemGuest extends TestProcessor {
  constructor(platform: Partial<Intercepts> = {}, make?: EngineMaker) {
    super(platform, make);
    this.#makeTables();
    const { state: registers } = this;
    writeStatusFlags(registers, 0);
    registers.setU64(state.OFFSET_GDTR, BigInt(GDT));
    registers.setU32(state.OFFSET_GDTR + 8, 0xff);
    registers.setU64(state.OFFSET_IDTR, BigInt(IDT));
    registers.setU32(state.OFFSET_IDTR + 8, 0xfff);
    registers.setSegment(state.TR, TASK, 0x8b, 0x67, BigInt(TSS));
    registers.setU64(state.OFFSET_STAR, (0x1bn << 48n) | (BigInt(KERNEL_CODE) << 32n));
  }

  /** An 8-byte descriptor: attributes as VMX holds them, limit as encoded. */
  descriptor(selector: number, base: number, limit: number, attributes: number): void {
    const at = GDT + (selector & 0xfff8);
    this.view.setUint32(at, (limit & 0xffff) | ((base & 0xffff) << 16), true);
    const high = ((base >>> 16) & 0xff) | ((attributes & 0xf0ff) << 8) | (limit & 0xf0000) | (base & 0xff000000);
    this.view.setUint32(at + 4, high, true);
  }

  /** A gate of the 16-byte kind in a table. `word` is the IST, or a parameter count. */
  longGate(at: number, selector: number, offset: number, type: number, dpl = 0, word = 0): void {
    this.view.setUint32(at, (offset & 0xffff) | (selector << 16), true);
    this.view.setUint32(at + 4, word | ((0x80 | (dpl << 5) | type) << 8) | (offset & 0xffff0000), true);
    this.view.setUint32(at + 8, 0, true);
    this.view.setUint32(at + 12, 0, true);
  }

  /** Gates of the 8-byte kind. */
  legacyGate(at: number, selector: number, offset: number, type: number, dpl = 0, parameters = 0): void {
    this.view.setUint32(at, (offset & 0xffff) | (selector << 16), true);
    this.view.setUint32(at + 4, parameters | ((0x80 | (dpl << 5) | type) << 8) | (offset & 0xffff0000), true);
  }

  interruptGate(vector: number, dpl: number, ist = 0, type = 14): void {
    this.longGate(IDT + vector * 16, KERNEL_CODE, HANDLERS + vector * 16, type, dpl, ist);
  }

  /** Runs at CPL 3, in 64-bit code unless another selector is given. */
  enterUser(code = USER_CODE): void {
    const wide = code === USER_CODE ? state.ATTRIBUTE_L : state.ATTRIBUTE_DB;
    const { state: registers } = this;
    registers.setSegment(state.CS, code, 0x80fb | wide, 0xffffffff, 0n);
    for (const segment of [state.SS, state.DS, state.ES])
      registers.setSegment(segment, USER_DATA, 0xc0f3, 0xffffffff, 0n);
    registers.setU32(state.OFFSET_CPL, 3);
    registers.setGpr(state.RSP, BigInt(USER_STACK));
  }

  /** Runs until a handler halts and tells what it handled. */
  delivered(bytes: readonly number[], at = CODE): Delivered {
    return this.frame(this.run(bytes, at));
  }

  /** The frame of the 64-bit handler that halted. */
  frame(exit: Exit): Delivered {
    const halted = Number(this.state.rip) - 1;
    const vector = (halted - HANDLERS) / 16;
    if (exit !== EXIT_HLT || !Number.isInteger(vector) || vector < 0 || vector > 255) {
      throw new Error(`no handler halted: exit ${exit} at ${this.state.rip.toString(16)}`);
    }
    let at = Number(this.state.gpr(state.RSP));
    let errorCode = -1;
    if (ERROR_CODES.has(vector)) {
      errorCode = this.view.getUint32(at, true);
      at += 8;
    }
    const field = (index: number): number => Number(this.view.getBigUint64(at + index * 8, true));
    return { vector, errorCode, rip: field(0), cs: field(1), rflags: field(2), rsp: field(3), ss: field(4) };
  }

  get rflags(): number {
    return this.state.u32(state.OFFSET_RFLAGS_REST);
  }
  set rflags(value: number) {
    this.state.setU32(state.OFFSET_RFLAGS_REST, value);
  }

  #makeTables(): void {
    this.descriptor(KERNEL_CODE, 0, 0xfffff, 0xa09b);
    this.descriptor(KERNEL_DATA, 0, 0xfffff, 0xc093);
    this.descriptor(USER_CODE_32, 0, 0xfffff, 0xc0fb);
    this.descriptor(USER_DATA, 0, 0xfffff, 0xc0f3);
    this.descriptor(USER_CODE, 0, 0xfffff, 0xa0fb);
    this.descriptor(KERNEL_CODE_32, 0, 0xfffff, 0xc09b);
    this.descriptor(TASK, TSS, 0x67, 0x8b);
    this.descriptor(LOCAL_TABLE, LDT, 0x1f, 0x82);
    this.longGate(GDT + CALL_GATE, KERNEL_CODE, HANDLERS + 0x80 * 16, 12, 3);
    this.descriptor(CONFORMING_CODE, 0, 0xfffff, 0xa09f);
    this.descriptor(ABSENT_DATA, 0, 0xfffff, 0xc013);
    this.descriptor(KERNEL_CODE_16, 0, 0xffff, 0x009b);
    for (let vector = 0; vector < 256; vector++) {
      this.interruptGate(vector, 0);
      this.memory[HANDLERS + vector * 16] = 0xf4;
    }
    this.view.setUint32(TSS + 4, KERNEL_STACK, true);
    this.view.setUint32(TSS + 0x24, IST_STACK, true);
    // No I/O bitmap: its base is past the limit.
    this.view.setUint16(TSS + 0x66, 0x68, true);
  }
}
