// What a restart has to decide: pure, from the recorded state, the plan and the answers.

import { whereabouts } from "../definition/path.js";
import { type Plan, stepAt } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import type { Reason } from "../events.js";
import type { AttemptRecord, NodeRecord, RunState } from "./run-state.js";

/** The reason of the pause that asks about an effect whose outcome is unknown. */
export const EFFECT_UNKNOWN = "effect outcome unknown";

/** The answers to that pause: run the effect again, or take this as its output. */
export type EffectAnswer = "run again" | { readonly output: unknown };

/** An answer to a pause. */
export interface Answer {
  readonly path: string;
  readonly reason: string;
  readonly value: unknown;
}

/** An effect that started and of which nobody knows whether it happened. */
export interface UnknownEffect {
  readonly path: string;
  readonly attempt: number;
}

/** What a restart has to do before anything runs. */
export interface RestartDecisions {
  readonly answers: readonly Answer[];
  /** Effects to ask about. */
  readonly asks: readonly UnknownEffect[];
  /** Effects whose output the answer brings. */
  readonly supplied: readonly (UnknownEffect & { readonly output: unknown })[];
}

/**
 * Decides what the restart of a run has to settle first. Paths in `invalidated` are executed again whatever is recorded of them.
 *
 * @throws HeddleError `UNKNOWN_PATH`, `NOT_PAUSED` or `INVALID_ANSWER`.
 */
export function decideRestart(
  plan: Plan,
  state: RunState,
  resume: Readonly<Record<string, unknown>>,
  invalidated: ReadonlyMap<string, Reason>,
): RestartDecisions {
  const pending = new Map(pendingPauses(state).map(({ path, reason }) => [path, reason]));
  const answers = Object.entries(resume).map(([path, value]) => answerTo(plan, state.runId, pending, [path, value]));
  const asks: UnknownEffect[] = [];
  const supplied: RestartDecisions["supplied"][number][] = [];
  for (const { path, attempts, output } of state.nodes.values()) {
    const last = attempts.at(-1);
    if (!last || (output && !invalidated.has(path)) || !isUnknown(last)) continue;
    if (stepAt(plan, path)?.node.effect !== "ask" || isInsideDone(state, path, invalidated)) continue;
    const effect = { path, attempt: last.attempt };
    const answer = answers.find((candidate) => candidate.path === path && candidate.reason === EFFECT_UNKNOWN);
    if (!answer) asks.push(effect);
    else if (answer.value !== "run again") supplied.push({ ...effect, ...(answer.value as { output: unknown }) });
  }
  return { answers, asks, supplied };
}

/** A completed run has nothing to do, unless failed elements are named. @throws HeddleError `RUN_COMPLETED` */
export function refuseCompleted({ status, runId }: RunState, rerun: readonly string[]): void {
  if (status !== "completed" || rerun.length > 0) return;
  throw new HeddleError(
    "RUN_COMPLETED",
    `Run "${runId}" is completed: there is nothing to restart. Use replay("${runId}", { rerun: […] }).`,
  );
}

function answerTo(
  plan: Plan,
  runId: string,
  pending: ReadonlyMap<string, string>,
  [path, value]: [path: string, value: unknown],
): Answer {
  const reason = pending.get(path);
  if (reason !== undefined) {
    if (reason === EFFECT_UNKNOWN) checkEffectAnswer(path, value);
    return { path, reason, value };
  }
  const hint = `Paths that wait for an answer: ${quoted(pending.keys())}.`;
  if (stepAt(plan, path)) {
    throw new HeddleError("NOT_PAUSED", `Path "${path}" of run "${runId}" does not wait for an answer. ${hint}`);
  }
  throw new HeddleError("UNKNOWN_PATH", `Dag "${plan.dag}" has no path "${path}" to resume. ${hint}`);
}

function checkEffectAnswer(path: string, value: unknown): void {
  if (value === "run again" || (typeof value === "object" && value !== null && Object.hasOwn(value, "output"))) return;
  throw new HeddleError(
    "INVALID_ANSWER",
    `Whether the effect "${path}" happened is unknown. Answer "run again", or { output } with what it gave.`,
  );
}

/** The pauses of a recorded run that have no answer yet. */
export function pendingPauses(state: RunState): { readonly path: string; readonly reason: string }[] {
  return [...state.nodes.values()].flatMap(({ path, attempts }) => {
    const last = attempts.at(-1);
    if (last?.status !== "paused" || last.pause?.answered !== false) return [];
    return isInsideDone(state, path) ? [] : [{ path, reason: last.pause.reason }];
  });
}

/** True inside a composite that is done: an element that failed may have left something behind that plays no part now. */
function isInsideDone(state: RunState, path: string, invalidated?: ReadonlyMap<string, Reason>): boolean {
  for (let at = whereabouts(path)?.composite; at !== undefined; at = whereabouts(at)?.composite) {
    if (state.nodes.get(at)?.output && !invalidated?.has(at)) return true;
  }
  return false;
}

/** Failed tries that a later one was promised for: a restart goes on counting there. */
export function pendingTries(node: NodeRecord | undefined): number {
  const attempts = node?.attempts ?? [];
  const settled = attempts.findLastIndex(
    ({ status, retryInMs }) => status === "completed" || (status === "failed" && retryInMs === undefined),
  );
  return attempts.slice(settled + 1).filter(({ status }) => status === "failed").length;
}

/** Why a path with this latest attempt is executed by a restart. */
export function reasonAfter(last: AttemptRecord | undefined): Reason {
  if (!last) return "first run";
  if (last.status === "paused") return "resumed after pause";
  if (last.status !== "failed") return "restarted after interruption";
  return last.retryInMs === undefined ? "restarted after failure" : "retry";
}

/** True if nobody knows whether the attempt did what it does. */
function isUnknown(last: AttemptRecord): boolean {
  if (last.status === "paused") return last.pause?.reason === EFFECT_UNKNOWN && !last.pause.answered;
  return last.ran && (last.status === "running" || last.status === "interrupted" || last.status === "aborted");
}
