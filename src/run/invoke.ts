// Calls the function of one attempt through the executor, within its time, and checks what it returns.

import type { BaseContext } from "../definition/context.js";
import type { AnyNode } from "../definition/node.js";
import type { PauseRequest } from "../definition/pausing.js";
import { type AnySchema, accept } from "../definition/schema.js";
import { HeddleError } from "../errors.js";
import type { Clock, Executor, Task } from "../ports.js";
import { type Attempt, AttemptContext } from "./attempt.js";
import type { Answers } from "./recording.js";
import type { Listener } from "./reporter.js";

/** What all runs of a runner share. */
export interface Settings {
  readonly executor: Executor;
  readonly clock: Clock;
  /** How many nodes of one run may execute at a time. */
  readonly concurrency: number;
  /** Further fields of every context. */
  readonly context: object | undefined;
  /** Is shown every event; never throws. */
  readonly onEvent: Listener | undefined;
}

/** What becomes of an attempt. Neither method throws, and of several calls the first counts. */
export interface Outcome {
  /** The function returned this, validated if the node asks for it. */
  returned(attempt: Attempt, value: unknown): void;
  /** The function threw this, or took too long, or its output is not valid. */
  threw(attempt: Attempt, error: unknown): void;
}

/** Calls the function in its place and hands its outcome on: at once if it is synchronous, otherwise when it settles. */
export function invoke(
  attempt: Attempt,
  settings: Settings,
  input: Readonly<Record<string, unknown>>,
  outcome: Outcome,
): void {
  const { node } = attempt.step;
  const { clock } = settings;
  if (attempt.place.queues) attempt.queuedAt = clock.now();
  else attempt.ran = true;
  attempt.deadline = node.timeoutMs === undefined ? undefined : clock.now() + node.timeoutMs;
  try {
    const context = new AttemptContext(attempt);
    if (settings.context) Object.assign(context, settings.context);
    const result = attempt.place.execute(new Call(attempt, input, context, () => begin(attempt, clock, outcome)));
    if (!isThenable(result)) return check(attempt, clock, result, outcome);
    if (!attempt.place.queues) limit(attempt, clock, outcome);
    result.then(
      (value) => check(attempt, clock, value, outcome),
      (error) => outcome.threw(attempt, error),
    );
  } catch (error) {
    outcome.threw(attempt, error);
  }
}

/** One execution, as its place sees it. */
class Call implements Task {
  readonly #attempt: Attempt;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: BaseContext;
  readonly begins: () => void;

  constructor(attempt: Attempt, input: Readonly<Record<string, unknown>>, context: BaseContext, begins: () => void) {
    this.#attempt = attempt;
    this.input = input;
    this.context = context;
    this.begins = begins;
  }

  get node(): AnyNode {
    return this.#attempt.step.node;
  }

  get answers(): Answers | undefined {
    return this.#attempt.answers;
  }

  get moves(): readonly unknown[] {
    return this.#attempt.moves;
  }

  pauses(request: PauseRequest): void {
    this.#attempt.pause = request;
  }

  onAbort(listener: (reason: unknown) => void): void {
    this.#attempt.onAbort(listener);
  }
}

/** Starts the time of an attempt that had to wait for its place. */
function begin(attempt: Attempt, clock: Clock, outcome: Outcome): void {
  if (attempt.over) return;
  const { timeoutMs } = attempt.step.node;
  const now = clock.now();
  attempt.ran = true;
  attempt.endWait(now);
  if (timeoutMs === undefined) return;
  // It may have begun before, in a worker that died.
  attempt.stopTimer?.();
  attempt.stopTimer = undefined;
  attempt.deadline = now + timeoutMs;
  limit(attempt, clock, outcome);
}

/** Ends the attempt when its time is over. What ran synchronously until here counts. */
function limit(attempt: Attempt, clock: Clock, outcome: Outcome): void {
  if (attempt.deadline === undefined || attempt.stopTimer) return;
  attempt.stopTimer = clock.after(Math.max(0, attempt.deadline - clock.now()), () => {
    const { node } = attempt.step;
    const what = `Attempt ${attempt.number} of node "${attempt.path}"`;
    const error = new HeddleError("TIMEOUT", `${what} took longer than its timeoutMs of ${node.timeoutMs}.`);
    attempt.abort(error);
    outcome.threw(attempt, error);
  });
}

function check(attempt: Attempt, clock: Clock, value: unknown, outcome: Outcome): void {
  const { node } = attempt.step;
  const isTimed = attempt.deadline !== undefined && !attempt.stopTimer;
  if (isTimed) attempt.overrunMs = Math.max(0, clock.now() - (attempt.deadline as number));
  if (!node.validate || attempt.pause) return outcome.returned(attempt, node.output ? value : undefined);
  try {
    const accepted = accept(node.output as AnySchema, value, (issues) => invalidOutput(attempt.path, issues));
    if (!isThenable(accepted)) return outcome.returned(attempt, accepted);
    limit(attempt, clock, outcome);
    accepted.then(
      (checked) => outcome.returned(attempt, checked),
      (error) => outcome.threw(attempt, error),
    );
  } catch (error) {
    outcome.threw(attempt, error);
  }
}

function invalidOutput(path: string, issues: string): HeddleError {
  const subject = `The output of node "${path}" does not fit its declared type`;
  return new HeddleError("INVALID_OUTPUT", `${subject}: ${issues}. Correct what the node returns, or its \`output\`.`);
}

/** True for promises, and for all that can be awaited like them. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
