/** A hostile guest as data, drawn from a seed, so that it can be run again and made smaller. */
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import * as place from './places.ts';
import { widthOf } from './image.ts';
import { pick } from './pick.ts';
import { entryValue, isLastLevel, line, value, type Writer } from './random-line.ts';

export type Mode = 'long' | 'compatibility' | 'paged' | 'pae' | 'flat' | 'real' | 'vm86';
const MODES = [
  'long',
  'long',
  'long',
  'long',
  'compatibility',
  'compatibility',
  'paged',
  'pae',
  'flat',
  'real',
  'vm86',
] as const;

/** A vCPU, and what it runs. */
export interface Attacker {
  readonly domain: 0 | 1;
  readonly mode: Mode;
  readonly isUser: boolean;
  /** Linear address that is added to where its code is. */
  readonly alias: bigint;
  /** Bytes by which its lines begin past multiples of 16. */
  readonly shift: number;
  readonly lines: readonly string[];
  /** What a guest of its own runs. */
  readonly inner: readonly string[];
  /** What the handler of its exceptions does besides. */
  readonly vectorLines: readonly string[];
  readonly registers: readonly bigint[];
  readonly cr4: number;
}

/** A word of a domain's memory that is something else. */
export interface Patch {
  readonly domain: 0 | 1;
  readonly address: number;
  readonly word: number;
}

/** A vCPU runs for so many instructions. */
export interface Slice {
  readonly attacker: number;
  readonly budget: number;
  /** What comes before. */
  readonly event: 'interrupt' | 'nmi' | 'fault' | 'written' | 'flush' | 'none';
}

export interface Attack {
  readonly seed: number;
  /**
   * Translations are forgotten behind each write to a page table, as a kernel sees to. Where they are not, engines may
   * know more or less of the past, and do not have to agree.
   */
  readonly isTidy: boolean;
  readonly attackers: readonly Attacker[];
  /** Guest frames in the order in which some linear addresses have them. */
  readonly scattered: readonly number[];
  readonly patches: readonly Patch[];
  readonly slices: readonly Slice[];
}

/** The same seed, the same attack. */
export function drawAttack(seed: number): Attack {
  const random = new SeededRandom(seed);
  const mode = pick(random, MODES);
  const isTidy = random.below(3) !== 0;
  const attackers = [drawAttacker(random, mode, 0, 0, isTidy)];
  if (random.below(3) === 0) attackers.push(drawAttacker(random, mode, 0, 1, isTidy));
  const other = pick(random, MODES);
  const neighbour = random.below(5);
  // In three of five the same code, in other surroundings.
  if (neighbour === 0) attackers.push(drawAttacker(random, other, 1, 0, isTidy));
  else if (neighbour > 1) attackers.push(changed(random, attackers[0] as Attacker, isTidy));
  return {
    seed,
    isTidy,
    attackers,
    scattered: Array.from({ length: 512 }, () => random.below(random.below(8) === 0 ? 1024 : 512)),
    patches: Array.from({ length: random.below(12) }, () => drawPatch(random, isTidy)),
    slices: Array.from({ length: 20 + random.below(30) }, () => drawSlice(random, attackers.length)),
  };
}

/** Another attack whose code is nearly the same: what was kept of the first one's is nearly right for it. */
export function relative(attack: Attack, seed: number): Attack {
  const random = new SeededRandom(seed);
  return {
    ...attack,
    attackers: attack.attackers.map((attacker) => ({
      ...changed(random, attacker, attack.isTidy),
      domain: attacker.domain,
    })),
    scattered: attack.scattered.map((gfn) => (random.below(20) === 0 ? random.below(512) : gfn)),
    patches: [...attack.patches, drawPatch(random, attack.isTidy)],
  };
}

function changed(random: SeededRandom, attacker: Attacker, isTidy: boolean): Attacker {
  const writer = writerFor(random, attacker.mode, 0, !attacker.isUser, isTidy);
  const changes = pick(random, [0, 0, 1, 12]);
  const lines = attacker.lines.map((before) =>
    random.below(100) < changes && !isFrame(before) ? line(writer) : before,
  );
  const registers = attacker.registers.map((before) => (random.below(3) === 0 ? value(writer) : before));
  return { ...attacker, domain: 1, lines, registers };
}

/** Of a loop, without which others do not assemble. */
function isFrame(text: string): boolean {
  return text.includes('loop') || text.includes('sub');
}

