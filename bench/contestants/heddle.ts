// heddle, with nothing recorded and recorded in memory, as a project that installed it would use it.

import { type AnyNode, type Dag, DagProvenance, DagRunner, dag, list, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import type { Contestant } from "../contestant.js";
import { type Graph, next } from "../graph.js";

const Value = type<number>("Value");
const ONE = { value: Value };
const MANY = { values: list(Value) };

/** A node with its own function, which awaits `onRun` first; dearer than {@link plainNode} in time and memory. */
export function makeNode(upstreams: number, onRun: () => unknown): AnyNode {
  const take = async (inputs: readonly number[]) => {
    await onRun();
    return next(inputs);
  };
  if (upstreams === 0) return node({ output: Value, run: async () => take([]) });
  if (upstreams === 1) return node({ input: ONE, output: Value, run: async ({ value }) => take([value]) });
  return node({ input: MANY, output: Value, run: async ({ values }) => take(values) });
}

/** A node with its own function. */
export function plainNode(upstreams: number): AnyNode {
  if (upstreams === 0) return node({ output: Value, run: async () => next([]) });
  if (upstreams === 1) return node({ input: ONE, output: Value, run: async ({ value }) => next([value]) });
  return node({ input: MANY, output: Value, run: async ({ values }) => next(values) });
}

/** What the user writes. */
export interface Written {
  readonly nodes: Readonly<Record<string, AnyNode>>;
  readonly edges: readonly (readonly [up: string, down: string])[];
}

/** Writes nodes and edges for a graph; `make` gets the number of upstreams and the place of the node. */
export function write(
  { labels, upstream }: Graph,
  make: (upstreams: number, i: number) => AnyNode = plainNode,
): Written {
  const nodes = Object.fromEntries(upstream.map((ups, i) => [labels[i] as string, make(ups.length, i)]));
  const edges = upstream.flatMap((ups, i) => ups.map((up) => [labels[up] as string, labels[i] as string] as const));
  return { nodes, edges };
}

export function sinksOf({ labels, sinks }: Graph, outputs: Readonly<Record<string, unknown>>): unknown[] {
  return sinks.map((i) => outputs[labels[i] as string]);
}

export const heddle: Contestant = {
  name: "heddle",
  kind: "heddle",
  records: false,
  prepare(graph) {
    const runner = new DagRunner(declare(graph));
    return async () => {
      const result = await runner.run();
      return { sinks: sinksOf(graph, result.outputs), recorded: 0 };
    };
  },
};

export const heddleInMemory: Contestant = {
  name: "heddle, in memory",
  kind: "heddle",
  records: true,
  prepare(graph) {
    const store = memoryStore();
    const provenance = new DagProvenance(store);
    const runner = new DagRunner(declare(graph), { provenance });
    return async () => {
      const { runId, outputs } = await runner.run();
      // A run begins and ends with an event of its own; a node has one for its start and one for its end.
      const recorded = (((await store.head(runId))?.events ?? 0) - 2) / 2;
      return { sinks: sinksOf(graph, outputs), recorded, forget: () => provenance.removeRun(runId) };
    };
  },
};

/** The dag of a graph. */
export function declare(graph: Graph): Dag {
  return dag("bench", write(graph)) as unknown as Dag;
}
