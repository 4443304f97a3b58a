// What all contestants have in common, and the list of them.

import type { Graph } from "./graph.js";

/** What one run gives. */
export interface Outcome {
  /** The values of the sinks, in their order. */
  readonly sinks: readonly unknown[];
  /** How many nodes stand in the record. */
  readonly recorded: number;
  /** Lets go of the record; not timed. */
  forget?(): unknown;
}

/** One way of executing a graph. */
export interface Contestant {
  readonly name: string;
  readonly kind: "by hand" | "peer" | "heddle";
  readonly records: boolean;
  /** What the reader of the table should know. */
  readonly note?: string;
  /** Declares the graph, once for many runs. Timed as "build". */
  prepare(graph: Graph): Run | Promise<Run>;
}

export type Run = () => Promise<Outcome>;

/** A run went wrong: its time means nothing. */
export class WrongResult extends Error {}

/** @throws WrongResult if a sink or the record is not what it must be. */
export function check(
  { name, records }: Pick<Contestant, "name" | "records">,
  graph: Graph,
  { sinks, recorded }: Outcome,
): void {
  const where = `${name}, ${graph.shape} of ${graph.size}`;
  if (sinks.length !== graph.expected.length) {
    throw new WrongResult(`${where}: got ${sinks.length} sinks instead of ${graph.expected.length}.`);
  }
  for (const [i, expected] of graph.expected.entries()) {
    if (sinks[i] === expected) continue;
    throw new WrongResult(
      `${where}: node ${graph.labels[graph.sinks[i] as number]} gave ${sinks[i]} instead of ${expected}.`,
    );
  }
  const nodes = records ? graph.size : 0;
  if (recorded !== nodes) throw new WrongResult(`${where}: ${recorded} nodes are recorded instead of ${nodes}.`);
}
