/** A processor in 32-bit protected mode, without paging, with tables and a handler for every vector. */
import { EXIT_HLT, type Exit, type Intercepts } from '../../engine.ts';
import * as state from '../../state.ts';
import { CODE } from '../../testing/processor.ts';
import { GDT, HANDLERS, IDT, KERNEL_STACK, SystemGuest, TSS } from './system-guest.ts';

// Selectors. Those of the 64-bit tables that are the same: KERNEL_DATA 10H, USER_CODE_32 1BH, USER_DATA 23H.
export const CODE_32 = 0x08;
export const DATA_32 = 0x10;
export const TASK_32 = 0x38;
export const SECOND_TASK = 0x40;
export const LEGACY_CALL_GATE = 0x58;
export const TASK_GATE = 0x60;
export const SECOND_TSS = 0x8400;
export const SMALL_DATA = 0x80;
export const EXPAND_DOWN = 0x88;
export const READ_ONLY = 0x90;
export const EXECUTE_ONLY = 0x98;
export const CODE_16 = 0x78;
export const SMALL_CODE = 0xa0;

const ERROR_CODES = new Set([8, 10, 11, 12, 13, 14, 17]);

/** A 32-bit frame; ESP and SS where the privilege changed. */
export interface Delivered32 {
  readonly vector: number;
  readonly errorCode: number;
  readonly eip: number;
  readonly cs: number;
  readonly eflags: number;
  readonly rest: readonly number[];
}

export class LegacyGuest extends SystemGuest {
  constructor(platform: Partial<Intercepts> = {}) {
    super(platform);
    const { state: registers } = this;
    this.descriptor(CODE_32, 0, 0xfffff, 0xc09b);
    this.descriptor(TASK_32, TSS, 0x67, 0x8b);
    this.descriptor(SECOND_TASK, SECOND_TSS, 0x67, 0x89);
    this.legacyGate(GDT + LEGACY_CALL_GATE, CODE_32, HANDLERS + 0x80 * 16, 12, 3, 2);
    this.legacyGate(GDT + TASK_GATE, SECOND_TASK, 0, 5, 3);
    this.descriptor(SMALL_DATA, 0x20000, 0xfff, 0x4093);
    this.descriptor(EXPAND_DOWN, 0x20000, 0xfff, 0x4097);
    this.descriptor(READ_ONLY, 0, 0xfffff, 0xc091);
    this.descriptor(EXECUTE_ONLY, 0, 0xfffff, 0xc099);
    this.descriptor(SMALL_CODE, CODE, 0xfff, 0x409b);
    for (let vector = 0; vector < 256; vector++) {
      this.legacyGate(IDT + vector * 8, CODE_32, HANDLERS + vector * 16, 14);
    }
    this.view.setUint32(TSS + 4, KERNEL_STACK, true);
    this.view.setUint32(TSS + 8, DATA_32, true);
    registers.setU32(state.OFFSET_CR0, state.CR0_PE | state.CR0_NE | state.CR0_ET);
    registers.setU32(state.OFFSET_CR4, state.CR4_OSFXSR);
    registers.setU32(state.OFFSET_EFER, 0);
    registers.setSegment(state.CS, CODE_32, 0xc09b, 0xffffffff, 0n);
    for (const segment of [state.SS, state.DS, state.ES, state.FS, state.GS]) {
      registers.setSegment(segment, DATA_32, 0xc093, 0xffffffff, 0n);
    }
    registers.setSegment(state.TR, TASK_32, 0x8b, 0x67, BigInt(TSS));
    this.vcpu.flushTlb();
  }

  /** Virtual-8086 mode: all segments at a paragraph. */
  enterVm86(paragraph: number, iopl: number): void {
    const { state: registers } = this;
    for (let segment = 0; segment < 6; segment++) {
      registers.setSegment(segment, paragraph, 0xf3, 0xffff, BigInt(paragraph) << 4n);
    }
    registers.setU32(state.OFFSET_CPL, 3);
    this.rflags = state.FLAG_VM | (iopl << 12);
    registers.setGpr(state.RSP, 0x8000n);
  }

  delivered32(bytes: readonly number[], at = CODE): Delivered32 {
    return this.frame32(this.run(bytes, at));
  }

  /** The frame of the 32-bit handler that halted. */
  frame32(exit: Exit): Delivered32 {
    const vector = (Number(this.state.rip) - 1 - HANDLERS) / 16;
    if (exit !== EXIT_HLT || !Number.isInteger(vector) || vector < 0 || vector > 255) {
      throw new Error(`no handler halted: exit ${exit} at ${this.state.rip.toString(16)}`);
    }
    let at = this.state.gprLo(state.RSP);
    let errorCode = -1;
    if (ERROR_CODES.has(vector)) {
      errorCode = this.view.getUint32(at, true);
      at += 4;
    }
    const [eip, cs, eflags, ...rest] = Array.from({ length: 9 }, (_, index) =>
      this.view.getUint32(at + index * 4, true),
    ) as [number, number, number, ...number[]];
    return { vector, errorCode, eip, cs, eflags, rest };
  }
}
