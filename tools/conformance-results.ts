/** What became of tests, beside what became of them on real Xen: read, judged and printed. */

/** How a test ended: in its own words, or without any. In the order of XTF's own runner, the worst last. */
export const RESULTS = ['SUCCESS', 'SKIP', 'ERROR', 'FAILURE', 'CRASH'] as const;
export type Result = (typeof RESULTS)[number];

/** What became of an instance. */
export interface Outcome {
  /** pvh-hvm64-example; test-hvm64-example where it was started as HVM */
  readonly name: string;
  readonly result: Result;
  readonly seconds: number;
  /** Why, where it did not pass. */
  readonly reason: string;
}

/** Results by instance, as `Outcome` names it. */
export type Results = ReadonlyMap<string, Result>;

/** The last result that a test printed on its console; CRASH where it printed none. */
export function resultOf(console: string): Result {
  const words = [...console.matchAll(/^Test result: (\w+)/gm)].at(-1)?.[1];
  return RESULTS.find((result) => result === words) ?? 'CRASH';
}

/** Results that an earlier run printed: a line is 'name RESULT', whatever follows. */
export function parseExpected(text: string): Map<string, Result> {
  const expected = new Map<string, Result>();
  for (const line of text.split('\n')) {
    const [name = '', word] = line.trim().split(/\s+/);
    const result = RESULTS.find((one) => one === word);
    if (result !== undefined) expected.set(name, result);
  }
  return expected;
}

/**
 * Results of real Xen: a line is a name and how it ended, with anything between. A line without a result is of a test
 * that printed none; one that could not be created is left out, as are those of PV guests.
 */
export function parseReal(text: string): Map<string, Result> {
  const real = new Map<string, Result>();
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const name = words[0] ?? '';
    if (!/^(pvh|test)-hvm/.test(name) || words.some((word) => word.startsWith('CREATE-FAILED'))) continue;
    real.set(name, RESULTS.find((one) => words.includes(one)) ?? 'CRASH');
  }
  return real;
}

/**
 * Whether an outcome is what was expected; where nothing was, whether it passed, was skipped where real Xen does not
 * pass it, or failed just as on real Xen.
 */
export function isAsExpected({ name, result }: Outcome, expected: Results, real: Results = new Map()): boolean {
  const wanted = expected.get(name);
  if (wanted !== undefined) return result === wanted;
  const there = real.get(name);
  if (result === 'SUCCESS' || result === there) return true;
  return result === 'SKIP' && there !== 'SUCCESS';
}

/** A row of what is printed. `parseExpected` reads it back. */
export function row({ name, result, seconds, reason }: Outcome): string {
  return `${name.padEnd(36)}${result.padEnd(8)}${seconds.toFixed(1).padStart(7)} s  ${reason}`.trimEnd();
}

/** How many there are of each result. */
export function summary(outcomes: readonly { readonly result: Result }[]): string {
  const count = (result: Result) => outcomes.filter((one) => one.result === result).length;
  return RESULTS.map((result) => `${result} ${count(result)}`).join('  ');
}

/** The outcomes as a page: a kernel a row, started as PVH and as HVM, each beside real Xen's result. */
export function markdown(outcomes: readonly Outcome[], real: Results, xen: string): string {
  const by = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  const kernels = [...new Set(outcomes.map(({ name }) => name.replace(/^\w+-/, '')))];
  const rows = kernels.map((kernel) => {
    const cells = ['pvh', 'test'].flatMap((start) => {
      const name = `${start}-${kernel}`;
      return [by.get(name)?.result ?? '', real.get(name) ?? ''];
    });
    return `| ${[kernel, ...cells, whyOf(by.get(`pvh-${kernel}`), by.get(`test-${kernel}`))].join(' | ')} |`;
  });
  const started = (start: string) => outcomes.filter(({ name }) => name.startsWith(`${start}-`));
  const others = outcomes.filter((outcome) => !isAsExpected(outcome, new Map(), real)).map(({ name }) => name);
  return [
    HEADER,
    `Xen's command line was \`${xen}\`.`,
    '',
    `- as PVH: ${summary(started('pvh'))}`,
    `- by \`firmware_override\`: ${summary(started('test'))}`,
    `- neither passed nor as on real Xen: ${others.length === 0 ? 'none' : others.join(', ')}`,
    '',
    '| kernel | as PVH | real Xen | by firmware_override | real Xen | why not |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

const HEADER = `# Conformance: the Xen Test Framework

The kernels of XTF (github.com/andyhhp/xtf), unmodified: each as a PVH guest, and in hvmloader's place as XTF's own
configurations start them (\`type = "hvm"\`, \`firmware_override\`). The word is the kernel's own, from its last line.

Made by \`npm run conformance -- DIR --real=FILE --markdown=docs/conformance.md\`, where DIR is an XTF that was built and
FILE tells what the same kernels said on Xen 4.17.7. That Xen ran on QEMU's processor without a forced emulation prefix:
its failures of memop-seg, swint-emulation, fpu-exception-emulation and fep, its crash of xsa-308 and most of its skips
are the processor's or the missing option's. CRASH is a test that ended without a word. An empty field is a kernel that
real Xen could not start (\`~shadow\`, which here has nested tables as others have), or that was not run there (hvm32pae).

Where we skip: nested-vmx, because our processor is of AMD's kind and has no VT-x to give to guests; and xsa-261 as PVH,
which has no HPET on real Xen either. Where we crash: xsa-472 as PVH, whose kernels write registers that only HVM guests
have (\`viridian\`), as on real Xen.
`;

function whyOf(...outcomes: readonly (Outcome | undefined)[]): string {
  const reasons = outcomes.flatMap((outcome) =>
    outcome === undefined || outcome.reason === '' ? [] : [outcome.reason],
  );
  return [...new Set(reasons)].join('; ').replaceAll('|', '\\|');
}