function writerFor(random: SeededRandom, mode: Mode, index: number, isKernel: boolean, isTidy: boolean): Writer {
  const code = (): number => place.CODE + (random.below(6) === 0 ? random.below(3) : index) * place.CODE_SIZE;
  return { random, width: widthOf(mode), code, isKernel, isTidy };
}

function drawAttacker(random: SeededRandom, mode: Mode, domain: 0 | 1, index: number, isTidy: boolean): Attacker {
  const isUser = mode === 'vm86' || (mode !== 'real' && random.below(4) === 0);
  const writer = writerFor(random, mode, index, !isUser, isTidy);
  const own = (count: number): string[] => Array.from({ length: count }, () => line(writer));
  const cr4 = pick(random, [0x6b0, 0x6b0, 0x6a0, 0x206b0, 0x3006b0, 0x2006b0, 0x406b0, 0x106b0, 0x630]);
  return {
    ...{ domain, mode, isUser, cr4 },
    // Other ways there are users'.
    alias: mode === 'long' && random.below(2) === 0 && (cr4 & 0x300000) === 0 ? pick(random, place.ALIASES) : 0n,
    shift: random.below(3) === 0 ? random.below(16) : 0,
    lines: body(writer, 1 + random.below(4)),
    inner:
      mode === 'long'
        ? body({ ...writer, code: () => place.CODE + index * place.CODE_SIZE + place.INNER_CODE }, 2)
        : [],
    vectorLines:
      random.below(6) === 0 && mode === 'long' ? own(1).filter((text) => !/call|ret|jmp|j[a-z]+ /.test(text)) : [],
    registers: Array.from({ length: 16 }, () => value(writer)),
  };
}

/** Loops, with calls of what is on another page, and lines between. */
function body(writer: Writer, loops: number): string[] {
  const { random, width } = writer;
  const lines: string[] = [];
  const some = (count: number): void => {
    for (let left = random.below(count); left > 0; left--) lines.push(line(writer));
  };
  for (let number = 0; number < loops; number++) {
    some(8);
    const times = pick(random, [3, 20, 100, 100, 1000, 5000]);
    const counter =
      width === 64 ? ['r15d', 'r14d'][number & 1] : `dword [${place.COUNTERS + number * 4 + random.below(8) * 16}]`;
    lines.push(`mov ${counter}, ${times}`, `loop${number}:`);
    some(10);
    if (random.below(2) === 0) lines.push(`call sub${number}`);
    some(6);
    lines.push(`dec ${counter}\njnz loop${number}`);
  }
  lines.push('hlt', 'jmp $-32');
  for (let number = 0; number < loops; number++) {
    if (random.below(2) === 0) lines.push('align 4096');
    if (random.below(3) === 0) lines.push(`times ${random.below(200)} nop`);
    lines.push(`sub${number}:`);
    some(6);
    lines.push('ret');
  }
  return lines;
}

function drawPatch(random: SeededRandom, isTidy: boolean): Patch {
  const domain = random.below(2) === 0 ? 0 : 1;
  const entry = place.FIRST_TABLE + random.below(11 * 512) * 8;
  switch (random.below(5)) {
    case 0:
      return { domain, address: place.VMCB + random.below(0x1a0) * 4, word: random.next() };
    case 1:
      return {
        domain,
        address: place.VMCB + pick(random, [0, 4, 8, 0xc, 0x10, 0x60, 0xa8, 0x90]),
        word: random.next(),
      };
    case 2:
      return { domain, address: entry + 4, word: pick(random, [0x80000000, 1, 0xff, 0xfffff, 0x80000]) };
    case 3:
      return {
        domain,
        address: place.PT + ((place.DATA >> 12) + random.below(16)) * 8,
        word: entryValue(random, isTidy, true),
      };
    default:
      return { domain, address: entry, word: entryValue(random, isTidy, isLastLevel(entry)) };
  }
}

function drawSlice(random: SeededRandom, attackers: number): Slice {
  const budget = 1 + random.below(pick(random, [30, 30, 300, 300, 300, 1000, 1000, 3000, 10_000]));
  const event = pick(random, ['interrupt', 'nmi', 'fault', 'written', 'flush', ...Array(15).fill('none')] as const);
  return { attacker: random.below(attackers), budget, event };
}
