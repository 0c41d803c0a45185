import {
  type Engine,
  type EngineVcpu,
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_LEAVE,
  EXIT_WINDOW,
  type Exit,
  type Intercepts,
  NESTED_READ,
  NESTED_SCALE,
  NESTED_WRITE,
  type NestedPaging,
  type OutsideAccess,
  PAGE_SIZE,
  type TscSource,
} from '../../cpu/engine.ts';
import {
  ATTRIBUTE_L,
  CS,
  EFER_LMA,
  FLAG_IF,
  OFFSET_CR0,
  OFFSET_CR3,
  OFFSET_CR4,
  OFFSET_EFER,
  OFFSET_RFLAGS_REST,
  R8,
  R10,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RSI,
  VCPU_STATE_SIZE,
  VcpuState,
} from '../../cpu/state.ts';
import type { CpuidTable } from '../x86/cpuid.ts';

/** What a guest of a test does: yields the exits it makes; `cpu.result` is what the last hypercall returned. */
export type GuestProgram = (cpu: FakeVcpu) => Generator<Exit, void, void>;

const INSTRUCTIONS_A_STEP = 100;
const CONTROL = { cr0: OFFSET_CR0, cr3: OFFSET_CR3, cr4: OFFSET_CR4 } as const;
const VMCALL_BYTES = 3n;

/** An engine whose vCPUs run scripts instead of code. Linear addresses are guest-physical ones. */
export class FakeEngine implements Engine {
  readonly #memory: ArrayBufferLike;
  readonly vcpus: FakeVcpu[] = [];
  readonly written: { address: number; length: number }[] = [];
  #next = 0;
  /** Called for each step of a script: time passes while guests run. */
  onStep: () => void = () => {};

  constructor(memory: ArrayBufferLike) {
    this.#memory = memory;
  }

  createVcpu(nested: NestedPaging, intercepts: Intercepts, tsc: TscSource): FakeVcpu {
    const vcpu = new FakeVcpu(this, this.#memory, this.#next * VCPU_STATE_SIZE, nested, intercepts, tsc);
    this.#next += 1;
    this.vcpus.push(vcpu);
    return vcpu;
  }

  destroyVcpu(vcpu: EngineVcpu): void {
    this.vcpus.splice(this.vcpus.indexOf(vcpu as FakeVcpu), 1);
  }

  memoryWritten(address: number, length: number): void {
    this.written.push({ address, length });
  }
}

export class FakeVcpu implements EngineVcpu {
  readonly state: VcpuState;
  /** MSRs that were written from outside. */
  readonly msrs = new Map<number, readonly [lo: number, hi: number]>();
  readonly outside: OutsideAccess = {
    writeControl: (register, lo, hi) => {
      this.state.setHalves(CONTROL[register], lo, hi);
      return true;
    },
    writeMsr: (index, lo, hi) => {
      this.msrs.set(index, [lo, hi]);
      return true;
    },
    readMsr: (index, out) => {
      out.set(this.msrs.get(index) ?? [0, 0]);
      return true;
    },
    physicalAddressOfRip: () => Number(this.state.rip),
  };
  readonly intercepts: Intercepts;
  readonly tsc: TscSource;
  instructions = 0;
  exactBudget = false;
  /** Vectors that were injected, in order. */
  readonly injected: number[] = [];
  nmis = 0;
  flushes = 0;
  windowRequested = false;
  /** Runs when an interrupt is injected: the guest's handler, which enables interrupts again when it returns. */
  handler: (vector: number) => void = () => {};
  readonly #engine: FakeEngine;
  readonly #bytes: Uint8Array;
  readonly #nested: NestedPaging;
  #program: Generator<Exit, void, void> | undefined;
  #leave = false;
  /** RIP behind the last VMCALL; negative before the first. */
  #afterVmcall = -1n;

  constructor(
    engine: FakeEngine,
    memory: ArrayBufferLike,
    base: number,
    nested: NestedPaging,
    intercepts: Intercepts,
    tsc: TscSource,
  ) {
    this.#engine = engine;
    this.#bytes = new Uint8Array(memory);
    this.state = new VcpuState(memory, base);
    this.#nested = nested;
    this.intercepts = intercepts;
    this.tsc = tsc;
  }

  /** What the guest runs from now on. */
  load(program: GuestProgram): void {
    this.#program = program(this);
  }

  /** Puts the processor into 64-bit mode; hypercalls have the 64-bit ABI then. */
  longMode(on = true): void {
    this.state.setU64(OFFSET_EFER, on ? BigInt(EFER_LMA) : 0n);
    this.state.setSegment(CS, 8, on ? 0x9b | ATTRIBUTE_L : 0xc09b, 0xffffffff, 0n);
  }

  /** RAX as the signed number it is. */
  get result(): number {
    return this.state.is64Bit ? Number(BigInt.asIntN(64, this.state.gpr(RAX))) : this.state.gprLo(RAX) | 0;
  }

