/** What a region's module imports: functions of the interpreter's module, which regions share with it. */
import type { ModuleBuilder, TypedTable } from '../emit/module.ts';
import * as op from '../emit/opcodes.ts';
import type { Runtime } from '../emit/tier.ts';
import { wasmType } from '../emit/values.ts';
import { MAX_REGIONS } from '../interpreter/layout.ts';
import { SHARED_FUNCTIONS } from '../instructions/shared-functions.ts';
import { REGION_PARAMETERS } from './region-frame.ts';

export interface RegionRuntime extends Runtime {
  /** See lazy-flags.ts. */
  readonly settleFlags: number;
  /** (vcpu, address: i64, bytes: i32, write: i32) -> host address of the page, or 0: see emit/slow-access.ts. */
  readonly reachPage: number;
  /** (vcpu, rip: i64) -> index of a region, or REGION_*: see interpreter/find-region.ts. */
  readonly findRegion: number;
  /** Type of a cold handler, for the table of them. */
  readonly coldType: number;
  /** Type of a region, for the table of them. */
  readonly regionType: number;
}

/** Tables as regions' modules number them: V8 reaches the first one faster. */
export const REGION_TABLE = 0;
export const COLD_TABLE = 1;

/** The table of regions, with the index of their type in a module. */
export function regionTable(type: number): TypedTable {
  return { name: 'regions', length: MAX_REGIONS, type };
}

const { TYPE_I32, TYPE_I64 } = op;
const WIDTHS = [8, 16, 32, 64, 128] as const;

/** Exports of the interpreter's module by which regions reach the machine, by the names they are imported under. */
export function importRegionRuntime(module: ModuleBuilder, coldParameters: readonly number[]): RegionRuntime {
  const readSlow = { 8: 0, 16: 0, 32: 0, 64: 0, 128: 0 };
  const writeSlow = { 8: 0, 16: 0, 32: 0, 64: 0, 128: 0 };
  for (const bits of WIDTHS) {
    readSlow[bits] = module.import(`read${bits}`, [TYPE_I32, TYPE_I64], [wasmType(bits)]);
    writeSlow[bits] = module.import(`write${bits}`, [TYPE_I32, TYPE_I64, wasmType(bits)], []);
  }
  const regionType = module.type(REGION_PARAMETERS, [TYPE_I32]);
  // In this order: see REGION_TABLE and COLD_TABLE.
  module.importTable(regionTable(regionType));
  module.importTable('cold');
  return {
    readSlow,
    writeSlow,
    probeWrite: module.import('probeWrite', [TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]),
    offsetLinear: module.import('offsetLinear', [TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I32, TYPE_I32], [TYPE_I64]),
    copyBlock: module.import('copyBlock', [TYPE_I32, TYPE_I32, TYPE_I32], []),
    fillBlock: module.import('fillBlock', [TYPE_I32, TYPE_I64, TYPE_I32], []),
    vectorSlow: module.import('vectorSlow', [TYPE_I32], [TYPE_I32]),
    floats: new Map(
      SHARED_FUNCTIONS.map(({ name, parameters, result }) => [name, module.import(name, parameters, [result])]),
    ),
    reachPage: module.import('reachPage', [TYPE_I32, TYPE_I64, TYPE_I32, TYPE_I32], [TYPE_I32]),
    findRegion: module.import('findRegion', [TYPE_I32, TYPE_I64], [TYPE_I32]),
    settleFlags: module.import('settleFlags', [TYPE_I32, TYPE_I32, TYPE_I64, TYPE_I64], []),
    coldType: module.type(coldParameters, [TYPE_I32]),
    regionType,
  };
}
