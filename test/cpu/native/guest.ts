/**
 * Our processor under the conditions of harness.c: user mode, the same linear addresses, and an IDT whose handlers are
 * HLTs, so that every exception ends in an exit that tells its vector.
 */
import type { EngineMaker } from '../engines.ts';
import type { Engine, EngineVcpu, Intercepts, TscSource } from '../../../src/cpu/engine.ts';
import { ENGINE_RESERVED_BYTES, EXIT_BUDGET, EXIT_HLT } from '../../../src/cpu/engine.ts';
import { readStatusFlags, writeStatusFlags } from '../../../src/cpu/emit/flags.ts';
import { fxrstor, fxsave, type VectorState } from '../../../src/cpu/fpu/fxsave.ts';
import { X87State } from '../../../src/cpu/fpu/x87-state.ts';
import * as state from '../../../src/cpu/state.ts';
import {
  addressOf,
  CODE,
  CODE_BYTES,
  CODE_IN_SLOT,
  type Case,
  DATA,
  DATA_BYTES,
  DATA_WRITABLE_BYTES,
  FILLER,
  FX_BYTES,
  NO_VECTOR,
  type Outcome,
  SLOT,
  VECTOR_HANG,
  WINDOW,
  WINDOW_BYTES,
} from './protocol.ts';

const PAGE = 4096;
/** Guest-physical pages, in order: tables, code, data, then what the handlers need. */
const FIRST_FRAME = ENGINE_RESERVED_BYTES / PAGE;
const FRAMES = 256;
export const MACHINE_BYTES = ENGINE_RESERVED_BYTES + FRAMES * PAGE;

/** Linear addresses of supervisor pages: handlers (HLT each 16 bytes), IDT, GDT and TSS, stack. */
const HANDLERS = 0x3a5b40000000;
const IDT = HANDLERS + PAGE;
const TABLES = HANDLERS + 2 * PAGE;
const STACK_TOP = HANDLERS + 4 * PAGE;
const CODE_SELECTOR = 0x8;

const PTE_PRESENT = 1n;
const PTE_WRITE = 2n;
const PTE_USER = 4n;
const PTE_NX = 1n << 63n;

/** Vectors that push an error code (SDM vol. 3A, table 6-1). */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17, 21]);

const PLATFORM: Intercepts = {
  cpuid: (_leaf, _subleaf, out) => {
    out.fill(0);
    return true;
  },
  readMsr: () => false,
  writeMsr: () => false,
  readPort: () => 0xffffffff,
  writePort: () => {},
  readMmio: () => 0xffffffff,
  writeMmio: () => {},
  readTpr: () => 0,
  writeTpr: () => {},
};

/** The counter stands still. */
const NO_TIME: TscSource = {
  read(out) {
    out.fill(0);
    return false;
  },
};

export class Guest {
  readonly #engine: Engine;
  readonly #vcpu: EngineVcpu;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #vector: VectorState;
  readonly #gprs: BigUint64Array;
  /** Machine address of a linear page's frame. */
  readonly #pages = new Map<number, number>();
  #nextFrame = FIRST_FRAME;

  constructor(makeEngine: EngineMaker) {
    const pages = MACHINE_BYTES / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#engine = makeEngine(memory);
    const nested = { lookup: (gfn: number) => (gfn >= FIRST_FRAME && gfn < FIRST_FRAME + FRAMES ? gfn * 8 + 7 : 0) };
    this.#vcpu = this.#engine.createVcpu(nested, PLATFORM, NO_TIME);
    const cpu = this.#vcpu.state;
    const x87 = new X87State(cpu.view, state.OFFSET_X87, state.OFFSET_X87_CONTROL);
    this.#vector = { x87, view: cpu.view, xmmAt: state.OFFSET_XMM, mxcsrAt: state.OFFSET_MXCSR };
    this.#gprs = new BigUint64Array(memory.buffer, cpu.base + state.OFFSET_GPR, 16);
    this.#map();
    this.#systemRegisters();
  }

