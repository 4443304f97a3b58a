// One execution of one run: asks what is ready, hands it to the executor, reports what came of it, and obeys the wishes
// of the outside. The only module where things happen by themselves.

import type { Plan, Step } from "../definition/plan.js";
import { HeddleError, toError } from "../errors.js";
import type { Reason } from "../events.js";
import { copyAll } from "../isolate.js";
import { Attempt, type AttemptHost } from "./attempt.js";
import { Composites, type CompositesHost } from "./composites.js";
import type { Control } from "./control.js";
import { type CompositeRun, Frame, type Shared } from "./frames.js";
import { invoke, type Outcome, type Settings } from "./invoke.js";
import type { Budget } from "./options.js";
import type { GivenInputs, Pause, Prior, Recorder } from "./recording.js";
import { Reporter, type Trial } from "./reporter.js";
import { endOf, type RunResult, resultOf } from "./result.js";
import { Retries } from "./retry.js";
import { Scope } from "./scope.js";
import { LoopSlice } from "./slice.js";
import { WorkQueue } from "./work.js";

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

class Execution implements AttemptHost, CompositesHost, Outcome {
  readonly runId: string;
  readonly epoch: number;
  readonly #setup: ExecutionSetup;
  readonly #settings: Settings;
  readonly recorder: Recorder | undefined;
  readonly shared: Shared;
  readonly reporter: Reporter;
  readonly work = new WorkQueue<Frame | CompositeRun>();
  readonly #scope = new Scope<CompositeRun>();
  readonly #root: Frame;
  readonly #retries: Retries<Scope<CompositeRun>>;
  readonly #pauses: Pause[];
  readonly #composites: Composites;
  #lost: Error | undefined;
  #operationsLeft: number;
  readonly #slice = new LoopSlice(() => this.pump());
  #isPumping = false;
  #isRelieving = false;
  #drained: () => void = () => {};

