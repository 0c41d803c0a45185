import { KEYS } from '../src/dom0/xl/cfg/keys.ts';

const SIGNS = { full: 'yes', partly: 'partly', none: 'accepted, without effect' } as const;

/** The part of docs/SUPPORT.md about xl.cfg, from the table of its keys. */
export function printKeys(): string {
  const rows = Object.entries(KEYS).map(
    ([name, { type, support, note }]) => `| ${name} | ${type} | ${SIGNS[support]} | ${note} |`,
  );
  return ['## Keys of xl.cfg', '', '| key | type | here | note |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}
