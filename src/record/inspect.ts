// The state of a run as people and tools want to read it: executions, attempts and edges, without payloads.

import { topologicalOrder } from "../definition/graph.js";
import type { ConsumedRef, ErrorRecord, Origin, Reason, Ref, RunStatus } from "../events.js";
import { copyAll } from "../isolate.js";
import type { AttemptRecord, LogLine, NodeRecord, RecordedPause, RunState } from "./fold.js";
import { pendingPauses } from "./restart.js";
import type { NodeShape, Shape } from "./shape.js";

/** The record of a run. Times are milliseconds since the epoch, by the clock of the writer. */
export interface RunRecord {
  readonly runId: string;
  readonly dag: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number;
  /** Why it was paused or cancelled, if a reason was given. */
  readonly reason?: string;
  readonly failedNode?: string;
  readonly pauses: readonly { readonly path: string; readonly reason: string }[];
  readonly replayOf?: string;
  readonly replay?: { readonly rerun: readonly string[]; readonly mode: string };
  /** Hash of the dag's shape. */
  readonly fingerprint: string;
  /** Hash of the source text of its functions: a hint only. */
  readonly code: string;
  readonly owner: string;
  readonly epoch: number;
  readonly durability: string;
  /** How many events there are, or can be read. */
  readonly events: number;
  /** Where and how the journal is damaged. What the record says is what can be read before that place. */
  readonly damage?: string;
}

/** What one input took: references to values, collected into a list or as a whole. */
export interface Taken {
  readonly collected: boolean;
  readonly from: readonly ConsumedRef[];
}

/** One try of a path. */
export interface InspectedAttempt {
  readonly attempt: number;
  readonly status: AttemptRecord["status"];
  readonly reason: Reason;
  readonly executor: string;
  readonly epoch: number;
  readonly overridden: boolean;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly durationMs?: number;
  readonly inputs: Readonly<Record<string, Taken>>;
  readonly error?: ErrorRecord;
  readonly retryInMs?: number;
  readonly overrunMs?: number;
  /** False if it was aborted before its function was called. */
  readonly ran: boolean;
  readonly pause?: Readonly<RecordedPause>;
  readonly progress?: { readonly done: number; readonly total?: number };
  readonly logs: readonly LogLine[];
}

/** All that is known of one path. */
export interface Execution {
  readonly path: string;
  readonly label: string;
  readonly source: boolean;
  readonly internal: boolean;
  readonly sink: boolean;
  readonly composite: boolean;
  /** `pending`: never started. `reused`: taken over from another run. Otherwise the status of the latest attempt. */
  readonly status: "pending" | "reused" | AttemptRecord["status"];
  /** Why it was executed last, or that it was reused. */
  readonly reason?: Reason | "reused";
  readonly attempts: readonly InspectedAttempt[];
  readonly inputs?: Readonly<Record<string, Taken>>;
  readonly output?: { readonly ref?: Ref; readonly bytes: number; readonly origin: Origin };
  readonly updatedAt?: number;
}

/** An edge along which a value went. Without `input`, the downstream was only ordered by it. */
export interface Traversal {
  readonly from: string;
  readonly to: string;
  readonly input?: string;
  readonly value?: Ref;
  /** The attempt that consumed it; absent for what a reused output was made of. */
  readonly attempt?: number;
}

/** A whole run without its payloads. */
export interface RunInspection {
  readonly run: RunRecord;
  readonly executions: readonly Execution[];
  readonly edges: readonly Traversal[];
}

/** What to look at. */
export interface InspectOptions {
  /** Only what changed at or after this time, in milliseconds since the epoch. */
  readonly since?: number;
}

/** Sums up the state of a run. */
export function runRecord(state: RunState): RunRecord {
  const { runId, started, resumed, status, updatedAt, events } = state;
  const { owner, epoch, fingerprint, code } = resumed ?? started;
  return {
    runId,
    dag: started.dag,
    status,
    startedAt: started.at,
    updatedAt,
    ...(status === "running" || status === "paused" ? {} : { endedAt: updatedAt }),
    ...(state.reason === undefined ? {} : { reason: state.reason }),
    ...(state.failedNode === undefined ? {} : { failedNode: state.failedNode }),
    pauses: status === "completed" ? [] : pendingPauses(state),
    ...(started.replay
      ? { replayOf: started.replay.of, replay: { rerun: started.replay.rerun, mode: started.replay.mode } }
      : {}),
    fingerprint,
    code,
    owner,
    epoch,
    durability: started.durability,
    events,
    ...(state.damage ? { damage: state.damage.message } : {}),
  };
}

