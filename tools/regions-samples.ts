/** Where the process spends its time: samples of V8's profiler, sorted by what of ours they fell on. */
import { Session } from 'node:inspector/promises';
import { REGION_NAME } from '../src/cpu/region/region-profile.ts';

const INTERVAL_US = 500;
/** What V8 calls time in which no code of ours runs. */
const IDLE = '(idle)';
const NATIVE = new Set(['(program)', '(garbage collector)', '(root)']);

/** Measuring itself: whatever these call is no part of what is measured. */
const MEASURING = ['node:inspector', '/src/cpu/region/region-profile.ts', '/tools/regions-'];

/** Seconds. */
export interface Samples {
  /** In all, without idle time and what measuring takes. */
  readonly busy: number;
  readonly idle: number;
  /** By number of a region: in its own code, and in the functions that it calls. */
  readonly regions: ReadonlyMap<number, { readonly own: number; readonly called: number }>;
  /** In the interpreter's generated code, but for what regions call of it. */
  readonly interpreter: number;
  /** In making regions, V8's first part in it included. */
  readonly making: number;
  /** In our other TypeScript, but for what regions call of it. */
  readonly typescript: number;
  /** V8 itself: compiling, collecting garbage. */
  readonly native: number;
  /** By function, of all but regions' own code. */
  readonly functions: ReadonlyMap<string, number>;
}

export class Sampler {
  readonly #session = new Session();

  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await this.#session.post('Profiler.start');
  }

  async stop(): Promise<Samples> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    return sorted(profile);
  }
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
}

/** As the inspector protocol has it (Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[] | undefined;
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

export function sorted({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Samples {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const regionOf = (id: number | undefined): number | undefined => {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      const name = frames.get(at)?.functionName ?? '';
      if (name.startsWith(REGION_NAME)) return Number(name.slice(REGION_NAME.length));
    }
    return undefined;
  };
  const regions = new Map<number, { own: number; called: number }>();
  const isWithin = (id: number, is: (frame: Frame) => boolean): boolean => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = frames.get(at);
      if (frame !== undefined && is(frame)) return true;
    }
    return false;
  };
  const functions = new Map<string, number>();
  const sums = { idle: 0, making: 0, interpreter: 0, typescript: 0, native: 0 };
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const seconds = (timeDeltas[index] ?? 0) / 1e6;
    const { functionName = '', url = '' } = frames.get(id) ?? {};
    if (functionName === IDLE) {
      sums.idle += seconds;
      continue;
    }
    if (isWithin(id, ({ url: from }) => MEASURING.some((part) => from.includes(part)))) continue;
    busy += seconds;
    const number = regionOf(id);
    const isRegion = functionName.startsWith(REGION_NAME);
    if (!isRegion) {
      const name = nameOf(functionName, url);
      functions.set(name, (functions.get(name) ?? 0) + seconds);
    }
    if (number !== undefined) {
      const region = regions.get(number) ?? { own: 0, called: 0 };
      if (isRegion) region.own += seconds;
      else region.called += seconds;
      regions.set(number, region);
    } else if (isWithin(id, isMaking)) sums.making += seconds;
    else if (NATIVE.has(functionName)) sums.native += seconds;
    else if (url.startsWith('wasm:')) sums.interpreter += seconds;
    else sums.typescript += seconds;
  }
  return { ...sums, busy, regions, functions };
}

function isMaking({ functionName, url }: Frame): boolean {
  return functionName === 'make' && url.endsWith('/region-cache.ts');
}

// With the file that it is in: names of methods are short.
function nameOf(functionName: string, url: string): string {
  const file = url.slice(url.lastIndexOf('/') + 1);
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url.startsWith('wasm:')) return `${name} (the interpreter's)`;
  return file === '' ? name : `${name} (${file})`;
}
