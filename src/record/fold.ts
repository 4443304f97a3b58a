// What a journal says: the state of a run as a fold over its events. Inspection, restart and replay all read this and
// nothing else.

import { withoutElement } from "../definition/path.js";
import { HeddleError } from "../errors.js";
import {
  type ConsumedRef,
  JOURNAL_FORMAT,
  type JournalEvent,
  type NodeCompleted,
  type NodePaused,
  type NodeReused,
  type NodeStarted,
  type Ref,
  type RunEnded,
  type RunResumed,
  type RunStatus,
} from "../events.js";
import {
  type AttemptRecord,
  type NodeRecord,
  onlyChild,
  outdate,
  type RecordedOutput,
  type RecordedPause,
  type RunState,
} from "./run-state.js";
import { nonsense } from "./sense.js";

/** Starts the fold with the first event of a journal. @throws HeddleError `STORE_DAMAGED` if it is no first event, `STORE_VERSION`. */
export function startFold(runId: string, first: JournalEvent): RunState {
  if (first.type !== "run-started") {
    throw new HeddleError(
      "STORE_DAMAGED",
      `The journal of run "${runId}" is damaged: event 0 is a "${first.type}" event, where "run-started" should be. No event can be read.`,
    );
  }
  if (first.format > JOURNAL_FORMAT) {
    throw new HeddleError(
      "STORE_VERSION",
      `The journal of run "${runId}" has format ${first.format}; this version reads format ${JOURNAL_FORMAT}. Read it with a newer heddle.`,
    );
  }
  return {
    runId,
    started: first,
    resumed: undefined,
    shapeSeq: 0,
    status: "running",
    updatedAt: first.at,
    reason: undefined,
    failedNode: undefined,
    events: 1,
    damage: undefined,
    prunedAt: undefined,
    nodes: new Map(),
    answers: new Map(),
  };
}

/** Adds one event to the state. @throws HeddleError `STORE_DAMAGED` if it makes no sense there; then the state is as it was. */
export function fold(state: RunState, event: JournalEvent): void {
  const why = nonsense(state, event);
  if (why !== undefined) throw damaged(state, why);
  const seq = state.events++;
  if (event.type === "run-pruned") {
    state.prunedAt = event.at;
    return;
  }
  state.updatedAt = event.at;
  switch (event.type) {
    case "run-resumed":
      return foldResumed(state, event, seq);
    case "run-completed":
    case "run-paused":
    case "run-cancelled":
    case "run-failed":
      state.status = event.type.slice("run-".length) as RunStatus;
      state.reason = event.reason;
      state.failedNode = event.path;
      endComposites(state, event);
      return;
    case "node-reused":
      foldReused(state, event);
      return;
    case "node-started":
      foldStarted(state, event);
      return;
    case "run-started":
      return;
    default:
      foldAttempt(state, event, seq);
  }
}

function damaged({ runId, events }: RunState, why: string): HeddleError {
  return new HeddleError(
    "STORE_DAMAGED",
    `The journal of run "${runId}" is damaged: event ${events} ${why}. Events 0 to ${events - 1} can be read. Nothing was changed there. Put back a copy of it, or start the run anew under another name.`,
  );
}

/** When a run ends, no function runs any more: what is still open are composites, and they share its fate. */
function endComposites(state: RunState, { type, at }: RunEnded): void {
  for (const node of state.nodes.values()) {
    const last = node.attempts.at(-1);
    if (last?.status !== "running") continue;
    last.status = type === "run-paused" ? "paused" : "aborted";
    last.endedAt = at;
    node.updatedAt = at;
  }
}

function foldResumed(state: RunState, event: RunResumed, seq: number): void {
  state.resumed = event;
  state.shapeSeq = seq;
  state.status = "running";
  state.reason = undefined;
  state.failedNode = undefined;
  for (const { attempts } of state.nodes.values()) {
    const last = attempts.at(-1);
    if (last?.status === "running") last.status = "interrupted";
  }
  for (const path of event.invalidated) {
    const node = state.nodes.get(path);
    if (!node) continue;
    outdate(node, seq);
    delete node.output;
    delete node.reused;
  }
  for (const { path, reason, answer } of event.answers) {
    const pause = state.nodes.get(path)?.attempts.at(-1)?.pause;
    if (pause) pause.answered = true;
    const answers = state.answers.get(path) ?? new Map<string, Ref>();
    state.answers.set(path, answers.set(reason, answer));
  }
}

function nodeAt(state: RunState, path: string, at: number): NodeRecord {
  let node = state.nodes.get(path);
  if (!node) {
    node = { path, attempts: [], outcomeSeq: 0, updatedAt: at };
    state.nodes.set(path, node);
  }
  node.updatedAt = at;
  return node;
}

