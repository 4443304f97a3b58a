// From the plans of restart and replay to what an execution begins with.

import { elementNames, pathPattern, whereabouts, withoutElement } from "../definition/path.js";
import { type Plan, stepAt } from "../definition/plan.js";
import { errorOf } from "../error-record.js";
import { HeddleError, quoted } from "../errors.js";
import type { ErrorRecord, JournalEvent, NodeReused, Reason } from "../events.js";
import type { Answers, FailedElement, Prior, Recorder } from "../run/recording.js";
import type { RunReader } from "./reader.js";
import { stalePaths } from "./replay.js";
import type { ReplayPlan } from "./replay-plan.js";
import { EFFECT_UNKNOWN, pendingTries, type RestartDecisions, reasonAfter } from "./restart.js";
import { errorAt, type NodeRecord, type RunState } from "./run-state.js";

/** What is recorded of a run that goes on, or is replayed. */
export interface Recorded {
  readonly plan: Plan;
  readonly state: RunState;
  readonly reader: RunReader;
}

/** What a restarted run begins with. */
export async function priorOfRestart(
  { plan, state, reader }: Recorded,
  { answers, asks, supplied }: RestartDecisions,
  invalidated: ReadonlyMap<string, Reason>,
): Promise<Prior> {
  const outputs = new Map(supplied.map(({ path, output }) => [path, output]));
  const isRecorded = (path: string) => state.nodes.get(path)?.output !== undefined && !invalidated.has(path);
  const isDone = (path: string) => isRecorded(path) || outputs.has(path);
  const last = (path: string) => state.nodes.get(path)?.attempts.at(-1);
  const known = await recordedAnswers(state, reader, isRecorded);
  for (const { path, reason, value } of answers)
    known.set(path, new Map([...(known.get(path) ?? []), [reason, value]]));
  const failures = new Map(failuresAtRestart(state, invalidated).map((failure) => [failure.path, failure]));
  return {
    isDone,
    load: (path) => (outputs.has(path) ? outputs.get(path) : reader.output(state, path)),
    attempts: (path) => last(path)?.attempt ?? 0,
    tries: (path) => (invalidated.has(path) ? 0 : pendingTries(state.nodes.get(path))),
    reason: (path) => invalidated.get(path) ?? reasonAfter(last(path)),
    failure: (element) => failures.get(element),
    answers: (path) => known.get(path),
    pauses: asks.map(({ path, attempt }) => ({ path, reason: EFFECT_UNKNOWN, payload: { attempt } })),
    stale: await staleAtRestart({ plan, state, reader }, isDone),
    collected: collectedIn(state, isDone),
  };
}

/** What a replay begins with. */
export function priorOfReplay({ state, reader }: Omit<Recorded, "plan">, replay: ReplayPlan): Prior {
  const reasons = new Map(replay.steps.flatMap(({ path, reason }) => (reason ? [[path, reason] as const] : [])));
  // What the plan does not take over is not there, also if an earlier run recorded it.
  const reused = new Set(replay.steps.flatMap(({ path, action }) => (action === "reuse" ? [path] : [])));
  const isDone = (path: string) => reused.has(path) && state.nodes.get(path)?.output !== undefined;
  const failures = new Map(keptFailures(state, replay).map((failure) => [failure.path, failure]));
  return {
    isDone,
    load: (path) => reader.output(state, path),
    attempts: () => 0,
    tries: () => 0,
    reason: (path) => reasons.get(path) ?? "no recorded output",
    failure: (element) => failures.get(element),
    answers: () => undefined,
    pauses: [],
    stale: replay.stale,
    collected: collectedIn(state, isDone),
  };
}

