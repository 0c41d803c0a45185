import type { SeededRandom } from './fuzz-random.ts';
import * as values from './fuzz-values.ts';

/** A structure of src/abi, as a class. */
export interface StructureClass {
  readonly SIZE: number;
  new (memory: DataView, base: number): object;
}

type Fill = (target: Record<string, unknown>, random: SeededRandom) => void;

const FILLERS = new Map<StructureClass, readonly Fill[]>();
/** Of a structure's fields so many keep 0, so that calls get past the first check. */
const LEAVE_ONE_IN = 4;

/** Fills a structure's fields with values that suit their names, through its own setters: the grammar is src/abi. */
export function fillStructure(structure: StructureClass, view: DataView, at: number, random: SeededRandom): void {
  let fillers = FILLERS.get(structure);
  if (fillers === undefined) {
    fillers = fillersOf(structure);
    FILLERS.set(structure, fillers);
  }
  const target = new structure(view, at) as Record<string, unknown>;
  for (const fill of fillers) if (!random.oneIn(LEAVE_ONE_IN)) fill(target, random);
}

/** A plain argument of a call, by the name the tracer shows it with. */
export function argumentFor(name: string, random: SeededRandom): bigint {
  return /buffer|path/.test(name) ? values.pointer(random) : BigInt(chooser(name)(random));
}

function fillersOf(structure: StructureClass): Fill[] {
  const fillers: Fill[] = [];
  const sample = new structure(new DataView(new ArrayBuffer(structure.SIZE + 64)), 0) as Record<string, unknown>;
  const fields = Object.getOwnPropertyDescriptors(structure.prototype);
  for (const [name, field] of Object.entries(fields)) {
    if (field.set !== undefined) {
      if (!/(Lo|Hi)$/.test(name)) fillers.push(setter(name, typeof sample[name] === 'bigint'));
    } else if (typeof field.value === 'function' && name.startsWith('set_')) {
      fillers.push(indexedSetter(name, lengthOf(structure, name.slice(4))));
    } else if (field.get !== undefined) {
      const filler = nested(name, sample[name]);
      if (filler !== undefined) fillers.push(filler);
    }
  }
  return fillers;
}

function setter(name: string, isBig: boolean): Fill {
  const choose = chooser(name);
  return (target, random) => {
    target[name] = isBig ? bigFor(name, random) : choose(random);
  };
}

function indexedSetter(name: string, length: number): Fill {
  return (target, random) => {
    const set = target[name] as (index: number, value: unknown) => void;
    const get = target[name.slice(4)] as (index: number) => unknown;
    const index = random.below(length);
    const isBig = typeof get.call(target, index) === 'bigint';
    set.call(target, index, isBig ? values.pointer(random) : values.anything(random));
  };
}

/** A field that is a structure itself, or bytes. */
function nested(name: string, value: unknown): Fill | undefined {
  if (value instanceof Uint8Array) {
    return (target, random) => {
      const bytes = target[name] as Uint8Array;
      for (let change = random.below(4); change > 0; change--) bytes[random.below(bytes.length)] = random.u32();
    };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const inner = fillersOf(value.constructor as StructureClass);
  return (target, random) => {
    for (const fill of inner) if (!random.oneIn(LEAVE_ONE_IN)) fill(target[name] as Record<string, unknown>, random);
  };
}

function lengthOf(structure: StructureClass, name: string): number {
  const length = (structure as unknown as Record<string, unknown>)[`LENGTH_${name}`];
  return typeof length === 'number' ? length : 1;
}

function bigFor(name: string, random: SeededRandom): bigint {
  if (/time|flags|period|mask|value|val$|ns$/.test(name) && random.oneIn(2)) {
    return random.pick([0n, 1n, 1_000_000n, 1n << 32n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);
  }
  // Where a mapping goes: a guest-physical address.
  if (/addr$/.test(name)) return BigInt(values.gfn(random)) << 12n;
  return values.pointer(random);
}

function chooser(name: string): (random: SeededRandom) => number {
  if (/dom(id|ain)?$|domid|domain|^dom/.test(name)) return values.domid;
  if (/gfn|pfn|frame|mfn|idx/.test(name)) return values.gfn;
  if (/^nr|count|size|len|num|extents/.test(name)) return values.count;
  if (/order/.test(name)) return (random) => (random.oneIn(8) ? values.small(random) : random.below(4));
  if (/flags/.test(name)) return (random) => (random.oneIn(8) ? random.u32() : random.below(32));
  if (/pad/.test(name)) return (random) => (random.oneIn(8) ? values.small(random) : 0);
  if (/port|ref|vcpu|handle|id$|cmd|op$|space|type|version|index|virq|pirq|priority/.test(name)) return values.small;
  return values.anything;
}
