/**
 * The processor against the host's: every form that user mode can run, in 64-bit and in 32-bit code, for every operand
 * size and shape, from random and boundary values; short runs of instructions; programs. Fixed seeds; fuzz.ts runs longer.
 */
import { equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';
import { type EngineMaker, forEveryEngine } from '../engines.ts';
import { explain, type Kind, type Report, runCampaign, summarize } from './campaign.ts';
import { Host, whyNoHost } from './host.ts';

/** About 200 for each variant. */
const SINGLE_CASES = 750_000;
const SEQUENCES = 500_000;
const PROGRAMS = 30_000;
const SEED = 20240;

forEveryEngine(
  'every instruction does what it does on the host',
  async (makeEngine, context) => {
    const report = await run(makeEngine, SINGLE_CASES, 'singles');
    context.diagnostic(`${report.cases} cases of ${report.forms} forms in ${report.variants} variants`);
    for (const line of summarize(report.left)) context.diagnostic(`not run: ${line}`);
    ok(report.forms > 800, `only ${report.forms} forms were run`);
  },
  { skip: whyNoHost() },
);

forEveryEngine(
  'what one instruction leaves, the next one finds, as on the host',
  async (makeEngine, context: TestContext) => {
    const report = await run(makeEngine, SEQUENCES, 'sequences');
    context.diagnostic(`${report.cases} runs of two to four instructions`);
  },
  { skip: whyNoHost() },
);

forEveryEngine(
  'programs with branches and loops come to what they come to on the host',
  async (makeEngine, context: TestContext) => {
    const report = await run(makeEngine, PROGRAMS, 'programs');
    context.diagnostic(`${report.cases} programs`);
  },
  { skip: whyNoHost() },
);

async function run(makeEngine: EngineMaker, cases: number, kind: Kind): Promise<Report> {
  const host = new Host();
  try {
    const options = { instructions: ALL_INSTRUCTIONS, makeEngine, seed: SEED, cases, kind };
    const report = await runCampaign(host, options);
    equal(report.differences.map(explain).join('\n'), '', `seed ${SEED}`);
    return report;
  } finally {
    host.close();
  }
}
