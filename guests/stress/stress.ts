/**
 * A kernel of our own that changes its code in every way we could think of, and checks each time that what runs is what
 * was written: for processors that keep translations. Thousands of changes, each with code hot before and after it.
 */
import { SHUTDOWN_crash } from '../../src/abi/sched.ts';
import { VCPUOP_initialise, VCPUOP_up } from '../../src/abi/vcpu.ts';
import { VCPU_HVM_MODE_64B } from '../../src/abi/hvm/hvm_vcpu.ts';
import { Assembler } from '../../src/cpu/decode/assembler.ts';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import { CONSOLE } from '../hello/console.ts';
import { SYMBOLS } from '../hello/symbols.ts';
import { pvhElf } from '../lib/elf.ts';
import { PARAMS } from '../lib/params.ts';
import { START64, START64_PAGES } from '../lib/start64.ts';
import { MAIN, PAGES } from './main.ts';
import { bothModes } from './modes.ts';
import { otherPage, stackInCode } from './other-page.ts';
import { otherVcpu, SECOND_VCPU } from './other-vcpu.ts';
import type { Making, Piece } from './piece.ts';
import { straddling, twoAddresses, twoPages, underItself } from './remap.ts';
import { hotRoutine, nextInstruction, otherInstructions, ownLoop } from './same-page.ts';

export interface StressOptions {
  /** Decides places, fillers, kinds of stores, and the order. */
  readonly seed: number;
  /** How often everything is done. */
  readonly rounds: number;
  /** Calls or rounds of a hot loop between two changes. */
  readonly heat: number;
  /** Changes that each piece makes in a round. */
  readonly changes: number;
  /** 1, or 2 for code that is changed by another vCPU. */
  readonly vcpus: 1 | 2;
}

/** What it prints last if nothing was wrong; the number of checks follows, in hexadecimal. */
export const STRESS_RIGHT = 'All as it should be. Checks: ';

const ADDRESS = 0x100000;

type Maker = (making: Making) => Piece;

const PIECES: readonly Maker[] = [
  nextInstruction,
  hotRoutine,
  ownLoop,
  otherInstructions,
  otherPage,
  stackInCode,
  twoPages,
  twoAddresses,
  underItself,
  straddling,
  bothModes,
];

/** The kernel as an ELF file. The same options make the same kernel. */
export function stressKernel(options: StressOptions): Uint8Array {
  const { seed, rounds, heat, changes, vcpus } = options;
  const random = new SeededRandom(seed);
  const makers = vcpus === 2 ? [...PIECES, otherVcpu] : PIECES;
  const pieces = shuffled(random, makers).map((make) => make({ random, heat, changes }));
  const source = [
    START64,
    PARAMS,
    MAIN,
    CONSOLE,
    vcpus === 2 ? `${SECOND_VCPU}\nprepare:\n  jmp start_second_vcpu` : 'prepare:\n  ret',
    order(pieces),
    ...pieces.map((piece) => piece.source),
    PAGES,
    START64_PAGES,
  ].join('\n');
  const { bytes, symbols } = new Assembler(ALL_INSTRUCTIONS).assemble(source, {
    origin: ADDRESS,
    width: 32,
    symbols: { ...SYMBOLS, SHUTDOWN_crash, VCPUOP_initialise, VCPUOP_up, VCPU_HVM_MODE_64B, ROUNDS: rounds },
  });
  return pvhElf(bytes, ADDRESS, Number(symbols.get('entry')));
}

function order(pieces: readonly Piece[]): string {
  const calls = pieces.map(({ name }) => `mov qword [current], name_of_${name}\ncall ${name}`);
  const names = pieces.map(({ name }) => `name_of_${name}:\ndb '${name}', 0`);
  return `all_pieces:\n${calls.join('\n')}\nret\n${names.join('\n')}`;
}

function shuffled<Item>(random: SeededRandom, items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
