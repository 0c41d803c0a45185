/** Operands of a system instruction, read from its record. One object is reused for every call. */
import type { SystemOperands } from '../instructions/define.ts';
import type { MachineMemory } from '../mmu/machine-memory.ts';
import { OFFSET_OPERAND_ADDRESS, RBP, RSP, type VcpuState } from '../state.ts';
import { isCanonical } from '../system/system-cpu.ts';
import type { Handler, HandlerTable, ResolvedOperand } from './handlers.ts';
import * as record from './record.ts';
import { slotOf } from './record-operands.ts';

export class RecordReader implements SystemOperands {
  readonly #memory: MachineMemory;
  readonly #state: VcpuState;
  readonly #table: HandlerTable;
  #pc = 0;
  #handler: Handler | undefined;

  constructor(memory: MachineMemory, cpu: VcpuState, table: HandlerTable) {
    this.#memory = memory;
    this.#state = cpu;
    this.#table = table;
  }

  load(pc: number, handler: Handler): void {
    this.#pc = pc;
    this.#handler = handler;
  }

  get size(): number {
    return (this.#handler as Handler).context.operandSize;
  }
  get addressSize(): number {
    return (this.#handler as Handler).context.addressSize;
  }
  get stackSize(): number {
    return (this.#handler as Handler).context.stackSize;
  }
  get repeat(): string {
    return (this.#handler as Handler).context.repeat;
  }
  get length(): number {
    return this.#memory.view.getUint16(this.#pc + record.RECORD_PLACE, true) >>> 12;
  }
  get addressLo(): number {
    return this.#state.u32(OFFSET_OPERAND_ADDRESS);
  }
  get addressHi(): number {
    return this.#state.u32(OFFSET_OPERAND_ADDRESS + 4);
  }
  get immediate(): number {
    return this.#memory.view.getInt32(this.#pc + record.RECORD_IMMEDIATE, true);
  }
  get immediate2(): number {
    return this.#memory.view.getInt32(this.#pc + record.RECORD_DISPLACEMENT, true);
  }

  isMemory(index: number): boolean {
    return this.#operand(index).type === 'memory';
  }

  register(index: number): number {
    const operand = this.#operand(index);
    if (operand.type === 'fixed') return operand.number;
    if (operand.type !== 'register') throw new Error(`operand ${index} is no register`);
    const field = operand.slot === 0 ? record.RECORD_REGISTER_A : record.RECORD_REGISTER_B;
    return Math.floor((this.#memory.u8[this.#pc + field] as number) / slotOf(operand.file, 1));
  }

  /**
   * How wide the memory operand of any record is, and whether it is written: what segment checks need. Undefined where
   * there is no check.
   */
  memoryAccess(pc: number): { bytes: number; isWrite: boolean } | undefined {
    const handler = this.#handlerOf(this.#original(pc));
    if (handler?.instruction.unchecked) return undefined;
    const index = handler?.operands.findIndex(({ type }) => type === 'memory') ?? -1;
    const operand = handler?.operands[index];
    if (handler === undefined || operand?.type !== 'memory') return { bytes: 1, isWrite: false };
    const access = handler.accesses[index];
    return { bytes: operand.bytes, isWrite: access === 'w' || access === 'rw' };
  }

  /** Whether the access of a 64-bit instruction that faulted was to SS: by its base register, or as PUSH and POP do. */
  usesStack(at: number): boolean {
    const pc = this.#original(at);
    const handler = this.#handlerOf(pc);
    const memory = handler?.operands.find((operand) => operand.type === 'memory');
    if (memory !== undefined && memory.shape !== record.SHAPE_RIP) {
      const base = this.#memory.u8[pc + record.RECORD_BASE] as number;
      const isAny = memory.shape === record.SHAPE_ANY;
      const register = isAny ? base & 0x1f : base / 8;
      const isPlain = !isAny || base >>> 5 === record.ANY_NO_SEGMENT;
      if (isPlain && (register === RSP || register === RBP)) return true;
    }
    // String instructions name the stack's size too, but have nothing on it.
    if (handler?.instruction.depends?.includes('stackSize') !== true) return false;
    if (handler.instruction.forms.some(({ repeat }) => repeat)) return false;
    return memory === undefined || !isCanonical(this.#state.gpr(RSP));
  }

  #handlerOf(pc: number): Handler | undefined {
    return this.#table.ofRecord(this.#memory.view.getUint16(pc + record.RECORD_HANDLER, true));
  }

  // The record of the instruction where a region's entry took its place.
  #original(pc: number): number {
    const { view } = this.#memory;
    const isRegion = view.getUint16(pc + record.RECORD_HANDLER, true) === record.HANDLER_REGION;
    return isRegion ? view.getInt32(pc + record.RECORD_DISPLACEMENT, true) : pc;
  }

  #operand(index: number): ResolvedOperand {
    const operand = this.#handler?.operands[index];
    if (operand === undefined) throw new Error(`operand ${index} is not in the form`);
    return operand;
  }
}