  /** Loads the registers for a hypercall; the script then yields EXIT_HYPERCALL. */
  hypercall(nr: number, ...args: (number | bigint)[]): Exit {
    const registers = this.state.is64Bit ? [RDI, RSI, RDX, R10, R8] : [RBX, RCX, RDX, RSI, RDI];
    this.state.setGpr(RAX, BigInt(nr));
    registers.forEach((register, index) => this.state.setGpr(register, BigInt.asUintN(64, BigInt(args[index] ?? 0))));
    return EXIT_HYPERCALL;
  }

  set interruptsEnabled(on: boolean) {
    this.state.setU32(OFFSET_RFLAGS_REST, on ? FLAG_IF : 0);
  }

  run(budget: number): Exit {
    const stop = this.instructions + budget;
    for (;;) {
      if (this.windowRequested && this.interruptible()) {
        this.windowRequested = false;
        return EXIT_WINDOW;
      }
      if (this.#leave) {
        this.#leave = false;
        return EXIT_LEAVE;
      }
      if (this.instructions >= stop) return EXIT_BUDGET;
      const exit = this.#step();
      if (exit !== undefined) return exit;
    }
  }

  /** One step of the script; undefined where the guest just computes. */
  #step(): Exit | undefined {
    // Xen moved RIP back onto the VMCALL: it is made again.
    if (this.#afterVmcall >= 0n && this.state.rip === this.#afterVmcall - VMCALL_BYTES) {
      this.state.rip = this.#afterVmcall;
      return EXIT_HYPERCALL;
    }
    this.instructions += INSTRUCTIONS_A_STEP;
    this.#engine.onStep();
    const step = this.#program?.next();
    if (step === undefined || step.done === true) return EXIT_HLT;
    if (step.value === EXIT_BUDGET) return undefined;
    if (step.value === EXIT_HYPERCALL) {
      this.#afterVmcall = this.state.rip + VMCALL_BYTES;
      this.state.rip = this.#afterVmcall;
    }
    return step.value;
  }

  leave(): void {
    this.#leave = true;
  }
  get interruptsEnabled(): boolean {
    return (this.state.u32(OFFSET_RFLAGS_REST) & FLAG_IF) !== 0;
  }
  interruptible(): boolean {
    return this.interruptsEnabled;
  }
  requestWindow(): void {
    this.windowRequested = true;
  }
  injectInterrupt(vector: number): void {
    if (!this.interruptible()) throw new Error(`vector ${vector} injected with interrupts off`);
    this.injected.push(vector);
    this.interruptsEnabled = false;
    this.handler(vector);
  }
  injectException(): void {}
  injectNmi(): void {
    this.nmis += 1;
  }
  flushTlb(): void {
    this.flushes += 1;
  }
  flushFrame(): void {
    this.flushes += 1;
  }

  readLinear(addressLo: number, addressHi: number, into: Uint8Array): boolean {
    return this.#access(addressLo, addressHi, into.length, NESTED_READ, (at, offset, length) =>
      into.set(this.#bytes.subarray(at, at + length), offset),
    );
  }
  writeLinear(addressLo: number, addressHi: number, from: Uint8Array): boolean {
    return this.#access(addressLo, addressHi, from.length, NESTED_WRITE, (at, offset, length) =>
      this.#bytes.set(from.subarray(offset, offset + length), at),
    );
  }
  hostOf(): number {
    return 0;
  }

  #access(
    lo: number,
    hi: number,
    length: number,
    needs: number,
    copy: (at: number, offset: number, length: number) => void,
  ): boolean {
    for (let offset = 0; offset < length; ) {
      const address = hi * 2 ** 32 + lo + offset;
      const inPage = address % PAGE_SIZE;
      const entry = this.#nested.lookupUnrestricted?.(Math.floor(address / PAGE_SIZE), needs) ?? 0;
      if (entry === 0 || (entry & needs) !== needs) return false;
      const part = Math.min(length - offset, PAGE_SIZE - inPage);
      copy(Math.floor(entry / NESTED_SCALE) * PAGE_SIZE + inPage, offset, part);
      offset += part;
    }
    return true;
  }
}

/** CPUID of a processor of no particular kind: family 6, XSAVE, an Intel name. */
export class FakeCpuid implements CpuidTable {
  leaf(leaf: number, subleaf: number, out: Uint32Array): void {
    out.fill(0);
    if (leaf === 0) out.set([0xd, 0x756e6547, 0x6c65746e, 0x49656e69]);
    else if (leaf === 1) out.set([0x000306a9, 0x00000800, 1 << 26, 0x078bfbff]);
    else if (leaf === 0xd && subleaf === 0) out.set([7, 0, 832, 0]);
    else if (leaf === 0xd && subleaf === 2) out.set([256, 576, 0, 0]);
    else if (leaf === 0x80000001) out.set([0, 0, 1, (1 << 27) | (1 << 29) | (1 << 20)]);
  }
}
