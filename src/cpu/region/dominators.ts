/**
 * The order and the dominator tree of a region's blocks, from which its structured control flow is made (Cooper, Harvey,
 * Kennedy, "A simple, fast dominance algorithm"). Blocks are named by their place in reverse postorder; 0 is the entry.
 */
export interface Graph {
  /** Blocks (as numbered by the caller) in reverse postorder. */
  readonly order: readonly number[];
  /** By place: the immediate dominator (0 for the entry). */
  readonly dominator: readonly number[];
  /** By place: jumps that go on in the region, as places; a jump back goes to a place that dominates it. */
  readonly successors: readonly (readonly number[])[];
}

/**
 * `edges` are the successors of each block by the caller's numbers, 0 being the entry. A jump back to a block that does
 * not dominate it (an irreducible loop) is left out of the result: it leaves the region.
 */
export function orderGraph(edges: readonly (readonly number[])[]): Graph {
  const kept = edges.map((targets) => [...targets]);
  for (;;) {
    const graph = dominate(kept);
    let isReducible = true;
    for (const [place, targets] of graph.successors.entries()) {
      for (const target of targets) {
        if (target > place || dominates(graph.dominator, target, place)) continue;
        isReducible = false;
        const from = graph.order[place] as number;
        const to = graph.order[target] as number;
        kept[from] = (kept[from] as number[]).filter((other) => other !== to);
      }
    }
    if (isReducible) return graph;
  }
}

export function dominates(dominator: readonly number[], a: number, b: number): boolean {
  let at = b;
  while (at > a) at = dominator[at] as number;
  return at === a;
}

/** By place: where jumps to it are. */
export function predecessorsOf({ successors }: Pick<Graph, 'successors'>): number[][] {
  const predecessors: number[][] = successors.map(() => []);
  for (const [from, targets] of successors.entries())
    for (const to of targets) (predecessors[to] as number[]).push(from);
  return predecessors;
}

function dominate(edges: readonly (readonly number[])[]): Graph {
  const order = reversePostorder(edges);
  const places = new Map(order.map((block, place) => [block, place]));
  const successors = order.map((block) => (edges[block] as readonly number[]).map((to) => places.get(to) as number));
  const predecessors = predecessorsOf({ successors });
  const dominator: number[] = order.map((_, place) => (place === 0 ? 0 : -1));
  for (let changed = true; changed; ) {
    changed = false;
    for (let place = 1; place < order.length; place++) {
      let best = -1;
      for (const from of predecessors[place] as number[]) {
        if (dominator[from] === -1) continue;
        best = best === -1 ? from : intersect(dominator, best, from);
      }
      if (dominator[place] !== best) {
        dominator[place] = best;
        changed = true;
      }
    }
  }
  return { order, dominator, successors };
}

function intersect(dominator: readonly number[], first: number, second: number): number {
  let [a, b] = [first, second];
  while (a !== b) {
    while (a > b) a = dominator[a] as number;
    while (b > a) b = dominator[b] as number;
  }
  return a;
}

function reversePostorder(edges: readonly (readonly number[])[]): number[] {
  const seen = new Set([0]);
  const postorder: number[] = [];
  const stack = [{ block: 0, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { block: number; next: number };
    const target = (edges[top.block] as readonly number[])[top.next++];
    if (target === undefined) {
      postorder.push(top.block);
      stack.pop();
    } else if (!seen.has(target)) {
      seen.add(target);
      stack.push({ block: target, next: 0 });
    }
  }
  return postorder.reverse();
}
