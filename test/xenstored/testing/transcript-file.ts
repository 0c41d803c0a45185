import { readdirSync, readFileSync } from 'node:fs';

/** A step of a transcript: what happens, with the line it is written in. */
export interface Step {
  readonly line: number;
  readonly action: Action;
}

export type Action =
  | { readonly kind: 'request'; readonly who: string; readonly request: string; readonly reply: string }
  | { readonly kind: 'event'; readonly who: string; readonly event: string }
  | { readonly kind: 'xen'; readonly what: string; readonly domid: number };

export interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
}

export interface TranscriptFile {
  readonly name: string;
  readonly cases: readonly Case[];
}

const FOLDER = new URL('../transcripts/', import.meta.url);

/** Reads all transcripts; README.md beside them says how they are written. */
export function readTranscripts(): TranscriptFile[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  return names.map((name) => ({ name, cases: parse(name, readFileSync(new URL(name, FOLDER), 'utf8')) }));
}

function parse(name: string, text: string): Case[] {
  const cases: { title: string; steps: Step[] }[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const title = /^== (.*)$/.exec(line)?.[1];
    const last = cases.at(-1);
    if (title !== undefined) cases.push({ title, steps: [] });
    else if (last === undefined) throw new Error(`${name}:${index + 1}: a step before the first "== title"`);
    else last.steps.push({ line: index + 1, action: parseAction(`${name}:${index + 1}`, line) });
  }
  return cases;
}

function parseAction(where: string, line: string): Action {
  const event = /^(\w+) <- WATCH_EVENT (.*)$/.exec(line);
  if (event !== null) return { kind: 'event', who: event[1] ?? '', event: unescaped(event[2] ?? '') };
  const xen = /^xen (\w+) (\d+)$/.exec(line);
  if (xen !== null) return { kind: 'xen', what: xen[1] ?? '', domid: Number(xen[2]) };
  const request = /^(\w+) ([A-Z_]+(?:@\d+)?(?: .*?)?)\s+->(?: (.*))?$/.exec(line);
  if (request === null) throw new Error(`${where}: neither a request, an event nor a step of Xen's: ${line}`);
  const [, who = '', sent = '', reply = ''] = request;
  return { kind: 'request', who, request: unescaped(sent), reply: unescaped(reply) };
}

/** `\xNN` is an octet, `\.` nothing: it keeps blanks at an end. `{c*N}` is N times c. */
function unescaped(text: string): string {
  return text
    .replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\.', '')
    .replaceAll(/\{(.)\*(\d+)\}/g, (_, character: string, count: string) => character.repeat(Number(count)));
}
