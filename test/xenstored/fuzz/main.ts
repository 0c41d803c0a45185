// Malformed frames against xenstored: node test/xenstored/fuzz/main.ts [--frames N] [--configs N] [--seed S]

import { parseArgs } from 'node:util';
import { fuzzFrames } from './campaign.ts';
import { fuzzConfigs } from './configs.ts';

/** A campaign begins anew after so many frames, so that a failure's seed is short to repeat. */
const FRAMES_A_SEED = 20_000;

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    configs: { type: 'string', default: '0' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000}` },
  },
});
const [frames, configs, seed] = [Number(values.frames), Number(values.configs), Number(values.seed)];
console.log(`${frames} frames, ${configs} configs, from seed ${seed}`);
const startedMs = performance.now();
const heapsMiB: number[] = [];
for (let done = 0; done < frames; done += FRAMES_A_SEED) {
  await fuzzFrames(Math.min(FRAMES_A_SEED, frames - done), seed + done / FRAMES_A_SEED);
  globalThis.gc?.();
  heapsMiB.push(process.memoryUsage().heapUsed / 2 ** 20);
}
fuzzConfigs(configs, seed);
const seconds = (performance.now() - startedMs) / 1000;
console.log(`nothing found in ${seconds.toFixed(1)} s`);
if (globalThis.gc !== undefined) {
  const middle = heapsMiB[heapsMiB.length >> 1] ?? 0;
  console.log(`heap after half: ${middle.toFixed(1)} MiB, at the end: ${heapsMiB.at(-1)?.toFixed(1)} MiB`);
}
