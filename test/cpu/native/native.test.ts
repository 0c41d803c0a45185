/**
 * The processor against the host's: every form that user mode can run, in 64-bit and in 32-bit code, for every operand
 * size and shape, from random and boundary values; short runs of instructions; programs. Fixed seeds; fuzz.ts runs longer.
 */
import { equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';
import { forEveryEngine, type TestedEngine } from '../engines.ts';
import { explain, type Kind, type Report, runCampaign, summarize } from './campaign.ts';
import { Host, whyNoHost } from './host.ts';

/** How many cases there are; fewer where each is compiled. */
const CASES = {
  // About 200 for each variant, or one.
  singles: { usual: 750_000, compiled: 4_000 },
  sequences: { usual: 500_000, compiled: 4_000 },
  programs: { usual: 30_000, compiled: 4_000 },
} as const;
const SEED = 20240;

forEveryEngine(
  'every instruction does what it does on the host',
  async (_, context, engine) => {
    const report = await run(engine, 'singles');
    context.diagnostic(`${report.cases} cases of ${report.forms} forms in ${report.variants} variants`);
    for (const line of summarize(report.left)) context.diagnostic(`not run: ${line}`);
    ok(report.forms > 800, `only ${report.forms} forms were run`);
  },
  { skip: whyNoHost() },
);

forEveryEngine(
  'what one instruction leaves, the next one finds, as on the host',
  async (_, context: TestContext, engine) => {
    const report = await run(engine, 'sequences');
    context.diagnostic(`${report.cases} runs of two to four instructions`);
  },
  { skip: whyNoHost() },
);

forEveryEngine(
  'programs with branches and loops come to what they come to on the host',
  async (_, context: TestContext, engine) => {
    const report = await run(engine, 'programs');
    context.diagnostic(`${report.cases} programs`);
  },
  { skip: whyNoHost() },
);

async function run({ make, isSlowToStart }: TestedEngine, kind: Kind): Promise<Report> {
  const cases = isSlowToStart ? CASES[kind].compiled : CASES[kind].usual;
  const host = new Host();
  try {
    const options = { instructions: ALL_INSTRUCTIONS, makeEngine: make, seed: SEED, cases, kind };
    const report = await runCampaign(host, options);
    equal(report.differences.map(explain).join('\n'), '', `seed ${SEED}`);
    return report;
  } finally {
    host.close();
  }
}
