/**
 * What translations cost, by programs of a few instructions on the processor alone: node bench/tlb.ts
 *
 * Nanoseconds of the best of several short runs, which other work on the machine did not interrupt.
 */
import {
  type Engine,
  ENGINE_RESERVED_BYTES,
  EXIT_HLT,
  type EngineVcpu,
  type Intercepts,
  type TscSource,
} from '../src/cpu/engine.ts';
import { InterpreterEngine } from '../src/cpu/interpreter/engine.ts';
import * as state from '../src/cpu/state.ts';
import { P2M_RAM_RW, P2m } from '../src/xen/x86/mm/p2m.ts';
import { table } from './statistics.ts';

const MIB = 1024 * 1024;
const GUEST_MIB = 96;
const FIRST_FRAME = ENGINE_RESERVED_BYTES / 4096;

// Guest-physical places: tables of two address spaces, code, then 64 MiB that both map three times.
const PML4 = [0x1000, 0x2000] as const;
const PDPT = [0x3000, 0x4000] as const;
const PD_LOW = 0x5000;
const PD_SMALL = 0x6000;
const PD_LARGE = 0x7000;
const IDT = 0x8000;
const GDT = 0x9000;
const CODE = 0x10000;
const HANDLER = 0x12000;
const STACK_TOP = 0x20000;
const PT_SMALL = 0x100000;
const DATA = 16 * MIB;
const DATA_PAGES = (64 * MIB) / 4096;

// Linear: entry 0 of the PML4 is low memory, 1 GiB further 4 KiB pages of the data, then 2 MiB pages of it.
const SMALL = 1024 * MIB;
const LARGE = 2048 * MIB;

const P_RW = 3n;
const PS = 1n << 7n;
const G = 1n << 8n;
const NOFLUSH = 1n << 63n;

const RUNS = 15;
const ROUNDS = 50_000;

const CR4 = state.CR4_PAE | state.CR4_PGE | state.CR4_OSFXSR;

const LOAD = [0x48, 0x8b, 0x00]; // mov rax, [rax]
const TOUCH = [0x48, 0x8b, 0x03]; // mov rax, [rbx]
const NEXT_PAGE = [0x48, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00]; // add rbx, 4096
/** A fault's handler that goes on after an instruction of 3 bytes: add rsp, 8; add qword [rsp], 3; iretq */
const SKIP = [0x48, 0x83, 0xc4, 0x08, 0x48, 0x83, 0x04, 0x24, 0x03, 0x48, 0xcf];
const INVLPG = [0x0f, 0x01, 0x3b]; // invlpg [rbx]
const ENTER_OTHER = [0x0f, 0x22, 0xdf]; // mov cr3, rdi
const ENTER_FIRST = [0x0f, 0x22, 0xde]; // mov cr3, rsi

