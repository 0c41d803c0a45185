/**
 * Page tables changed at random, and forgotten as a kernel does it, must act as a walk by the manual does at that moment
 * (SDM vol. 3A, 4.5 to 4.10): whatever was cached of them.
 */
import { deepEqual } from 'node:assert/strict';
import { EXIT_HLT } from '../../src/cpu/engine.ts';
import * as state from '../../src/cpu/state.ts';
import { SystemGuest } from '../../src/cpu/system/testing/system-guest.ts';
import { CODE, PML4 } from '../../src/cpu/testing/processor.ts';
import { type EngineMaker, forEveryEngine } from './engines.ts';

const P = 1n;
const RW = 2n;
const US = 4n;
const A = 1n << 5n;
const D = 1n << 6n;
const PS = 1n << 7n;
const G = 1n << 8n;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;
const NOFLUSH = 1n << 63n;

/** Tables: a PML4, a PDPT, two page directories, four page tables; those of the second address space follow. */
const TABLES = 0x90000;
const TABLES_EACH = 8 * 0x1000;
const BASE = 0x8000000000n;
const FRAMES = 0x400000;
const FRAME_COUNT = 1024;

// With RBX the address.
const LOAD = [0x8a, 0x03, 0xf4]; // mov al, [rbx]; hlt
const STORE = [0x88, 0x03, 0xf4]; // mov [rbx], al; hlt
const INVLPG = [0x0f, 0x01, 0x3b, 0xf4];
const LOAD_CR3 = [0x0f, 0x22, 0xd9, 0xf4]; // mov cr3, rcx; hlt
const CHANGE_CR4 = [0x41, 0x0f, 0x22, 0xe1, 0x41, 0x0f, 0x22, 0xe2, 0xf4]; // mov cr4, r9; mov cr4, r10; hlt

interface Leaf {
  /** Guest-physical address of the leaf entry. */
  readonly at: number;
  readonly entry: bigint;
  readonly address: bigint;
}

class RandomTables extends SystemGuest {
  #seed: number;
  #space = 0;
  readonly #isUser: boolean;
  readonly #hasGlobal: boolean;
  /** The other space's tables changed since it was left. */
  #stale = false;

