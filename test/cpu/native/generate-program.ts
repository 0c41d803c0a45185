/**
 * Small programs: blocks of instructions, forward branches, loops that end, a routine that is called. What a compiler of
 * hot code makes of several blocks at once shows only here. All loops draw on one counter, R15, and so they end.
 */
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI } from '../../../src/cpu/state.ts';
import {
  chooseFields,
  encodeAt,
  fillRegisters,
  fillWindow,
  type RegisterPlan,
  randomFlags,
  touchesFx,
} from './generate.ts';
import { FX_MXCSR, randomFx } from './generate-fx.ts';
import { COMMON, DEFINE_ALL, definesAllButCarry, isUsable, reads } from './generate-sequence.ts';
import { addressOf, type Case, CODE_LIMIT, WINDOW, WINDOW_BYTES } from './protocol.ts';
import type { Random } from './random.ts';
import type { Variant } from './variants.ts';

const PLAN: RegisterPlan = {
  // Without REX, RDI's number is BH's.
  operands: [RAX, RCX, RDX, RBX, RSI, RDI, 8, 9, 10, 11],
  bases: [RBP, 12, 13],
  indexes: [14],
  faultsAreRare: true,
};
const FUEL = 15;
const MOST_FUEL = 60;
const ALL_FLAGS = ['CF', 'PF', 'AF', 'ZF', 'SF', 'OF'];
const TRANSFERS = /^(J[A-Z]+|CALL|RET)$/;
/** Room that a block's end may take. */
const END_BYTES = 16;

export interface Program {
  readonly one: Case;
  readonly variants: readonly Variant[];
  /** What may be left out of it: where it is in the code, and how long. */
  readonly parts: readonly { readonly at: number; readonly length: number }[];
  /** Flags that are undefined before the instruction at an offset, and at the end. */
  readonly unknownAt: ReadonlyMap<number, ReadonlySet<string>>;
}

type End =
  | { readonly kind: 'next' | 'call' }
  | { readonly kind: 'jcc' | 'jmp' | 'indirect' | 'loop'; readonly to: number };

export class ProgramGenerator {
  readonly #bodies: readonly Variant[];
  readonly #common: readonly Variant[];
  readonly #definers: readonly Variant[];
  readonly #inRegisters: readonly Variant[];
  /** What block ends are made of, for those who print programs. */
  readonly #transfers: readonly Variant[];

