/**
 * What the shortcuts of system instructions are written against: requirements that leave to TypeScript, descriptors,
 * and changes of privilege within 64-bit code.
 */
import { MODE_CODE_64, MODE_STEP } from '../mode.ts';
import * as state from '../state.ts';
import type { Code, Label } from './code.ts';
import * as op from './opcodes.ts';
import { RFLAGS_REST } from './flags.ts';
import { Semantics } from './semantics.ts';
import type { ControlFlow, HandlerContext, OperandAccess, Runtime } from './tier.ts';
import { TLB_SIZE, TLB_SUPERVISOR, TLB_USER } from './tlb-layout.ts';
import { type Bits, LOADS, type LocalPool, STORES, type Value } from './values.ts';

export interface SystemRuntime extends Runtime {
  /** See system-host.ts. */
  readonly systemReadHost: number;
  readonly systemWriteHost: number;
  /** See read-tsc.ts. */
  readonly readTsc: number;
  /** Where a vCPU's TLBs are in its area. */
  readonly tlbs: number;
}

const STATUS = [
  ['CF', 0],
  ['PF', 2],
  ['AF', 4],
  ['ZF', 6],
  ['SF', 7],
  ['OF', 11],
] as const;

/** Where a descriptor has the base. */
const BASE_BITS = 0xff0000ff_ffff0000n;

/** Where the state has a segment register. */
export function segmentAt(segment: number): number {
  return state.OFFSET_SEGMENTS + segment * state.SEGMENT_SIZE;
}

export class SystemSemantics extends Semantics {
  readonly #runtime: SystemRuntime;
  #otherwise = 0 as Label;

  constructor(
    code: Code,
    locals: LocalPool,
    places: { vcpu: number; tlb: number },
    runtime: SystemRuntime,
    operands: OperandAccess,
    control: ControlFlow,
    context: HandlerContext,
  ) {
    super(code, locals, places, runtime, operands, control, context);
    this.#runtime = runtime;
  }

  /** Emits `body`, which leaves; where something that it requires does not hold, control comes behind it. */
  attempt(body: () => void): void {
    this.#otherwise = this.code.block();
    body();
    this.code.end();
  }

