/** Functions of the generated module that handlers call, and the imports behind them. */
import { emitCopyBlock, emitFillBlock } from '../emit/blocks.ts';
import { Code } from '../emit/code.ts';
import type { ModuleBuilder } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import { emitReadTsc } from '../emit/read-tsc.ts';
import { emitBesideCode, emitProbeWrite, emitReachPage, emitReadSlow, emitWriteSlow } from '../emit/slow-access.ts';
import { emitSystemHost } from '../emit/system-host.ts';
import type { SystemRuntime } from '../emit/system-semantics.ts';
import type { Runtime } from '../emit/tier.ts';
import { emitTlbRefill } from '../emit/tlb-refill.ts';
import { emitSettleFlags } from '../region/lazy-flags.ts';
import { REGION_PARAMETERS } from '../region/region-frame.ts';
import { OFFSET_SCRATCH } from '../state.ts';
import { SHARED_FUNCTIONS } from '../instructions/shared-functions.ts';
import { emitAddressFunction } from './address-function.ts';
import { emitFloatFunctions } from './float-functions.ts';
import { emitFind, emitFindSlow } from './find-function.ts';
import { emitFindRegion } from './find-region.ts';
import { VCPU_TLBS } from './layout.ts';

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
  /** As the first three, for regions: see Mmu.memoryOnly. */
  regionRead(lo: number, hi: number, bytes: number): void;
  regionWrite(lo: number, hi: number, bytes: number): void;
  regionProbe(lo: number, hi: number, bytes: number): number;
  /** The code at the RIP in the state is executed often. */
  hot(): void;
  /** The record for the RIP in the state, or 0 after a fault. */
  find(): number;
  /** Whether a record is of the page that the RIP in the state is in: 1, or 0. */
  isOfPage(pc: number): number;
  /** See system/vector-slow.ts. */
  vectorSlow(operation: number): number;
  /** The guest's time-stamp counter, into scratch, where generated code cannot count on by itself. */
  readTsc(): void;
  /** Runs the TypeScript function of a handler. */
  system(handler: number, pc: number): number;
}

export interface RuntimeFunctions extends SystemRuntime {
  readonly find: number;
  readonly system: number;
  readonly address: number;
  readonly hot: number;
  readonly isOfPage: number;
  readonly settleFlags: number;
  readonly coldType: number;
  /** Type of a region, for the table of them. */
  readonly regionType: number;
  /** What regions use in place of `readSlow`, `writeSlow` and `probeWrite`. */
  readonly region: Pick<Runtime, 'readSlow' | 'writeSlow' | 'probeWrite'>;
  /** See emit/slow-access.ts. */
  readonly reachPage: number;
  /** See find-region.ts. */
  readonly findRegion: number;
}

/** Parameters of a cold handler: vCPU, record, ipBase. Returns COLD_*. */
export const COLD_PARAMETERS = [op.TYPE_I32, op.TYPE_I32, op.TYPE_I64] as const;

const { TYPE_I32, TYPE_I64 } = op;

/**
 * Declares the imports, then the wrappers that give them 64-bit signatures. With `findsKnown` look-ups of what is known
 * are not TypeScript's.
 */
export function emitRuntime(module: ModuleBuilder, findsKnown: boolean): RuntimeFunctions {
  const slowRead = module.import('slowRead', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const slowWrite = module.import('slowWrite', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const probeWrite = module.import('probeWrite', [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  const segmentLinear = module.import('segmentLinear', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const offsetLinear = module.import('offsetLinear', [TYPE_I32, TYPE_I32, TYPE_I32, TYPE_I32], []);
  const find = module.import('find', [], [TYPE_I32]);
  const system = module.import('system', [TYPE_I32, TYPE_I32], [TYPE_I32]);
  const vectorSlow = module.import('vectorSlow', [TYPE_I32], [TYPE_I32]);
  const readTsc = module.import('readTsc', [], []);
  const regionRead = module.import('regionRead', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const regionWrite = module.import('regionWrite', [TYPE_I32, TYPE_I32, TYPE_I32], []);
  const regionProbe = module.import('regionProbe', [TYPE_I32, TYPE_I32, TYPE_I32], [TYPE_I32]);
  const hot = module.import('hot', [], []);
  const isOfPage = module.import('isOfPage', [TYPE_I32], [TYPE_I32]);
  const refill = emitTlbRefill(module, VCPU_TLBS);
  const beside = emitBesideCode(module);
  const withoutFloats = {
    find: findsKnown ? emitFind(module, find, VCPU_TLBS) : emitFindSlow(module, find),
    readSlow: byWidth((bits) => emitReadSlow(module, refill, slowRead, bits)),
    writeSlow: byWidth((bits) => emitWriteSlow(module, beside, refill, slowWrite, bits)),
    probeWrite: emitProbeWrite(module, beside, refill, probeWrite),
    offsetLinear: emitOffsetLinear(module, offsetLinear),
    address: emitAddressFunction(module, segmentLinear),
    system,
    vectorSlow,
    copyBlock: emitCopyBlock(module),
    fillBlock: emitFillBlock(module),
    hot,
    isOfPage,
    reachPage: emitReachPage(module, refill),
    findRegion: emitFindRegion(module),
    coldType: module.type(COLD_PARAMETERS, [TYPE_I32]),
    regionType: module.type(REGION_PARAMETERS, [TYPE_I32]),
    region: {
      readSlow: byWidth((bits) => emitReadSlow(module, refill, regionRead, bits)),
      writeSlow: byWidth((bits) => emitWriteSlow(module, beside, refill, regionWrite, bits)),
      probeWrite: emitProbeWrite(module, beside, refill, regionProbe),
    },
  };
  const runtime = { ...withoutFloats, floats: emitFloatFunctions(module, { ...withoutFloats, floats: new Map() }) };
  return {
    ...runtime,
    settleFlags: emitSettleFlags(module, runtime),
    systemReadHost: emitSystemHost(module, runtime, refill, false),
    systemWriteHost: emitSystemHost(module, runtime, refill, true),
    readTsc: emitReadTsc(module, readTsc),
    tlbs: VCPU_TLBS,
  };
}

/** Exports what the modules of regions import (region/region-runtime.ts). */
export function exportRegionRuntime(module: ModuleBuilder, runtime: RuntimeFunctions): void {
  for (const bits of WIDTHS) {
    module.export(`read${bits}`, runtime.region.readSlow[bits]);
    module.export(`write${bits}`, runtime.region.writeSlow[bits]);
  }
  module.export('probeWrite', runtime.region.probeWrite);
  const { offsetLinear, copyBlock, fillBlock, settleFlags, reachPage, findRegion } = runtime;
  const others = { offsetLinear, copyBlock, fillBlock, settleFlags, reachPage, findRegion };
  for (const [name, index] of Object.entries(others)) {
    module.export(name, index);
  }
  for (const { name } of SHARED_FUNCTIONS) module.export(name, runtime.floats.get(name) as number);
}

const WIDTHS = [8, 16, 32, 64, 128] as const;

type Width = 8 | 16 | 32 | 64 | 128;

function byWidth(make: (bits: Width) => number): Record<Width, number> {
  const result: Record<Width, number> = { 8: 0, 16: 0, 32: 0, 64: 0, 128: 0 };
  for (const bits of WIDTHS) result[bits] = make(bits);
  return result;
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
