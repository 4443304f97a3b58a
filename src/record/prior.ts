// From the plans of restart and replay to what an execution begins with.

import { descendants, type Plan } from "../definition/plan.js";
import type { JournalEvent, NodeReused, Reason, Ref } from "../events.js";
import type { Prior, Recorder } from "../run/recording.js";
import type { NodeRecord, RecordedOutput, RunState } from "./fold.js";
import type { RunReader } from "./reader.js";
import type { ReplayPlan } from "./replay.js";
import { EFFECT_UNKNOWN, type RestartPlan } from "./restart.js";

/** What a restarted run begins with. */
export async function priorOfRestart(
  plan: Plan,
  restart: RestartPlan,
  state: RunState,
  reader: RunReader,
): Promise<Prior> {
  const { done, attempts, tries, reasons, asks, supplied } = restart;
  return {
    done: new Map([...done, ...supplied.map(({ step }) => [step.index, undefined] as const)]),
    supplied: new Map(supplied.map(({ step, output }) => [step.index, output])),
    attempts,
    tries,
    reasons,
    answers: await allAnswers(restart, state, reader, (path) => done.has(plan.byPath.get(path)?.index ?? -1)),
    pauses: asks.map(({ step, attempt }) => ({ path: step.path, reason: EFFECT_UNKNOWN, payload: { attempt } })),
    stale: staleAtRestart(plan, restart, state),
  };
}

/** What a replay begins with. */
export function priorOfReplay(plan: Plan, replay: ReplayPlan, state: RunState): Prior {
  const done = new Map<number, RecordedOutput | undefined>();
  const reasons = new Map<number, Reason>();
  for (const { path, action, reason } of replay.steps) {
    const index = plan.byPath.get(path)?.index as number;
    const output = state.nodes.get(path)?.output;
    if (action === "reuse") done.set(index, output?.ref === undefined ? undefined : output);
    else if (reason) reasons.set(index, reason);
  }
  const empty = new Map<never, never>();
  return {
    done,
    supplied: empty,
    attempts: empty,
    tries: empty,
    reasons,
    answers: empty,
    pauses: [],
    stale: replay.stale,
  };
}

/** The event that takes the output of a path over into a replay, with all that it was made of. */
export function reusedEvent(state: RunState, path: string, at: number): NodeReused {
  const { output, reused, attempts } = state.nodes.get(path) as NodeRecord;
  const { ref, bytes, origin } = output as RecordedOutput;
  const inputs = reused?.inputs ?? attempts.findLast(({ status }) => status === "completed")?.consumed ?? {};
  return {
    type: "node-reused",
    at,
    path,
    ...(ref === undefined ? {} : { output: ref }),
    outputBytes: bytes,
    inputs,
    from: origin,
  };
}

/** Records what the answers about effects decided, and asks about the rest. */
export function recordEffects({ asks, supplied }: RestartPlan, recorder: Recorder, at: number): void {
  for (const { step, attempt } of asks) {
    const event: JournalEvent = { type: "node-paused", at, path: step.path, attempt, reason: EFFECT_UNKNOWN };
    recorder.keep({ attempt }, (payload) => Object.assign(event, { payload }));
    recorder.add(event);
  }
  for (const { step, attempt, output } of supplied) {
    const event: JournalEvent = { type: "node-completed", at, path: step.path, attempt };
    const outputBytes = recorder.keep(output, (ref) => Object.assign(event, { output: ref }));
    recorder.add(Object.assign(event, { outputBytes }));
  }
}

async function allAnswers(
  restart: RestartPlan,
  state: RunState,
  reader: RunReader,
  isDone: (path: string) => boolean,
): Promise<Prior["answers"]> {
  const all = new Map<string, Map<string, unknown>>();
  const put = (path: string, reason: string, value: unknown) => {
    all.set(path, (all.get(path) ?? new Map<string, unknown>()).set(reason, value));
  };
  const load = (ref: Ref) => reader.valueOf(state, ref);
  for (const [path, answers] of state.answers) {
    if (isDone(path)) continue;
    for (const [reason, ref] of answers) put(path, reason, await load(ref));
  }
  for (const { path, reason, value } of restart.answers) put(path, reason, value);
  return all;
}

/** Reused paths with an ancestor that this run executes, or has executed. */
function staleAtRestart(plan: Plan, { done }: RestartPlan, state: RunState): string[] {
  const isReused = (path: string) => state.nodes.get(path)?.reused !== undefined;
  if (!state.started.replay) return [];
  const executed = plan.steps
    .filter(({ index, path }) => !done.has(index) || !isReused(path))
    .map(({ index }) => index);
  const below = descendants(plan, executed);
  return plan.order
    .filter((index) => below.has(index))
    .map((index) => plan.steps[index]?.path as string)
    .filter((path) => isReused(path));
}
