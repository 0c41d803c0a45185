/** `npm run soak -- --only=attack`: attacks from a seed on, and the smallest one that does what the first failure did. */
import { type Attack, drawAttack, relative } from './attack.ts';
import { Campaign, type Finding } from './campaign.ts';
import { shrink } from './shrink.ts';
import { Watchdog } from './watchdog.ts';

/** Engines have so many guests, one after the other. */
export const ATTACKS_PER_ROUND = 8;

/** Throws with a report of the first that does what must not be. Seeds count by ATTACKS_PER_ROUND. */
export function proveHarmless(round: number): void {
  const campaign = new Campaign();
  const watchdog = new Watchdog();
  try {
    for (let number = 0; number < ATTACKS_PER_ROUND; number++) {
      const seed = round * ATTACKS_PER_ROUND + number;
      watchdog.expect(`attack ${seed} does not end`);
      const attack = drawAttack(seed);
      const finding = campaign.check(attack, relative(attack, seed));
      if (finding !== undefined) throw new Error(report(attack, finding, watchdog));
    }
  } finally {
    watchdog.close();
  }
}

function report(attack: Attack, finding: Finding, watchdog: Watchdog): string {
  const fails = (smaller: Attack): Finding | undefined => {
    watchdog.expect(`attack ${attack.seed} does not end when it is made smaller`);
    const again = new Campaign(finding.ways).check(smaller, relative(smaller, attack.seed));
    return again !== undefined && kindOf(again) === kindOf(finding) ? again : undefined;
  };
  const lines = [`attack ${attack.seed}: ${finding.text}`];
  if (fails(attack) === undefined) {
    lines.push('Alone it does not: what came before it in the round is part of it.');
    return lines.join('\n');
  }
  const small = shrink(attack, (smaller) => fails(smaller) !== undefined);
  lines.push(`The smallest that does so: ${fails(small)?.text}`, written(small));
  return lines.join('\n');
}

// Of failures of one kind only figures differ.
function kindOf({ text }: Finding): string {
  const [first = ''] = text.split('\n');
  return first.replace(/[\da-f]*\d[\da-f]*/g, '#');
}

function written(attack: Attack): string {
  const hex = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value);
  const attackers = attack.attackers.map((attacker) => ({
    ...attacker,
    registers: attacker.registers.map(String).join(' '),
  }));
  return JSON.stringify({ ...attack, attackers, scattered: undefined }, hex, 1);
}
