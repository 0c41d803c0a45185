import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Contest, type Machine, MEMORY_MIB } from './machines.ts';
import { assertNoChildren, processorSeconds, type Run, residentMiB, start } from './processes.ts';
import type { SuiteImage } from './suite-image.ts';
import {
  BEGIN,
  type Contestant,
  END,
  kernelWords,
  readOutput,
  timedByHost,
  type SuiteOrder,
  type SuiteRun,
} from './suite-programs.ts';

/** For a whole run, boot included. The slowest there was took a tenth of it. */
const TIMEOUT_MS = 900_000;

/** The suite in a guest: one boot, all programs one after the other, each in a process of its own. */
export function inGuest(machine: Machine, image: SuiteImage): Contestant {
  return {
    name: machine.name,
    run: async (order) => {
      const run = boot(machine, image, order);
      try {
        const pid = run.child.pid as number;
        const begunMs = await run.until(BEGIN);
        const usedBefore = processorSeconds(pid);
        const endedMs = await run.until(END);
        const share = ((processorSeconds(pid) - usedBefore) * 1000) / (endedMs - begunMs);
        assertNoChildren(pid);
        const { total, largestMapping } = residentMiB(pid);
        return {
          programs: readOutput(run.output(), order, (endedMs - begunMs) / 1000),
          share,
          beyondMiB: total - Math.min(MEMORY_MIB, largestMapping),
        };
      } finally {
        await run.stop();
      }
    },
  };
}

/**
 * The suite in a guest, timed by the host: from the end of one program to the end of the next. What the programs
 * prepare counts as well. It is what can be said of a guest whose clock counts instructions.
 */
export function inGuestByHost(
  machine: Machine,
  image: SuiteImage,
  name: string,
  settings: readonly string[],
): Contestant {
  return {
    name,
    run: async (order) => {
      const run = boot(machine, image, order, settings);
      try {
        await run.until(END);
        return { programs: timedByHost(run.lines(), readOutput(run.output(), order)) };
      } finally {
        await run.stop();
      }
    },
  };
}

/** The same binary on the host's own processor and kernel. */
export function onHost(contest: Contest, image: SuiteImage): Contestant {
  const folder = join(contest.folder, 'native');
  return {
    name: 'native',
    run: async (order) => {
      mkdirSync(folder, { recursive: true });
      const output = order.names.map((name) => runOnHost(image, folder, name, order)).join('');
      return { programs: readOutput(output, order) };
    },
  };
}

/** All runs of all contestants: they take turns, so that what else the host does falls on all of them. */
export async function compete(
  contestants: readonly Contestant[],
  order: SuiteOrder,
  runs: number,
): Promise<Map<string, SuiteRun[]>> {
  const results = new Map<string, SuiteRun[]>(contestants.map(({ name }) => [name, []]));
  for (let turn = 1; turn <= runs; turn++)
    for (const { name, run } of contestants) {
      const startedMs = performance.now();
      const result = await run(order);
      results.get(name)?.push(result);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      const share = result.share === undefined ? '' : `, ${(result.share * 100).toFixed(0)} % of a core`;
      console.error(`suite, run ${turn} of ${runs}, ${name}: ${seconds} s${share}`);
    }
  return results;
}

function boot(machine: Machine, image: SuiteImage, order: SuiteOrder, settings: readonly string[] = []): Run {
  return start(machine.command(kernelWords(order), image.initramfs, settings), machine.environment(), TIMEOUT_MS);
}

function runOnHost(image: SuiteImage, folder: string, name: string, { divisor }: SuiteOrder): string {
  const { stdout, stderr, status } = spawnSync(image.suite, [name, String(divisor)], {
    cwd: folder,
    env: { BUSYBOX: image.busybox, LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (status !== 0) throw new Error(`${image.suite} ${name} on the host: status ${status}: ${stderr}`);
  return stdout;
}
