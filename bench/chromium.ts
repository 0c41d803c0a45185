import { existsSync } from 'node:fs';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's package `chromium`. */
export const CHROMIUM = '/usr/bin/chromium';

/** As root it runs without its sandbox alone; the rest keeps it from calling home. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function hasChromium(): boolean {
  return existsSync(CHROMIUM);
}

/** xl on a page of its own in a browser of its own. */
export interface WebConsole {
  readonly browser: BrowserContext;
  /**
   * Resolves when the console shows the text, with the milliseconds since the page was asked for; rejects when xl has
   * ended without.
   */
  until(text: string, timeoutMs: number): Promise<number>;
  /** Resolves with xl's exit status. */
  ended(timeoutMs: number): Promise<number>;
  /** what xl and the guest have printed */
  text(): Promise<string>;
  /** what is in the origin's files: a line each */
  keptFiles(): Promise<string[]>;
  /** Has xl end what it does, as its user would; resolves when it is done, and has kept what is of use later. */
  end(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts headless Chromium, which has xl do as `argv` says on the page of serveWeb's server.
 *
 * @param profile a folder for what the browser keeps; '' is a new one each time
 */
export async function runInChromium(origin: string, argv: readonly string[], profile = ''): Promise<WebConsole> {
  const browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: FLAGS });
  const page = await browser.newPage();
  await page.addInitScript(WATCH);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('crash', () => complaints.push('the page crashed'));
  await page.goto(`${origin}/?${argv.map((word) => `xl=${encodeURIComponent(word)}`).join('&')}`);

  const text = () =>
    page
      .locator('pre')
      .textContent()
      .then((content) => content ?? '');
  const wait = async (wanted: string | undefined, timeoutMs: number) => {
    const state = await stateOnceThere(page, wanted, timeoutMs);
    if (wanted === undefined ? state.status === undefined : state.atMs === undefined)
      throw new Error(
        `xl in Chromium ended with ${state.status} ${complaints.join(' ')}:\n${(await text()).slice(-2000)}`,
      );
    return state;
  };
  return {
    browser,
    until: async (wanted, timeoutMs) => (await wait(wanted, timeoutMs)).atMs as number,
    ended: async (timeoutMs) => Number((await wait(undefined, timeoutMs)).status),
    text,
    keptFiles: () => page.evaluate(LIST_FILES),
    end: async (timeoutMs) => {
      const button = page.locator('button');
      // It is gone once xl is done by itself.
      if ((await button.count()) > 0) await button.click();
      await wait(undefined, timeoutMs);
    },
    close: () => browser.close(),
  };
}

interface PageState {
  /** on the page's clock; undefined where the text did not come */
  readonly atMs: number | undefined;
  readonly status: string | undefined;
}

const LIST_FILES = `(async () => {
  const files = [];
  for await (const folder of (await navigator.storage.getDirectory()).values())
    for await (const handle of folder.values()) {
      const { name, size, lastModified } = await handle.getFile();
      files.push(name + ', ' + size + ' bytes, written at ' + lastModified);
    }
  return files.sort();
})()`;

const POLL_MS = 20;

/** When the console had how much, which does not wait until somebody asks. */
const WATCH = `
  globalThis.growth = [{ atMs: 0, length: 0 }];
  setInterval(() => {
    const length = document.querySelector('pre')?.textContent.length ?? 0;
    if (length !== growth.at(-1).length) growth.push({ atMs: performance.now(), length });
  }, ${POLL_MS});
`;

async function stateOnceThere(page: Page, wanted: string | undefined, timeout: number): Promise<PageState> {
  const script = `(() => {
    const { status } = document.documentElement.dataset;
    const wanted = ${JSON.stringify(wanted)};
    const at = wanted === undefined ? -1 : document.querySelector('pre').textContent.indexOf(wanted);
    const { atMs } = at < 0 ? {} : (growth.find(({ length }) => length >= at + wanted.length) ?? {});
    return atMs !== undefined || status !== undefined ? { atMs, status } : undefined;
  })()`;
  const handle = await page.waitForFunction(script, undefined, { timeout, polling: POLL_MS });
  return (await handle.jsonValue()) as PageState;
}
