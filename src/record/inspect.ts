// The state of a run as people and tools want to read it: executions, attempts and edges, without payloads.

import { topologicalOrder } from "../definition/graph.js";
import { elementText, parsePath, whereabouts } from "../definition/path.js";
import { HeddleError } from "../errors.js";
import { expectNumber, expectOptions } from "../expect.js";
import { copyAll } from "../isolate.js";
import type { Execution, InspectedAttempt, InspectOptions, RunInspection, Taken, Traversal } from "./inspection.js";
import { runRecord } from "./run-record.js";
import type { AttemptRecord, NodeRecord, RunState } from "./run-state.js";
import type { CompositeShape, NodeShape, Shape } from "./shape.js";
import type { RunTree } from "./tree.js";

/** Lays out the executions and edges of a run over the shape of its dag. */
export function inspectRun(
  state: RunState,
  { shape, tree }: { readonly shape: Shape; readonly tree: RunTree },
  options: InspectOptions,
): RunInspection {
  checkOptions(options);
  const layout = new Layout(state, tree, options);
  const { under } = options;
  const run = runRecord(state);
  if (under === undefined) {
    layout.frame(shape.nodes, "", undefined, 0);
    return { run, executions: layout.executions, edges: layout.edges };
  }
  const node = nodeAt(shape.nodes, under);
  if (!node?.composite) {
    throw new HeddleError(
      "UNKNOWN_PATH",
      `Run "${run.runId}" has no composite at "${under}". Name the composite itself ("chunks"), and its elements by \`offset\` and \`limit\`.`,
    );
  }
  const elements = layout.elements(node, under, 0);
  return { run, executions: layout.executions, edges: layout.edges, elements };
}

function checkOptions(options: InspectOptions): void {
  expectOptions("inspect", options, ["since", "under", "depth", "offset", "limit"]);
  const { depth, offset, limit, under } = options;
  for (const [option, value] of Object.entries({ depth, offset, limit })) {
    if (value !== undefined) expectNumber(option, value, 0);
  }
  if (under !== undefined || (offset === undefined && limit === undefined)) return;
  throw new HeddleError(
    "INVALID_OPTION",
    "`offset` and `limit` count the elements of a composite: name it as `under`.",
  );
}

/** One execution of a run. */
export function inspectPath(state: RunState, shape: Shape, path: string): Execution | undefined {
  const record = state.nodes.get(path);
  return record && execution(viewOf(nodeAt(shape.nodes, path) ?? goneNode(path), false), path, record);
}

class Layout {
  readonly executions: Execution[] = [];
  readonly edges: Traversal[] = [];
  readonly #state: RunState;
  readonly #tree: RunTree;
  readonly #options: InspectOptions;
  /** Laid out once, since a map has many frames of one shape. */
  readonly #views = new Map<readonly NodeShape[], readonly NodeView[]>();

  constructor(state: RunState, tree: RunTree, options: InspectOptions) {
    this.#state = state;
    this.#tree = tree;
    this.#options = options;
  }

