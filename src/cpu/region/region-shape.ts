/** How the blocks of a region nest when its control flow is made structured. Blocks are named by their place in order. */
import { dominates, type Graph, orderGraph, predecessorsOf } from './dominators.ts';
import type { Block } from './block.ts';

export class RegionShape {
  /** In reverse postorder; the entry is the first. */
  readonly blocks: readonly Block[];
  readonly #graph: Graph;
  readonly #places = new Map<number, number>();
  readonly #predecessors: readonly number[][];

  constructor(blocks: readonly Block[]) {
    const numbers = new Map(blocks.map(({ key }, number) => [key, number]));
    const inside = (key: number): number[] => {
      const number = numbers.get(key);
      return number === undefined ? [] : [number];
    };
    this.#graph = orderGraph(
      blocks.map(({ taken, next, returns }) => [...new Set([taken, returns, next].flatMap(inside))]),
    );
    this.blocks = this.#graph.order.map((number) => blocks[number] as Block);
    for (const [place, { key }] of this.blocks.entries()) this.#places.set(key, place);
    this.#predecessors = predecessorsOf(this.#graph);
  }

  placeOf(key: number): number | undefined {
    return this.#places.get(key);
  }

  predecessors(place: number): readonly number[] {
    return this.#predecessors[place] as readonly number[];
  }

  dominates(a: number, b: number): boolean {
    return dominates(this.#graph.dominator, a, b);
  }

  /** Whether a jump from one block to another stays in the region. */
  goesTo(from: number, to: number): boolean {
    return (this.#graph.successors[from] as readonly number[]).includes(to);
  }

  /** Dominated blocks that are branched to, in order: each ends a WebAssembly block around what comes before it. */
  labelled(place: number): number[] {
    const { dominator } = this.#graph;
    return this.blocks.flatMap((_, child) =>
      child !== 0 && dominator[child] === place && !this.isInline(child) ? [child] : [],
    );
  }

  /** Only reached by falling into it. */
  isInline(place: number): boolean {
    const from = this.predecessors(place);
    const [only] = from;
    if (from.length !== 1 || only === undefined) return false;
    const { next, taken } = this.blocks[only] as Block;
    const { key } = this.blocks[place] as Block;
    return next === key && taken !== key;
  }

  /** Whether a block is a loop by itself, or one of several turns of such a loop. In longer ones pages change too often, and what remembers them takes registers. */
  isLoop(place: number): boolean {
    return this.goesTo(place, place) || (this.blocks[place] as Block).isLoop;
  }
}