  /** Runs the cases of a batch. */
  run(cases: readonly Case[]): Outcome[] {
    const code = this.#pages.get(CODE) as number;
    this.#bytes.fill(FILLER, code, code + CODE_BYTES);
    for (const one of cases) this.#bytes.set(one.code, code + one.slot * SLOT + CODE_IN_SLOT);
    this.#engine.memoryWritten(code, CODE_BYTES);
    return cases.map((one) => this.#runOne(one));
  }

  #runOne(one: Case): Outcome {
    const cpu = this.#vcpu.state;
    const data = this.#pages.get(DATA) as number;
    const window = data + (WINDOW - DATA);
    this.#bytes.fill(0, data, data + DATA_WRITABLE_BYTES);
    this.#bytes.set(one.window, window);
    this.#gprs.set(one.gpr);
    writeStatusFlags(cpu, one.rflags);
    cpu.setU32(state.OFFSET_RFLAGS_REST, one.rflags & ~state.FLAGS_STATUS);
    cpu.rip = BigInt(addressOf(one));
    cpu.setU32(state.OFFSET_CPL, 3);
    userSegments(cpu, one.width);
    const image = new DataView(new ArrayBuffer(FX_BYTES));
    if (one.fx !== undefined) {
      new Uint8Array(image.buffer).set(one.fx);
      fxrstor(this.#vector, image, 0, { wide: true, mode64: true });
    }
    let exit = this.#vcpu.run(1000);
    for (let i = 0; i < 1000 && exit === EXIT_BUDGET; i++) exit = this.#vcpu.run(1000);
    if (one.fx !== undefined) fxsave(this.#vector, image, 0, { wide: true, mode64: true });
    return {
      ...this.#exception(one, exit),
      gpr: this.#gprs.slice(),
      window: this.#bytes.slice(window, window + WINDOW_BYTES),
      dataHash: this.#dataHash(data),
      fx: one.fx === undefined ? undefined : new Uint8Array(image.buffer),
    };
  }

  /** As harness.c has it. */
  #dataHash(data: number): number {
    const words = new Int32Array(this.#bytes.buffer, data, DATA_WRITABLE_BYTES / 4);
    let hash = 1;
    for (const word of words) {
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash = (hash << 13) | (hash >>> 19);
    }
    return hash >>> 0;
  }

  // What the handler's stack frame says; the general registers get back the RSP that was interrupted.
  #exception(one: Case, exit: number): Omit<Outcome, 'gpr' | 'window' | 'dataHash' | 'fx'> {
    const cpu = this.#vcpu.state;
    if (exit !== EXIT_HLT) {
      const rflags = (cpu.u32(state.OFFSET_RFLAGS_REST) | readStatusFlags(cpu) | 2) >>> 0;
      return { vector: exit === EXIT_BUDGET ? VECTOR_HANG : 0x1000 + exit, error: 0, cr2: 0n, rip: cpu.rip, rflags };
    }
    const vector = (Number(cpu.rip) - HANDLERS - 1) / 16;
    const stack = this.#machine(Number(this.#gprs[4]));
    const hasError = WITH_ERROR_CODE.has(vector);
    const frame = stack + (hasError ? 8 : 0);
    const rip = this.#view.getBigUint64(frame, true);
    const rflags = this.#view.getUint32(frame + 16, true);
    this.#gprs[4] = this.#view.getBigUint64(frame + 24, true);
    const next = BigInt(addressOf(one) + one.code.length);
    if (vector === state.EXCEPTION_GP && rip === next) return { vector: NO_VECTOR, error: 0, cr2: 0n, rip, rflags };
    const error = hasError ? this.#view.getUint32(stack, true) : 0;
    return { vector, error, cr2: cpu.u64(state.OFFSET_CR2), rip, rflags };
  }

  #machine(linear: number): number {
    const page = this.#pages.get(linear - (linear % PAGE));
    if (page === undefined) throw new Error(`linear address 0x${linear.toString(16)} is not mapped`);
    return page + (linear % PAGE);
  }

