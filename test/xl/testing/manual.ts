import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A manual page of Xen's as Debian's xen-utils-common installs it: 'xl.1', 'xl.cfg.5'. */
export function manualPath(page: string): string {
  return `/usr/share/man/man${page.at(-1)}/${page}.gz`;
}

/** Why a page cannot be read here; undefined where it can. */
export function whyNoManual(...pages: readonly string[]): string | undefined {
  const missing = pages.filter((page) => !existsSync(manualPath(page)));
  return missing.length === 0 ? undefined : `no manual here: ${missing.join(', ')} (Debian: xen-utils-common)`;
}

/** What a page lists, in its order. */
export interface Item {
  readonly section: string;
  /** 0 for what is on its own, 1 for what is explained below that. */
  readonly depth: number;
  readonly text: string;
}

/** The items of a manual page, from the index that pod2man puts in for each. */
export function manualItems(page: string): Item[] {
  const items: Item[] = [];
  let section = '';
  let depth = 0;
  for (const line of gunzipSync(readFileSync(manualPath(page)))
    .toString('utf8')
    .split('\n')) {
    const [word, argument = ''] = split(line);
    if (word === '.SH') {
      section = plain(argument);
      depth = 0;
    }
    if (word === '.RS') depth++;
    if (word === '.RE') depth = Math.max(0, depth - 1);
    const item = word === '.IX' ? /^Item "(.*)"$/.exec(argument)?.[1] : undefined;
    if (item !== undefined) items.push({ section, depth, text: plain(item) });
  }
  return items;
}

function split(line: string): [string, string] {
  const blank = line.indexOf(' ');
  return blank < 0 ? [line, ''] : [line.slice(0, blank), line.slice(blank + 1)];
}

/** Without troff's changes of font and size. */
function plain(text: string): string {
  return text
    .replaceAll(/\\s[-+]?\d|\\f[A-Z]|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('"', '')
    .trim();
}