  constructor(setup: ExecutionSetup) {
    const { runId, plan, inputs, recorder, prior, settings, budget } = setup;
    this.runId = runId;
    this.epoch = recorder?.epoch ?? 0;
    this.#setup = setup;
    this.#settings = settings;
    this.recorder = recorder;
    this.shared = { inputs, prior, frozen: new WeakMap() };
    this.reporter = new Reporter(runId, settings.clock, recorder, settings.onEvent);
    this.#root = new Frame(plan, this.#scope, this.shared);
    this.#retries = new Retries(runId, settings.clock, (path) => prior?.tries(path) ?? 0);
    this.#pauses = [...(prior?.pauses ?? [])];
    this.#composites = new Composites(this);
    this.#operationsLeft = budget?.operations ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<RunResult> {
    const { control, budget } = this.#setup;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.recorder?.onLost((error) => this.lose(error));
    control.listen(() => this.#obey());
    const outOfTime = () => control.pause("The time budget is used up.");
    const stopBudget = budget?.timeMs === undefined ? undefined : this.#settings.clock.after(budget.timeMs, outOfTime);
    this.#obey();
    this.work.push(this.#root);
    this.pump();
    await drained;
    stopBudget?.();
    this.#slice.stop();
    control.listen(() => {});
    return this.#conclude();
  }

  // ---- what attempts ask for

  answer(path: string, reason: string): { readonly value: unknown } | undefined {
    const answer = this.shared.prior?.answer(path, reason);
    return answer && { value: copyAll(answer.value) };
  }

  progressed(attempt: Attempt, done: number, total: number | undefined): void {
    this.reporter.progressed(attempt, done, total);
  }

  logged(attempt: Attempt, message: string, data: unknown): void {
    this.reporter.logged(attempt, String(message), data);
  }

  // ---- starting

  /** True when all running nodes have been told to stop. */
  get isAborting(): boolean {
    return (
      this.#lost !== undefined || this.#scope.failure !== undefined || this.#setup.control.wish?.status === "cancelled"
    );
  }

  /** True when nothing new may start. */
  get isStopping(): boolean {
    return this.#pauses.length > 0 || this.#setup.control.wish !== undefined || this.isAborting;
  }

  /** True when an attempt has been told to stop: what it throws from now on is no failure of its own. */
  #isAborted({ frame }: Attempt): boolean {
    return this.isAborting || frame.scope.isFailing;
  }

  /** Starts all that may start. The run is drained when nothing runs and nothing can start any more. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.work.hasWork && !this.isStopping && this.#scope.active < this.#settings.concurrency) {
      if (this.recorder?.congested) {
        this.#relieve(this.recorder);
        break;
      }
      if (this.#slice.isOver()) break;
      const work = this.work.take();
      if (work instanceof Frame) this.start(work, work.scheduler.take());
      else this.#composites.beginElement(work);
    }
    this.#isPumping = false;
    const isBusy = this.#scope.active > 0 || this.#retries.areWaiting || this.#isRelieving;
    if (!isBusy && (this.isStopping || !this.work.hasWork)) this.#drained();
  }

  #relieve(recorder: Recorder): void {
    if (this.#isRelieving) return;
    this.#isRelieving = true;
    const goOn = () => {
      this.#isRelieving = false;
      this.pump();
    };
    recorder.stored().then(goOn, goOn);
  }

  start(frame: Frame, index: number): void {
    const step = frame.plan.steps[index] as Step;
    if (step.composite) return this.#composites.start(frame.compositeRun(step));
    if (this.#operationsLeft-- <= 0) {
      frame.scheduler.makeReady(index);
      return this.#setup.control.pause("The budget of operations is used up.");
    }
    const attempt = new Attempt(this, frame, step, frame.nextAttempt(step));
    frame.scope.add(attempt);
    if (!frame.outputs.isUnread(step)) return this.#announce(attempt);
    frame.outputs.read(step).then(
      () => this.#announce(attempt),
      (error) => {
        this.reporter.started(attempt, this.reason(attempt), this.#settings.executor.name);
        this.threw(attempt, error);
      },
    );
  }

  /** Reports the start, and for an effect waits until that is stored. */
  #announce(attempt: Attempt): void {
    try {
      if (!this.reporter.isIdle) {
        this.reporter.started(attempt, this.reason(attempt), this.#settings.executor.name);
      }
    } catch (error) {
      return this.#break(attempt, error);
    }
    if (!attempt.step.node.effect || !this.recorder) return this.#call(attempt);
    const call = () => this.#call(attempt);
    this.recorder.stored(true).then(call, call);
  }

  reason({ path, number }: Trial): Reason {
    if (number > 1 + (this.shared.prior?.attempts(path) ?? 0)) return "retry";
    return this.shared.prior?.reason(path) ?? "first run";
  }

  #call(attempt: Attempt): void {
    if (this.#isAborted(attempt)) return this.#aborted(attempt, undefined);
    let input: Record<string, unknown>;
    try {
      input = attempt.frame.outputs.gather(attempt.step);
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
    this.lose(toError(error));
    attempt.end();
    this.#leave(attempt);
  }

  #completed(attempt: Attempt, value: unknown): void {
    if (!attempt.end()) return;
    const { frame, step } = attempt;
    try {
      // Recorded first: what cannot be kept is no output.
      this.reporter.completed(attempt, value);
      frame.outputs.set(step.index, value, step.node.share);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    const deliver = () => {
      this.deliver(frame, step);
      this.#leave(attempt);
    };
    if (!this.recorder?.storesFirst) return deliver();
    this.recorder.stored().then(deliver, deliver);
  }

  /** Hands an output on to whoever waits for it. */
  deliver(frame: Frame, step: Step): void {
    frame.outputs.release(step);
    frame.scheduler.complete(step.index);
    this.work.push(frame);
    if (frame.parent && frame.scheduler.left === 0) this.#composites.elementCompleted(frame);
  }

  /** Decides what an error means: an abort, another try, or a failure. */
  #judge(attempt: Attempt, error: Error): void {
    if (this.#isAborted(attempt)) return this.#aborted(attempt, error);
    let retryInMs: number | undefined;
    try {
      retryInMs = this.#retries.count(attempt.path, attempt.step.node.retry, error);
    } catch (brokenWhen) {
      return this.#failed(attempt, toError(brokenWhen), undefined);
    }
    this.#failed(attempt, error, retryInMs);
  }

  #failed(attempt: Attempt, error: Error, retryInMs: number | undefined): void {
    const { frame, step } = attempt;
    attempt.end();
    this.reporter.failed(attempt, error, retryInMs);
    if (retryInMs === undefined) this.fail(frame, attempt.path, error);
    else if (!this.isStopping) {
      frame.tried(step, attempt.number);
      this.#retries.wait(frame.scope, retryInMs, () => {
        frame.scheduler.makeReady(step.index);
        this.work.push(frame);
        this.pump();
      });
    }
    this.#leave(attempt);
  }

  #paused(attempt: Attempt): void {
    const { path, pause } = attempt;
    if (!attempt.end() || !pause) return;
    try {
      const asked: Pause = { path, ...pause, payload: copyAll(pause.payload) };
      this.reporter.paused(attempt);
      this.#pauses.push(asked);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    this.#retries.stop();
    this.#leave(attempt);
  }

  #aborted(attempt: Attempt, error: Error | undefined): void {
    attempt.end();
    this.reporter.aborted(attempt, error);
    this.#leave(attempt);
  }

  #leave(attempt: Attempt): void {
    attempt.frame.scope.remove(attempt);
    this.pump();
  }

  // ---- stopping

  #obey(): void {
    const { wish } = this.#setup.control;
    if (!wish) return;
    const why = wish.reason ?? "The run was cancelled.";
    if (wish.status === "cancelled") this.#scope.abort(new HeddleError("CANCELLED", why, { cause: wish.cause }));
    this.#retries.stop();
    this.pump();
  }

  /** Ends all that runs in the scope of a frame. */
  fail(frame: Frame, path: string, error: Error): void {
    const { scope } = frame;
    if (scope.failure) return;
    scope.failure = { path, error, enclosing: enclosing(frame) };
    this.#retries.stop((waiting) => waiting.isFailing);
    scope.abort(
      new HeddleError("CANCELLED", `Node "${path}" failed, so what runs beside it is aborted.`, { cause: error }),
    );
  }

  lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#retries.stop();
    this.#scope.abort(error);
    this.pump();
  }

  // ---- the end

  async #conclude(): Promise<RunResult> {
    try {
      if (this.#lost) throw this.#lost;
      const { failure } = this.#scope;
      if (failure) this.#composites.close(failure, []);
      const { outputs, unreadable } = await this.#root.outputs.sinks();
      const { left } = this.#root.scheduler;
      const failed = failure ?? (left === 0 ? unreadable : undefined);
      const { prior, control } = this.#setup;
      const ended = endOf(this.#settings.clock.now(), failed, control.wish, left);
      this.reporter.emit(ended);
      await this.recorder?.stored();
      const known = { runId: this.runId, stale: prior?.stale ?? [], collected: this.#composites.collected };
      return resultOf(ended, { ...known, outputs }, failed, this.#pauses);
    } finally {
      await this.recorder?.close();
    }
  }
}

/** The composites around a frame that fail with it, innermost first. */
function enclosing({ parent, scope }: Frame): CompositeRun[] {
  const runs: CompositeRun[] = [];
  for (let at = parent; at && at.run.frame.scope === scope; at = at.run.frame.parent) runs.push(at.run);
  return runs;
}