/** The events that take over into a replay what it reuses, with all that it was made of. */
export function reusedEvents(state: RunState, replay: ReplayPlan, at: number): NodeReused[] {
  const elements = new Map(keptFailures(state, replay).map(({ path, failedNode }) => [failedNode, path]));
  const reused = replay.steps.flatMap(({ path, action }) => (action === "reuse" ? [path] : []));
  // Of what was reused as a whole, also those parts that the dag has no place for any more: the output is made of them.
  const isReused = new Set(reused);
  const parts = replay.unmatched.flatMap(({ path }) =>
    composites(path).some((one) => isReused.has(one)) ? [path] : [],
  );
  return [...reused, ...parts].flatMap((path) => {
    const node = state.nodes.get(path) as NodeRecord;
    const isTaken = node.output !== undefined || elements.has(path);
    return isTaken ? [reusedEvent(node, state.runId, at, elements.get(path))] : [];
  });
}

/** The composites that a path is inside, innermost first. */
function composites(path: string): string[] {
  const around = whereabouts(path)?.composite;
  return around === undefined || around === path ? [] : [around, ...composites(around)];
}

function reusedEvent(node: NodeRecord, runId: string, at: number, failedElement: string | undefined): NodeReused {
  const { path, output, reused, attempts } = node;
  const status = failedElement === undefined ? "completed" : "failed";
  const made = attempts.findLast((attempt) => attempt.status === status);
  const base = { type: "node-reused" as const, at, path, inputs: reused?.inputs ?? made?.consumed ?? {} };
  if (failedElement !== undefined || !output) {
    const error = errorAt(node) as ErrorRecord;
    const from = reused?.from ?? { runId, seq: 0, attempt: made?.attempt ?? 0 };
    return { ...base, failure: { element: failedElement as string, error }, from };
  }
  const { ref, bytes: outputBytes, origin: from, composed } = output;
  return {
    ...base,
    ...(ref === undefined ? {} : { output: ref }),
    outputBytes,
    ...(composed ? { composed } : {}),
    from,
  };
}

/** Records what the answers about effects decided, and asks about the rest. */
export function recordEffects(plan: Plan, { asks, supplied }: RestartDecisions, recorder: Recorder, at: number): void {
  for (const { path, attempt } of asks) {
    const event: JournalEvent = { type: "node-paused", at, path, attempt, reason: EFFECT_UNKNOWN };
    recorder.keep({ attempt }, (payload) => Object.assign(event, { payload }));
    recorder.add(event);
  }
  for (const { path, attempt, output } of supplied) {
    const event: JournalEvent = { type: "node-completed", at, path, attempt };
    if (stepAt(plan, path)?.node.output)
      Object.assign(event, { outputBytes: recorder.keep(output, (ref) => Object.assign(event, { output: ref })) });
    recorder.add(event);
  }
}

// ---- answers

async function recordedAnswers(state: RunState, reader: RunReader, isDone: (path: string) => boolean) {
  const known = new Map<string, Answers>();
  for (const [path, answers] of state.answers) {
    if (isDone(path)) continue;
    const values = new Map<string, unknown>();
    for (const [reason, ref] of answers) values.set(reason, await reader.valueOf(state, ref));
    known.set(path, values);
  }
  return known;
}

// ---- failures that are results

/** The failed elements of composites that are done. */
function collectedIn(state: RunState, isDone: (path: string) => boolean): FailedElement[] {
  return failedElements(state).flatMap(({ composite, failed }) => (isDone(composite) ? failed : []));
}

/** The failed elements of all completed maps that collect failures, with the paths of the maps. */
function collectedFailures(state: RunState) {
  return [...state.nodes.values()].flatMap(({ path: composite, output }) => {
    const elements = (output?.composed?.failed ?? []).map(([, failedNode]) => {
      const [element = ""] = elementNames(failedNode.slice(composite.length));
      return { path: composite + element, failedNode };
    });
    return elements.length > 0 ? [{ composite, elements }] : [];
  });
}

