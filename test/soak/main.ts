/** `npm run soak`: rounds of the long proofs until the time or the count is up. README.md says what is in them. */
import { parseArgs } from 'node:util';
import { ALL_INSTRUCTIONS } from '../../src/cpu/instructions/all.ts';
import { SeededRandom } from '../../src/lib/seeded-random.ts';
import { STRESS_RIGHT } from '../../guests/stress/stress.ts';
import { ENGINES } from '../cpu/engines.ts';
import { ATTACKS_PER_ROUND, proveHarmless } from '../attack/proof.ts';
import { explain, runCampaign } from '../cpu/native/campaign.ts';
import { Host, whyNoHost } from '../cpu/native/host.ts';
import type { Plan } from './checkpoints.ts';
import { difference, type Guest, record, type Way } from './compare-runs.ts';
import { debianWork } from './debian-work.ts';
import { stressGuest } from './stress-guest.ts';
import { allWays, HOT_REGIONS, INTERPRETER, KEPT_CODE, LITTLE_ROOM } from './ways.ts';

/** Of each hot routine of the stress guest, about: a minute on a slow engine. */
const HOT_CALLS = 500_000;

/** Throws what is wrong; returns a line on what was right. */
type Proof = (seed: number) => Promise<string>;

const PROOFS: Readonly<Record<string, Proof>> = {
  debian: async (seed) => {
    const random = new SeededRandom(seed);
    const vcpus = 1 + random.below(3);
    const every = 10_000_000 + random.below(60_000_000);
    const ways = allWays(seed, [INTERPRETER, HOT_REGIONS, LITTLE_ROOM, KEPT_CODE]);
    const told = await proveAlike(await debianWork(seed, 12, vcpus), ways, every, (console) => {
      if (!console.includes('reboot: System halted')) throw new Error(`Debian did not power off:\n${console}`);
    });
    return `Debian with ${vcpus} vCPUs, ${told}`;
  },
  stress: async (seed) => {
    const random = new SeededRandom(seed);
    const [heat, changes] = [2 + random.below(2000), 1 + random.below(300)];
    const rounds = Math.max(1, Math.min(20, Math.floor(HOT_CALLS / (heat * changes))));
    const options = {
      ...{ seed, rounds, heat, changes },
      vcpus: random.below(2) === 0 ? 1 : 2,
    } as const;
    const ways = allWays(seed, [...ENGINES, HOT_REGIONS]);
    const told = await proveAlike(stressGuest(options), ways, 1_000_000 + random.below(5_000_000), (console) => {
      if (!console.startsWith(STRESS_RIGHT)) throw new Error(`${JSON.stringify(options)}:\n${console}`);
    });
    return `stress guest, ${rounds} rounds, heat ${heat}, ${changes} changes, ${options.vcpus} vCPUs, ${told}`;
  },
  native: async (seed) => {
    const missing = whyNoHost();
    if (missing !== false) return `not compared with the host's processor: ${missing}`;
    const host = new Host();
    try {
      for (const { name, make, isSlowToStart } of ENGINES) {
        const cases = isSlowToStart ? 10_000 : 100_000;
        const options = {
          instructions: ALL_INSTRUCTIONS,
          makeEngine: make,
          seed,
          cases,
          kind: 'programs',
        } as const;
        const { differences } = await runCampaign(host, options);
        if (differences.length > 0) throw new Error(`${name}:\n${differences.map(explain).join('\n')}`);
      }
    } finally {
      host.close();
    }
    return `random programs as the host's processor has them, on ${ENGINES.map(({ name }) => name).join(', ')}`;
  },
  attack: async (seed) => {
    proveHarmless(seed);
    return `${ATTACKS_PER_ROUND} hostile guests, alike in all ways and harmless`;
  },
};

/** Runs a guest in all ways to its end. */
async function proveAlike(
  guest: Guest,
  [first, ...others]: readonly [Way, Way, ...Way[]],
  every: number,
  check: (console: string) => void,
): Promise<string> {
  const plan: Plan = { from: every, every, to: Number.POSITIVE_INFINITY };
  const expected = await record(guest, first, plan);
  if (values.lines)
    for (const { instructions, hash } of expected.checkpoints.lines) console.log(`${instructions} ${hash}`);
  check(expected.console + expected.messages);
  for (const other of others) {
    const recorded = await record(guest, other, plan);
    const differs = await difference(guest, [first, other], [expected, recorded], plan);
    if (differs !== undefined) throw new Error(differs);
  }
  return `${expected.checkpoints.lines.length} checkpoints alike in ${others.length + 1} ways`;
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string' },
    lines: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PROOFS).join(',') },
  },
});
const names = values.only.split(',');
const unknown = names.find((name) => PROOFS[name] === undefined);
if (unknown !== undefined) {
  console.error(`--only=${values.only}: there is no ${unknown}: expected ${Object.keys(PROOFS).join(',')}`);
  process.exit(1);
}
const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
const minutes =
  values.minutes === undefined ? (values.count === undefined ? 60 : Number.POSITIVE_INFINITY) : Number(values.minutes);
const end = performance.now() + minutes * 60_000;
let seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);

// A machine that waits for nothing keeps no process alive.
const alive = setInterval(() => {}, 1 << 30);
for (let round = 0; round < count && (round === 0 || performance.now() < end); round++, seed++) {
  for (const name of names) {
    const started = performance.now();
    try {
      const told = await PROOFS[name]?.(seed);
      console.log(`seed ${seed}: ${told}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } catch (error) {
      console.error(`seed ${seed}: ${name} FAILED (npm run soak -- --seed=${seed} --count=1 --only=${name})`);
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    }
  }
}
clearInterval(alive);
