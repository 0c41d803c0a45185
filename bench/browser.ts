import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { ensureGuest } from '../src/machine/guests/ensure-guest.ts';
import { serveWeb } from '../src/machine/web-server.ts';
import { runInChromium, type WebConsole } from './chromium.ts';
import { type Contest, guestConfig, type Machine } from './machines.ts';
import { median, table } from './statistics.ts';
import { inGuest } from './suite.ts';
import type { SuiteImage } from './suite-image.ts';
import {
  BEGIN,
  type Contestant,
  END,
  kernelWords,
  readOutput,
  type SuiteOrder,
  type SuiteRun,
} from './suite-programs.ts';

const TIMEOUT_MS = 900_000;
const KERNEL = '/guest/kernel';
const RAMDISK = '/guest/initramfs';
const CONFIG = '/guest/bench.cfg';

/** Who is compared with whom: what a run leaves, the next one begins with, on both. */
export const BROWSER_PAIRS = [
  { what: '', ours: 'chromium', node: 'node' },
  { what: ', nothing kept of earlier runs', ours: 'chromium, first run', node: 'node, first run' },
] as const;

/**
 * The suite in a guest of ours on a page of headless Chromium, and under Node: on each the first run there ever was, and
 * the second. One browser and one boot a run.
 */
export function inBrowserAndNode(contest: Contest, image: SuiteImage): Contestant[] {
  const [later, first] = BROWSER_PAIRS;
  const page = new Page(contest.folder, contest.vmlinux, image.initramfs);
  let environment: ReturnType<Machine['environment']> = {};
  const begin = () => {
    environment = contest.first.environment();
    return environment;
  };
  return [
    { name: first.ours, run: (order) => page.renewed().run(order) },
    { name: later.ours, run: (order) => page.run(order) },
    inGuest({ ...contest.first, name: first.node, environment: begin }, image),
    inGuest({ ...contest.ours, name: later.node, environment: () => environment }, image),
  ];
}

/** From opening the page to a shell, in seconds. */
export interface VisitFigures {
  readonly first: number;
  readonly second: number;
}

/** Debian's kernel as it is packaged, unpacked on the page, and its shell. */
export async function visits(contest: Contest, count: number): Promise<VisitFigures> {
  const { kernel, ramdisk } = await ensureGuest('debian');
  const page = new Page(contest.folder, kernel, ramdisk);
  const first: number[] = [];
  const second: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    first.push(await page.renewed().secondsTo('# '));
    second.push(await page.secondsTo('# '));
  }
  return { first: median(first), second: median(second) };
}

export function visitTable({ first, second }: VisitFigures, count: number): string {
  const head = [`from opening the page to the shell, median of ${count}`, 'seconds'];
  return table(head, [
    ['first visit', first.toFixed(2)],
    ['second visit', second.toFixed(2)],
  ]);
}

/** A guest on a page of the same origin each time, in a browser that keeps what it is given. */
class Page {
  readonly #folder: string;
  readonly #kernel: string;
  readonly #ramdisk: string;
  #profile = '';
  /** The origin's; a free one the first time. */
  #port = 0;

  constructor(folder: string, kernel: string, ramdisk: string) {
    this.#folder = folder;
    this.#kernel = kernel;
    this.#ramdisk = ramdisk;
  }

  /** Nobody has ever been there. */
  renewed(): this {
    this.#profile = mkdtempSync(join(this.#folder, 'profile-'));
    return this;
  }

  run(order: SuiteOrder): Promise<SuiteRun> {
    return this.#visit(kernelWords(order), async (console) => {
      const begunMs = await console.until(BEGIN, TIMEOUT_MS);
      const hostSeconds = ((await console.until(END, TIMEOUT_MS)) - begunMs) / 1000;
      return { programs: readOutput(await console.text(), order, hostSeconds) };
    });
  }

  secondsTo(text: string): Promise<number> {
    return this.#visit('', async (console) => (await console.until(text, TIMEOUT_MS)) / 1000);
  }

  async #visit<T>(words: string, measure: (console: WebConsole) => Promise<T>): Promise<T> {
    const config = new TextEncoder().encode(guestConfig(KERNEL, RAMDISK, words));
    const server = await serveWeb({ [KERNEL]: this.#kernel, [RAMDISK]: this.#ramdisk, [CONFIG]: config }, this.#port);
    this.#port = Number(new URL(server.origin).port);
    try {
      const console = await runInChromium(server.origin, ['create', '-F', '-c', '-q', CONFIG], this.#profile);
      try {
        const measured = await measure(console);
        await console.end(TIMEOUT_MS);
        return measured;
      } finally {
        await console.close();
      }
    } finally {
      await server.close();
    }
  }
}