  #frame(): number {
    const at = this.#nextFrame++ * PAGE;
    this.#bytes.fill(0, at, at + PAGE);
    return at;
  }

  #map(): void {
    const root = this.#frame();
    this.#vcpu.state.setU64(state.OFFSET_CR3, BigInt(root));
    const user = PTE_PRESENT | PTE_USER | PTE_WRITE;
    for (let at = 0; at < CODE_BYTES; at += PAGE) this.#mapPage(root, CODE + at, user);
    for (let at = 0; at < DATA_BYTES; at += PAGE) {
      this.#mapPage(root, DATA + at, (at < DATA_WRITABLE_BYTES ? user : PTE_PRESENT | PTE_USER) | PTE_NX);
    }
    for (let at = HANDLERS; at < STACK_TOP; at += PAGE) this.#mapPage(root, at, PTE_PRESENT | PTE_WRITE);
    this.#bytes.fill(0xf4, this.#machine(HANDLERS), this.#machine(HANDLERS) + PAGE);
    for (let vector = 0; vector < 256; vector++) this.#gate(vector);
    this.#descriptor(CODE_SELECTOR, 0x00209b0000000000n);
    this.#descriptor(0x10, 0x00cf93000000ffffn);
    this.#descriptor(0x23, 0x00cffb000000ffffn);
    this.#descriptor(0x2b, 0x00cff3000000ffffn);
    this.#descriptor(0x33, 0x00affb000000ffffn);
    // RSP0, and no I/O permission bitmap: it would begin past the end
    this.#view.setUint16(this.#machine(TABLES + 0x800 + 0x66), 0x68, true);
    this.#view.setBigUint64(this.#machine(TABLES + 0x800 + 4), BigInt(STACK_TOP), true);
  }

  #mapPage(root: number, linear: number, flags: bigint): void {
    let table = root;
    for (const shift of [39, 30, 21]) {
      const at = table + (Math.floor(linear / 2 ** shift) % 512) * 8;
      if (this.#view.getBigUint64(at, true) === 0n) {
        this.#view.setBigUint64(at, BigInt(this.#frame()) | PTE_PRESENT | PTE_WRITE | PTE_USER, true);
      }
      table = Number(this.#view.getBigUint64(at, true) & 0xffffffff000n);
    }
    const frame = this.#frame();
    this.#view.setBigUint64(table + (Math.floor(linear / PAGE) % 512) * 8, BigInt(frame) | flags, true);
    this.#pages.set(linear, frame);
  }

  #gate(vector: number): void {
    const handler = HANDLERS + (vector % 256) * 16;
    const at = this.#machine(IDT) + vector * 16;
    this.#view.setUint32(at, (handler & 0xffff) | (CODE_SELECTOR << 16), true);
    // Present, DPL 3, interrupt gate
    this.#view.setUint32(at + 4, ((handler & 0xffff0000) | 0xee00) >>> 0, true);
    this.#view.setUint32(at + 8, Math.floor(handler / 2 ** 32), true);
  }

  #descriptor(selector: number, value: bigint): void {
    this.#view.setBigUint64(this.#machine(TABLES) + (selector & ~7), value, true);
  }

  #systemRegisters(): void {
    const cpu = this.#vcpu.state;
    const { CR0_PE, CR0_MP, CR0_ET, CR0_NE, CR0_WP, CR0_AM, CR0_PG } = state;
    cpu.setU64(state.OFFSET_CR0, BigInt((CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG) >>> 0));
    const cr4 = state.CR4_PAE | state.CR4_OSFXSR | state.CR4_OSXMMEXCPT | state.CR4_OSXSAVE;
    cpu.setU64(state.OFFSET_CR4, BigInt(cr4));
    cpu.setU64(state.OFFSET_XCR0, 3n);
    cpu.setU64(state.OFFSET_EFER, BigInt(state.EFER_SCE | state.EFER_LME | state.EFER_LMA | state.EFER_NXE));
    cpu.setU64(state.OFFSET_IDTR, BigInt(IDT));
    cpu.setU32(state.OFFSET_IDTR + 8, 0xfff);
    cpu.setU64(state.OFFSET_GDTR, BigInt(TABLES));
    cpu.setU32(state.OFFSET_GDTR + 8, 0x7f);
    cpu.setSegment(state.TR, 0x40, 0x8b, 0x67, BigInt(TABLES + 0x800));
    cpu.setU32(state.OFFSET_MXCSR, 0x1f80);
  }
}

function userSegments(cpu: state.VcpuState, width: 64 | 32): void {
  const { ATTRIBUTE_G, ATTRIBUTE_DB, ATTRIBUTE_L } = state;
  const size = width === 64 ? ATTRIBUTE_L : ATTRIBUTE_DB;
  cpu.setSegment(state.CS, width === 64 ? 0x33 : 0x23, 0xfb | ATTRIBUTE_G | size, 0xffffffff, 0n);
  for (const segment of [state.SS, state.DS, state.ES]) {
    cpu.setSegment(segment, 0x2b, 0xf3 | ATTRIBUTE_G | ATTRIBUTE_DB, 0xffffffff, 0n);
  }
}
