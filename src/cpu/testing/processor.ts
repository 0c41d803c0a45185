/** A processor with a little memory, in 64-bit mode on an identity map, for tests that run a few instructions. */
import type { Engine, EngineVcpu, Exit, Intercepts, NestedPaging, TscSource } from '../engine.ts';
import { ALL_INSTRUCTIONS } from '../instructions/all.ts';
import { InterpreterEngine } from '../interpreter/engine.ts';
import * as state from '../state.ts';

const MIB = 1024 * 1024;
const MEMORY_BYTES = 112 * MIB;
const GUEST_BASE = 100 * MIB;
const GUEST_PAGES = (MEMORY_BYTES - GUEST_BASE) / 4096;

/** Where the page tables are; code and data of tests stay above 64 KiB. */
export const PML4 = 0x1000;
export const CODE = 0x10000;
export const DATA = 0x20000;
export const STACK_TOP = 0x40000;

/** Makes an engine over all of a machine memory. */
export type EngineMaker = (memory: WebAssembly.Memory) => Engine;

interface Made {
  readonly memory: WebAssembly.Memory;
  readonly engine: Engine;
}

const made = new Map<EngineMaker, Made>();

/** One engine of a kind serves all tests of a file: generating and compiling it is what takes time. */
function engineBy(make: EngineMaker): Made {
  const known = made.get(make);
  if (known !== undefined) return known;
  const pages = MEMORY_BYTES / 65536;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const one = { memory, engine: make(memory) };
  made.set(make, one);
  return one;
}

const interpreter: EngineMaker = (memory) => new InterpreterEngine(memory, ALL_INSTRUCTIONS);

/** A platform where nothing answers: ports and MMIO float high, unknown MSRs fault. */
export const EMPTY_PLATFORM: Intercepts = {
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

export class TestProcessor {
  readonly vcpu: EngineVcpu;
  readonly state: state.VcpuState;
  /** Guest-physical memory, which is also linear memory until a test makes other page tables. */
  readonly memory: Uint8Array;
  readonly view: DataView;

  readonly #engine: Engine;

  constructor(
    platform: Partial<Intercepts> = {},
    make: EngineMaker = interpreter,
    tsc: TscSource = countingReadings(),
  ) {
    const { memory, engine: processor } = engineBy(make);
    this.#engine = processor;
    this.memory = new Uint8Array(memory.buffer, GUEST_BASE);
    this.view = new DataView(memory.buffer, GUEST_BASE);
    this.memory.fill(0);
    processor.memoryWritten(GUEST_BASE, MEMORY_BYTES - GUEST_BASE);
    const nested: NestedPaging = { lookup: (gfn, intent) => this.lookup(gfn, intent) };
    this.vcpu = processor.createVcpu(nested, { ...EMPTY_PLATFORM, ...platform }, tsc);
    this.state = this.vcpu.state;
    this.#enterLongMode();
  }

  /** Frees the vCPU's place. */
  [Symbol.dispose](): void {
    this.#engine.destroyVcpu(this.vcpu);
  }

  /** What nested paging says. */
  protected lookup(gfn: number, _intent?: number): number {
    return gfn < GUEST_PAGES ? (GUEST_BASE / 4096 + gfn) * 8 + 7 : 0;
  }

  /** Writes guest memory as a device would. */
  load(address: number, bytes: readonly number[]): void {
    this.memory.set(bytes, address);
    this.#engine.memoryWritten(GUEST_BASE + address, bytes.length);
  }

  /** Runs code from an address, until something stops it or `budget` instructions have run. */
  run(bytes: readonly number[], at = CODE, budget = 100_000): Exit {
    this.load(at, bytes);
    this.state.rip = BigInt(at);
    return this.vcpu.run(budget);
  }

  /** Goes on where it stopped. */
  continue(budget = 100_000): Exit {
    return this.vcpu.run(budget);
  }

  #enterLongMode(): void {
    const { state: registers, view } = this;
    // One 1 GiB page, writable and open to user mode.
    view.setUint32(PML4, 0x2007, true);
    view.setUint32(0x2000, 0x87, true);
    registers.setU64(state.OFFSET_CR3, BigInt(PML4));
    registers.setU32(state.OFFSET_CR0, (state.CR0_PG | state.CR0_PE | state.CR0_WP | state.CR0_NE) >>> 0);
    registers.setU32(state.OFFSET_CR4, state.CR4_PAE | state.CR4_OSFXSR | state.CR4_OSXMMEXCPT);
    registers.setU32(state.OFFSET_EFER, state.EFER_LME | state.EFER_LMA | state.EFER_NXE | state.EFER_SCE);
    registers.setU32(state.OFFSET_MXCSR, 0x1f80);
    registers.setSegment(state.CS, 0x08, 0xa09b, 0xffffffff, 0n);
    for (const segment of [state.SS, state.DS, state.ES, state.FS, state.GS]) {
      registers.setSegment(segment, 0x10, 0xc093, 0xffffffff, 0n);
    }
    registers.setGpr(state.RSP, BigInt(STACK_TOP));
    this.vcpu.flushTlb();
  }
}

/** Time passes by being looked at. */
function countingReadings(): TscSource {
  let ticks = 0;
  return {
    read(out) {
      out.set([ticks++, 0]);
      return false;
    },
  };
}
