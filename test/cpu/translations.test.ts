/**
 * What cached translations may survive, and what they may not (SDM vol. 3A, 4.10). Each program runs in one go, so that
 * nothing is forgotten for other reasons than the one under test.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';
import { DATA, PML4 } from '../../src/cpu/testing/processor.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const P = 1n;
const RW = 2n;
const A = 1n << 5n;
const PS = 1n << 7n;
const G = 1n << 8n;
const TABLE = P | RW;
const NOFLUSH = 1n << 63n;

/** A second address space, and where the page under test is in both. */
const OTHER_PML4 = 0x95000;
const TABLES = [0x90000, 0x96000] as const;
const PAGE = 0x8000000000;
const FRAME = 0x400000;
/** Offset in each frame of a function that returns the frame's number, as its first word does. */
const FUNCTION = 0x800;
const STACK = 0x40000;

// Programs are made of these.
const READ = [0x8b, 0x03, 0x50]; // mov eax, [rbx]; push rax
const CALL = [0xff, 0xd2, 0x50]; // call rdx; push rax
const WRITE = [0x89, 0x03]; // mov [rbx], eax
const REMAP = [0x4c, 0x89, 0x07]; // mov [rdi], r8
const ENTER_FIRST = [0x0f, 0x22, 0xd9]; // mov cr3, rcx
const ENTER_OTHER = [0x0f, 0x22, 0xde]; // mov cr3, rsi
const INVLPG = [0x0f, 0x01, 0x3b]; // invlpg [rbx]
const INVPCID = [0x66, 0x45, 0x0f, 0x38, 0x82, 0x1e]; // invpcid r11, [r14]
const TOGGLE_PGE = [0x41, 0x0f, 0x22, 0xe1, 0x41, 0x0f, 0x22, 0xe2]; // mov cr4, r9; mov cr4, r10
/** From here on each PCID has been loaded, so that it can be kept. */
const AWAY = [...ENTER_OTHER, ...ENTER_FIRST];
const HLT = [0xf4];

class TwoSpaces extends SystemGuest {
  constructor(make: EngineMaker) {
    super({}, make);
    for (const [space, tables] of TABLES.entries()) {
      const pml4 = space === 0 ? PML4 : OTHER_PML4;
      this.view.setBigUint64(pml4, 0x2000n | TABLE, true);
      this.view.setBigUint64(pml4 + 8, BigInt(tables) | TABLE, true);
      this.view.setBigUint64(tables, BigInt(tables + 0x1000) | TABLE, true);
      this.view.setBigUint64(tables + 0x1000, BigInt(tables + 0x2000) | TABLE, true);
    }
    for (let frame = 0; frame < 1024; frame++) {
      const at = FRAME + frame * 0x1000;
      this.view.setUint32(at, frame, true);
      this.load(at + FUNCTION, [0xb8, frame & 0xff, frame >> 8, 0, 0, 0xc3]); // mov eax, frame; ret
    }
    const { state: registers } = this;
    registers.setGpr(state.RBX, BigInt(PAGE));
    registers.setGpr(state.RDX, BigInt(PAGE + FUNCTION));
    registers.setGpr(state.RCX, BigInt(PML4));
    registers.setGpr(state.RSI, BigInt(OTHER_PML4));
    this.cr4(state.CR4_PGE);
  }

  /** The leaf for the page, `index` pages on, in one of the address spaces. */
  map(space: 0 | 1, frame: number, bits: bigint, index = 0): void {
    this.view.setBigUint64(TABLES[space] + 0x2000 + index * 8, leaf(frame, bits), true);
  }

  /** What REMAP will do: a write by the guest itself. */
  remap(address: number, entry: bigint): void {
    this.state.setGpr(state.RDI, BigInt(address));
    this.state.setGpr(state.R8, entry);
  }

  cr4(bits: number): void {
    const value = this.state.u32(state.OFFSET_CR4) | bits;
    this.state.setU32(state.OFFSET_CR4, value);
    this.state.setGpr(state.R9, BigInt(value & ~state.CR4_PGE));
    this.state.setGpr(state.R10, BigInt(value));
  }

