// Calls the function of one attempt through the executor, within its time, and checks what it returns.

import { type AnySchema, accept } from "../definition/schema.js";
import { HeddleError } from "../errors.js";
import type { Clock, Executor } from "../ports.js";
import { type Attempt, AttemptContext } from "./attempt.js";
import type { Listener } from "./reporter.js";

/** What all runs of a runner share. */
export interface Settings {
  readonly executor: Executor;
  readonly clock: Clock;
  /** How many nodes of one run may execute at a time. */
  readonly concurrency: number;
  readonly context: object;
  /** Is shown every event; never throws. */
  readonly onEvent: Listener | undefined;
}

/** Gets what the function returned, validated if the node asks for it; `overrunMs` if it took too long. */
export type Returned = (value: unknown, overrunMs: number | undefined) => void;

/** Gets what the function threw, or that it took too long, or that its output is not valid. */
export type Threw = (error: unknown) => void;

/** Calls the function and hands its outcome on: at once if it is synchronous, otherwise when it settles. */
export function invoke(
  attempt: Attempt,
  settings: Settings,
  input: Readonly<Record<string, unknown>>,
  returned: Returned,
  threw: Threw,
): void {
  const { node } = attempt.step;
  const { executor, clock } = settings;
  attempt.ran = true;
  const startedAt = node.timeoutMs === undefined ? 0 : clock.now();
  let result: unknown;
  try {
    const context = Object.assign(new AttemptContext(attempt), settings.context);
    result = executor.execute({ dag: attempt.host.dag, node, input, context });
  } catch (error) {
    return threw(error);
  }
  if (!isThenable(result)) return check(attempt, result, overrun(clock, startedAt, node.timeoutMs), returned, threw);
  if (node.timeoutMs !== undefined) limit(attempt, clock, node.timeoutMs, threw);
  result.then((value) => check(attempt, value, undefined, returned, threw), threw);
}

function limit(attempt: Attempt, clock: Clock, timeoutMs: number, threw: Threw): void {
  attempt.stopTimer = clock.after(timeoutMs, () => {
    const what = `Attempt ${attempt.number} of node "${attempt.step.label}"`;
    const error = new HeddleError("TIMEOUT", `${what} took longer than its timeoutMs of ${timeoutMs}.`);
    attempt.abort(error);
    threw(error);
  });
}

function overrun(clock: Clock, startedAt: number, timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return undefined;
  const overrunMs = clock.now() - startedAt - timeoutMs;
  return overrunMs > 0 ? overrunMs : undefined;
}

function check(
  { step, pause }: Attempt,
  value: unknown,
  overrunMs: number | undefined,
  returned: Returned,
  threw: Threw,
): void {
  const { node, label } = step;
  if (!node.validate || pause) return returned(node.output ? value : undefined, overrunMs);
  let accepted: unknown;
  try {
    accepted = accept(node.output as AnySchema, value, (issues) => invalidOutput(label, issues));
  } catch (error) {
    return threw(error);
  }
  if (!isThenable(accepted)) return returned(accepted, overrunMs);
  accepted.then((checked) => returned(checked, overrunMs), threw);
}

function invalidOutput(label: string, issues: string): HeddleError {
  const subject = `The output of node "${label}" does not fit its declared type`;
  return new HeddleError("INVALID_OUTPUT", `${subject}: ${issues}. Correct what the node returns, or its \`output\`.`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
