import { printKeys } from './keys-table.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { printSupport } from './support-table.ts';
import { printXl } from './xl-page.ts';
import { ROOT, readSources, resolvePath, type Source } from './sources.ts';

/** A page, or part of one, that a program prints from the code. */
export interface Printed {
  readonly path: string;
  readonly print: () => Promise<string>;
}

/** Finds links in Markdown that lead nowhere: to a file that is not there, or to a heading the file has not. */
export function deadLinks(pages: readonly Source[], exists: (path: string) => boolean): string[] {
  const findings: string[] = [];
  const texts = new Map(pages.map((page) => [page.path, page.text]));
  for (const { path, text } of pages) {
    for (const match of withoutCode(text).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)) {
      const link = match[1] ?? '';
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', heading] = link.split('#');
      const target = file === '' ? path : resolvePath(path, file);
      if (!exists(target)) findings.push(`${path}: links to ${link}, and there is no ${target}`);
      else if (heading !== undefined && !anchors(texts.get(target) ?? '').includes(heading)) {
        findings.push(`${path}: links to ${link}, and ${target} has no such heading`);
      }
    }
  }
  return findings;
}

/** The names that GitHub gives a page's headings. */
function anchors(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
}

/** Pages printed from the code; empty until the first table that wants printing is there. */
const PRINTED: readonly Printed[] = [
  { path: 'docs/SUPPORT.md', print: async () => printSupport() + printKeys() },
  { path: 'docs/xl.md', print: async () => printXl() },
];

async function checkPrinted(write: boolean): Promise<string[]> {
  const findings: string[] = [];
  for (const { path, print } of PRINTED) {
    const wanted = await print();
    if (write) writeFileSync(ROOT + path, wanted);
    else if (!existsSync(ROOT + path) || readFileSync(ROOT + path, 'utf8') !== wanted) {
      findings.push(`${path}: not what the code says; run: npm run docs`);
    }
  }
  return findings;
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const findings = await checkPrinted(!check);
  const top = ['README.md', 'CONTRIBUTING.md'].filter((path) => existsSync(ROOT + path));
  const pages = [
    ...top.map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') })),
    ...readSources(['.md'], ['docs', 'src', 'guests', 'web', 'bench', 'tools', 'test']),
  ];
  findings.push(...deadLinks(pages, (path) => existsSync(ROOT + path)));
  for (const finding of findings) console.log(finding);
  console.log(`${pages.length} pages, ${findings.length} wrong`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
