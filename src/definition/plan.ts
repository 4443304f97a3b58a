// The wiring plan of a dag: computed once when the dag is declared, read by everything that runs or explains it.

import { faultsError } from "../errors.js";
import { findCycle, reach, topologicalOrder } from "./graph.js";
import type { AnyNode } from "./node.js";
import { pathOf } from "./path.js";
import type { AnySchema } from "./schema.js";
import { type Arrival, type Feed, type ProducersOf, wire } from "./wiring.js";

/** For the record: which paths each input of a node takes its value from; a list where several are collected. */
export type InputPaths = Readonly<Record<string, string | readonly string[]>>;

/** One node in its place. Numbers index {@link Plan.steps}. */
export interface Step {
  readonly index: number;
  readonly label: string;
  readonly path: string;
  readonly node: AnyNode;
  readonly inputNames: readonly string[];
  readonly feeds: readonly Feed[];
  /** Direct neighbours, each once. */
  readonly upstream: readonly number[];
  readonly downstream: readonly number[];
  readonly inputPaths: InputPaths;
  /** The version of the declared node, also where a runner put another node in its place. */
  readonly version: string | undefined;
  /** True if a runner put another node in this place. */
  readonly overridden?: true;
}

/** How the nodes of a dag hang together. */
export interface Plan {
  readonly dag: string;
  /** In the order of declaration. */
  readonly steps: readonly Step[];
  /** Step numbers, each after its upstreams. */
  readonly order: readonly number[];
  /** Those without upstream, and those without downstream. */
  readonly sources: readonly number[];
  readonly sinks: readonly number[];
  /** How many neighbours each step has, by step number. */
  readonly upstreamCounts: Int32Array;
  readonly downstreamCounts: Int32Array;
  readonly byPath: ReadonlyMap<string, Step>;
}

/** A label pair with perhaps an input, as the user writes it. */
export type PlainEdge = readonly [up: string, down: string, input?: string];

/**
 * Checks nodes and edges and computes the plan, in time linear in both.
 *
 * @throws HeddleError `INVALID_DAG` with every fault found, each with its remedy.
 */
export function buildPlan(dag: string, nodes: Readonly<Record<string, AnyNode>>, edges: readonly PlainEdge[]): Plan {
  const labels = Object.keys(nodes);
  const faults = labels.flatMap((label) => checkNode(label, nodes[label]));
  const placed = placeEdges(edges, labels, nodes);
  for (const fault of placed.faults) faults.push(fault);

  const upstream = placed.arrivals.map((list) => [...new Set(list.map(({ up }) => up))]);
  const downstream: number[][] = labels.map(() => []);
  upstream.forEach((ups, i) => {
    for (const up of ups) downstream[up]?.push(i);
  });
  const order = topologicalOrder(upstream, downstream);
  if (order.length < labels.length) faults.push(cycleFault(labels, findCycle(upstream, order)));

  const producersOf = producerIndex(labels, nodes);
  const steps = labels.map((label, index): Step => {
    const node = nodes[label] as AnyNode;
    const arrivals = placed.arrivals[index] as Arrival[];
    const { feeds, faults: found } =
      arrivals.length > 0 && isNode(node) ? wire(label, node, arrivals, producersOf) : SOURCE;
    faults.push(...found);
    return {
      index,
      label,
      path: pathOf(label),
      node,
      inputNames: Object.keys(node?.input ?? {}),
      feeds,
      upstream: upstream[index] as number[],
      downstream: downstream[index] as number[],
      inputPaths: inputPaths(feeds, labels),
      version: node?.version,
    };
  });
  if (faults.length > 0) throw faultsError("INVALID_DAG", `Dag "${dag}" is not valid`, faults);
  return {
    dag,
    steps,
    order,
    sources: order.filter((index) => upstream[index]?.length === 0),
    sinks: order.filter((index) => downstream[index]?.length === 0),
    upstreamCounts: counts(upstream),
    downstreamCounts: counts(downstream),
    byPath: new Map(steps.map((step) => [step.path, step])),
  };
}

function counts(lists: readonly (readonly number[])[]): Int32Array {
  return Int32Array.from(lists, (list) => list.length);
}

