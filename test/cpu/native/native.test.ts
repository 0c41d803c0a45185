/**
 * The processor against the host's: every form that user mode can run, in 64-bit and in 32-bit code, for every operand
 * size and shape, from random and boundary values. Fixed seed; fuzz.ts runs longer ones.
 */
import { equal, ok } from 'node:assert/strict';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';
import { forEveryEngine } from '../engines.ts';
import { explain, runCampaign, summarize } from './campaign.ts';
import { Host, whyNoHost } from './host.ts';

/** About 200 for each variant: some twenty seconds. */
const CASES = 750_000;
const SEED = 20240;

forEveryEngine(
  'every instruction does what it does on the host',
  async (makeEngine) => {
    const host = new Host();
    try {
      const report = await runCampaign(host, { instructions: ALL_INSTRUCTIONS, makeEngine, seed: SEED, cases: CASES });
      console.log(`${report.cases} cases of ${report.forms} forms in ${report.variants} variants`);
      for (const line of summarize(report.left)) console.log(`not run: ${line}`);
      equal(report.differences.map(explain).join('\n'), '', `seed ${SEED}`);
      ok(report.forms > 800, `only ${report.forms} forms were run`);
    } finally {
      host.close();
    }
  },
  { skip: whyNoHost() },
);