  /** PCIDs 1 and 2; the second load of each may keep what is cached where `keeps`. */
  usePcids(keeps: boolean): void {
    this.cr4(state.CR4_PCIDE);
    const high = keeps ? NOFLUSH : 0n;
    this.state.setU64(state.OFFSET_CR3, BigInt(PML4 + 1));
    this.state.setGpr(state.RCX, BigInt(PML4 + 1) | high);
    this.state.setGpr(state.RSI, BigInt(OTHER_PML4 + 2) | high);
  }

  invpcid(type: number, pcid: number, address = PAGE): void {
    this.state.setGpr(state.R11, BigInt(type));
    this.state.setGpr(state.R14, BigInt(DATA));
    this.view.setBigUint64(DATA, BigInt(pcid), true);
    this.view.setBigUint64(DATA + 8, BigInt(address), true);
  }

  /** What the program pushed. */
  results(...steps: readonly (readonly number[])[]): number[] {
    this.vcpu.flushTlb();
    this.state.setGpr(state.RSP, BigInt(STACK));
    equal(this.run([...steps, HLT].flat()), EXIT_HLT);
    const pushed: number[] = [];
    for (let at = STACK - 8; at >= Number(this.state.gpr(state.RSP)); at -= 8)
      pushed.push(this.view.getUint32(at, true));
    return pushed;
  }
}

function leaf(frame: number, bits: bigint): bigint {
  return BigInt(FRAME + frame * 0x1000) | bits;
}

const PTE = TABLES[0] + 0x2000;
const PDE = TABLES[0] + 0x1000;
const BOTH = [...READ, ...CALL];

forEveryEngine('another address space has other pages, for data and for code', (make) => {
  using guest = new TwoSpaces(make);
  guest.map(0, 1, P | RW);
  guest.map(1, 2, P | RW);
  deepEqual(guest.results(BOTH, ENTER_OTHER, BOTH, ENTER_FIRST, BOTH), [1, 1, 2, 2, 1, 1]);
});

forEveryEngine(
  'MOV to CR3 forgets what is not global, and a global page only with CR4.PGE (4.10.2.4, 4.10.4.1)',
  (make) => {
    for (const [bits, pge, expected] of [
      [P, true, 2],
      [P | G, true, 1],
      [P | G, false, 2],
    ] as const) {
      using guest = new TwoSpaces(make);
      if (!pge) guest.state.setU32(state.OFFSET_CR4, guest.state.u32(state.OFFSET_CR4) & ~state.CR4_PGE);
      guest.map(0, 1, bits);
      guest.remap(PTE, leaf(2, bits));
      deepEqual(guest.results(BOTH, REMAP, ENTER_FIRST, BOTH), [1, 1, expected, expected]);
    }
  },
);

forEveryEngine(
  'a page is marked accessed, not dirty, where code that is known is fetched from it again (4.8)',
  (make) => {
    using guest = new TwoSpaces(make);
    guest.map(0, 1, P);
    guest.remap(PTE, leaf(1, P));
    deepEqual(guest.results(CALL, REMAP, ENTER_FIRST, CALL), [1, 1]);
    equal(guest.view.getBigUint64(PTE, true), leaf(1, P | A));
  },
);

forEveryEngine('INVLPG, a change of CR4.PGE, and INVPCID of type 2 forget a global page', (make) => {
  for (const flush of [INVLPG, TOGGLE_PGE, INVPCID]) {
    using guest = new TwoSpaces(make);
    guest.map(0, 1, P | G);
    guest.remap(PTE, leaf(2, P | G));
    guest.invpcid(2, 0);
    deepEqual(guest.results(BOTH, REMAP, flush, BOTH), [1, 1, 2, 2]);
  }
});

