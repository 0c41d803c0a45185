/** The whole machine in a browser: the page, its worker, and the built-in guest. */
import { equal, match } from 'node:assert/strict';
import test from 'node:test';
import { CHROMIUM, hasChromium, runInChromium, type WebConsole } from '../../bench/chromium.ts';
import { serveWeb } from '../../src/machine/web-server.ts';

const TIMEOUT_MS = 60_000;
const skip = hasChromium() ? false : `no ${CHROMIUM} here: Debian's package chromium`;

/** xl on a page; what it printed and its exit status. */
async function runOnPage(argv: readonly string[], meanwhile?: (console: WebConsole) => Promise<void>) {
  const server = await serveWeb({ '/guest/broken.cfg': new TextEncoder().encode('type = "pvh"\nmemory = "lots"\n') });
  try {
    const console = await runInChromium(server.origin, argv);
    try {
      await meanwhile?.(console);
      const status = await console.ended(TIMEOUT_MS);
      return { status, text: await console.text() };
    } finally {
      await console.close();
    }
  } finally {
    await server.close();
  }
}

test('the built-in guest greets, counts ticks and powers off on a page of headless Chromium', { skip }, async () => {
  const argv = ['create', '-F', '-c', '-q', '/guests/hello.cfg', 'kernel="builtin:hello"'];
  const { status, text } = await runOnPage(argv);
  const ticks = [1, 2, 3, 4, 5].map((n) => `tick ${n}\n`).join('');
  equal(text, `Hello from a PVH guest in 64-bit mode.\nname = hello\ndomid = 1\n${ticks}Goodbye.\n`);
  equal(status, 0);
});

test("an operator's mistake is a sentence on the page, and status 1", { skip }, async () => {
  const broken = await runOnPage(['create', '-F', '/guest/broken.cfg']);
  match(broken.text, /broken\.cfg:2: memory = "lots": expected MiB as a number/);
  equal(broken.status, 1);
  const missing = await runOnPage(['create', '-F', '/guests/nothing.cfg']);
  match(missing.text, /nothing\.cfg: no such file/);
  equal(missing.status, 1);
});
