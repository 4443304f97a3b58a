// What a restart has to do: pure, from the recorded state, the plan and the answers.

import type { Plan, Step } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import type { Reason } from "../events.js";
import type { AttemptRecord, NodeRecord, RecordedOutput, RunState } from "./fold.js";

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

/** What a restart finds and has to do. Numbers are those of steps. */
export interface RestartPlan {
  readonly done: ReadonlyMap<number, RecordedOutput | undefined>;
  readonly attempts: ReadonlyMap<number, number>;
  readonly tries: ReadonlyMap<number, number>;
  readonly reasons: ReadonlyMap<number, Reason>;
  readonly answers: readonly Answer[];
  /** Effects to ask about before anything runs. */
  readonly asks: readonly { readonly step: Step; readonly attempt: number }[];
  /** Effects whose output the answer brings. */
  readonly supplied: readonly { readonly step: Step; readonly attempt: number; readonly output: unknown }[];
}

/**
 * Plans the restart of a run.
 *
 * @throws HeddleError `UNKNOWN_PATH`, `NOT_PAUSED` or `INVALID_ANSWER`.
 */
export function planRestart(
  plan: Plan,
  state: RunState,
  resume: Readonly<Record<string, unknown>>,
  invalidated: ReadonlySet<string>,
): RestartPlan {
  const pending = new Map(pendingPauses(state).map(({ path, reason }) => [path, reason]));
  const answers = Object.entries(resume).map(([path, value]) => answerTo(plan, state.runId, pending, [path, value]));
  const done = new Map<number, RecordedOutput | undefined>();
  const attempts = new Map<number, number>();
  const tries = new Map<number, number>();
  const reasons = new Map<number, Reason>();
  const asks: RestartPlan["asks"][number][] = [];
  const supplied: RestartPlan["supplied"][number][] = [];
  for (const step of plan.steps) {
    const node = state.nodes.get(step.path);
    const last = node?.attempts.at(-1);
    if (last) attempts.set(step.index, last.attempt);
    const changed = invalidated.has(step.path);
    if (node?.output && !changed) {
      done.set(step.index, node.output.ref === undefined ? undefined : node.output);
      continue;
    }
    const failed = node && !changed ? pendingTries(node) : 0;
    if (failed > 0) tries.set(step.index, failed);
    reasons.set(step.index, changed ? "dag changed" : reasonAfter(last));
    if (!last || !isUnknownEffect(step, last)) continue;
    const answer = answers.find(({ path, reason }) => path === step.path && reason === EFFECT_UNKNOWN);
    if (!answer) asks.push({ step, attempt: last.attempt });
    else if (answer.value !== "run again")
      supplied.push({ step, attempt: last.attempt, ...(answer.value as { output: unknown }) });
  }
  return { done, attempts, tries, reasons, answers, asks, supplied };
}

/** @throws HeddleError `RUN_COMPLETED` */
export function refuseCompleted({ status, runId }: RunState): void {
  if (status !== "completed") return;
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
  if (plan.byPath.has(path)) {
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
    return last?.status === "paused" && last.pause?.answered === false ? [{ path, reason: last.pause.reason }] : [];
  });
}

/** Failed tries that a later one was promised for: a restart goes on counting there. */
function pendingTries({ attempts }: NodeRecord): number {
  const settled = attempts.findLastIndex(
    ({ status, retryInMs }) => status === "completed" || (status === "failed" && retryInMs === undefined),
  );
  return attempts.slice(settled + 1).filter(({ status }) => status === "failed").length;
}

function reasonAfter(last: AttemptRecord | undefined): Reason {
  if (!last) return "first run";
  if (last.status === "paused") return "resumed after pause";
  if (last.status !== "failed") return "restarted after interruption";
  return last.retryInMs === undefined ? "restarted after failure" : "retry";
}

/** True for an effect that started and of which nobody knows whether it happened. */
function isUnknownEffect(step: Step, last: AttemptRecord): boolean {
  if (step.node.effect !== "ask") return false;
  if (last.status === "paused") return last.pause?.reason === EFFECT_UNKNOWN && !last.pause.answered;
  return last.ran && (last.status === "running" || last.status === "interrupted" || last.status === "aborted");
}
