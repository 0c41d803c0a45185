/** The whole machine in a browser: the page, its worker, and the built-in guest. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { CHROMIUM, hasChromium, runInChromium } from '../../bench/chromium.ts';
import { serveWeb, type WebServer } from '../../src/machine/web-server.ts';

const TIMEOUT_MS = 60_000;
const skip = hasChromium() ? false : `no ${CHROMIUM} here: Debian's package chromium`;

let server: WebServer;
before(async () => {
  server = await serveWeb({ '/guest/broken.cfg': new TextEncoder().encode('type = "pvh"\nmemory = "lots"\n') });
});
after(() => server.close());

/** xl on a page; what it printed and its exit status, and what is in the browser's files for the page then. */
async function runOnPage(argv: readonly string[], profile?: string) {
  const console = await runInChromium(server.origin, argv, profile);
  try {
    const status = await console.ended(TIMEOUT_MS);
    return { status, text: await console.text(), kept: await console.keptFiles() };
  } finally {
    await console.close();
  }
}

const HELLO = ['create', '-F', '-c', '-q', '/guests/hello.cfg', 'kernel="builtin:hello"'];
const TICKS = [1, 2, 3, 4, 5].map((n) => `tick ${n}\n`).join('');
const GREETING = `Hello from a PVH guest in 64-bit mode.\nname = hello\ndomid = 1\n${TICKS}Goodbye.\n`;

test('the built-in guest greets, counts ticks and powers off on a page of headless Chromium', { skip }, async () => {
  const { status, text } = await runOnPage(HELLO);
  equal(text, GREETING);
  equal(status, 0);
});

test('what a visit keeps is in the files of the origin, and the next one does the same with it', { skip }, async () => {
  const profile = mkdtempSync(join(tmpdir(), 'xenolith-web-'));
  try {
    const first = await runOnPage(HELLO, profile);
    match(first.kept.join(), /^[\da-f]+-own, \d+ bytes, written at \d+$/);
    const second = await runOnPage(HELLO, profile);
    equal(second.text, GREETING);
    equal(second.status, 0);
    // What is not found is made, and written, again.
    deepEqual(second.kept, first.kept);
  } finally {
    rmSync(profile, { recursive: true, force: true });
  }
});

test("an operator's mistake is a sentence on the page, and status 1", { skip }, async () => {
  const broken = await runOnPage(['create', '-F', '/guest/broken.cfg']);
  match(broken.text, /broken\.cfg:2: memory = "lots": expected MiB as a number/);
  equal(broken.status, 1);
  const missing = await runOnPage(['create', '-F', '/guests/nothing.cfg']);
  match(missing.text, /nothing\.cfg: no such file/);
  equal(missing.status, 1);
});
