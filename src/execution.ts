// One execution of one run: asks the scheduler what is ready, hands it to the executor, records what came of it, and
// obeys the wishes of the outside. The only module where things happen by themselves.

import { Attempt, AttemptContext, type AttemptHost } from "./attempt.js";
import type { Control } from "./control.js";
import { errorRecord, type KeepOwn } from "./error-record.js";
import { HeddleError, toError } from "./errors.js";
import type { JournalEvent, NodeCompleted, Reason, RunEnded } from "./events.js";
import { copyAll } from "./isolate.js";
import { type GivenInputs, type Known, Outputs } from "./outputs.js";
import type { Plan, Step } from "./plan.js";
import type { Clock, Executor } from "./ports.js";
import type { Recorder } from "./recording.js";
import type { Pause, RunResult } from "./result.js";
import { retryDelay } from "./retry.js";
import { Scheduler } from "./scheduler.js";
import { type AnySchema, accept } from "./schema.js";

/** What all runs of a runner share. */
export interface Settings {
  readonly executor: Executor;
  readonly clock: Clock;
  /** How many nodes of one run may execute at a time. */
  readonly concurrency: number;
  readonly context: object;
  readonly onEvent: ((event: JournalEvent, runId: string) => void) | undefined;
}

/** After how much a run pauses by itself. */
export interface Budget {
  /** Milliseconds from the start of this execution. */
  readonly timeMs?: number;
  /** How many attempts may start. */
  readonly operations?: number;
}

/** What earlier executions, or the run that is replayed, left behind. Numbers are those of steps. */
export interface Prior {
  readonly done: Known;
  /** Outputs brought by answers; their steps are in `done` too. */
  readonly supplied: ReadonlyMap<number, unknown>;
  readonly attempts: ReadonlyMap<number, number>;
  /** Failed tries since the node's last outcome, so that a pause does not refill its retries. */
  readonly tries: ReadonlyMap<number, number>;
  readonly reasons: ReadonlyMap<number, Reason>;
  /** Answers by path and reason of the pause. */
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  /** Pauses to begin with: effects whose outcome is unknown. */
  readonly pauses: readonly Pause[];
  readonly stale: readonly string[];
}

/** All that one execution works on. */
export interface ExecutionSetup {
  readonly runId: string;
  readonly plan: Plan;
  readonly inputs: GivenInputs;
  readonly settings: Settings;
  readonly control: Control;
  readonly recorder: Recorder | undefined;
  readonly prior: Prior | undefined;
  readonly budget: Budget | undefined;
}

/** Executes a run to its end. Rejects only if the end cannot be recorded. */
export function execute(setup: ExecutionSetup): Promise<RunResult> {
  return new Execution(setup).run();
}

class Execution implements AttemptHost {
  readonly runId: string;
  readonly dag: string;
  readonly epoch: number;
  readonly #setup: ExecutionSetup;
  readonly #settings: Settings;
  readonly #recorder: Recorder | undefined;
  readonly #observed: boolean;
  readonly #scheduler: Scheduler;
  readonly #outputs: Outputs;
  readonly #attempts: Uint32Array;
  readonly #tries: Map<number, number>;
  readonly #active = new Set<Attempt>();
  /** Nodes that wait for a retry; the functions call their timers off. */
  readonly #waiting = new Map<number, () => void>();
  readonly #pauses: Pause[];
  #failure: { readonly path: string; readonly error: Error } | undefined;
  #lost: Error | undefined;
  #operationsLeft: number;
  #stopBudget: (() => void) | undefined;
  #pumping = false;
  #relieving = false;
  #finish: () => void = () => {};

  constructor(setup: ExecutionSetup) {
    const { runId, plan, inputs, recorder, prior, settings, budget } = setup;
    this.runId = runId;
    this.dag = plan.dag;
    this.epoch = recorder?.epoch ?? 0;
    this.#setup = setup;
    this.#settings = settings;
    this.#recorder = recorder;
    this.#observed = recorder !== undefined || settings.onEvent !== undefined;
    this.#scheduler = new Scheduler(plan, prior && ((index) => prior.done.has(index)));
    this.#outputs = new Outputs(plan, inputs, prior?.done, recorder && ((output) => recorder.load(output)));
    for (const [index, value] of prior?.supplied ?? []) this.#outputs.set(index, value, plan.steps[index]?.node.share);
    this.#attempts = new Uint32Array(plan.steps.length);
    for (const [index, count] of prior?.attempts ?? []) this.#attempts[index] = count;
    this.#tries = new Map(prior?.tries);
    this.#pauses = [...(prior?.pauses ?? [])];
    this.#operationsLeft = budget?.operations ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<RunResult> {
    const { control, budget } = this.#setup;
    const drained = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    this.#recorder?.onLost((error) => this.#lose(error));
    control.listen(() => this.#obey());
    if (budget?.timeMs !== undefined) {
      this.#stopBudget = this.#settings.clock.after(budget.timeMs, () => control.pause("The time budget is used up."));
    }
    this.#obey();
    this.#pump();
    await drained;
    this.#stopBudget?.();
    return this.#conclude();
  }

  // ---- AttemptHost

  answer(path: string, reason: string): { readonly value: unknown } | undefined {
    const answers = this.#setup.prior?.answers.get(path);
    return answers?.has(reason) ? { value: copyAll(answers.get(reason)) } : undefined;
  }

  progressed({ step, number }: Attempt, done: number, total: number | undefined): void {
    if (!this.#observed) return;
    this.#emit({
      type: "node-progress",
      at: this.#now(),
      path: step.path,
      attempt: number,
      done,
      ...(total === undefined ? {} : { total }),
    });
  }