/** The same with their errors. */
function failedElements(state: RunState): { readonly composite: string; readonly failed: FailedElement[] }[] {
  return collectedFailures(state).map(({ composite, elements }) => ({
    composite,
    failed: elements.map(({ path, failedNode }) => {
      const error = errorAt(state.nodes.get(failedNode)) ?? { name: "Error", message: "not recorded" };
      return { path, failedNode, error: errorOf(error) };
    }),
  }));
}

/** Which failed elements a restart is to execute again. */
export interface Reopening {
  /** The completed maps that they belong to. */
  readonly reopened: ReadonlySet<string>;
  /** The paths that failed in them. */
  readonly failed: ReadonlySet<string>;
}

/**
 * Finds the failed elements that are named, by a path or pattern of the element or of what failed in it.
 *
 * @throws HeddleError `UNKNOWN_PATH` for names of nothing that failed.
 */
export function reopenFailed(state: RunState, rerun: readonly string[]): Reopening {
  const reopened = new Set<string>();
  const failed = new Set<string>();
  if (rerun.length === 0) return { reopened, failed };
  const exact = new Set(rerun.filter((name) => !name.includes("*")));
  const patterns = rerun.filter((name) => name.includes("*")).map((name) => ({ name, matches: pathPattern(name) }));
  const unused = new Set(rerun);
  const isNamed = (...paths: string[]) => {
    const names = paths.filter((path) => exact.has(path));
    for (const { name, matches } of patterns) if (paths.some(matches)) names.push(name);
    for (const name of names) unused.delete(name);
    return names.length > 0;
  };
  for (const { composite, elements } of collectedFailures(state)) {
    for (const { path, failedNode } of elements) {
      if (!isNamed(path, failedNode)) continue;
      reopened.add(composite);
      failed.add(failedNode);
    }
  }
  // What failed in a map that has not completed is executed again without being named.
  for (const { path, attempts } of unused.size > 0 ? state.nodes.values() : []) {
    if (attempts.at(-1)?.status === "failed") isNamed(path, whereabouts(path)?.element ?? path);
  }
  if (unused.size === 0) return { reopened, failed };
  const known = collectedFailures(state).flatMap(({ elements }) => elements.map(({ path }) => path));
  throw new HeddleError(
    "UNKNOWN_PATH",
    `Run "${state.runId}" has no failed element ${quoted(unused)} to execute again. It has ${known.length === 0 ? "no failed elements" : quoted(known)}. To execute anything else again, use replay.`,
  );
}

/** Failures that stay results: maps that are only put together again keep those that nobody named. */
function failuresAtRestart(state: RunState, invalidated: ReadonlyMap<string, Reason>): FailedElement[] {
  const isLost = (composite: string) =>
    invalidated.has(composite) && invalidated.get(composite) !== "a child is executed";
  const recorded = failedElements(state).flatMap(({ composite, failed }) => (isLost(composite) ? [] : failed));
  const reused = [...state.nodes.values()].flatMap(({ path, reused, attempts }) => {
    const element = reused?.failure?.element;
    if (element === undefined || attempts.length > 0 || isLost(withoutElement(element))) return [];
    return [{ path: element, failedNode: path, error: errorOf((reused as NodeReused).failure?.error as ErrorRecord) }];
  });
  return [...reused, ...recorded].filter(({ failedNode }) => !invalidated.has(failedNode));
}

function keptFailures(state: RunState, { steps }: ReplayPlan): FailedElement[] {
  const kept = new Set(steps.flatMap(({ path, action }) => (action === "reuse" ? [path] : [])));
  return failedElements(state).flatMap(({ failed }) => failed.filter(({ failedNode }) => kept.has(failedNode)));
}

/** Reused paths below something that this run executes, or has executed. */
async function staleAtRestart({ plan, state, reader }: Recorded, isDone: (path: string) => boolean): Promise<string[]> {
  if (!state.started.replay) return [];
  const isReused = (path: string) => isDone(path) && state.nodes.get(path)?.reused !== undefined;
  return stalePaths(plan, state, await reader.ranks(state), isReused);
}
