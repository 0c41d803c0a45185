/**
 * What the inline TLB look-up falls back to: the refill in generated code, then TypeScript. Accesses that cross pages
 * are TypeScript's. Regions come here with what the TLB may have, too: see region/access-groups.ts.
 */
import { OFFSET_SCRATCH, OFFSET_TLB } from '../state.ts';
import { Code } from './code.ts';
import type { ModuleBuilder } from './module.ts';
import { CODE_LINE_SHIFT, CODE_LINES } from './nested-layout.ts';
import * as op from './opcodes.ts';
import { TLB_BESIDE_CODE, TLB_ENTRY_ADDEND, TLB_WRITE_OFFSET } from './tlb-layout.ts';
import { pushTlbOffset, pushTlbTags } from './tlb-offset.ts';
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
  pushKnown(code, HOST, bits, false);
  returnLoaded(code, HOST, bits);
  pushRefill(code, refill, HOST, bits, false);
  returnLoaded(code, HOST, bits);
  pushHalves(code, ADDRESS);
  code.i32(bits / 8);
  code.call(slowRead);
  code.get(VCPU);
  code.memory(LOADS[bits], OFFSET_SCRATCH);
  module.define(index, [{ type: TYPE_I32, count: 1 }], code);
  return index;
}

/**
 * (vcpu, address: i64, bytes: i32) -> host address of bytes of a page that holds translated code, where they are beside
 * it and the TLB knows the page to be writable; else 0. They are at most 64.
 */
export function emitBesideCode(module: ModuleBuilder): number {
  const BYTES = 2;
  const ENTRY = 3;
  const HOST = 4;
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  pushTlbOffset(code, () => code.get(ADDRESS));
  code.get(VCPU);
  code.memory(op.OP_I32_LOAD, OFFSET_TLB);
  code.op(op.OP_I32_ADD);
  code.tee(ENTRY);
  code.memory(op.OP_I64_LOAD, TLB_WRITE_OFFSET);
  code.get(ADDRESS);
  code.i64(-4096n);
  code.op(op.OP_I64_AND);
  code.i64(BigInt(TLB_BESIDE_CODE));
  code.op(op.OP_I64_OR);
  code.op(op.OP_I64_EQ);
  code.if();
  code.get(ADDRESS);
  code.op(op.OP_I32_WRAP_I64);
  code.get(ENTRY);
  code.memory(op.OP_I32_LOAD, TLB_WRITE_OFFSET + TLB_ENTRY_ADDEND);
  code.op(op.OP_I32_ADD);
  code.set(HOST);
  pushHasCode(code, HOST);
  code.get(HOST);
  code.get(BYTES);
  code.op(op.OP_I32_ADD);
  code.i32(1);
  code.op(op.OP_I32_SUB);
  code.set(ENTRY);
  pushHasCode(code, ENTRY);
  code.op(op.OP_I64_OR);
  code.op(op.OP_I64_EQZ);
  code.get(HOST);
  code.get(ENTRY);
  code.op(op.OP_I32_XOR);
  code.i32(4096);
  code.op(op.OP_I32_LT_U);
  code.op(op.OP_I32_AND);
  code.if();
  code.get(HOST);
  code.byte(op.OP_RETURN);
  code.end();
  code.end();
  code.i32(0);
  module.define(index, [{ type: TYPE_I32, count: 2 }], code);
  return index;
}

/** (vcpu, address: i64, value). `slowWrite` is (lo, hi, bytes), from scratch. */
export function emitWriteSlow(
  module: ModuleBuilder,
  beside: number,
  refill: number,
  slowWrite: number,
  bits: Bits,
): number {
  const VALUE = 2;
  const HOST = 3;
  const index = module.declare([TYPE_I32, TYPE_I64, wasmType(bits)], []);
  const code = new Code();
  pushKnown(code, HOST, bits, true);
  returnStored(code, HOST, VALUE, bits);
  code.get(VCPU);
  code.get(ADDRESS);
  code.i32(bits / 8);
  code.call(beside);
  code.tee(HOST);
  returnStored(code, HOST, VALUE, bits);
  pushRefill(code, refill, HOST, bits, true);
  returnStored(code, HOST, VALUE, bits);
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
export function emitProbeWrite(module: ModuleBuilder, beside: number, refill: number, probeWrite: number): number {
  const BYTES = 2;
  const HOST = 3;
  const index = module.declare([TYPE_I32, TYPE_I64, TYPE_I32], [TYPE_I32]);
  const code = new Code();
  code.get(BYTES);
  code.i32(1 << CODE_LINE_SHIFT);
  code.op(op.OP_I32_LE_U);
  code.if();
  code.get(VCPU);
  code.get(ADDRESS);
  code.get(BYTES);
  code.call(beside);
  code.tee(HOST);
  code.if();
  code.get(HOST);
  code.byte(op.OP_RETURN);
  code.end();
  code.end();
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

// Pushes a bit of CODE_LINES as i64: whether the byte at a host address was translated.
function pushHasCode(code: Code, host: number): void {
  code.get(host);
  code.i32(12);
  code.op(op.OP_I32_SHR_U);
  code.i32(3);
  code.op(op.OP_I32_SHL);
  code.memory(op.OP_I64_LOAD, CODE_LINES);
  code.get(host);
  code.i32(CODE_LINE_SHIFT);
  code.op(op.OP_I32_SHR_U);
  code.op(op.OP_I64_EXTEND_I32_U);
  code.op(op.OP_I64_SHR_U);
  code.i64(1n);
  code.op(op.OP_I64_AND);
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

// Returns what is at a host address, if what is on the stack says that it is one.
function returnLoaded(code: Code, host: number, bits: Bits): void {
  code.if();
  code.get(host);
  code.memory(LOADS[bits], 0);
  code.byte(op.OP_RETURN);
  code.end();
}

// The same, when the value is written there.
function returnStored(code: Code, host: number, value: number, bits: Bits): void {
  code.if();
  code.get(host);
  code.get(value);
  code.memory(STORES[bits], 0);
  code.byte(op.OP_RETURN);
  code.end();
}

// Pushes whether the TLB has it; then the host address is in HOST.
function pushKnown(code: Code, host: number, bits: Bits, write: boolean): void {
  const table = write ? TLB_WRITE_OFFSET : 0;
  pushTlbTags(code, {
    pushAddress: () => code.get(ADDRESS),
    pushTlb: () => {
      code.get(VCPU);
      code.memory(op.OP_I32_LOAD, OFFSET_TLB);
    },
    bytes: bits / 8,
    table,
    entry: host,
  });
  code.op(op.OP_I64_EQ);
  code.get(host);
  code.memory(op.OP_I32_LOAD, table + TLB_ENTRY_ADDEND);
  code.get(ADDRESS);
  code.op(op.OP_I32_WRAP_I64);
  code.op(op.OP_I32_ADD);
  code.set(host);
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
