/** The long way: node test/cpu/native/fuzz.ts --cases 5000000 --seed 7 [--only ADD,SHLD] [--keep 3] [--engine interpreter] [--kind sequences] */
import { parseArgs } from 'node:util';
import { ALL_INSTRUCTIONS } from '../../../src/cpu/instructions/all.ts';
import { ENGINES } from '../engines.ts';
import { explain, KINDS, runCampaign, summarize } from './campaign.ts';
import { Host, whyNoHost } from './host.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1000000) },
    only: { type: 'string' },
    keep: { type: 'string', default: '3' },
    engine: { type: 'string', default: 'interpreter' },
    kind: { type: 'string', default: 'singles' },
  },
});
const missing = whyNoHost();
if (missing !== false) {
  console.error(missing);
  process.exit(1);
}
const engine = ENGINES.find(({ name }) => name === values.engine);
if (engine === undefined) {
  console.error(`no engine '${values.engine}': expected ${ENGINES.map(({ name }) => name).join(' or ')}`);
  process.exit(1);
}
const kind = KINDS.find((each) => each === values.kind);
if (kind === undefined) {
  console.error(`no kind '${values.kind}': expected ${KINDS.join(' or ')}`);
  process.exit(1);
}
const host = new Host();
const started = performance.now();
const report = await runCampaign(host, {
  instructions: ALL_INSTRUCTIONS,
  makeEngine: engine.make,
  seed: Number(values.seed),
  cases: Number(values.cases),
  keep: Number(values.keep),
  kind,
  ...(values.only === undefined ? {} : { only: values.only.split(',') }),
});
host.close();
const seconds = (performance.now() - started) / 1000;
for (const one of report.differences) console.log(explain(one));
if (report.differences.length > 0) {
  console.log('\ndifferences by form:');
  for (const [name, count] of report.byForm) console.log(`  ${count}  ${name}`);
}
for (const line of summarize(report.left)) console.log(`not run: ${line}`);
const rate = Math.round(report.cases / seconds);
console.log(
  `seed ${values.seed}: ${report.cases} cases of ${report.forms} forms (${report.variants} variants), ${report.left.length} forms not run, ${report.byForm.size} forms differ; ${rate} cases/s`,
);