  constructor(variants: readonly Variant[]) {
    const wide = variants.filter(({ width }) => width === 64);
    const named = (pattern: RegExp) => (variant: Variant) => pattern.test(variant.entry.instruction.mnemonic);
    this.#transfers = wide.filter(named(/^(J[A-Z]+|CALL|RET|DEC|LEA|CMP|NOP)$/));
    this.#bodies = wide.filter(
      (variant) => isUsable(variant) && !named(TRANSFERS)(variant) && !variant.entry.instruction.system,
    );
    this.#common = this.#bodies.filter(named(COMMON));
    this.#definers = this.#common.filter(named(DEFINE_ALL));
    this.#inRegisters = this.#common.filter(
      (variant) => variant.shape === 'register' && !named(/^(PUSH|POP|LEA)$/)(variant),
    );
  }

  generate(slot: number, random: Random): Program {
    const gpr = new BigUint64Array(16);
    const window = new Uint8Array(WINDOW_BYTES);
    fillRegisters(gpr, random);
    fillWindow(window, random);
    for (const base of PLAN.bases) gpr[base] = BigInt(WINDOW + random.below(WINDOW_BYTES));
    for (const index of PLAN.indexes) gpr[index] = BigInt(random.below(8));
    gpr[FUEL] = BigInt(random.below(MOST_FUEL));
    const writer = new ProgramWriter(slot, random, gpr, window);
    const ends = this.#ends(1 + random.below(6), random);
    if (ends.some(({ kind }) => kind === 'call')) this.#leaf(writer, random);
    for (const [index, end] of ends.entries()) {
      const isReached = isReachedByJumps(ends, index);
      writer.begin(index, isReached);
      if (isReached && random.oneIn(2)) writer.add(random.pick(this.#definers));
      for (let count = random.below(7); count > 0; count--) {
        writer.add(random.pick(random.oneIn(4) ? this.#bodies : this.#common));
      }
      writer.end(end);
    }
    writer.begin(ends.length, isReachedByJumps(ends, ends.length));
    const { code, parts, variants, unknownAt } = writer.finish();
    const fx = variants.some(touchesFx) ? randomFx(random) : undefined;
    if (fx !== undefined && !random.oneIn(8)) maskExceptions(fx);
    const one: Case = { width: 64, code, slot, rflags: randomFlags(random), gpr, window, fx };
    return { one, variants: [...variants, ...this.#transfers], parts, unknownAt };
  }

  #ends(blocks: number, random: Random): End[] {
    return Array.from({ length: blocks }, (_, index): End => {
      const forward = index + 1 + random.below(blocks - index);
      switch (random.below(8)) {
        case 0:
          return { kind: 'jmp', to: forward };
        case 1:
          return { kind: 'indirect', to: forward };
        case 2:
          return { kind: 'call' };
        case 3:
        case 4:
          return { kind: 'jcc', to: forward };
        case 5:
          return { kind: 'next' };
        default:
          return { kind: 'loop', to: random.below(index + 1) };
      }
    });
  }

  // Before the blocks; no memory, so that nobody writes over its return address.
  #leaf(writer: ProgramWriter, random: Random): void {
    writer.beginLeaf();
    for (let count = random.below(4); count > 0; count--) writer.add(random.pick(this.#inRegisters));
    writer.endLeaf();
  }
}

/** Code as it grows, with the flags that are undefined where it is. */
class ProgramWriter {
  readonly #code: number[] = [];
  readonly #parts: { at: number; length: number }[] = [];
  readonly #variants: Variant[] = [];
  readonly #unknownAt = new Map<number, ReadonlySet<string>>();
  readonly #blocks: number[] = [];
  /** Places of 32-bit distances to blocks. */
  readonly #jumps: { at: number; to: number }[] = [];
  readonly #slot: number;
  readonly #random: Random;
  readonly #gpr: BigUint64Array;
  readonly #window: Uint8Array;
  #unknown = new Set<string>();
  #leaf = 0;

  constructor(slot: number, random: Random, gpr: BigUint64Array, window: Uint8Array) {
    this.#slot = slot;
    this.#random = random;
    this.#gpr = gpr;
    this.#window = window;
  }

  begin(index: number, isReachedByJumps: boolean): void {
    this.#blocks[index] = this.#code.length;
    if (isReachedByJumps) this.#unknown = new Set(ALL_FLAGS);
  }

  beginLeaf(): void {
    this.#put([0xe9, 0, 0, 0, 0], false);
    this.#jumps.push({ at: this.#code.length - 4, to: 0 });
    this.#leaf = this.#code.length;
    this.#unknown = new Set(ALL_FLAGS);
  }
  endLeaf(): void {
    this.#put([0xc3], false);
    this.#unknown = new Set();
  }

  /** Adds an instruction, if what it reads is defined and there is room. */
  add(variant: Variant): void {
    const { mnemonic, undefinedFlags = [] } = variant.entry.instruction;
    if (reads(mnemonic).some((flag) => this.#unknown.has(flag))) return;
    const at = addressOf({ slot: this.#slot }) + this.#code.length;
    const [random, gpr, window] = [this.#random, this.#gpr, this.#window];
    const fields = chooseFields({ variant, slot: this.#slot, at, plan: PLAN, random, gpr, window, fixed: new Set() });
    const bytes = encodeAt(variant, fields, at);
    if (this.#code.length + bytes.length > CODE_LIMIT - 8 * END_BYTES) return;
    this.#put([...bytes]);
    this.#variants.push(variant);
    if (DEFINE_ALL.test(mnemonic)) this.#unknown.clear();
    if (definesAllButCarry(mnemonic)) this.#allButCarryDefined();
    for (const rule of undefinedFlags) this.#unknown.add(rule.split(' ')[0] as string);
  }

  end(end: End): void {
    switch (end.kind) {
      case 'next':
        return;
      case 'call': {
        const distance = this.#leaf - (this.#code.length + 5);
        this.#put([0xe8, ...int32(distance)]);
        return;
      }
      case 'jmp':
        this.#jump([0xe9], end.to);
        return;
      case 'indirect':
        // lea rax, [rip + distance]; jmp rax
        this.#put([0x48, 0x8d, 0x05, 0, 0, 0, 0], false);
        this.#jumps.push({ at: this.#code.length - 4, to: end.to });
        this.#put([0xff, 0xe0], false);
        return;
      case 'jcc':
        if (reads('JE').some((flag) => this.#unknown.has(flag))) {
          this.#put([0x48, 0x39, 0xc8]); // cmp rax, rcx
          this.#unknown.clear();
        }
        this.#jump([0x0f, 0x80 | this.#random.below(16)], end.to);
        return;
      case 'loop': {
        const start = this.#code.length;
        this.#put([0x41, 0xff, 0xcf], false); // dec r15d
        this.#allButCarryDefined();
        this.#put([0x0f, 0x89, 0, 0, 0, 0], false); // jns
        this.#jumps.push({ at: this.#code.length - 4, to: end.to });
        // Left out together: without the one the other does not end.
        this.#parts.push({ at: start, length: this.#code.length - start });
        return;
      }
    }
  }

  finish() {
    for (const { at, to } of this.#jumps) {
      const distance = (this.#blocks[to] as number) - (at + 4);
      for (const [index, byte] of int32(distance).entries()) this.#code[at + index] = byte;
    }
    this.#unknownAt.set(this.#code.length, new Set(this.#unknown));
    return {
      code: Uint8Array.from(this.#code),
      parts: this.#parts,
      variants: this.#variants,
      unknownAt: this.#unknownAt,
    };
  }

  #jump(opcode: readonly number[], to: number): void {
    this.#put([...opcode, 0, 0, 0, 0]);
    this.#jumps.push({ at: this.#code.length - 4, to });
  }

  #put(bytes: readonly number[], mayBeLeftOut = true): void {
    this.#unknownAt.set(this.#code.length, new Set(this.#unknown));
    if (mayBeLeftOut) this.#parts.push({ at: this.#code.length, length: bytes.length });
    this.#code.push(...bytes);
  }

  #allButCarryDefined(): void {
    for (const flag of ALL_FLAGS) if (flag !== 'CF') this.#unknown.delete(flag);
  }
}

// Also where a call returns to: what the routine leaves is not known there.
function isReachedByJumps(ends: readonly End[], block: number): boolean {
  return ends.some((end, from) => ('to' in end ? end.to === block : end.kind === 'call' && from === block - 1));
}

function maskExceptions(fx: Uint8Array): void {
  const view = new DataView(fx.buffer, fx.byteOffset);
  view.setUint32(FX_MXCSR, view.getUint32(FX_MXCSR, true) | 0x1f80, true);
}

function int32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
