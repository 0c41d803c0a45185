/** Functions of the generated module that handlers call, and the imports behind them. */
import { emitCopyBlock, emitFillBlock } from '../emit/blocks.ts';
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import type { Runtime } from '../emit/tier.ts';
import { type Bits, LOADS, STORES, wasmType } from '../emit/values.ts';
import { OFFSET_MODE, OFFSET_SCRATCH, OFFSET_SEGMENTS, SEGMENT_BASE, SEGMENT_SIZE } from '../state.ts';
import { MODE_CODE_64 } from './mode.ts';
import * as record from './record.ts';

/** What the module imports from TypeScript; every 64-bit value goes through OFFSET_SCRATCH as halves. */
export interface InterpreterImports {
  /** Reads `bytes` at a linear address into scratch. */
  slowRead(lo: number, hi: number, bytes: number): void;
  /** Writes `bytes` from scratch to a linear address. */
  slowWrite(lo: number, hi: number, bytes: number): void;
  /** Host address if all bytes are writable the fast way, 0 if they are writable the slow way. */
  probeWrite(lo: number, hi: number, bytes: number): number;
  /** Linear address, into scratch, of an offset in a segment of a legacy mode, checked against its limit. */
  segmentLinear(pc: number, segment: number, offset: number): void;
  offsetLinear(segment: number, offset: number, bytes: number, write: number): void;
  /** The record for the RIP in the state, or 0 after a fault. */
  find(): number;
  /** See system/vector-slow.ts. */
  vectorSlow(operation: number): number;
  /** Runs the TypeScript function of a handler. */
  system(handler: number, pc: number): number;
}

export interface RuntimeFunctions extends Runtime {
  readonly find: number;
  readonly system: number;
  readonly address: number;
}

const { TYPE_I32, TYPE_I64 } = op;