function foldReused(state: RunState, event: NodeReused): void {
  const node = nodeAt(state, event.path, event.at);
  // All that is reused is there from the beginning, in whatever order it was written down.
  outdate(node, 0);
  node.reused = event;
  if (event.failure) return;
  const { output: ref, outputBytes: bytes = 0, from: origin, composed } = event;
  node.output = composed ? { ref, bytes, origin, composed } : { ref, bytes, origin };
}

function foldStarted(state: RunState, event: NodeStarted): void {
  const { attempt, reason, executor, at } = event;
  const { epoch, coarse } = state.resumed ?? state.started;
  const record: AttemptRecord = {
    attempt,
    status: "running",
    reason,
    executor,
    epoch,
    overridden: event.overridden === true,
    startedAt: at,
    consumed: consumedBy(state, event),
    ran: true,
    logs: [],
  };
  if (coarse) record.coarse = true;
  nodeAt(state, event.path, at).attempts.push(record);
}

function consumedBy(state: RunState, { path, inputs }: NodeStarted): AttemptRecord["consumed"] {
  const fed = Object.entries(inputs);
  const given = fed.length === 0 && Object.hasOwn(state.started.inputs, path) ? state.started.inputs[path] : undefined;
  const origin = { runId: state.runId, seq: 0, attempt: 0 };
  if (given) return Object.fromEntries(Object.entries(given).map(([input, value]) => [input, [{ value, origin }]]));
  const take = (from: string) => consumedFrom(state, from);
  return Object.fromEntries(
    fed.map(([input, from]) => [input, typeof from === "string" ? [take(from)] : from.map(take)]),
  );
}

/** What was taken from a path, or from an element behind one (`split[3]`). */
function consumedFrom({ nodes }: RunState, from: string): ConsumedRef {
  const taken = (path: string, element?: string): ConsumedRef => {
    const output = nodes.get(path)?.output;
    const ref = element === undefined ? { path } : { path, element };
    if (output?.ref !== undefined) return { ...ref, value: output.ref, origin: output.origin };
    // What a composite gave has no value of its own, but was put together at a certain moment.
    return output?.composed ? { ...ref, origin: output.origin } : ref;
  };
  const elements: string[] = [];
  let path = from;
  for (let outer = withoutElement(path); outer !== path; outer = withoutElement(path)) {
    elements.unshift(path.slice(outer.length));
    path = outer;
  }
  // An element of what a map gave is what its child gave, unless the map joins or wraps what its children give.
  while (elements.length > 0) {
    const composed = nodes.get(path)?.output?.composed;
    if (!composed || composed.failed || composed.kind === "one" || composed.kind === "joined") break;
    path += elements.shift() + composed.sink;
  }
  return taken(path, elements.length === 0 ? undefined : elements.join(""));
}

type AttemptEvent = Extract<JournalEvent, { path: string; attempt: number }>;

function foldAttempt(state: RunState, event: Exclude<AttemptEvent, NodeStarted>, seq: number): void {
  const node = nodeAt(state, event.path, event.at);
  const attempt = node.attempts.at(-1) as AttemptRecord;
  switch (event.type) {
    case "node-log":
      attempt.logs.push({
        at: event.at,
        message: event.message,
        ...(event.data === undefined ? {} : { data: event.data }),
      });
      return;
    case "node-progress":
      attempt.progress = { done: event.done, ...(event.total === undefined ? {} : { total: event.total }) };
      return;
    case "node-completed":
      outdate(node, seq);
      node.output = outputOf(state, event, seq);
      delete node.reused;
      if (event.overrunMs !== undefined) attempt.overrunMs = event.overrunMs;
      break;
    case "node-failed":
      if (event.retryInMs === undefined) outdate(node, seq);
      attempt.error = event.error;
      if (event.retryInMs !== undefined) attempt.retryInMs = event.retryInMs;
      break;
    case "node-paused":
      attempt.pause = pauseOf(event);
      // A refused answer is used up: a restart without a new one asks again.
      if (event.rejected !== undefined) state.answers.get(event.path)?.delete(event.reason);
      break;
    case "node-aborted":
      attempt.ran = event.ran;
      if (event.error) attempt.error = event.error;
      break;
  }
  if (event.waitedMs !== undefined) attempt.waitedMs = event.waitedMs;
  attempt.status = event.type.slice("node-".length) as AttemptRecord["status"];
  attempt.endedAt = event.at;
}

function pauseOf({ reason, payload, rejected }: NodePaused): RecordedPause {
  return {
    reason,
    answered: false,
    ...(payload === undefined ? {} : { payload }),
    ...(rejected === undefined ? {} : { rejected }),
  };
}

function outputOf(state: RunState, event: NodeCompleted, seq: number): RecordedOutput {
  const { output: ref, outputBytes: bytes = 0, attempt, composed, path } = event;
  const origin = { runId: state.runId, seq, attempt };
  if (!composed) return { ref, bytes, origin };
  const child = composed.kind === "one" ? state.nodes.get(onlyChild(path, composed))?.output : undefined;
  return child?.ref === undefined ? { ref, bytes, origin, composed } : { ...child, composed };
}
