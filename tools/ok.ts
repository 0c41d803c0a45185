import { spawnSync } from 'node:child_process';
import { ROOT } from './sources.ts';

/** One thing that must hold before a commit. */
interface Gate {
  readonly name: string;
  readonly command: readonly string[];
  /** its output is shown even when it passes */
  readonly loud?: boolean;
}

const node = process.execPath;
const bin = (name: string) => `${ROOT}node_modules/.bin/${name}`;

/** Quick ones first; the tests last, so that their summary ends the output. */
const GATES: readonly Gate[] = [
  { name: 'format', command: [bin('biome'), 'format', '--colors=off', '.'] },
  { name: 'types', command: [bin('tsc'), '-b', '--pretty', 'false'] },
  { name: 'lint', command: [bin('biome'), 'lint', '--colors=off', '--error-on-warnings', '.'] },
  { name: 'layers', command: [node, 'tools/layers.ts'] },
  { name: 'tidy', command: [node, 'tools/tidy.ts'] },
  { name: 'docs', command: [node, 'tools/docs.ts', '--check'] },
  { name: 'tests', command: ['npm', 'test', '--silent'], loud: true },
];

/** Runs a gate; its output goes to the terminal as it comes when it is loud, else only if the gate fails. */
function run(gate: Gate): { passed: boolean; seconds: number } {
  const started = performance.now();
  const [command = '', ...parameters] = gate.command;
  const result = spawnSync(command, parameters, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: gate.loud ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  const passed = result.status === 0;
  if (!passed && !gate.loud) process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  if (result.error !== undefined) console.log(`${command}: ${result.error.message}; was npm ci run?`);
  return { passed, seconds: (performance.now() - started) / 1000 };
}

const wanted = process.argv.slice(2);
const gates = wanted.length === 0 ? GATES : GATES.filter((gate) => wanted.includes(gate.name));
const unknown = wanted.filter((name) => !GATES.some((gate) => gate.name === name));
if (unknown.length > 0) {
  console.error(`no such gate: ${unknown.join(', ')}; there are ${GATES.map((gate) => gate.name).join(', ')}`);
  process.exit(2);
}
const failed: string[] = [];
for (const gate of gates) {
  const { passed, seconds } = run(gate);
  if (!passed) failed.push(gate.name);
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${gate.name.padEnd(8)}${seconds.toFixed(1).padStart(6)} s`);
}
console.log(failed.length === 0 ? 'all gates passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