  /** Lays out one frame: the nodes of a dag, with whatever is inside them. */
  frame(nodes: readonly NodeShape[], prefix: string, parent: string | undefined, depth: number): void {
    let views = this.#views.get(nodes);
    views ??= inOrder(nodes);
    this.#views.set(nodes, views);
    const placed = new Set<string>();
    for (const view of views) {
      const path = prefix + view.node.path;
      placed.add(path);
      this.#place(view, prefix, path, parent);
      if (view.node.composite && depth < (this.#options.depth ?? Number.POSITIVE_INFINITY))
        this.elements(view.node, path, depth + 1);
    }
    // What left the dag after it ran is still part of what happened.
    for (const path of this.#recordedIn(prefix, parent)) {
      if (!placed.has(path)) this.#place(viewOf(goneNode(path), false), "", path, parent);
    }
  }

  /** Lays out the elements of a composite; returns how many there are. */
  elements({ composite }: NodeShape, path: string, depth: number): number {
    const { under, offset = 0, limit = Number.POSITIVE_INFINITY } = this.#options;
    const all = [...this.#tree.elements(path).keys()];
    for (const element of under === path ? all.slice(offset, offset + limit) : all) {
      const [, separator, nodes] = subAt(composite, element.slice(path.length)) ?? ["", "", []];
      this.frame(nodes, element + separator, path, depth);
    }
    return all.length;
  }

  #place(view: NodeView, prefix: string, path: string, parent: string | undefined): void {
    const record = this.#state.nodes.get(path);
    const { since = 0 } = this.#options;
    if (since > 0 && (record?.updatedAt ?? 0) < since) return;
    const seen: Writable<Execution> = execution(view, path, record);
    if (parent !== undefined) seen.parent = parent;
    if (view.node.composite && record) seen.children = this.#childCounts(path);
    this.executions.push(seen);
    if (record) for (const edge of traversals(view.node, prefix, record)) this.edges.push(edge);
  }

  #childCounts(path: string): NonNullable<Execution["children"]> {
    const counts: Partial<Record<Execution["status"], number>> = {};
    for (const inside of this.#tree.elements(path).values()) {
      for (const child of inside) {
        const status = statusOf(this.#state.nodes.get(child));
        counts[status] = (counts[status] ?? 0) + 1;
      }
    }
    return counts;
  }

  #recordedIn(prefix: string, parent: string | undefined): Iterable<string> {
    if (parent !== undefined) return this.#tree.elements(parent).get(prefix.replace(/\/$/, "")) ?? [];
    return [...this.#state.nodes.keys()].filter((path) => !whereabouts(path));
  }
}

/** A node that is recorded, but not in the shape any more. */
function goneNode(path: string): NodeShape {
  return { label: labelOf(path), path, inputs: [], upstream: [] };
}

/** The label at the end of a path; all of it if somebody changed the record and it is none. */
function labelOf(path: string): string {
  try {
    return parsePath(path).at(-1)?.label as string;
  } catch {
    return path;
  }
}

function statusOf(record: NodeRecord | undefined): Execution["status"] {
  if (record?.reused) return "reused";
  return record?.attempts.at(-1)?.status ?? "pending";
}

function subAt(composite: CompositeShape | undefined, element: string): CompositeShape["subs"][number] | undefined {
  if (composite?.kind !== "branch") return composite?.subs[0];
  return composite.subs.find(([key]) => elementText({ key }) === element);
}

/** The node that a path is of. */
function nodeAt(nodes: readonly NodeShape[], path: string): NodeShape | undefined {
  const place = whereabouts(path);
  if (!place) return nodes.find((node) => node.path === path);
  const composite = nodeAt(nodes, place.composite)?.composite;
  const [, separator = "", inside = []] = subAt(composite, place.element.slice(place.composite.length)) ?? [];
  return inside.find((node) => place.element + separator + node.path === path);
}

/** A node of a shape with what follows from its place. */
interface NodeView {
  readonly node: NodeShape;
  /** Whether others take its output. */
  readonly feeds: boolean;
  /** Inputs that take several values. */
  readonly collected: ReadonlySet<string>;
}

/** Shapes are sorted by label; people read a dag from its sources to its sinks. */
function inOrder(nodes: readonly NodeShape[]): NodeView[] {
  const number = new Map(nodes.map(({ path }, i) => [path, i]));
  const upstream = nodes.map((node) => node.upstream.map((path) => number.get(path) as number));
  const downstream: number[][] = nodes.map(() => []);
  for (const [i, ups] of upstream.entries()) for (const up of ups) downstream[up]?.push(i);
  return topologicalOrder(upstream, downstream).map((i) => viewOf(nodes[i] as NodeShape, downstream[i]?.length !== 0));
}

function viewOf(node: NodeShape, feeds: boolean): NodeView {
  const collected = node.inputs.flatMap(([name, , from]) => (Array.isArray(from) && from.length > 0 ? [name] : []));
  return { node, feeds, collected: new Set(collected) };
}

function execution(view: NodeView, path: string, record: NodeRecord | undefined): Execution {
  const { node, collected, feeds } = view;
  const attempts = (record?.attempts ?? []).map((attempt) => inspectAttempt(attempt, collected));
  const last = attempts.at(-1);
  const source = node.upstream.length === 0;
  const reused = record?.reused;
  const inputs = reused ? taken(reused.inputs, collected) : last?.inputs;
  const reason = reused ? "reused" : last?.reason;
  const seen: Writable<Execution> = {
    path,
    label: node.label,
    source,
    internal: !source && feeds,
    sink: !feeds,
    composite: node.composite !== undefined,
    status: reused ? "reused" : (last?.status ?? "pending"),
    attempts,
  };
  if (reason) seen.reason = reason;
  if (inputs) seen.inputs = inputs;
  if (reused?.failure) seen.error = copyAll(reused.failure.error);
  if (record?.output) seen.output = outputOf(record.output);
  if (record) seen.updatedAt = record.updatedAt;
  return seen;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function outputOf({ ref, bytes, origin }: NonNullable<NodeRecord["output"]>): NonNullable<Execution["output"]> {
  return { ...(ref === undefined ? {} : { ref }), bytes, origin };
}

function inspectAttempt(attempt: AttemptRecord, collected: ReadonlySet<string>): InspectedAttempt {
  const { consumed, pause, error, logs, ...rest } = attempt;
  const copy: Writable<InspectedAttempt> = { ...rest, logs: [...logs], inputs: taken(consumed, collected) };
  if (attempt.endedAt !== undefined) {
    copy.durationMs = Math.max(0, attempt.endedAt - attempt.startedAt - (attempt.waitedMs ?? 0));
  }
  if (error) copy.error = copyAll(error);
  if (pause) copy.pause = { ...pause };
  if (attempt.progress) copy.progress = { ...attempt.progress };
  return copy;
}

function taken(consumed: AttemptRecord["consumed"], collected: ReadonlySet<string>): Record<string, Taken> {
  return Object.fromEntries(
    Object.entries(consumed).map(([input, from]) => [input, { collected: collected.has(input), from }]),
  );
}

/** Edges with the values that went along them, once per value, and those that only ordered. */
function traversals(node: NodeShape, prefix: string, { path, attempts, reused }: NodeRecord): Traversal[] {
  const found = new Map<string, Traversal>();
  const add = (consumed: AttemptRecord["consumed"], attempt?: number) => {
    for (const [input, values] of Object.entries(consumed)) {
      for (const { path: from, element, value } of values) {
        if (from === undefined) continue;
        const edge: Writable<Traversal> = { from, to: path, input };
        if (element !== undefined) edge.element = element;
        if (value !== undefined) edge.value = value;
        if (attempt !== undefined) edge.attempt = attempt;
        found.set(JSON.stringify([from, element, input, value]), edge);
      }
    }
  };
  if (reused) add(reused.inputs);
  for (const { consumed, attempt, ran } of attempts) if (ran) add(consumed, attempt);
  const fed = new Set([...found.values()].map(({ from }) => from));
  const upstream = node.upstream.map((from) => prefix + from);
  const ordering = upstream.filter((from) => !fed.has(from)).map((from) => ({ from, to: path }));
  return attempts.some(({ ran }) => ran) || reused ? [...found.values(), ...ordering] : [];
}