forEveryEngine(
  'a place that held a global page and then a local one is forgotten with the local ones, and the other way',
  (make) => {
    for (const [first, second, expected] of [
      [G, 0n, 3],
      [0n, G, 2],
    ] as const) {
      using guest = new TwoSpaces(make);
      // Pages 1024 apart share a place. The second page is reached through a table of its own.
      guest.view.setBigUint64(TABLES[0] + 0x1000 + 16, 0x99000n | TABLE, true);
      guest.view.setBigUint64(0x99000, leaf(2, P | second), true);
      guest.map(0, 1, P | first);
      guest.remap(0x99000, leaf(3, P | second));
      const toSecond = [0x48, 0x81, 0xc3, 0, 0, 0x40, 0]; // add rbx, 0x400000
      deepEqual(guest.results(READ, toSecond, READ, REMAP, ENTER_FIRST, READ), [1, 2, expected]);
    }
  },
);

forEveryEngine(
  'with PCIDs, a load of CR3 forgets what the PCID it loads had, unless bit 63 keeps it (4.10.4.1)',
  (make) => {
    using guest = new TwoSpaces(make);
    guest.usePcids(false);
    guest.map(0, 1, P);
    guest.remap(PTE, leaf(2, P));
    deepEqual(guest.results(AWAY, BOTH, ENTER_OTHER, REMAP, ENTER_FIRST, BOTH), [1, 1, 2, 2]);
  },
);

forEveryEngine('kept translations are those of their own PCID', (make) => {
  using guest = new TwoSpaces(make);
  guest.usePcids(true);
  guest.map(0, 1, P);
  guest.map(1, 3, P);
  const turn = [...ENTER_OTHER, ...BOTH, ...ENTER_FIRST, ...BOTH];
  deepEqual(guest.results(BOTH, turn, turn), [1, 1, 3, 3, 1, 1, 3, 3, 1, 1]);
});

forEveryEngine('INVPCID of each type reaches a PCID that is kept but not in use (SDM vol. 2A, INVPCID)', (make) => {
  for (const type of [0, 1, 2, 3]) {
    using guest = new TwoSpaces(make);
    guest.usePcids(true);
    guest.map(0, 1, P);
    guest.remap(PTE, leaf(2, P));
    guest.invpcid(type, type < 2 ? 1 : 0);
    // The other space does not use the page, so that it does not take its places either.
    const program = [AWAY, BOTH, ENTER_OTHER, REMAP, INVPCID, ENTER_FIRST, BOTH];
    deepEqual([type, ...guest.results(...program)], [type, 1, 1, 2, 2]);
  }
});

forEveryEngine('INVPCID of each type reaches the PCID in use, and types 1 and 3 leave global pages', (make) => {
  for (const [type, bits, expected] of [
    [0, P, 2],
    [1, P, 2],
    [2, P, 2],
    [3, P, 2],
    [1, P | G, 1],
    [2, P | G, 2],
    [3, P | G, 1],
  ] as const) {
    using guest = new TwoSpaces(make);
    guest.usePcids(true);
    guest.map(0, 1, bits);
    guest.remap(PTE, leaf(2, bits));
    guest.invpcid(type, type < 2 ? 1 : 0);
    deepEqual([type, ...guest.results(BOTH, REMAP, INVPCID, BOTH)], [type, 1, 1, expected, expected]);
  }
});

forEveryEngine(
  'INVLPG of a global page reaches what a kept PCID knows of it: an instruction that goes on in a local page',
  (make) => {
    using guest = new TwoSpaces(make);
    guest.usePcids(true);
    for (const space of [0, 1] as const) {
      guest.map(space, 1, P | G);
      guest.map(space, 3, P, 1);
    }
    // mov eax, imm32; ret: of the immediate the first byte is in the first page.
    for (const frame of [1, 2]) guest.load(FRAME + frame * 0x1000 + 0xffe, [0xb8, frame]);
    guest.load(FRAME + 3 * 0x1000, [0, 0, 0, 0xc3]);
    guest.state.setGpr(state.RDX, BigInt(PAGE + 0xffe));
    guest.remap(PTE, leaf(2, P | G));
    deepEqual(guest.results(AWAY, CALL, ENTER_OTHER, REMAP, INVLPG, ENTER_FIRST, CALL), [1, 2]);
  },
);

forEveryEngine('with bit 63 clear, loading the same CR3 again forgets', (make) => {
  using guest = new TwoSpaces(make);
  guest.usePcids(false);
  guest.map(0, 1, P);
  guest.remap(PTE, leaf(2, P));
  deepEqual(guest.results(BOTH, REMAP, ENTER_FIRST, BOTH), [1, 1, 2, 2]);
});

