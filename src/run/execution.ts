// One execution of one run: asks the scheduler what is ready, hands it to the executor, reports what came of it, and
// obeys the wishes of the outside. The only module where things happen by themselves.

import type { Plan, Step } from "../definition/plan.js";
import { HeddleError, toError } from "../errors.js";
import type { Reason } from "../events.js";
import { copyAll } from "../isolate.js";
import { Attempt, type AttemptHost } from "./attempt.js";
import type { Control } from "./control.js";
import { invoke, type Outcome, type Settings } from "./invoke.js";
import type { Budget } from "./options.js";
import { Outputs } from "./outputs.js";
import type { GivenInputs, Prior, Recorder } from "./recording.js";
import { Reporter } from "./reporter.js";
import { endOf, type Failure, type Pause, type RunResult, resultOf } from "./result.js";
import { Retries } from "./retry.js";
import { Scheduler } from "./scheduler.js";
import { LoopSlice } from "./slice.js";

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

class Execution implements AttemptHost, Outcome {
  readonly runId: string;
  readonly dag: string;
  readonly epoch: number;
  readonly #setup: ExecutionSetup;
  readonly #settings: Settings;
  readonly #recorder: Recorder | undefined;
  readonly #reporter: Reporter;
  readonly #scheduler: Scheduler;
  readonly #outputs: Outputs;
  readonly #attempts: Uint32Array;
  readonly #retries: Retries;
  /** Running attempts by step number. */
  readonly #active: (Attempt | undefined)[];
  #activeCount = 0;
  readonly #pauses: Pause[];
  #failure: Failure | undefined;
  #lost: Error | undefined;
  #operationsLeft: number;
  readonly #slice = new LoopSlice(() => this.#pump());
  #isPumping = false;
  #isRelieving = false;
  #drained: () => void = () => {};

  constructor(setup: ExecutionSetup) {
    const { runId, plan, inputs, recorder, prior, settings, budget } = setup;
    this.runId = runId;
    this.dag = plan.dag;
    this.epoch = recorder?.epoch ?? 0;
    this.#setup = setup;
    this.#settings = settings;
    this.#recorder = recorder;
    this.#reporter = new Reporter(runId, settings.clock, recorder, settings.onEvent);
    this.#scheduler = new Scheduler(plan, prior && ((index) => prior.done.has(index)));
    this.#outputs = new Outputs(plan, inputs, prior?.done, recorder && ((output) => recorder.load(output)));
    for (const [index, value] of prior?.supplied ?? []) this.#outputs.set(index, value, false);
    this.#active = new Array(plan.steps.length);
    this.#attempts = new Uint32Array(plan.steps.length);
    for (const [index, count] of prior?.attempts ?? []) this.#attempts[index] = count;
    this.#retries = new Retries(runId, settings.clock, prior?.tries);
    this.#pauses = [...(prior?.pauses ?? [])];
    this.#operationsLeft = budget?.operations ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<RunResult> {
    const { control, budget } = this.#setup;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#recorder?.onLost((error) => this.#lose(error));
    control.listen(() => this.#obey());
    const outOfTime = () => control.pause("The time budget is used up.");
    const stopBudget = budget?.timeMs === undefined ? undefined : this.#settings.clock.after(budget.timeMs, outOfTime);
    this.#obey();
    this.#pump();
    await drained;
    stopBudget?.();
    this.#slice.stop();
    control.listen(() => {});
    return this.#conclude();
  }

  // ---- what attempts ask for

  answer(path: string, reason: string): { readonly value: unknown } | undefined {
    const answers = this.#setup.prior?.answers.get(path);
    return answers?.has(reason) ? { value: copyAll(answers.get(reason)) } : undefined;
  }

  progressed(attempt: Attempt, done: number, total: number | undefined): void {
    this.#reporter.progressed(attempt, done, total);
  }

  logged(attempt: Attempt, message: string, data: unknown): void {
    this.#reporter.logged(attempt, String(message), data);
  }

  // ---- starting

  /** True when running nodes have been told to stop: what they throw from now on is no failure of theirs. */
  get #isAborting(): boolean {
    return this.#lost !== undefined || this.#failure !== undefined || this.#setup.control.wish?.status === "cancelled";
  }

