// Computes the wiring plan of a dag, and collects all its faults on the way.

import { faultsError } from "../errors.js";
import { findCycle, topologicalOrder } from "./graph.js";
import { type AnyComposite, type AnyDag, isMember, type Nodes, type Sides } from "./members.js";
import type { AnyNode } from "./node.js";
import { pathOf } from "./path.js";
import type { Feed, InputPaths, Plan, Step } from "./plan.js";
import type { AnySchema } from "./schema.js";
import type { Side } from "./sub-plan.js";
import { type WiredComposite, wireComposite } from "./wire-composite.js";
import { type Arrival, type ProducersOf, wire } from "./wiring.js";

/** A label pair with perhaps an input, as the user writes it. */
export type PlainEdge = readonly [up: string, down: string, input?: string];

/**
 * Checks nodes and edges and computes the plan, in time linear in both.
 *
 * @throws HeddleError `INVALID_DAG` with every fault found, each with its remedy.
 */
export function buildPlan(dag: string, nodes: Nodes, edges: readonly PlainEdge[]): Plan {
  const labels = Object.keys(nodes);
  const faults = labels.flatMap((label) => checkMember(label, nodes[label]));
  const index = new Map(labels.map((label, i) => [label, i]));
  const placing = { nodes, index, faults };
  const arrivals = placeEdges(edges, placing);
  const sides = labels.map((label) => placeSides(label, placing));

  const upstream = arrivals.map((list, i) => [...new Set([...list, ...(sides[i] ?? [])].map(({ up }) => up))]);
  const downstream: number[][] = labels.map(() => []);
  upstream.forEach((ups, i) => {
    for (const up of ups) downstream[up]?.push(i);
  });
  const order = topologicalOrder(upstream, downstream);
  if (order.length < labels.length) faults.push(cycleFault(labels, findCycle(upstream, order)));

  const composites = wireComposites(dag, nodes, labels, { order, arrivals, sides });
  const producersOf = producerIndex(labels, (label, i) => composites.get(i)?.node.output ?? outputOf(nodes[label]));
  const steps = labels.map((label, index): Step => {
    const member = nodes[label];
    const composed = composites.get(index);
    const node = composed?.node ?? (member as AnyNode);
    const arriving = arrivals[index] as Arrival[];
    const { feeds, faults: found } =
      composed ??
      (arriving.length > 0 && isMember(member) && member.kind === "node"
        ? wire(label, member, arriving, producersOf)
        : SOURCE);
    for (const fault of found) faults.push(fault);
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
      composite: composed?.composite,
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

function checkMember(label: string, member: unknown): string[] {
  if (label === "") return ["A label is empty. Give the node a name."];
  if (INTEGER.test(label)) {
    return [
      `Label "${label}" looks like an integer, and JavaScript would move it to the front. Use for instance "n${label}".`,
    ];
  }
  if (label === "__proto__") return [`Label "__proto__" cannot be a key of plain objects. Use another name.`];
  if (!isMember(member)) {
    return [
      `Node "${label}" is no node (${typeof member}). Make it with node({ run }), or use a dag, map, flatMap or branch.`,
    ];
  }
  return member.kind === "node" && Object.hasOwn(member.input, "__proto__")
    ? [`Node "${label}" has an input named "__proto__", which cannot be a key of plain objects. Use another name.`]
    : [];
}

function outputOf(member: unknown): AnySchema | undefined {
  return isMember(member) && member.kind === "node" ? member.output : undefined;
}

interface Layout {
  readonly order: readonly number[];
  readonly arrivals: readonly Arrival[][];
  readonly sides: readonly Side[][];
}

/** Wires the composites, upstreams first: what one returns depends on what it is given, and its downstreams must know. */
function wireComposites(dag: string, nodes: Nodes, labels: readonly string[], layout: Layout) {
  const wired = new Map<number, WiredComposite>();
  const from = arrivalsFrom(layout.arrivals, (i) => isComposite(nodes[labels[i] as string]));
  for (const i of layout.order) {
    const label = labels[i] as string;
    const member = nodes[label];
    if (!isComposite(member)) continue;
    const sides =
      layout.sides[i]?.map((side) => ({ ...side, output: wired.get(side.up)?.node.output ?? side.output })) ?? [];
    const one = wireComposite({ dag, label }, member, layout.arrivals[i] as Arrival[], sides);
    wired.set(i, one);
    for (const arrival of from.get(i) ?? []) arrival.output = one.node.output;
  }
  return wired;
}

function isComposite(member: unknown): member is AnyDag | AnyComposite {
  return isMember(member) && member.kind !== "node";
}

/** The edges that come from composites, by these. */
function arrivalsFrom(arrivals: readonly Arrival[][], isWanted: (up: number) => boolean): Map<number, Arrival[]> {
  const from = new Map<number, Arrival[]>();
  for (const arrival of arrivals.flat()) {
    if (!isWanted(arrival.up)) continue;
    const list = from.get(arrival.up);
    if (list) list.push(arrival);
    else from.set(arrival.up, [arrival]);
  }
  return from;
}

function placeSides(label: string, { nodes, index, faults }: Placing): Side[] {
  const member = nodes[label];
  if (!isMember(member) || member.kind === "node" || member.kind === "dag") return [];
  return Object.entries(member.with as Sides).flatMap(([name, from]) => {
    const up = index.get(from);
    if (up !== undefined) return [{ name, up, label: from, output: outputOf(nodes[from]) }];
    faults.push(
      `Side input "${name}" of node "${label}" names "${from}", but this dag has no such node. Add the node or correct the label.`,
    );
    return [];
  });
}

interface Placing {
  readonly nodes: Nodes;
  readonly index: ReadonlyMap<string, number>;
  readonly faults: string[];
}

function placeEdges(edges: readonly PlainEdge[], { nodes, index, faults }: Placing): Arrival[][] {
  const arrivals: Arrival[][] = Array.from(index, () => []);
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
    const pair = up * index.size + down;
    const key = input === undefined ? pair : `${pair} ${input}`;
    if (seen.has(key)) faults.push(`The edge ${JSON.stringify(edge)} is declared twice. Remove one.`);
    else arrivals[down]?.push({ up, label, output: outputOf(nodes[label]), input });
    seen.add(key);
  }
  return arrivals;
}

function isEdge(edge: unknown): edge is PlainEdge {
  if (!Array.isArray(edge) || edge.length < 2 || edge.length > 3) return false;
  return edge.every((part) => typeof part === "string");
}

function unknownLabel(edge: PlainEdge, label: string): string {
  const inside = /[[{/]/.test(label) ? " Edges do not reach into composites: name the composite itself." : "";
  return `The edge ${JSON.stringify(edge)} names "${label}", but this dag has no such node. Add the node or correct the label.${inside}`;
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

type OutputAt = (label: string, index: number) => AnySchema | undefined;

function producerIndex(labels: readonly string[], outputAt: OutputAt): ProducersOf {
  let index: Map<AnySchema, string[]> | undefined;
  return (schema) => {
    index ??= groupByOutput(labels, outputAt);
    return index.get(schema) ?? [];
  };
}

function groupByOutput(labels: readonly string[], outputAt: OutputAt): Map<AnySchema, string[]> {
  const index = new Map<AnySchema, string[]>();
  for (const [i, label] of labels.entries()) {
    const output = outputAt(label, i);
    if (!output) continue;
    const found = index.get(output);
    if (found) found.push(label);
    else index.set(output, [label]);
  }
  return index;
}
