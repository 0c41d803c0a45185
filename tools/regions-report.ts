/** What was measured of regions, as text for who reads it and as an object for who counts on. */
import { WAYS_OUT, type WayOut } from '../src/cpu/region/region-meter.ts';
import type { ProfiledRegion } from '../src/cpu/region/region-profile.ts';
import { codeWidth, listing, type Naming, webAssemblyText } from './regions-listing.ts';
import type { Measured } from './regions-run.ts';

export interface ReportOptions {
  /** So many of the hottest regions are shown. */
  readonly top: number;
  /** With their WebAssembly text. */
  readonly wat: boolean;
  readonly naming: Naming;
}

/** Sums over all regions, and what is outside them. Shares are of 1. */
export interface Summary {
  readonly instructions: number;
  readonly share: { readonly regions: number; readonly interpreter: number };
  readonly seconds: number;
  readonly timeShare: {
    readonly regions: number;
    readonly calledByRegions: number;
    readonly interpreter: number;
    readonly makingRegions: number;
    readonly typescript: number;
    readonly native: number;
  };
  readonly entries: number;
  readonly instructionsAnEntry: number;
  readonly waysOut: Readonly<Record<WayOut, number>>;
  readonly coldCalls: number;
  readonly entered: number;
  readonly made: number;
  readonly madeAnew: number;
  readonly dropped: number;
  readonly uncounted: number;
  readonly modules: number;
  readonly moduleBytes: number;
  readonly invalidations: number;
  readonly evictions: number;
  /** Functions other than regions that took most time, and their shares of it. */
  readonly otherFunctions: readonly { readonly name: string; readonly timeShare: number }[];
}

/** So many of them. */
const OTHERS = 8;

/** A region's part in it all. */
export interface HotRegion {
  readonly region: ProfiledRegion;
  /** Of the time that the process was busy: its own code, and what it calls. */
  readonly timeShare: number;
  readonly calledShare: number;
  /** Of all instructions of the guest, and of those in regions. */
  readonly share: number;
  readonly shareOfRegions: number;
  readonly instructionsAnEntry: number;
}

export function summary({ counts, regions, samples, uncounted }: Measured): Summary {
  const sum = (of: (region: ProfiledRegion) => number) => regions.reduce((total, region) => total + of(region), 0);
  const inRegions = sum(({ instructions }) => instructions);
  const entries = sum((region) => region.entries);
  const times = [...samples.regions.values()];
  const part = (seconds: number) => ratio(seconds, samples.busy);
  return {
    instructions: counts.instructions,
    share: {
      regions: ratio(inRegions, counts.instructions),
      interpreter: ratio(counts.instructions - inRegions, counts.instructions),
    },
    seconds: samples.busy,
    timeShare: {
      regions: part(times.reduce((total, { own }) => total + own, 0)),
      calledByRegions: part(times.reduce((total, { called }) => total + called, 0)),
      interpreter: part(samples.interpreter),
      makingRegions: part(samples.making),
      typescript: part(samples.typescript),
      native: part(samples.native),
    },
    ...{ entries, instructionsAnEntry: ratio(inRegions, entries), coldCalls: sum(({ coldCalls }) => coldCalls) },
    waysOut: Object.fromEntries(WAYS_OUT.map((way) => [way, sum(({ waysOut }) => waysOut[way])])) as Summary['waysOut'],
    ...{ entered: regions.length, made: counts.regionsMade, dropped: counts.regionsDropped, uncounted },
    madeAnew: regions.filter(({ fate }) => fate === 'made anew').length,
    ...{ modules: counts.modules, moduleBytes: counts.moduleBytes },
    ...{ invalidations: counts.invalidations, evictions: counts.evictions },
    otherFunctions: [...samples.functions]
      .map(([name, seconds]) => ({ name, timeShare: part(seconds) }))
      .sort((a, b) => b.timeShare - a.timeShare)
      .slice(0, OTHERS),
  };
}

/** The one that took most time comes first. */
export function hottest({ counts, regions, samples }: Measured, top: number): HotRegion[] {
  const inRegions = regions.reduce((total, { instructions }) => total + instructions, 0);
  const hot = regions.map((region) => {
    const { own = 0, called = 0 } = samples.regions.get(region.number) ?? {};
    return {
      region,
      timeShare: ratio(own, samples.busy),
      calledShare: ratio(called, samples.busy),
      share: ratio(region.instructions, counts.instructions),
      shareOfRegions: ratio(region.instructions, inRegions),
      instructionsAnEntry: ratio(region.instructions, region.entries),
    };
  });
  const time = ({ timeShare, calledShare }: HotRegion) => timeShare + calledShare;
  return hot.sort((a, b) => time(b) - time(a) || b.share - a.share).slice(0, top);
}

export async function textReport(measured: Measured, { top, wat, naming }: ReportOptions): Promise<string> {
  const hot = hottest(measured, top);
  const parts = [...summaryLines(summary(measured)), '', ...hotTable(hot, naming)];
  for (const [place, { region }] of hot.entries()) {
    parts.push('', heading(place, region), ...listing(region, naming));
    if (wat) parts.push('', await webAssemblyText(region));
  }
  return `${parts.join('\n')}\n`;
}