  /** TypeScript does it unless the condition holds. Nothing may have changed yet. */
  require(condition: Value): void {
    this.push(condition);
    this.code.op(op.OP_I32_EQZ);
    this.code.unlikely();
    this.code.brIf(this.#otherwise);
  }
  requireClear(value: Value): void {
    this.push(value);
    this.code.unlikely();
    this.code.brIf(this.#otherwise);
  }
  /** The bits of `mask` are `wanted`. */
  requireBits(value: Value, mask: number, wanted: number): void {
    this.require(this.eq(this.and(value, this.const(32, mask)), this.const(32, wanted)));
  }
  giveUp(): void {
    this.code.br(this.#otherwise);
  }

  /** 64-bit code that is not stepped through: no trap follows, and MODE_* stays as it is. */
  requirePlain64(): void {
    this.requireBits(this.loadState(state.OFFSET_MODE, 32), MODE_CODE_64 | MODE_STEP, MODE_CODE_64);
    // Where jumps lead is forgotten when the base of CS changes.
    this.require(this.isZero(this.loadState(segmentAt(state.CS) + state.SEGMENT_BASE, 64)));
  }
  requireCpl0(): void {
    this.requireClear(this.loadState(state.OFFSET_CPL, 32));
  }
  requireCanonical(address: Value): void {
    this.require(this.eq(this.sar(this.shl(address, 16), 16), address));
  }

  /** The guest's time-stamp counter. */
  readTsc(): Value {
    this.code.get(this.vcpu);
    this.code.call(this.#runtime.readTsc);
    return this.pop(64);
  }

  // Machine memory, at addresses that `hostOf` found

  /** Machine address of bytes that a TLB's rights let be read or written. */
  hostOf(tlb: Value, address: Value, bytes: number | Value, isWrite: boolean): Value {
    this.code.get(this.vcpu);
    this.push(tlb);
    this.push(address);
    if (typeof bytes === 'number') this.code.i32(bytes);
    else this.push(bytes);
    const { systemReadHost, systemWriteHost } = this.#runtime;
    this.code.call(isWrite ? systemWriteHost : systemReadHost);
    const host = this.pop(32);
    this.require(host);
    return host;
  }
  /** As the processor accesses for itself. */
  supervisorHost(address: Value, bytes: number | Value, isWrite: boolean): Value {
    return this.hostOf(this.#tlbOf(this.const(32, TLB_SUPERVISOR)), address, bytes, isWrite);
  }
  loadHost(host: Value, offset: number, bits: Bits): Value {
    this.push(host);
    this.code.memory(LOADS[bits], offset);
    return this.pop(bits);
  }
  storeHost(host: Value, offset: number, value: Value): void {
    this.push(host);
    this.push(value);
    this.code.memory(STORES[value.bits], offset);
  }

  // Flags

  /** As `SystemCpu.rflags`. */
  rflags(): Value {
    const rest = this.and(this.loadState(state.OFFSET_RFLAGS_REST, 32), this.const(32, RFLAGS_REST));
    const bits = STATUS.map(([name, place]) => this.shl(this.zext(this.flag(name), 32), place));
    return bits.reduce((all, bit) => this.or(all, bit), this.or(rest, this.const(32, 2)));
  }
  /** Sets the six status flags from their places in RFLAGS. */
  setStatusFlags(rflags: Value): void {
    const at = (flag: number): Value => this.bit(rflags, Math.log2(flag));
    this.flags({
      CF: at(state.FLAG_CF),
      PF: at(state.FLAG_PF),
      AF: at(state.FLAG_AF),
      ZF: at(state.FLAG_ZF),
      SF: at(state.FLAG_SF),
      OF: at(state.FLAG_OF),
    });
  }
  /** Whoever waits for an interrupt window is asked whether it still does where IF becomes set. */
  requireNoWindow(before: Value, after: Value): void {
    const enabled = this.bit(this.and(after, this.not(before)), 9);
    this.requireClear(this.and(this.zext(enabled, 32), this.loadState(state.OFFSET_WINDOW, 32)));
  }

  // Segments and privilege

  /** A descriptor of the GDT. */
  descriptor(selector: Value): Value {
    this.requireClear(this.and(selector, this.const(32, 4)));
    const offset = this.and(selector, this.const(32, 0xfff8));
    const last = this.add(offset, this.const(32, 7));
    this.require(this.belowOrEqual(last, this.loadState(state.OFFSET_GDTR + 8, 32)));
    const address = this.add(this.loadState(state.OFFSET_GDTR, 64), this.zext(offset, 64));
    return this.loadHost(this.supervisorHost(address, 8, false), 0, 64);
  }
  /** Attributes of a descriptor, as segments keep them. */
  attributesOf(descriptor: Value): Value {
    return this.and(this.trunc(this.shr(descriptor, 40), 32), this.const(32, 0xf0ff));
  }
  /** The limit of a descriptor, in bytes; its base must be 0. */
  limitOf(descriptor: Value): Value {
    this.require(this.isZero(this.and(descriptor, this.const(64, BASE_BITS))));
    const high = this.trunc(this.shr(descriptor, 32), 32);
    const low = this.trunc(descriptor, 32);
    const raw = this.or(this.and(low, this.const(32, 0xffff)), this.and(high, this.const(32, 0xf0000)));
    const scaled = this.or(this.shl(raw, 12), this.const(32, 0xfff));
    return this.select(this.bit(high, 23), scaled, raw);
  }
  /** Sets CS or SS; its base is 0. */
  setSegment(segment: number, selector: Value, attributes: Value, limit: Value): void {
    const at = segmentAt(segment);
    this.storeState(at, this.or(selector, this.shl(attributes, 16)));
    this.storeState(at + state.SEGMENT_LIMIT, limit);
    this.storeState(at + state.SEGMENT_BASE, this.const(64, 0));
  }

  /** What follows from CPL and RFLAGS where only they change; at CPL 3 AC must be clear. `rest` has no TF. */
  enterLevel(level: 0 | 3, rest: Value): void {
    this.storeState(state.OFFSET_CPL, this.const(32, level));
    this.storeState(state.OFFSET_RFLAGS_REST, this.and(rest, this.const(32, RFLAGS_REST)));
    const index = level === 3 ? this.const(32, TLB_USER) : this.zext(this.bit(rest, 18), 32);
    this.storeState(state.OFFSET_TLB, this.#tlbOf(index));
    const mode = this.or(this.loadState(state.OFFSET_MODE, 32), this.const(32, level << 11));
    const bias = this.loadState(level === 3 ? state.OFFSET_USER_BIAS : state.OFFSET_KERNEL_BIAS, 32);
    // In one piece, as it is read next: a processor hands on what was just stored only whole.
    this.storeState(state.OFFSET_MODE_TAG, this.or(this.zext(bias, 64), this.shl(this.zext(mode, 64), 48)));
  }

  #tlbOf(index: Value): Value {
    this.code.get(this.vcpu);
    const vcpu = this.pop(32);
    const { tlbs } = this.#runtime;
    if (index.isConstant) return this.add(vcpu, this.const(32, BigInt(tlbs) + index.constant * BigInt(TLB_SIZE)));
    return this.add(this.add(vcpu, this.const(32, tlbs)), this.shl(index, Math.log2(TLB_SIZE)));
  }
}