  constructor(make: EngineMaker, seed: number, isUser: boolean) {
    super({}, make);
    this.#seed = seed;
    this.#isUser = isUser;
    this.#hasGlobal = seed % 2 === 0;
    for (const space of [0, 1]) {
      const at = TABLES + space * TABLES_EACH;
      this.view.setBigUint64(at, this.view.getBigUint64(PML4, true), true);
      this.view.setBigUint64(at + 8, BigInt(at + 0x1000) | P | RW | US, true);
    }
    // Frames are told apart by what fills them.
    for (let frame = 0; frame < FRAME_COUNT; frame++)
      this.memory.fill(frame % 251, this.#frame(frame), this.#frame(frame + 1));
    const cr4 = state.CR4_PGE | state.CR4_PCIDE | this.state.u32(state.OFFSET_CR4);
    this.state.setU32(state.OFFSET_CR4, cr4);
    this.state.setGpr(state.R9, BigInt(cr4 & ~state.CR4_PGE));
    this.state.setGpr(state.R10, BigInt(cr4));
    this.state.setU64(state.OFFSET_CR3, this.#cr3());
    this.vcpu.flushTlb();
    if (isUser) this.enterUser();
  }

  /** A number below `limit`. */
  pick(limit: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#seed / 0x100000000) * limit);
  }

  /** An address in one of the few pages and regions that the tables can map. */
  address(): bigint {
    const parts = [this.pick(2), this.pick(2), this.pick(3), this.pick(4096)] as const;
    return BASE + (BigInt(parts[0]) << 30n) + (BigInt(parts[1]) << 21n) + (BigInt(parts[2]) << 12n) + BigInt(parts[3]);
  }

  /** Writes a random entry on the path to an address, then what makes it count. */
  change(): void {
    const space = this.pick(2);
    const tables = TABLES + space * TABLES_EACH;
    const address = this.address();
    const depth = [1, 1, 1, 1, 2, 2, 3][this.pick(7)] as 1 | 2 | 3;
    const index = Number((address >> BigInt(3 + 9 * depth)) & 0x1ffn);
    const gigabyte = Number((address >> 30n) & 1n);
    const region = Number((address >> 21n) & 1n);
    const table = [0, 4 + 2 * gigabyte + region, 2 + gigabyte, 1][depth] as number;
    const at = tables + table * 0x1000 + index * 8;
    const before = this.view.getBigUint64(at, true);
    this.view.setBigUint64(at, this.#entry(tables, depth, gigabyte, region), true);
    const isOnePage = depth === 1 || (before & PS) !== 0n || (before & P) === 0n;
    if (space === this.#space) this.#flush(address, isOnePage);
    else this.#stale = true;
  }

  /** Enters the other address space; what is cached of it is kept if nothing changed. */
  switchSpace(): void {
    this.#space = 1 - this.#space;
    this.#loadCr3(!this.#stale);
    this.#stale = false;
  }

  /** What an access does, and what it should do by the tables as they are now. */
  access(address: bigint, isWrite: boolean): [actual: unknown, expected: unknown] {
    const leaf = this.#walk(address);
    const expected = this.#expected(leaf, isWrite);
    this.state.setGpr(state.RBX, address);
    this.state.setGpr(state.RAX, BigInt(this.pick(251)));
    const bytes = isWrite ? STORE : LOAD;
    const exit = this.run(bytes);
    const end = BigInt(CODE + bytes.length);
    if (exit === EXIT_HLT && this.state.rip === end) return [this.#seen(leaf as Leaf, isWrite), expected];
    const frame = this.frame(exit);
    // In user mode HLT itself is #GP, after the access.
    if (frame.vector === 13) return [this.#again(() => this.#seen(leaf as Leaf, isWrite)), expected];
    return [this.#again(() => frame.errorCode), expected];
  }

  #again<T>(result: () => T): T {
    const value = result();
    if (this.#isUser) this.enterUser();
    return value;
  }

  // The byte that was read, or that is in memory after it was written, and the leaf's marks.
  #seen(leaf: Leaf, isWrite: boolean): unknown {
    const marks = this.view.getBigUint64(leaf.at, true) & (isWrite ? A | D : A);
    const value = Number(this.state.gpr(state.RAX) & 0xffn);
    return [isWrite ? 0 : value, this.memory[Number(leaf.address)] === value, marks];
  }

  #expected(leaf: Leaf | undefined, isWrite: boolean): unknown {
    const code = (isWrite ? 2 : 0) | (this.#isUser ? 4 : 0);
    if (leaf === undefined) return code;
    const { entry } = leaf;
    if (this.#isUser && (entry & US) === 0n) return code | 1;
    if (isWrite && (entry & RW) === 0n) return code | 1;
    return [isWrite ? 0 : (this.memory[Number(leaf.address)] as number), true, isWrite ? A | D : A];
  }

  // By the manual, from CR3 down; RW and US of the result are those of all levels.
  #walk(address: bigint): Leaf | undefined {
    let table = TABLES + this.#space * TABLES_EACH;
    let rights = RW | US;
    for (let depth = 4; depth > 0; depth--) {
      const at = table + Number((address >> BigInt(3 + 9 * depth)) & 0x1ffn) * 8;
      const entry = this.view.getBigUint64(at, true);
      if ((entry & P) === 0n) return undefined;
      rights &= entry;
      if (depth === 1 || (entry & PS) !== 0n) {
        const within = (1n << BigInt(3 + 9 * depth)) - 1n;
        const physical = (entry & FRAME_MASK & ~within) | (address & within);
        return { at, entry: (entry & ~(RW | US)) | rights, address: physical };
      }
      table = Number(entry & FRAME_MASK);
    }
    return undefined;
  }

  #entry(tables: number, depth: 1 | 2 | 3, gigabyte: number, region: number): bigint {
    if (this.pick(6) === 0) return 0n;
    const rights = P | (this.pick(3) > 0 ? RW : 0n) | (this.pick(3) > 0 ? US : 0n) | (this.pick(3) === 0 ? A : 0n);
    const leaf = rights | (this.#hasGlobal && this.pick(3) === 0 ? G : 0n) | (this.pick(4) === 0 ? D : 0n);
    if (depth === 1) return leaf | BigInt(this.#frame(this.pick(FRAME_COUNT)));
    if (depth === 2 && this.pick(3) === 0) return leaf | PS | BigInt(this.#frame(512 * this.pick(2)));
    if (depth === 2) return rights | BigInt(tables + (4 + 2 * gigabyte + region) * 0x1000);
    return rights | BigInt(tables + (2 + gigabyte) * 0x1000);
  }

  // By one page where one is enough; by a load of CR3 where nothing is global.
  #flush(address: bigint, isOnePage: boolean): void {
    if (isOnePage && this.pick(2) === 0) {
      this.state.setGpr(state.RBX, address);
      this.#runKernel(INVLPG);
    } else if (!this.#hasGlobal) {
      this.#loadCr3(false);
    } else {
      this.#runKernel(CHANGE_CR4);
    }
  }

  #loadCr3(keeps: boolean): void {
    this.state.setGpr(state.RCX, this.#cr3() | (keeps ? NOFLUSH : 0n));
    this.#runKernel(LOAD_CR3);
    // With them, both spaces have global pages of their own, as no kernel has.
    if (this.#hasGlobal) this.#runKernel(CHANGE_CR4);
  }

  // What only a kernel may do, done for user mode as Xen would.
  #runKernel(bytes: readonly number[]): void {
    if (!this.#isUser) {
      this.run(bytes);
      return;
    }
    this.state.setU64(state.OFFSET_CR3, this.#cr3());
    this.vcpu.flushTlb();
  }

  #cr3(): bigint {
    return BigInt(TABLES + this.#space * TABLES_EACH) | BigInt(this.#space + 1);
  }

  #frame(number: number): number {
    return FRAMES + number * 0x1000;
  }
}

for (const isUser of [false, true]) {
  forEveryEngine(`random page tables, ${isUser ? 'user' : 'kernel'} accesses`, (make) => {
    for (let seed = 1; seed <= 8; seed++) {
      using guest = new RandomTables(make, seed, isUser);
      for (let step = 0; step < 1500; step++) {
        const what = guest.pick(10);
        if (what === 0) guest.switchSpace();
        else if (what < 4) guest.change();
        else {
          const address = guest.address();
          const isWrite = guest.pick(2) === 1;
          const [actual, expected] = guest.access(address, isWrite);
          deepEqual({ seed, step, address, isWrite, actual }, { seed, step, address, isWrite, actual: expected });
        }
      }
    }
  });
}