export async function jsonReport(measured: Measured, { top, wat, naming }: ReportOptions): Promise<string> {
  const regions = await Promise.all(
    hottest(measured, top).map(async ({ region, ...shares }) => {
      const { module, rip, blocks, noRegionAt, ...rest } = region;
      const name = naming(rip);
      return {
        ...{ rip: `0x${rip.toString(16)}`, ...(name === undefined ? {} : { name }), ...shares, ...rest },
        ...(noRegionAt === undefined ? {} : { noRegionAt: `0x${noRegionAt.toString(16)}` }),
        moduleBytes: module.length,
        blocks: blocks.map(({ instructions, ...block }) => ({ ...block, instructions: instructions.length })),
        listing: listing(region, naming),
        ...(wat ? { wat: await webAssemblyText(region) } : {}),
      };
    }),
  );
  return `${JSON.stringify({ summary: summary(measured), regions }, undefined, 2)}\n`;
}

function summaryLines(all: Summary): string[] {
  const { share, timeShare } = all;
  const ways = WAYS_OUT.filter((way) => all.waysOut[way] > 0);
  return [
    `instructions  ${millions(all.instructions)}: ${percent(share.regions)} in regions, ${percent(share.interpreter)} in the interpreter`,
    `time          ${all.seconds.toFixed(2)} s: ${percent(timeShare.regions)} in regions, ${percent(timeShare.calledByRegions)} in what they call, ` +
      `${percent(timeShare.interpreter)} in the interpreter, ${percent(timeShare.makingRegions)} making regions, ${percent(timeShare.typescript)} in other TypeScript, ${percent(timeShare.native)} in V8`,
    `entries       ${millions(all.entries)}, ${all.instructionsAnEntry.toFixed(1)} instructions each; ${millions(all.coldCalls)} calls of the interpreter's functions`,
    `ways out      ${ways.map((way) => `${NAMES[way]} ${percent(ratio(all.waysOut[way], all.entries))}`).join(', ')}`,
    `regions       ${all.entered} entered; ${all.made} made, ${all.madeAnew} of those entered were made anew, ${all.dropped} dropped; ` +
      `${all.modules} modules of ${(all.moduleBytes / 1024).toFixed(0)} KiB${all.uncounted === 0 ? '' : `; ${all.uncounted} WITHOUT COUNTERS`}`,
    `code          ${all.invalidations} pages invalidated by writes, ${all.evictions} times room was made`,
    `other time    ${all.otherFunctions.map(({ name, timeShare: part }) => `${name} ${percent(part)}`).join(', ')}`,
  ];
}

function hotTable(hot: readonly HotRegion[], naming: Naming): string[] {
  const ways = WAYS_OUT.filter((way) => hot.some(({ region }) => region.waysOut[way] > 0));
  const head = ['', 'region', 'time', 'called', 'instr.', 'entries', 'instr./entry'];
  const rows = hot.map(({ region, ...shares }, place) => [
    ...[`${place + 1}`, `${region.number}`, percent(shares.timeShare), percent(shares.calledShare)],
    ...[percent(shares.share), count(region.entries), shares.instructionsAnEntry.toFixed(1)],
    ...ways.map((way) => count(region.waysOut[way])),
    ...[count(region.coldCalls), `${region.made}/${region.dropped}`, `0x${region.rip.toString(16)}`],
    naming(region.rip) ?? '',
  ]);
  const titles = [...head, ...ways.map((way) => NAMES[way]), 'calls', 'made/dropped', 'RIP', ''];
  return columns([titles, ...rows]);
}

function heading(place: number, region: ProfiledRegion): string {
  const { number, mode, followsCalls, fate, module, functionIndex, blocks, noRegionAt } = region;
  const instructions = blocks.reduce((total, block) => total + block.instructions.length, 0);
  const never = blocks.filter(({ entries }) => entries === 0).length;
  const calls = followsCalls ? ', with what it calls' : '';
  return (
    `${place + 1}. region ${number}, ${fate}: ${blocks.length} blocks (${never} never entered) of ${instructions} instructions${calls}, ${codeWidth(mode)}-bit; ` +
    `function ${functionIndex} of a module of ${module.length} bytes` +
    (noRegionAt === undefined ? '' : `; no region was at 0x${noRegionAt.toString(16)}, for one`)
  );
}

const NAMES: Readonly<Record<WayOut, string>> = {
  chained: 'chained',
  unknown: 'unknown',
  noRegion: 'no region',
  budget: 'budget',
  stop: 'stop',
  promotion: 'promotion',
  fault: 'fault',
  interpret: 'interpret',
  system: 'system',
};

// Numbers to the right, the last two columns to the left.
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) => {
    const width = widths[column] ?? 0;
    return column < widths.length - 2 ? text.padStart(width) : text.padEnd(width);
  };
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function millions(count: number): string {
  return `${(count / 1e6).toFixed(1)} M`;
}

function count(number: number): string {
  return number.toLocaleString('en');
}