/** Lays out the executions and edges of a run over the shape of its dag. */
export function inspectRun(state: RunState, shape: Shape, { since = 0 }: InspectOptions): RunInspection {
  const feeding = new Set(shape.nodes.flatMap(({ upstream }) => upstream));
  const executions: Execution[] = [];
  const edges: Traversal[] = [];
  for (const node of inOrder(shape.nodes)) {
    const record = state.nodes.get(node.path);
    if (since > 0 && (record?.updatedAt ?? 0) < since) continue;
    executions.push(execution(node, record, feeding.has(node.path)));
    if (record) edges.push(...traversals(node, record));
  }
  // What left the dag after it ran is still part of what happened.
  const placed = new Set(shape.nodes.map(({ path }) => path));
  for (const record of state.nodes.values()) {
    if (placed.has(record.path) || record.updatedAt < since) continue;
    const node: NodeShape = { label: record.path, path: record.path, inputs: [], upstream: [] };
    executions.push({ ...execution(node, record, false), source: false, sink: false });
    edges.push(...traversals(node, record));
  }
  return { run: runRecord(state), executions, edges };
}

/** Shapes are sorted by label; people read a dag from its sources to its sinks. */
function inOrder(nodes: readonly NodeShape[]): NodeShape[] {
  const number = new Map(nodes.map(({ path }, i) => [path, i]));
  const upstream = nodes.map((node) => node.upstream.map((path) => number.get(path) as number));
  const downstream: number[][] = nodes.map(() => []);
  for (const [i, ups] of upstream.entries()) for (const up of ups) downstream[up]?.push(i);
  return topologicalOrder(upstream, downstream).map((i) => nodes[i] as NodeShape);
}

function execution(node: NodeShape, record: NodeRecord | undefined, feeds: boolean): Execution {
  const collected = new Set(
    node.inputs.flatMap(([name, , from]) => (Array.isArray(from) && from.length > 0 ? [name] : [])),
  );
  const attempts = (record?.attempts ?? []).map((attempt) => inspectAttempt(attempt, collected));
  const last = attempts.at(-1);
  const source = node.upstream.length === 0;
  const reused = record?.reused;
  const inputs = reused ? taken(reused.inputs, collected) : last?.inputs;
  const reason = reused ? "reused" : last?.reason;
  return {
    path: node.path,
    label: node.label,
    source,
    internal: !source && feeds,
    sink: !feeds,
    composite: false,
    status: reused ? "reused" : (last?.status ?? "pending"),
    ...(reason ? { reason } : {}),
    attempts,
    ...(inputs ? { inputs } : {}),
    ...(record?.output ? { output: outputOf(record.output) } : {}),
    ...(record ? { updatedAt: record.updatedAt } : {}),
  };
}

function outputOf({ ref, bytes, origin }: NonNullable<NodeRecord["output"]>): NonNullable<Execution["output"]> {
  return { ...(ref === undefined ? {} : { ref }), bytes, origin };
}

function inspectAttempt({ consumed, ...attempt }: AttemptRecord, collected: ReadonlySet<string>): InspectedAttempt {
  const duration = attempt.endedAt === undefined ? {} : { durationMs: attempt.endedAt - attempt.startedAt };
  const { pause, ...rest } = attempt;
  const { error, ...others } = rest;
  const copied = error ? { error: copyAll(error) } : {};
  return { ...others, ...duration, ...copied, ...(pause ? { pause } : {}), inputs: taken(consumed, collected) };
}

function taken(consumed: AttemptRecord["consumed"], collected: ReadonlySet<string>): Record<string, Taken> {
  return Object.fromEntries(
    Object.entries(consumed).map(([input, from]) => [input, { collected: collected.has(input), from }]),
  );
}

/** Edges with the values that went along them, once per value, and those that only ordered. */
function traversals(node: NodeShape, { attempts, reused }: NodeRecord): Traversal[] {
  const found = new Map<string, Traversal>();
  const add = (consumed: AttemptRecord["consumed"], attempt?: number) => {
    for (const [input, values] of Object.entries(consumed)) {
      for (const { path: from, value } of values) {
        if (from === undefined) continue;
        const edge = {
          from,
          to: node.path,
          input,
          ...(value === undefined ? {} : { value }),
          ...(attempt === undefined ? {} : { attempt }),
        };
        found.set(JSON.stringify([from, input, value]), edge);
      }
    }
  };
  if (reused) add(reused.inputs);
  for (const { consumed, attempt, ran } of attempts) if (ran) add(consumed, attempt);
  const fed = new Set([...found.values()].map(({ from }) => from));
  const ordering = node.upstream.filter((from) => !fed.has(from)).map((from) => ({ from, to: node.path }));
  return attempts.some(({ ran }) => ran) || reused ? [...found.values(), ...ordering] : [];
}