  /** True when nothing new may start. */
  get #isStopping(): boolean {
    return this.#pauses.length > 0 || this.#setup.control.wish !== undefined || this.#isAborting;
  }

  /** Starts all that may start. The run is drained when nothing runs and nothing can start any more. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#scheduler.hasReady && !this.#isStopping && this.#activeCount < this.#settings.concurrency) {
      if (this.#recorder?.congested) {
        this.#relieve(this.#recorder);
        break;
      }
      if (this.#slice.isOver()) break;
      if (this.#operationsLeft-- > 0) this.#start(this.#scheduler.take());
      else this.#setup.control.pause("The budget of operations is used up.");
    }
    this.#isPumping = false;
    const isBusy = this.#activeCount > 0 || this.#retries.areWaiting || this.#isRelieving;
    if (!isBusy && (this.#isStopping || !this.#scheduler.hasReady)) this.#drained();
  }

  #relieve(recorder: Recorder): void {
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    const goOn = () => {
      this.#isRelieving = false;
      this.#pump();
    };
    recorder.stored().then(goOn, goOn);
  }

  #start(index: number): void {
    const step = this.#setup.plan.steps[index] as Step;
    const attempt = new Attempt(this, step, ++(this.#attempts[index] as number));
    this.#active[index] = attempt;
    this.#activeCount++;
    if (!this.#outputs.isUnread(step)) return this.#announce(attempt);
    this.#outputs.read(step).then(
      () => this.#announce(attempt),
      (error) => {
        this.#reporter.started(attempt, this.#reason(attempt), this.#settings.executor.name);
        this.threw(attempt, error);
      },
    );
  }

  /** Reports the start, and for an effect waits until that is stored. */
  #announce(attempt: Attempt): void {
    try {
      if (!this.#reporter.isIdle) {
        this.#reporter.started(attempt, this.#reason(attempt), this.#settings.executor.name);
      }
    } catch (error) {
      return this.#break(attempt, error);
    }
    if (!attempt.step.node.effect || !this.#recorder) return this.#call(attempt);
    const call = () => this.#call(attempt);
    this.#recorder.stored(true).then(call, call);
  }

  #reason({ step, number }: Attempt): Reason {
    const { prior } = this.#setup;
    if (number > 1 + (prior?.attempts.get(step.index) ?? 0)) return "retry";
    return prior?.reasons.get(step.index) ?? "first run";
  }

  #call(attempt: Attempt): void {
    if (this.#isAborting) return this.#aborted(attempt, undefined);
    let input: Record<string, unknown>;
    try {
      input = this.#outputs.gather(attempt.step);
    } catch (error) {
      return this.threw(attempt, error);
    }
    invoke(attempt, this.#settings, input, this);
  }

  // ---- outcomes of an attempt

  returned(attempt: Attempt, value: unknown): void {
    if (attempt.over) return;
    try {
      if (attempt.pause) this.#paused(attempt);
      else this.#completed(attempt, value);
    } catch (error) {
      this.#break(attempt, error);
    }
  }

  threw(attempt: Attempt, thrown: unknown): void {
    if (attempt.over) return;
    try {
      if (attempt.pause) this.#paused(attempt);
      else this.#judge(attempt, toError(thrown));
    } catch (error) {
      this.#break(attempt, error);
    }
  }

  /** Whatever goes wrong in here must end the run: nothing outside would hear of it, and the run would hang. */
  #break(attempt: Attempt, error: unknown): void {
    this.#lose(toError(error));
    this.#end(attempt);
  }

  #completed(attempt: Attempt, value: unknown): void {
    if (!attempt.end()) return;
    const { index, node } = attempt.step;
    try {
      // Recorded first: what cannot be kept is no output.
      this.#reporter.completed(attempt, value);
      this.#outputs.set(index, value, node.share);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    if (!this.#recorder?.storesFirst) return this.#deliver(attempt);
    const deliver = () => this.#deliver(attempt);
    this.#recorder.stored().then(deliver, deliver);
  }

  #deliver(attempt: Attempt): void {
    this.#outputs.release(attempt.step);
    this.#scheduler.complete(attempt.step.index);
    this.#end(attempt);
  }

  /** Decides what an error means: an abort, another try, or the failure of the run. */
  #judge(attempt: Attempt, error: Error): void {
    if (this.#isAborting) return this.#aborted(attempt, error);
    let retryInMs: number | undefined;
    try {
      retryInMs = this.#retries.count(attempt.step, error);
    } catch (brokenWhen) {
      return this.#failed(attempt, toError(brokenWhen), undefined);
    }
    this.#failed(attempt, error, retryInMs);
  }

  #failed(attempt: Attempt, error: Error, retryInMs: number | undefined): void {
    const { index, path } = attempt.step;
    attempt.end();
    this.#reporter.failed(attempt, error, retryInMs);
    if (retryInMs === undefined) this.#fail(path, error);
    else if (!this.#isStopping) {
      this.#retries.wait(index, retryInMs, () => {
        this.#scheduler.makeReady(index);
        this.#pump();
      });
    }
    this.#end(attempt);
  }

  #paused(attempt: Attempt): void {
    const { step, pause } = attempt;
    if (!attempt.end() || !pause) return;
    try {
      const asked: Pause = { path: step.path, ...pause, payload: copyAll(pause.payload) };
      this.#reporter.paused(attempt);
      this.#pauses.push(asked);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    this.#retries.stop();
    this.#end(attempt);
  }

  #aborted(attempt: Attempt, error: Error | undefined): void {
    attempt.end();
    this.#reporter.aborted(attempt, error);
    this.#end(attempt);
  }

  #end(attempt: Attempt): void {
    attempt.end();
    const { index } = attempt.step;
    if (this.#active[index] === attempt) {
      this.#active[index] = undefined;
      this.#activeCount--;
    }
    this.#pump();
  }

  // ---- stopping

  #obey(): void {
    const { wish } = this.#setup.control;
    if (!wish) return;
    const why = wish.reason ?? "The run was cancelled.";
    if (wish.status === "cancelled") this.#signal(new HeddleError("CANCELLED", why, { cause: wish.cause }));
    this.#retries.stop();
    this.#pump();
  }

  #fail(path: string, error: Error): void {
    if (this.#failure) return;
    this.#failure = { path, error };
    this.#retries.stop();
    this.#signal(new HeddleError("CANCELLED", `The run fails because of node "${path}".`, { cause: error }));
  }

  #lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#retries.stop();
    this.#signal(error);
    this.#pump();
  }

  #signal(reason: Error): void {
    for (const attempt of this.#active) attempt?.abort(reason);
  }

  // ---- the end

  async #conclude(): Promise<RunResult> {
    try {
      if (this.#lost) throw this.#lost;
      const { outputs, unreadable } = await this.#outputs.sinks();
      if (this.#scheduler.left === 0) this.#failure ??= unreadable;
      const { prior, control } = this.#setup;
      const ended = endOf(this.#settings.clock.now(), this.#failure, control.wish, this.#scheduler.left);
      this.#reporter.emit(ended);
      await this.#recorder?.stored();
      const known = { runId: this.runId, stale: prior?.stale ?? [] };
      return resultOf(ended, { ...known, outputs }, this.#failure, this.#pauses);
    } finally {
      await this.#recorder?.close();
    }
  }
}
