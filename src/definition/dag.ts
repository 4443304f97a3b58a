// The declaration of a dag: what the compiler checks, then what `buildPlan` checks, then frozen for good.

import { HeddleError, quoted } from "../errors.js";
import { buildPlan, type PlainEdge } from "./build-plan.js";
import type { CheckEdges, CheckSides } from "./check.js";
import type { Dag, Edge, Nodes } from "./members.js";

/**
 * Declares a dag. A label is a key of `nodes`; an edge is `[up, down]`, or `[up, down, input]` where types are
 * ambiguous. The compiler compares types by structure; this function compares schema objects by identity and is the
 * authority.
 *
 * @throws HeddleError `INVALID_DAG` with every fault found, each with its labels and remedy.
 */
export function dag<const N extends Nodes, const E extends readonly Edge[] = readonly []>(
  name: string,
  definition: { readonly nodes: N & CheckSides<N>; readonly edges?: E & CheckEdges<N, E> },
): Dag<N, E> {
  if (typeof name !== "string" || name === "") {
    const got = name === "" ? "an empty one" : typeof name;
    throw new HeddleError("INVALID_DAG", `Expected the name of a dag to be a non-empty string, got ${got}.`);
  }
  const unknown = Object.keys(definition).filter((key) => key !== "nodes" && key !== "edges");
  if (unknown.length > 0) {
    throw new HeddleError("INVALID_DAG", `Dag "${name}" has no option ${quoted(unknown)}. Known are nodes and edges.`);
  }
  const nodes = Object.freeze({ ...definition.nodes }) as N;
  const given: readonly PlainEdge[] = definition.edges ?? [];
  const edges = Object.freeze(given.map((edge) => Object.freeze(Array.isArray(edge) ? [...edge] : edge)));
  const plan = buildPlan(name, nodes, edges as readonly PlainEdge[]);
  return Object.freeze({ kind: "dag", name, nodes, edges: edges as unknown as E, plan });
}

type Chain<L extends readonly string[]> = L extends readonly [
  infer A extends string,
  infer B extends string,
  ...infer Rest extends string[],
]
  ? [readonly [A, B], ...Chain<[B, ...Rest]>]
  : [];

/** Makes the edges of a straight line, to be spread into `edges`: `...chain("a", "b", "c")`. */
export function chain<const L extends readonly string[]>(...labels: L): Chain<L> {
  return labels.slice(1).map((label, i) => [labels[i], label]) as Chain<L>;
}