const SOURCE = { feeds: [] as readonly Feed[], faults: [] as readonly string[] };
const INTEGER = /^(0|[1-9][0-9]*)$/;

function checkNode(label: string, node: unknown): string[] {
  if (label === "") return ["A label is empty. Give the node a name."];
  if (INTEGER.test(label)) {
    return [
      `Label "${label}" looks like an integer, and JavaScript would move it to the front. Use for instance "n${label}".`,
    ];
  }
  if (label === "__proto__") return [`Label "__proto__" cannot be a key of plain objects. Use another name.`];
  if (!isNode(node)) return [`Node "${label}" is no node (${typeof node}). Make it with node({ run }).`];
  return Object.hasOwn(node.input, "__proto__")
    ? [`Node "${label}" has an input named "__proto__", which cannot be a key of plain objects. Use another name.`]
    : [];
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "node";
}

function placeEdges(edges: readonly PlainEdge[], labels: readonly string[], nodes: Readonly<Record<string, AnyNode>>) {
  const index = new Map(labels.map((label, i) => [label, i]));
  const arrivals: Arrival[][] = labels.map(() => []);
  const faults: string[] = [];
  // Numbers where they do: printing every edge would be a fifth of the time that a large dag takes to declare.
  const seen = new Set<number | string>();
  for (const edge of edges) {
    if (!isEdge(edge)) {
      faults.push(
        `${JSON.stringify(edge)} is no edge. Write ["up", "down"] or ["up", "down", "input"], and spread chains: ...chain("a", "b").`,
      );
      continue;
    }
    const [label, downLabel, input] = edge;
    const up = index.get(label);
    const down = index.get(downLabel);
    if (up === undefined || down === undefined) {
      faults.push(unknownLabel(edge, up === undefined ? label : downLabel));
      continue;
    }
    const pair = up * labels.length + down;
    const key = input === undefined ? pair : `${pair} ${input}`;
    if (seen.has(key)) faults.push(`The edge ${JSON.stringify(edge)} is declared twice. Remove one.`);
    else arrivals[down]?.push({ up, label, output: nodes[label]?.output, input });
    seen.add(key);
  }
  return { arrivals, faults };
}

function isEdge(edge: unknown): edge is PlainEdge {
  if (!Array.isArray(edge) || edge.length < 2 || edge.length > 3) return false;
  return edge.every((part) => typeof part === "string");
}

function unknownLabel(edge: PlainEdge, label: string): string {
  return `The edge ${JSON.stringify(edge)} names "${label}", but this dag has no such node. Add the node or correct the label.`;
}

function cycleFault(labels: readonly string[], cycle: readonly number[]): string {
  const printed = cycle.map((i) => `"${labels[i]}"`).join(" → ");
  return `The edges form a cycle: ${printed}. Remove one of them.`;
}

function inputPaths(feeds: readonly Feed[], labels: readonly string[]): InputPaths {
  const path = (i: number) => pathOf(labels[i] as string);
  const entries = feeds.map(({ input, from }) => [input, typeof from === "number" ? path(from) : from.map(path)]);
  return Object.freeze(Object.fromEntries(entries));
}

function producerIndex(labels: readonly string[], nodes: Readonly<Record<string, AnyNode>>): ProducersOf {
  let index: Map<AnySchema, string[]> | undefined;
  return (schema) => {
    index ??= groupByOutput(labels, nodes);
    return index.get(schema) ?? [];
  };
}

function groupByOutput(labels: readonly string[], nodes: Readonly<Record<string, AnyNode>>): Map<AnySchema, string[]> {
  const index = new Map<AnySchema, string[]>();
  for (const label of labels) {
    const output = nodes[label]?.output;
    if (!output) continue;
    const found = index.get(output);
    if (found) found.push(label);
    else index.set(output, [label]);
  }
  return index;
}

/** All steps below these, without themselves. */
export function descendants(plan: Plan, indexes: Iterable<number>): Set<number> {
  const downstream = plan.steps.map((step) => step.downstream);
  return reach(indexes, downstream);
}