  logged({ step, number }: Attempt, message: string, data: unknown): void {
    if (!this.#observed) return;
    const event: JournalEvent = {
      type: "node-log",
      at: this.#now(),
      path: step.path,
      attempt: number,
      message: String(message),
    };
    try {
      if (data !== undefined) this.#recorder?.keep(data, (ref) => Object.assign(event, { data: ref }));
      this.#emit(event);
    } catch (error) {
      this.#emit({ ...event, message: `${message} (data not kept: ${toError(error).message})` });
    }
  }

  // ---- starting

  get #stopping(): boolean {
    return (
      this.#lost !== undefined ||
      this.#failure !== undefined ||
      this.#pauses.length > 0 ||
      this.#setup.control.wish !== undefined
    );
  }

  /** True when running nodes have been told to stop: what they throw from now on is no failure of theirs. */
  get #aborting(): boolean {
    return this.#lost !== undefined || this.#failure !== undefined || this.#setup.control.wish?.status === "cancelled";
  }

  /** Starts all that may start; finishes when nothing runs and nothing can start any more. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#scheduler.hasReady && !this.#stopping && this.#active.size < this.#settings.concurrency) {
      if (this.#recorder?.congested) {
        this.#relieve(this.#recorder);
        break;
      }
      if (this.#operationsLeft-- <= 0) this.#setup.control.pause("The budget of operations is used up.");
      else this.#start(this.#scheduler.take());
    }
    this.#pumping = false;
    if (
      this.#active.size === 0 &&
      this.#waiting.size === 0 &&
      !this.#relieving &&
      (this.#stopping || !this.#scheduler.hasReady)
    ) {
      this.#finish();
    }
  }

  #relieve(recorder: Recorder): void {
    if (this.#relieving) return;
    this.#relieving = true;
    const goOn = () => {
      this.#relieving = false;
      this.#pump();
    };
    recorder.stored().then(goOn, goOn);
  }

  #start(index: number): void {
    const step = this.#setup.plan.steps[index] as Step;
    const attempt = new Attempt(this, step, ++(this.#attempts[index] as number));
    this.#active.add(attempt);
    if (!this.#outputs.isUnread(step)) return this.#announce(attempt);
    this.#outputs.read(step).then(
      () => this.#announce(attempt),
      (error) => this.#end(attempt, () => this.#lose(toError(error))),
    );
  }

  /** Records the start, and for an effect waits until that is stored. */
  #announce(attempt: Attempt): void {
    const { step } = attempt;
    if (this.#observed) {
      this.#emit({
        type: "node-started",
        at: this.#now(),
        path: step.path,
        attempt: attempt.number,
        reason: this.#reason(step.index),
        executor: this.#settings.executor.name,
        inputs: step.inputPaths,
        ...(step.overridden ? { overridden: true } : {}),
      });
    }
    if (!step.node.effect || !this.#recorder) return this.#call(attempt);
    const call = () => this.#call(attempt);
    this.#recorder.stored().then(call, call);
  }

  #reason(index: number): Reason {
    return this.#tries.has(index) ? "retry" : (this.#setup.prior?.reasons.get(index) ?? "first run");
  }

  #call(attempt: Attempt): void {
    if (this.#aborting) return this.#abort(attempt, undefined);
    const { node } = attempt.step;
    attempt.ran = true;
    attempt.startedAt = node.timeoutMs === undefined ? 0 : this.#now();
    let result: unknown;
    try {
      const context = Object.assign(new AttemptContext(attempt), this.#settings.context);
      const input = this.#outputs.gather(attempt.step);
      result = this.#settings.executor.execute({ dag: this.dag, node, input, context });
    } catch (error) {
      return this.#threw(attempt, error);
    }
    if (!isThenable(result)) return this.#returned(attempt, result, this.#overrun(attempt));
    if (node.timeoutMs !== undefined) this.#limit(attempt, node.timeoutMs);
    result.then(
      (value) => this.#returned(attempt, value, undefined),
      (error) => this.#threw(attempt, error),
    );
  }

  #limit(attempt: Attempt, timeoutMs: number): void {
    attempt.stopTimer = this.#settings.clock.after(timeoutMs, () => {
      const error = new HeddleError(
        "TIMEOUT",
        `Attempt ${attempt.number} of node "${attempt.step.label}" took longer than its timeoutMs of ${timeoutMs}.`,
      );
      attempt.abort(error);
      this.#threw(attempt, error);
    });
  }

  #overrun({ step, startedAt }: Attempt): number | undefined {
    const { timeoutMs } = step.node;
    if (timeoutMs === undefined) return undefined;
    const overrunMs = this.#now() - startedAt - timeoutMs;
    return overrunMs > 0 ? overrunMs : undefined;
  }

  // ---- outcomes of an attempt

  #returned(attempt: Attempt, value: unknown, overrunMs: number | undefined): void {
    if (attempt.over) return;
    if (attempt.pause) return this.#paused(attempt);
    const { node, label } = attempt.step;
    if (!node.validate) return this.#completed(attempt, node.output ? value : undefined, overrunMs);
    const refuse = (issues: string) =>
      new HeddleError(
        "INVALID_OUTPUT",
        `The output of node "${label}" does not fit its declared type: ${issues}. Correct what the node returns, or its \`output\`.`,
      );
    try {
      const accepted = accept(node.output as AnySchema, value, refuse);
      if (!isThenable(accepted)) return this.#completed(attempt, accepted, overrunMs);
      accepted.then(
        (checked) => this.#completed(attempt, checked, overrunMs),
        (error) => this.#threw(attempt, error),
      );
    } catch (error) {
      this.#threw(attempt, error);
    }
  }

  #completed(attempt: Attempt, value: unknown, overrunMs: number | undefined): void {
    if (!attempt.end()) return;
    const { step } = attempt;
    const event: NodeCompleted = { type: "node-completed", at: this.#now(), path: step.path, attempt: attempt.number };
    if (overrunMs !== undefined) event.overrunMs = overrunMs;
    try {
      if (this.#recorder && step.node.output) {
        event.outputBytes = this.#recorder.keep(value, (ref) => {
          event.output = ref;
        });
      }
      this.#outputs.set(step.index, value, step.node.share);
    } catch (error) {
      return this.#failed(attempt, unkeepable("The output", step, error), undefined);
    }
    if (this.#observed) this.#emit(event);
    if (!this.#recorder?.storesFirst) return this.#deliver(attempt);
    const deliver = () => this.#deliver(attempt);
    this.#recorder.stored().then(deliver, deliver);
  }

  #deliver(attempt: Attempt): void {
    this.#outputs.release(attempt.step);
    this.#scheduler.complete(attempt.step.index);
    this.#active.delete(attempt);
    this.#pump();
  }

  #threw(attempt: Attempt, thrown: unknown): void {
    if (attempt.over) return;
    if (attempt.pause) return this.#paused(attempt);
    attempt.end();
    if (this.#aborting) return this.#abort(attempt, toError(thrown));
    let error = toError(thrown);
    const { index, node, path } = attempt.step;
    const tries = (this.#tries.get(index) ?? 0) + 1;
    let retryInMs: number | undefined;
    try {
      retryInMs = retryDelay(node.retry, tries, error, `${this.runId}/${path}`);
    } catch (broken) {
      error = toError(broken);
    }
    this.#tries.set(index, tries);
    this.#failed(attempt, error, retryInMs);
  }

  #failed(attempt: Attempt, error: Error, retryInMs: number | undefined): void {
    const { path, index } = attempt.step;
    this.#end(attempt, () => {
      this.#emitError(
        {
          type: "node-failed",
          at: this.#now(),
          path,
          attempt: attempt.number,
          ...(retryInMs === undefined ? {} : { retryInMs }),
        },
        error,
      );
      if (retryInMs === undefined) this.#fail(path, error);
      else if (!this.#stopping) this.#retry(index, retryInMs);
    });
  }

  #retry(index: number, delayMs: number): void {
    const again = () => {
      this.#waiting.delete(index);
      this.#scheduler.putBack(index);
      this.#pump();
    };
    this.#waiting.set(index, this.#settings.clock.after(delayMs, again));
  }

  #paused(attempt: Attempt): void {
    if (!attempt.end() || !attempt.pause) return;
    const { step, pause } = attempt;
    const { reason, rejected } = pause;
    const event: JournalEvent = {
      type: "node-paused",
      at: this.#now(),
      path: step.path,
      attempt: attempt.number,
      reason,
      ...(rejected === undefined ? {} : { rejected }),
    };
    try {
      if (pause.payload !== undefined)
        this.#recorder?.keep(pause.payload, (payload) => Object.assign(event, { payload }));
    } catch (error) {
      return this.#failed(attempt, unkeepable("The payload of the pause", step, error), undefined);
    }
    this.#end(attempt, () => {
      this.#emit(event);
      this.#pauses.push({
        path: step.path,
        reason,
        payload: copyAll(pause.payload),
        ...(rejected === undefined ? {} : { rejected }),
      });
      this.#stopWaiting();
    });
  }

  #abort(attempt: Attempt, error: Error | undefined): void {
    attempt.end();
    this.#end(attempt, () => {
      this.#emitError(
        { type: "node-aborted", at: this.#now(), path: attempt.step.path, attempt: attempt.number, ran: attempt.ran },
        error,
      );
    });
  }

  #end(attempt: Attempt, effect: () => void): void {
    attempt.end();
    effect();
    this.#active.delete(attempt);
    this.#pump();
  }

  // ---- stopping

  #obey(): void {
    const { wish } = this.#setup.control;
    if (!wish) return;
    this.#stopWaiting();
    if (wish.status === "cancelled")
      this.#signal(new HeddleError("CANCELLED", wish.reason ?? "The run was cancelled."));
    this.#pump();
  }

  #fail(path: string, error: Error): void {
    if (this.#failure) return;
    this.#failure = { path, error };
    this.#stopWaiting();
    this.#signal(new HeddleError("CANCELLED", `The run fails because of node "${path}".`, { cause: error }));
  }

  #lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#stopWaiting();
    this.#signal(error);
    this.#pump();
  }

  #stopWaiting(): void {
    for (const stop of this.#waiting.values()) stop();
    this.#waiting.clear();
  }

  #signal(reason: Error): void {
    for (const attempt of this.#active) attempt.abort(reason);
  }

  // ---- the end

  async #conclude(): Promise<RunResult> {
    const { recorder } = this.#setup;
    try {
      if (this.#lost) throw this.#lost;
      const ended = this.#ending();
      this.#emit(ended);
      await recorder?.stored();
      return await this.#result(ended);
    } finally {
      await recorder?.close();
    }
  }

  /** Failed comes before cancelled, cancelled before paused; and a run with nothing left to do is completed. */
  #ending(): RunEnded {
    const at = this.#now();
    const { wish } = this.#setup.control;
    if (this.#failure) return { type: "run-failed", at, path: this.#failure.path };
    if (this.#scheduler.left === 0) return { type: "run-completed", at };
    const reason = wish?.reason === undefined ? {} : { reason: wish.reason };
    return wish?.status === "cancelled"
      ? { type: "run-cancelled", at, ...reason }
      : { type: "run-paused", at, ...reason };
  }

  async #result({ type, reason }: RunEnded): Promise<RunResult> {
    const outputs = await this.#outputs.sinks();
    const ended = { runId: this.runId, stale: this.#setup.prior?.stale ?? [], outputs };
    const why = reason === undefined ? {} : { reason };
    if (this.#failure)
      return { ...ended, status: "failed", failedNode: this.#failure.path, error: this.#failure.error };
    if (type === "run-completed") return { ...ended, status: "completed" };
    return type === "run-cancelled"
      ? { ...ended, ...why, status: "cancelled" }
      : { ...ended, ...why, status: "paused", pauses: this.#pauses };
  }

  // ---- events

  #now(): number {
    return this.#settings.clock.now();
  }

  #emitError(event: JournalEvent | object, error: Error | undefined): void {
    if (!this.#observed) return;
    const keep: KeepOwn | undefined = this.#recorder && ((value, assign) => this.#recorder?.keep(value, assign));
    this.#emit((error ? { ...event, error: errorRecord(error, keep) } : event) as JournalEvent);
  }

  #emit(event: JournalEvent): void {
    this.#recorder?.add(event);
    try {
      this.#settings.onEvent?.(event, this.runId);
    } catch (error) {
      // A broken listener must not break the run, and must not go unnoticed either.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

function unkeepable(what: string, { label }: Step, error: unknown): Error {
  const { message } = toError(error);
  return new HeddleError("NOT_KEEPABLE", `${what} of node "${label}" cannot be kept: ${message}`, { cause: error });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
