import { HYPERCALLS } from '../src/xen/hypercalls.ts';
import type { HypercallRow, Operation, Support } from '../src/xen/hypercall-row.ts';

const SIGNS: Readonly<Record<Support, string>> = { full: 'yes', partly: 'partly', absent: 'no' };

/** docs/SUPPORT.md, from the hypercall table. */
export function printSupport(): string {
  const all = HYPERCALLS.flatMap((row) => [...row.operations.values()]);
  const count = (support: Support) => all.filter((operation) => operation.support === support).length;
  return [
    '# What of Xen is here',
    '',
    'Printed from `src/xen/hypercalls.ts` by `tools/support-table.ts`; do not edit.',
    '',
    'The interfaces are those of Xen 4.17, for PVH guests of both widths. A call or operation that is not here answers',
    '-ENOSYS, as from a Xen built without it, and is named once in the log.',
    '',
    `Of ${all.length} operations ${count('full')} are here, ${count('partly')} in part, ${count('absent')} not.`,
    '',
    '## Hypercalls',
    '',
    '| nr | name | here | note |',
    '| --- | --- | --- | --- |',
    ...HYPERCALLS.map(summary),
    ...HYPERCALLS.filter((row) => row.select !== undefined).flatMap(details),
    '',
  ].join('\n');
}

function summary(row: HypercallRow): string {
  if (row.select === undefined) {
    const only = row.operations.get(0) as Operation;
    return `| ${row.nr} | ${row.name} | ${SIGNS[only.support]} | ${only.note} |`;
  }
  const operations = [...row.operations.values()];
  const here = operations.filter((operation) => operation.support !== 'absent').length;
  const sign = here === 0 ? 'no' : here === operations.length ? 'yes' : 'partly';
  return `| ${row.nr} | [${row.name}](#${row.name}) | ${sign} | ${here} of ${operations.length} operations |`;
}

function details(row: HypercallRow): string[] {
  const lines = [...row.operations].map(
    ([number, { name, support, note }]) => `| ${number} | ${name} | ${SIGNS[support]} | ${note} |`,
  );
  return ['', `## ${row.name}`, '', '| op | name | here | note |', '| --- | --- | --- | --- |', ...lines];
}

if (import.meta.main) process.stdout.write(printSupport());
