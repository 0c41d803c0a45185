/**
 * What the inline TLB look-up falls back to: the refill in generated code, then TypeScript. Accesses that cross pages
 * are TypeScript's.
 */
import { OFFSET_SCRATCH } from '../state.ts';
import { Code } from './code.ts';
import type { ModuleBuilder } from './module.ts';
import * as op from './opcodes.ts';
import { type Bits, LOADS, STORES, wasmType } from './values.ts';

const { TYPE_I32, TYPE_I64 } = op;

// Parameters that all have
const VCPU = 0;
const ADDRESS = 1;

/** (vcpu, address: i64) -> value. `slowRead` is (lo, hi, bytes), into scratch. */
export function emitReadSlow(module: ModuleBuilder, refill: number, slowRead: number, bits: Bits): number {
  const HOST = 2;
  const index = module.declare([TYPE_I32, TYPE_I64], [wasmType(bits)]);
  const code = new Code();
  pushRefill(code, refill, HOST, bits, false);
  code.if();
  code.get(HOST);
  code.memory(LOADS[bits], 0);
  code.byte(op.OP_RETURN);
  code.end();
  pushHalves(code, ADDRESS);
  code.i32(bits / 8);
  code.call(slowRead);
  code.get(VCPU);
  code.memory(LOADS[bits], OFFSET_SCRATCH);
  module.define(index, [{ type: TYPE_I32, count: 1 }], code);
  return index;
}

/** (vcpu, address: i64, value). `slowWrite` is (lo, hi, bytes), from scratch. */
export function emitWriteSlow(module: ModuleBuilder, refill: number, slowWrite: number, bits: Bits): number {
  const VALUE = 2;
  const HOST = 3;
  const index = module.declare([TYPE_I32, TYPE_I64, wasmType(bits)], []);
  const code = new Code();
  pushRefill(code, refill, HOST, bits, true);
  code.if();
  code.get(HOST);
  code.get(VALUE);
  code.memory(STORES[bits], 0);
  code.byte(op.OP_RETURN);
  code.end();
  code.get(VCPU);
  code.get(VALUE);
  code.memory(STORES[bits], OFFSET_SCRATCH);
  pushHalves(code, ADDRESS);
  code.i32(bits / 8);
  code.call(slowWrite);
  module.define(index, [{ type: TYPE_I32, count: 1 }], code);
  return index;
}

/** (vcpu, address: i64, bytes: i32) -> host address, or 0. `probeWrite` is (lo, hi, bytes) -> host address, or 0. */
export function emitProbeWrite(module: ModuleBuilder, refill: number, probeWrite: number): number {
  const BYTES = 2;
  const HOST = 3;
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  pushPageOffset(code);
  code.get(BYTES);
  code.op(op.OP_I32_ADD);
  code.i32(4096);
  code.op(op.OP_I32_LE_U);
  code.if();
  code.get(VCPU);
  code.get(ADDRESS);
  code.i32(1);
  code.call(refill);
  code.tee(HOST);
  code.if();
  code.get(HOST);
  code.byte(op.OP_RETURN);
  code.end();
  code.end();
  pushHalves(code, ADDRESS);
  code.get(BYTES);
  code.call(probeWrite);
  module.define(index, [{ type: TYPE_I32, count: 1 }], code);
  return index;
}

/**
 * (vcpu, address: i64, bytes: i32, write: i32) -> host address of the page that an access is in, now in the TLB; 0 where
 * it must be reached the slow way.
 */
export function emitReachPage(module: ModuleBuilder, refill: number): number {
  const BYTES = 2;
  const WRITE = 3;
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  pushPageOffset(code);
  code.get(BYTES);
  code.op(op.OP_I32_ADD);
  code.i32(4096);
  code.op(op.OP_I32_LE_U);
  code.if(TYPE_I32);
  code.get(VCPU);
  code.get(ADDRESS);
  code.get(WRITE);
  code.call(refill);
  code.i32(-4096);
  code.op(op.OP_I32_AND);
  code.else();
  code.i32(0);
  code.end();
  module.define(index, [], code);
  return index;
}

/** Pushes the halves of an i64, as TypeScript takes them. */
export function pushHalves(code: Code, local: number): void {
  code.get(local);
  code.op(op.OP_I32_WRAP_I64);
  code.get(local);
  code.i64(32n);
  code.op(op.OP_I64_SHR_U);
  code.op(op.OP_I32_WRAP_I64);
}

// Pushes the host address, which is in HOST too, or 0.
function pushRefill(code: Code, refill: number, host: number, bits: Bits, write: boolean): void {
  if (bits > 8) {
    pushPageOffset(code);
    code.i32(4096 - bits / 8);
    code.op(op.OP_I32_LE_U);
    code.if(TYPE_I32);
  }
  code.get(VCPU);
  code.get(ADDRESS);
  code.i32(write ? 1 : 0);
  code.call(refill);
  if (bits > 8) {
    code.else();
    code.i32(0);
    code.end();
  }
  code.tee(host);
}

function pushPageOffset(code: Code): void {
  code.get(ADDRESS);
  code.op(op.OP_I32_WRAP_I64);
  code.i32(0xfff);
  code.op(op.OP_I32_AND);
}