const PLATFORM: Intercepts = {
  cpuid: () => false,
  readMsr: () => false,
  writeMsr: () => false,
  readPort: () => 0,
  writePort: () => {},
  readMmio: () => 0,
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

class Bench {
  readonly #engine: Engine;
  readonly #vcpu: EngineVcpu;
  readonly #view: DataView;

  constructor() {
    const pages = (ENGINE_RESERVED_BYTES + GUEST_MIB * MIB) / 65536;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const p2m = new P2m();
    const frames = (GUEST_MIB * MIB) / 4096;
    p2m.reserve(frames);
    for (let gfn = 0; gfn < frames; gfn++) p2m.set(gfn, FIRST_FRAME + gfn, P2M_RAM_RW);
    this.#view = new DataView(memory.buffer, ENGINE_RESERVED_BYTES);
    this.#engine = new InterpreterEngine(memory);
    this.#vcpu = this.#engine.createVcpu(p2m, PLATFORM, NO_TIME);
    this.#mapAll();
    this.#enterLongMode();
    this.#handleFaults();
  }

  /** Nanoseconds for each round of a body that begins with RAX and RBX at `at`; RSI and RDI are the two CR3s. */
  time(body: readonly number[], at = SMALL, pcids = false): number {
    // body; dec rcx; jnz body; hlt
    const loop = [...body, 0x48, 0xff, 0xc9, 0x0f, 0x85];
    const back = -(loop.length + 4);
    const bytes = [...loop, back & 0xff, (back >> 8) & 0xff, (back >> 16) & 0xff, (back >> 24) & 0xff, 0xf4];
    new Uint8Array(this.#view.buffer, this.#view.byteOffset + CODE, bytes.length).set(bytes);
    this.#engine.memoryWritten(ENGINE_RESERVED_BYTES + CODE, bytes.length);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run++) best = Math.min(best, this.#once(at, pcids));
    return best;
  }

  /** A cycle through `pages` pages in an order without pattern, at a linear base. Returns where to begin. */
  chain(base: number, pages: number): number {
    const order = Uint32Array.from({ length: pages }, (_, index) => index);
    let seed = 1;
    for (let index = pages - 1; index > 0; index--) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const other = (seed >>> 8) % index;
      [order[index], order[other]] = [order[other] as number, order[index] as number];
    }
    // The cells are at different offsets, so that they do not all share a set of the host's cache.
    const cell = (page: number): number => page * 4096 + ((page * 64) & 0xfc0);
    for (let page = 0; page < pages; page++) {
      this.#view.setBigUint64(DATA + cell(page), BigInt(base + cell(order[page] as number)), true);
    }
    return base + cell(0);
  }

  #once(at: number, pcids: boolean): number {
    const { state: registers } = this.#vcpu;
    registers.setU64(state.OFFSET_CR3, BigInt(PML4[0] + (pcids ? 1 : 0)));
    registers.setU32(state.OFFSET_CR4, CR4 | (pcids ? state.CR4_PCIDE : 0));
    this.#vcpu.flushTlb();
    registers.rip = BigInt(CODE);
    registers.setGpr(state.RAX, BigInt(at));
    registers.setGpr(state.RBX, BigInt(at));
    registers.setGpr(state.RCX, BigInt(ROUNDS));
    for (const [space, register] of [state.RSI, state.RDI].entries()) {
      const keep = pcids ? NOFLUSH | BigInt(space + 1) : 0n;
      registers.setGpr(register, BigInt(PML4[space as 0 | 1]) | keep);
    }
    const begun = performance.now();
    let exit = this.#vcpu.run(1e9);
    while (exit !== EXIT_HLT) exit = this.#vcpu.run(1e9);
    return ((performance.now() - begun) * 1e6) / ROUNDS;
  }

  #mapAll(): void {
    const view = this.#view;
    for (const space of [0, 1] as const) {
      view.setBigUint64(PML4[space], BigInt(PDPT[space]) | P_RW, true);
      for (const [index, directory] of [PD_LOW, PD_SMALL, PD_LARGE].entries()) {
        view.setBigUint64(PDPT[space] + index * 8, BigInt(directory) | P_RW, true);
      }
    }
    for (let index = 0; index < GUEST_MIB / 2; index++) {
      view.setBigUint64(PD_LOW + index * 8, BigInt(index * 2 * MIB) | P_RW | PS | G, true);
    }
    for (let index = 0; index < 32; index++) {
      view.setBigUint64(PD_SMALL + index * 8, BigInt(PT_SMALL + index * 4096) | P_RW, true);
      view.setBigUint64(PD_LARGE + index * 8, BigInt(DATA + index * 2 * MIB) | P_RW | PS, true);
    }
    for (let page = 0; page < DATA_PAGES; page++) {
      view.setBigUint64(PT_SMALL + page * 8, BigInt(DATA + page * 4096) | P_RW, true);
    }
  }

  #handleFaults(): void {
    const { state: registers } = this.#vcpu;
    const view = this.#view;
    view.setBigUint64(GDT + 8, 0x00af9b000000ffffn, true);
    view.setBigUint64(GDT + 16, 0x00cf93000000ffffn, true);
    view.setUint32(IDT + 14 * 16, (0x08 << 16) | (HANDLER & 0xffff), true);
    view.setUint32(IDT + 14 * 16 + 4, 0x8e00 | (HANDLER & 0xffff0000), true);
    registers.setU64(state.OFFSET_GDTR, BigInt(GDT));
    registers.setU32(state.OFFSET_GDTR + 8, 0x17);
    registers.setU64(state.OFFSET_IDTR, BigInt(IDT));
    registers.setU32(state.OFFSET_IDTR + 8, 0xfff);
    registers.setGpr(state.RSP, BigInt(STACK_TOP));
    new Uint8Array(view.buffer, view.byteOffset + HANDLER, SKIP.length).set(SKIP);
  }

  #enterLongMode(): void {
    const { state: registers } = this.#vcpu;
    registers.setU32(state.OFFSET_CR0, (state.CR0_PG | state.CR0_PE | state.CR0_WP | state.CR0_NE) >>> 0);
    registers.setU32(state.OFFSET_EFER, state.EFER_LME | state.EFER_LMA | state.EFER_NXE | state.EFER_SCE);
    registers.setSegment(state.CS, 0x08, 0xa09b, 0xffffffff, 0n);
    for (const segment of [state.SS, state.DS, state.ES]) {
      registers.setSegment(segment, 0x10, 0xc093, 0xffffffff, 0n);
    }
  }
}

const bench = new Bench();
const few = bench.chain(SMALL, 32);
const loads = Array.from({ length: 32 }, () => LOAD).flat();
const rows: [string, number][] = [];

const empty = bench.time([]);
rows.push(['an empty loop, a round', empty]);
rows.push(['load: hit', bench.time(LOAD, few) - empty]);
rows.push(['load: 2,048 pages of 4 KiB in turn', bench.time(LOAD, bench.chain(SMALL, 2048)) - empty]);
rows.push(['load: 16,384 pages of 4 KiB in turn', bench.time(LOAD, bench.chain(SMALL, DATA_PAGES)) - empty]);
rows.push(['load: 64 MiB of 2 MiB pages in turn', bench.time(LOAD, bench.chain(LARGE, DATA_PAGES)) - empty]);
const hits = bench.time([...TOUCH], SMALL);
rows.push(['INVLPG and a load of the page', bench.time([...INVLPG, ...TOUCH], SMALL) - hits]);
rows.push(['INVLPG of a page that is not there', bench.time([...INVLPG, ...NEXT_PAGE], 0x7f0000000000) - empty]);
rows.push(['page fault, its delivery, and IRET', bench.time(TOUCH, 0x7f0000000000) - empty]);
bench.chain(SMALL, 32);
const walked = bench.time(loads, few);
for (const [name, pcids] of [
  ['', false],
  [', no flush', true],
] as const) {
  const both = bench.time([...ENTER_OTHER, ...ENTER_FIRST], few, pcids);
  rows.push([`CR3 to another space${name}`, (both - empty) / 2]);
  const turns = bench.time([...ENTER_OTHER, ...loads, ...ENTER_FIRST, ...loads], few, pcids);
  rows.push([`CR3 to another space${name}, and 32 local pages`, (turns - 2 * walked) / 2]);
}
console.log(
  table(
    ['translation', 'ns'],
    rows.map(([what, ns]) => [what, ns.toFixed(1)]),
  ),
);
