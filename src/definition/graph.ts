// Questions about the bare graph: order and cycles. Nodes are numbers, edges are lists of numbers.

/** Neighbours by node number. */
export type Adjacency = readonly (readonly number[])[];

/**
 * Orders the nodes so that each comes after its upstreams (Kahn's algorithm, stable in node number). Nodes on or
 * behind a cycle are missing from the result.
 */
export function topologicalOrder(upstream: Adjacency, downstream: Adjacency): number[] {
  const waiting = upstream.map((list) => list.length);
  const order = waiting.flatMap((count, i) => (count === 0 ? [i] : []));
  for (const i of order) {
    for (const down of downstream[i] as readonly number[]) {
      if (--(waiting[down] as number) === 0) order.push(down);
    }
  }
  return order;
}

/** Finds one cycle among the nodes that `order` leaves out; its first node stands again at the end. */
export function findCycle(upstream: Adjacency, order: readonly number[]): number[] {
  const ordered = new Set(order);
  const stuck = (i: number) => !ordered.has(i);
  const walk: number[] = [upstream.findIndex((_, i) => stuck(i))];
  const position = new Map<number, number>();
  // Every stuck node has a stuck upstream, so walking up must come round.
  for (;;) {
    const here = walk.at(-1) as number;
    const seen = position.get(here);
    if (seen !== undefined) return walk.slice(seen).reverse();
    position.set(here, walk.length - 1);
    walk.push((upstream[here] as readonly number[]).find(stuck) as number);
  }
}