/** Declares the imports, then the wrappers that give them 64-bit signatures. */
export function emitRuntime(module: ModuleBuilder): RuntimeFunctions {
  const slowRead = module.import('slowRead', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const slowWrite = module.import('slowWrite', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const probeWrite = module.import('probeWrite', [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  const segmentLinear = module.import('segmentLinear', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const offsetLinear = module.import('offsetLinear', [TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32], []);
  const find = module.import('find', [], [TYPE_I32]);
  const system = module.import('system', [TYPE_I32, TYPE_I32], [TYPE_I32]);
  const vectorSlow = module.import('vectorSlow', [TYPE_I32], [TYPE_I32]);
  const widths = [8, 16, 32, 64, 128] as const;
  return {
    readSlow: byWidth(widths, (bits) => emitReadSlow(module, slowRead, bits)),
    writeSlow: byWidth(widths, (bits) => emitWriteSlow(module, slowWrite, bits)),
    probeWrite: emitProbe(module, probeWrite),
    offsetLinear: emitOffsetLinear(module, offsetLinear),
    address: emitAddress(module, segmentLinear),
    find,
    system,
    vectorSlow,
    copyBlock: emitCopyBlock(module),
    fillBlock: emitFillBlock(module),
  };
}

type Width = 8 | 16 | 32 | 64 | 128;

function byWidth(widths: readonly Width[], make: (bits: Width) => number): Record<Width, number> {
  const result: Record<Width, number> = { 8: 0, 16: 0, 32: 0, 64: 0, 128: 0 };
  for (const bits of widths) result[bits] = make(bits);
  return result;
}

function emitReadSlow(module: ModuleBuilder, slowRead: number, bits: Bits): number {
  const index = module.declare([TYPE_I32, TYPE_I64], [wasmType(bits)]);
  const code = new Code();
  pushHalves(code, 1);
  code.i32(bits / 8);
  code.call(slowRead);
  code.get(0);
  code.memory(LOADS[bits], OFFSET_SCRATCH);
  module.define(index, [], code);
  return index;
}

function emitWriteSlow(module: ModuleBuilder, slowWrite: number, bits: Bits): number {
  const index = module.declare([TYPE_I32, TYPE_I64, wasmType(bits)], []);
  const code = new Code();
  code.get(0);
  code.get(2);
  code.memory(STORES[bits], OFFSET_SCRATCH);
  pushHalves(code, 1);
  code.i32(bits / 8);
  code.call(slowWrite);
  module.define(index, [], code);
  return index;
}

function emitProbe(module: ModuleBuilder, probeWrite: number): number {
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  pushHalves(code, 1);
  code.get(2);
  code.call(probeWrite);
  module.define(index, [], code);
  return index;
}

function emitOffsetLinear(module: ModuleBuilder, offsetLinear: number): number {
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I32, TYPE_I32], [TYPE_I64]);
  const code = new Code();
  code.get(1);
  code.get(2);
  code.op(op.OP_I32_WRAP_I64);
  code.get(3);
  code.get(4);
  code.call(offsetLinear);
  code.get(0);
  code.memory(op.OP_I64_LOAD, OFFSET_SCRATCH);
  module.define(index, [], code);
  return index;
}

/** (vcpu, pc, ipBase) -> linear address of a record of SHAPE_ANY. */
function emitAddress(module: ModuleBuilder, segmentLinear: number): number {
  const [VCPU, PC, IP_BASE, OFFSET, FIELD] = [0, 1, 2, 3, 4];
  const index = module.declare([TYPE_I32, TYPE_I32, TYPE_I64], [TYPE_I64]);
  const code = new Code();
  emitBase(code);
  emitIndex(code);
  emitTruncation(code);
  // No segment: the offset is the address.
  code.get(PC);
  code.memory(op.OP_I32_LOAD8_U, record.RECORD_BASE);
  code.i32(5);
  code.op(op.OP_I32_SHR_U);
  code.tee(FIELD);
  code.i32(record.ANY_NO_SEGMENT);
  code.op(op.OP_I32_EQ);
  code.if();
  code.get(OFFSET);
  code.byte(op.OP_RETURN);
  code.end();
  emitSegment(code, segmentLinear);
  module.define(
    index,
    [
      { type: TYPE_I64, count: 1 },
      { type: TYPE_I32, count: 1 },
    ],
    code,
  );
  return index;

  function emitBase(to: Code): void {
    to.get(PC);
    to.memory(op.OP_I32_LOAD8_U, record.RECORD_BASE);
    to.i32(0x1f);
    to.op(op.OP_I32_AND);
    to.tee(FIELD);
    to.i32(record.ANY_RIP);
    to.op(op.OP_I32_EQ);
    to.if(TYPE_I64);
    to.get(IP_BASE);
    to.else();
    to.get(FIELD);
    to.i32(3);
    to.op(op.OP_I32_SHL);
    to.get(VCPU);
    to.op(op.OP_I32_ADD);
    to.memory(op.OP_I64_LOAD, 0);
    to.end();
    to.get(PC);
    to.memory(op.OP_I64_LOAD32_S, record.RECORD_DISPLACEMENT);
    to.op(op.OP_I64_ADD);
  }

  function emitIndex(to: Code): void {
    to.get(PC);
    to.memory(op.OP_I32_LOAD8_U, record.RECORD_INDEX);
    to.tee(FIELD);
    to.i32(0xf8);
    to.op(op.OP_I32_AND);
    to.get(VCPU);
    to.op(op.OP_I32_ADD);
    to.memory(op.OP_I64_LOAD, 0);
    to.get(FIELD);
    to.i32(3);
    to.op(op.OP_I32_AND);
    to.op(op.OP_I64_EXTEND_I32_U);
    to.op(op.OP_I64_SHL);
    to.op(op.OP_I64_ADD);
    to.set(OFFSET);
  }

  // Addresses are 64, 32 or 16 bits wide: the mode's width, or the shorter one of a 67H prefix.
  function emitTruncation(to: Code): void {
    to.get(VCPU);
    to.memory(op.OP_I32_LOAD, OFFSET_MODE);
    to.i32(MODE_CODE_64);
    to.op(op.OP_I32_AND);
    to.if();
    to.get(FIELD);
    to.i32(record.ANY_SHORT_ADDRESS);
    to.op(op.OP_I32_AND);
    to.if();
    truncate(to, 0xffffffffn);
    to.end();
    to.else();
    to.get(FIELD);
    to.i32(record.ANY_SHORT_ADDRESS);
    to.op(op.OP_I32_AND);
    to.if();
    truncate(to, 0xffffn);
    to.else();
    truncate(to, 0xffffffffn);
    to.end();
    to.end();
  }

  function truncate(to: Code, mask: bigint): void {
    to.get(OFFSET);
    to.i64(mask);
    to.op(op.OP_I64_AND);
    to.set(OFFSET);
  }

  // In 64-bit code only FS and GS come here, and have no limit (SDM vol. 1, 3.4.2.1).
  function emitSegment(to: Code, checked: number): void {
    to.get(VCPU);
    to.memory(op.OP_I32_LOAD, OFFSET_MODE);
    to.i32(MODE_CODE_64);
    to.op(op.OP_I32_AND);
    to.if(TYPE_I64);
    to.get(FIELD);
    to.i32(SEGMENT_SIZE);
    to.op(op.OP_I32_MUL);
    to.get(VCPU);
    to.op(op.OP_I32_ADD);
    to.memory(op.OP_I64_LOAD, OFFSET_SEGMENTS + SEGMENT_BASE);
    to.get(OFFSET);
    to.op(op.OP_I64_ADD);
    to.else();
    to.get(PC);
    to.get(FIELD);
    to.get(OFFSET);
    to.op(op.OP_I32_WRAP_I64);
    to.call(checked);
    to.get(VCPU);
    to.memory(op.OP_I64_LOAD, OFFSET_SCRATCH);
    to.end();
  }
}

function pushHalves(code: Code, local: number): void {
  code.get(local);
  code.op(op.OP_I32_WRAP_I64);
  code.get(local);
  code.i64(32n);
  code.op(op.OP_I64_SHR_U);
  code.op(op.OP_I32_WRAP_I64);
}
