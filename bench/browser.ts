import { serveWeb } from '../src/machine/web-server.ts';
import { runInChromium } from './chromium.ts';
import { type Contest, guestConfig } from './machines.ts';
import type { SuiteImage } from './suite-image.ts';
import { BEGIN, type Contestant, END, kernelWords, readOutput } from './suite-programs.ts';

const TIMEOUT_MS = 900_000;
const KERNEL = '/guest/vmlinux';
const RAMDISK = '/guest/initramfs';
const CONFIG = '/guest/bench.cfg';

/** The suite in a guest of ours on a page of headless Chromium: one browser and one boot a run. */
export function inChromium(contest: Contest, image: SuiteImage): Contestant {
  return {
    name: 'chromium',
    run: async (order) => {
      const config = guestConfig(KERNEL, RAMDISK, kernelWords(order));
      const server = await serveWeb({
        [KERNEL]: contest.vmlinux,
        [RAMDISK]: image.initramfs,
        [CONFIG]: new TextEncoder().encode(config),
      });
      try {
        const console = await runInChromium(server.origin, ['create', '-F', '-c', CONFIG]);
        try {
          await console.until(BEGIN, TIMEOUT_MS);
          const begunMs = performance.now();
          await console.until(END, TIMEOUT_MS);
          const hostSeconds = (performance.now() - begunMs) / 1000;
          return { programs: readOutput(await console.text(), order, hostSeconds) };
        } finally {
          await console.close();
        }
      } finally {
        await server.close();
      }
    },
  };
}
