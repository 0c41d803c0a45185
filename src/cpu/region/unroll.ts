/**
 * Short loops as several turns of them, one after the other: what V8 asks and moves at the end of a turn it then does
 * once for all of them, flags of a turn are dead in the next, and what one turn accesses is near what the next does
 * (access-groups.ts).
 */
import { dominates, type Graph, orderGraph, predecessorsOf } from './dominators.ts';
import { type Block, inContext } from './block.ts';

/** Most turns, and most instructions of them and blocks of one. */
const TURNS = 4;
const LENGTH_LIMIT = 128;
const BLOCK_LIMIT = 3;

/**
 * The same code, entered where it was. Numbers from `context` on are no context's. `isHot`: whether the branch at a
 * block's end was taken so often that a loop by it is worth more room.
 */
export function unrolled(
  blocks: readonly Block[],
  context: number,
  isHot: (block: Block) => boolean,
): readonly Block[] {
  const entered = enteredApart(blocks, context);
  const numbers = new Map(entered.map(({ key }, number) => [key, number]));
  const graph = orderGraph(
    entered.map((block) => [...new Set(targetsOf(block).flatMap((key) => numbers.get(key) ?? []))]),
  );
  const result = new Map(entered.map((block) => [block.key, block]));
  let nextContext = context + 1;
  for (const places of shortLoops(graph)) {
    const [header, ...others] = places.map((place) => entered[graph.order[place] as number] as Block);
    const loop = [header as Block, ...others];
    const length = loop.reduce((sum, { instructions }) => sum + instructions.length, 0);
    const turns = Math.min(TURNS, Math.floor(LENGTH_LIMIT / length));
    const keys = new Set(loop.map(({ key }) => key));
    const isWorthIt = loop.some((block) => keys.has(block.taken) && isHot(block));
    if (turns < 2 || loop.length > BLOCK_LIMIT || !isWorthIt) continue;
    for (const block of turnsOf(loop, turns, nextContext)) result.set(block.key, block);
    nextContext += turns - 1;
  }
  return [...result.values()];
}

// Where the first block is part of a loop, a copy of it comes first: else loops around that one would be within it.
function enteredApart(blocks: readonly Block[], context: number): readonly Block[] {
  const first = blocks[0] as Block;
  const isInLoop = blocks.some((block) => targetsOf(block).includes(first.key));
  if (!isInLoop || targetsOf(first).includes(first.key)) return blocks;
  return [{ ...first, key: inContext(first.key, context) }, ...blocks];
}

/** Loops without others in them: their blocks' places, that of the header first. */
function shortLoops(graph: Graph): number[][] {
  const predecessors = predecessorsOf(graph);
  const loops = new Map<number, Set<number>[]>();
  for (const header of graph.order.keys()) {
    const ends = (predecessors[header] as number[]).filter((end) => dominates(graph.dominator, header, end));
    if (ends.length === 0) continue;
    loops.set(
      header,
      ends.map((end) => bodyOf(header, end, predecessors)),
    );
  }
  return [...loops].flatMap(([header, bodies]) => {
    const innermost = bodies.filter((body) => ![...body].some((place) => place !== header && loops.has(place)));
    const places = new Set(innermost.flatMap((body) => [...body]));
    return places.size === 0 ? [] : [[header, ...[...places].filter((place) => place !== header)]];
  });
}

// What can come to the jump back at `end` without the header.
function bodyOf(header: number, end: number, predecessors: readonly (readonly number[])[]): Set<number> {
  const body = new Set([header]);
  const queue = [end];
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    if (body.has(place)) continue;
    body.add(place);
    queue.push(...(predecessors[place] as number[]));
  }
  return body;
}

// The first turn has the loop's own blocks; each goes on in the next one, the last in the first.
function turnsOf(loop: readonly Block[], turns: number, context: number): Block[] {
  const [{ key: header }] = loop as [Block];
  const keys = new Set(loop.map(({ key }) => key));
  const isLoop = loop.length === 1;
  return Array.from({ length: turns }, (_, turn) => turn).flatMap((turn) => {
    const keyIn = (key: number, other: number): number => (other === 0 ? key : inContext(key, context + other - 1));
    const target = (key: number): number => {
      if (!keys.has(key)) return key;
      return keyIn(key, key === header ? (turn + 1) % turns : turn);
    };
    return loop.map((block) => {
      const { key, next, taken, returns } = block;
      return {
        ...block,
        key: keyIn(key, turn),
        next: target(next),
        taken: target(taken),
        returns: target(returns),
        isLoop,
      };
    });
  });
}

function targetsOf({ next, taken, returns }: Block): number[] {
  return [taken, returns, next];
}
