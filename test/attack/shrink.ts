/** Makes an attack smaller for as long as it still does what it did. */
import type { Attack } from './attack.ts';

/** The smallest attack found for which `fails` holds, in at most so many tries. */
export function shrink(attack: Attack, fails: (smaller: Attack) => boolean, tries = 400): Attack {
  let best = attack;
  let left = tries;
  const attempt = (smaller: Attack): boolean => {
    if (left-- <= 0 || !fails(smaller)) return false;
    best = smaller;
    return true;
  };
  for (let before = 0; before !== sizeOf(best) && left > 0; ) {
    before = sizeOf(best);
    for (const part of PARTS) {
      for (let piece = Math.max(1, part.length(best) >> 1); piece >= 1; piece >>= 1) {
        for (let at = 0; at < part.length(best); ) {
          if (!attempt(part.without(best, at, piece))) at += piece;
        }
      }
    }
  }
  return best;
}

function sizeOf(attack: Attack): number {
  return PARTS.reduce((sum, part) => sum + part.length(attack), 0);
}

/** A list that may be shorter. */
interface Part {
  length(attack: Attack): number;
  /** Without so many items from a place on. */
  without(attack: Attack, at: number, count: number): Attack;
}

const MOST_ATTACKERS = 3;

const PARTS: readonly Part[] = [
  {
    length: ({ slices }) => slices.length,
    without: (attack, at, count) => ({ ...attack, slices: attack.slices.toSpliced(at, count) }),
  },
  {
    length: ({ patches }) => patches.length,
    without: (attack, at, count) => ({ ...attack, patches: attack.patches.toSpliced(at, count) }),
  },
  ...Array.from({ length: MOST_ATTACKERS }, (_, index) =>
    (['lines', 'inner', 'vectorLines'] as const).map(
      (list): Part => ({
        length: ({ attackers }) => attackers[index]?.[list].length ?? 0,
        without: (attack, at, count) => ({
          ...attack,
          attackers: attack.attackers.map((attacker, number) =>
            number === index ? { ...attacker, [list]: attacker[list].toSpliced(at, count) } : attacker,
          ),
        }),
      }),
    ),
  ).flat(),
];