forEveryEngine('registers written from outside between runs count as those that the guest writes', (make) => {
  using guest = new TwoSpaces(make);
  guest.map(0, 1, P | G);
  guest.map(1, 2, P | G);
  deepEqual(guest.results(BOTH), [1, 1]);
  guest.state.setU64(state.OFFSET_CR3, BigInt(OTHER_PML4));
  guest.state.setGpr(state.RSP, BigInt(STACK));
  equal(guest.run([...BOTH, ...HLT]), EXIT_HLT);
  deepEqual([guest.view.getUint32(STACK - 8, true), guest.view.getUint32(STACK - 16, true)], [2, 2]);
});

forEveryEngine('INVLPG at any address in a large page forgets all parts of it (4.10.4.1)', (make) => {
  const elsewhere = [0x48, 0x81, 0xc3, 0, 0x50, 0, 0, ...INVLPG, 0x48, 0x81, 0xeb, 0, 0x50, 0, 0]; // at rbx + 0x5000
  const farAway = [0x48, 0x81, 0xc3, 0, 0, 0, 0x30, ...INVLPG, 0x48, 0x81, 0xeb, 0, 0, 0, 0x30]; // at rbx + 768 MiB
  for (const [entry, before, after, invalidate] of [
    [PDE, BigInt(FRAME) | P | PS, BigInt(FRAME + 0x200000) | P | PS, elsewhere],
    [PDE, BigInt(FRAME) | P | PS | G, BigInt(FRAME + 0x200000) | P | PS | G, elsewhere],
    [TABLES[0], P | PS, BigInt(TABLES[0] + 0x1000) | TABLE, farAway],
  ] as const) {
    using guest = new TwoSpaces(make);
    guest.view.setBigUint64(PDE, BigInt(FRAME + 0x200000) | P | PS, true);
    guest.view.setBigUint64(entry, before, true);
    guest.remap(entry, after);
    // Of the 1 GiB page the test is at the same frame that the 2 MiB page has at its start.
    if (entry === TABLES[0]) {
      guest.state.setGpr(state.RBX, BigInt(PAGE + FRAME));
      guest.state.setGpr(state.RDX, BigInt(PAGE + FRAME + FUNCTION));
      guest.view.setBigUint64(PDE + 16, BigInt(FRAME + 0x200000) | P | PS, true);
    }
    deepEqual(guest.results(BOTH, REMAP, invalidate, BOTH), [0, 0, 512, 512]);
  }
});

forEveryEngine(
  'a page that became writable is written without a flush; one that became read-only is not after INVLPG',
  (make) => {
    using guest = new TwoSpaces(make);
    guest.map(0, 1, P);
    guest.remap(PTE, leaf(1, P | RW));
    deepEqual(guest.results(READ, REMAP, WRITE, READ), [1, 1]);

    using closed = new TwoSpaces(make);
    closed.map(0, 1, P | RW);
    closed.remap(PTE, leaf(1, P));
    closed.vcpu.flushTlb();
    const program = [...READ, ...WRITE, ...REMAP, ...INVLPG, ...WRITE];
    const { vector, errorCode } = closed.delivered(program);
    deepEqual([vector, errorCode], [14, 3]);
  },
);

forEveryEngine(
  'the dirty bit is set by a write even where a read cached the page, and again after it was cleared and flushed',
  (make) => {
    using guest = new TwoSpaces(make);
    guest.map(0, 1, P | RW);
    guest.results(READ);
    equal(guest.view.getUint32(PTE, true) & 0x60, 0x20);
    guest.results(READ, WRITE);
    equal(guest.view.getUint32(PTE, true) & 0x60, 0x60);
    guest.remap(PTE, leaf(1, P | RW));
    guest.results(READ, WRITE, REMAP, INVLPG, READ);
    equal(guest.view.getUint32(PTE, true) & 0x60, 0x20);
    guest.results(READ, WRITE, REMAP, INVLPG, WRITE);
    equal(guest.view.getUint32(PTE, true) & 0x60, 0x60);
  },
);
