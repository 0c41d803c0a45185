import { parseArgs } from 'node:util';
import { describeCall, fuzz } from './fuzz-run.ts';

// node test/xen/hypercall-fuzz.ts --calls 1000000 --seed 1 [--privileged] [--corpus]
//
// Drives every hypercall of a machine from a hostile guest and looks, every few hundred calls, whether Xen, dom0 and
// the other domain are as they were. With --corpus prints one call for each operation and outcome that was seen, as
// hypercall-corpus.txt holds them: who called, what came back, then the call.

const { values: options } = parseArgs({
  options: {
    calls: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    privileged: { type: 'boolean', default: false },
    corpus: { type: 'boolean', default: false },
  },
});

const seen = new Set<string>();
const started = Date.now();
const report = fuzz({
  calls: Number(options.calls),
  seed: Number(options.seed),
  privileged: options.privileged,
  // The processor's time: what else the host does is not a call's fault.
  nowMs: () => process.threadCpuUsage().user / 1000,
  onCall: (call, result) => {
    if (!options.corpus) return;
    const key = `${call.name} ${result < 0 ? result : 'ok'}`;
    if (seen.has(key)) return;
    seen.add(key);
    console.log(`${options.privileged ? 'privileged' : 'guest'} ${result} ${describeCall(call)}`);
  },
});
const seconds = (Date.now() - started) / 1000;
const summary =
  `${report.calls} calls in ${report.parts} parts, ${seconds.toFixed(1)} s, ` +
  `${report.outcomes.size} outcomes of ${new Set([...report.outcomes.keys()].map((key) => key.split(' ')[0])).size} operations`;
console.error(summary);
console.error(`slowest part of a call: ${report.slowestMs.toFixed(1)} ms, ${report.slowest}`);
for (const finding of report.findings) console.error(finding);
process.exitCode = report.findings.length === 0 ? 0 : 1;
