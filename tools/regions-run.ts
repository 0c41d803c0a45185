/** Runs a guest in this process on an engine whose regions count what they do. */
import type { Engine, EngineVcpu } from '../src/cpu/engine.ts';
import { InterpreterEngine } from '../src/cpu/interpreter/engine.ts';
import { MachineMemory } from '../src/cpu/mmu/machine-memory.ts';
import { type ProfiledRegion, RegionProfile } from '../src/cpu/region/region-profile.ts';
import { WAYS_OUT, type WayOut } from '../src/cpu/region/region-meter.ts';
import { xl } from '../src/dom0/xl/main.ts';
import type { Services } from '../src/dom0/xl/services.ts';
import { Program } from '../src/machine/program.ts';
import { Sampler, type Samples } from './regions-samples.ts';

export interface GuestOrder {
  /** What `xl create` is given: a configuration, settings. */
  readonly create: readonly string[];
  /** It is measured from its start, or from where its console says the first; until it ends, or says the second. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  /** No longer than that from there; undefined: as long as it takes. */
  readonly seconds?: number | undefined;
}

/** What there is of an engine at one time, or what came in between two. */
export interface EngineCounts {
  readonly instructions: number;
  readonly regionsMade: number;
  readonly regionsDropped: number;
  readonly modules: number;
  readonly moduleBytes: number;
  /** Pages of code that were written to. */
  readonly invalidations: number;
  /** Segments of decoded code that made room. */
  readonly evictions: number;
}

export interface Measured {
  readonly counts: EngineCounts;
  /** Regions made without counters, for want of room. */
  readonly uncounted: number;
  /** With what they did meanwhile; the one with the most instructions first. */
  readonly regions: readonly ProfiledRegion[];
  readonly samples: Samples;
}

/** Runs the guest. Its console goes to standard error. Rejects with an Error where it never came to what is measured. */
export async function measureGuest({ create, from, until, seconds }: GuestOrder): Promise<Measured> {
  const program = new Program(process.env);
  const watched = new WatchedEngine();
  program.processor = (memory) => watched.over(memory);
  const sampler = new Sampler();
  let before: Snapshot | undefined;
  const result = await new Promise<{ after: Snapshot; samples: Samples }>((resolve, reject) => {
    let isOver = false;
    const end = async () => {
      if (isOver) return;
      isOver = true;
      if (!watched.isThere) throw new Error('the guest was not started');
      if (before === undefined) throw new Error(`the guest never said ${JSON.stringify(from)}`);
      const after = watched.snapshot();
      resolve({ after, samples: await sampler.stop() });
    };
    const finish = () => void end().catch(reject);
    const begin = async () => {
      await sampler.start();
      before = watched.snapshot();
      if (seconds !== undefined) setTimeout(finish, seconds * 1000).unref();
    };
    const services = servicesOf(program, (line) => {
      if (before === undefined && from !== undefined && line.includes(from)) void begin().catch(reject);
      if (until !== undefined && line.includes(until)) finish();
    });
    const run = async () => {
      if (from === undefined) await begin();
      await xl(['create', '-F', '-c', '-q', ...create], services);
      finish();
    };
    run().catch(reject);
  });
  return difference(before as unknown as Snapshot, result.after, result.samples);
}

interface Snapshot {
  readonly counts: EngineCounts;
  readonly uncounted: number;
  readonly regions: readonly ProfiledRegion[];
}

/** The engine of the machine, all of whose vCPUs are known. */
class WatchedEngine {
  #engine: InterpreterEngine | undefined;
  #profile: RegionProfile | undefined;
  readonly #vcpus: EngineVcpu[] = [];

  get isThere(): boolean {
    return this.#engine !== undefined;
  }

  over(memory: WebAssembly.Memory): Engine {
    const profile = new RegionProfile(new MachineMemory(memory.buffer));
    const engine = new InterpreterEngine(memory, undefined, { regionProfile: profile });
    this.#engine = engine;
    this.#profile = profile;
    const createVcpu: Engine['createVcpu'] = (nested, intercepts, tsc) => {
      const vcpu = engine.createVcpu(nested, intercepts, tsc);
      this.#vcpus.push(vcpu);
      return vcpu;
    };
    return {
      createVcpu,
      destroyVcpu: (vcpu) => engine.destroyVcpu(vcpu),
      memoryWritten: (address, length) => engine.memoryWritten(address, length),
    };
  }

  snapshot(): Snapshot {
    const made = this.#engine?.regions?.made;
    return {
      counts: {
        instructions: this.#vcpus.reduce((sum, { instructions }) => sum + instructions, 0),
        regionsMade: made?.regions ?? 0,
        regionsDropped: made?.dropped ?? 0,
        modules: made?.modules ?? 0,
        moduleBytes: made?.bytes ?? 0,
        invalidations: this.#engine?.code.invalidations ?? 0,
        evictions: this.#engine?.code.counts.evictions ?? 0,
      },
      uncounted: this.#profile?.uncounted ?? 0,
      regions: this.#profile?.regions() ?? [],
    };
  }
}

/** What came in between. */
function difference(before: Snapshot, after: Snapshot, samples: Samples): Measured {
  const earlier = new Map(before.regions.map((region) => [region.number, region]));
  const regions = after.regions.map((region) => {
    const known = earlier.get(region.number);
    return known === undefined ? region : since(known, region);
  });
  const counts = Object.entries(after.counts).map(([key, count]) => [
    key,
    count - before.counts[key as keyof EngineCounts],
  ]);
  return {
    counts: Object.fromEntries(counts) as EngineCounts,
    uncounted: after.uncounted,
    regions: regions
      .filter(({ entries, instructions }) => entries > 0 || instructions > 0)
      .sort((a, b) => b.instructions - a.instructions),
    samples,
  };
}

function since(before: ProfiledRegion, after: ProfiledRegion): ProfiledRegion {
  const waysOut = WAYS_OUT.map((way) => [way, after.waysOut[way] - before.waysOut[way]]);
  return {
    ...after,
    entries: after.entries - before.entries,
    instructions: after.instructions - before.instructions,
    coldCalls: after.coldCalls - before.coldCalls,
    waysOut: Object.fromEntries(waysOut) as Record<WayOut, number>,
    blocks: after.blocks.map((block, index) => ({
      ...block,
      entries: block.entries - (before.blocks[index]?.entries ?? 0),
    })),
  };
}

/** The program's, but with a console that nobody types into and whose lines are read. */
function servicesOf(program: Program, onLine: (line: string) => void): Services {
  const decoder = new TextDecoder();
  let text = '';
  return {
    ...{ clock: program.clock, random: program.random, files: program.files, onSignal: program.onSignal },
    stdout: program.stderr,
    stderr: program.stderr,
    environment: (name) => program.environment(name),
    startHost: (options) => program.startHost(options),
    terminal: {
      interactive: false,
      write(bytes) {
        process.stderr.write(bytes);
        const lines = (text + decoder.decode(bytes, { stream: true })).split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      },
      onInput() {},
      setRawMode() {},
      size: () => undefined,
      close() {},
    },
  };
}
