// One execution of one run: starts what is ready, obeys the wishes of the outside, and comes to an end. With attempts.ts
// and composites.ts the place where things happen by themselves.

import type { Plan, Step } from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import type { Reason } from "../events.js";
import { Attempts } from "./attempts.js";
import type { CompositeRun, RunFrame } from "./composite-run.js";
import { Composites } from "./composites.js";
import type { Control } from "./control.js";
import { Frame, type Shared } from "./frame.js";
import type { RunHost } from "./host.js";
import type { Settings } from "./invoke.js";
import type { Budget } from "./options.js";
import type { GivenInputs, Prior, Recorder } from "./recording.js";
import { Reporter, type Trial } from "./reporter.js";
import { endOf, type RunResult, resultOf } from "./result.js";
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
  readonly budget: Budget;
}

/** Executes a run to its end. Rejects only if the end cannot be recorded. */
export function execute(setup: ExecutionSetup): Promise<RunResult> {
  return new Execution(setup).run();
}

class Execution implements RunHost {
  readonly #setup: ExecutionSetup;
  readonly plan: Plan;
  readonly settings: Settings;
  readonly recorder: Recorder | undefined;
  readonly shared: Shared;
  readonly reporter: Reporter;
  readonly work = new WorkQueue<RunFrame | CompositeRun>();
  readonly #scope = new Scope<CompositeRun>();
  readonly #root: RunFrame;
  readonly #attempts: Attempts;
  readonly #composites: Composites;
  #lost: Error | undefined;
  #operationsLeft: number;
  readonly #slice = new LoopSlice(() => this.pump());
  #isPumping = false;
  #isRelieving = false;
  #drained: () => void = () => {};

  constructor(setup: ExecutionSetup) {
    const { runId, plan, inputs, recorder, prior, settings, budget } = setup;
    this.#setup = setup;
    this.plan = plan;
    this.settings = settings;
    this.recorder = recorder;
    this.shared = { inputs, prior, frozen: new WeakMap() };
    this.reporter = new Reporter(runId, settings.clock, recorder, settings.onEvent);
    this.#root = new Frame(plan, this.#scope, this.shared);
    this.#attempts = new Attempts(this, runId);
    this.#composites = new Composites(this);
    this.#operationsLeft = budget.operations ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<RunResult> {
    const { control, budget } = this.#setup;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.recorder?.onLost((error) => this.lose(error));
    control.listen(() => this.#obey());
    const outOfTime = () => control.pause("The time budget is used up.");
    const stopBudget = budget.timeMs === undefined ? undefined : this.settings.clock.after(budget.timeMs, outOfTime);
    this.#obey();
    this.work.push(this.#root);
    this.pump();
    await drained;
    stopBudget?.();
    this.#slice.stop();
    control.listen(() => {});
    return this.#conclude();
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
    return this.#attempts.pauses.length > 0 || this.#setup.control.wish !== undefined || this.isAborting;
  }

  /** Starts all that may start. The run is drained when nothing runs and nothing can start any more. */
  pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.work.hasWork && !this.isStopping && this.#scope.active < this.settings.concurrency) {
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
    const isBusy = this.#scope.active > 0 || this.#attempts.retries.areWaiting || this.#isRelieving;
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

  start(frame: RunFrame, index: number): void {
    const step = frame.plan.steps[index] as Step;
    if (step.composite) return this.#composites.start(frame, step);
    if (this.#operationsLeft-- > 0) return this.#attempts.start(frame, step);
    frame.scheduler.makeReady(index);
    this.#setup.control.pause("The budget of operations is used up.");
  }

  reason({ path, number }: Trial): Reason {
    if (number > 1 + (this.shared.prior?.attempts(path) ?? 0)) return "retry";
    return this.shared.prior?.reason(path) ?? "first run";
  }

  /** Hands an output on to whoever waits for it. */
  deliver(frame: RunFrame, step: Step): void {
    frame.outputs.release(step);
    frame.scheduler.complete(step.index);
    this.work.push(frame);
    if (frame.parent && frame.scheduler.left === 0) this.#composites.elementCompleted(frame);
  }

  // ---- stopping

  #obey(): void {
    const { wish } = this.#setup.control;
    if (!wish) return;
    const why = wish.reason ?? "The run was cancelled.";
    if (wish.status === "cancelled") this.#scope.abort(new HeddleError("CANCELLED", why, { cause: wish.cause }));
    this.#attempts.retries.stop();
    this.pump();
  }

  /** Ends all that runs in the scope of a frame. */
  fail(frame: RunFrame, path: string, error: Error): void {
    const { scope } = frame;
    if (scope.failure) return;
    scope.failure = { path, error, enclosing: enclosing(frame) };
    this.#attempts.retries.stop((waiting) => waiting.isFailing);
    // The failed attempt itself still counts. An error costs more than a node, so it is made only if somebody hears it.
    if (scope.active > 1) {
      const why = `Node "${path}" failed, so what runs beside it is aborted.`;
      scope.abort(new HeddleError("CANCELLED", why, { cause: error }));
    }
  }

  forgetPauses(element: string): void {
    this.#attempts.forgetPauses(element);
  }

  lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#attempts.retries.stop();
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
      const ended = endOf(this.settings.clock.now(), failed, control.wish, left);
      this.reporter.emit(ended);
      await this.recorder?.stored();
      const known = { runId: this.#setup.runId, stale: prior?.stale ?? [], collected: this.#composites.collected };
      return resultOf(ended, { ...known, outputs }, failed, this.#attempts.pauses);
    } finally {
      await this.recorder?.close();
    }
  }
}

/** The composites around a frame that fail with it, innermost first. */
function enclosing({ parent, scope }: RunFrame): CompositeRun[] {
  const runs: CompositeRun[] = [];
  for (let at = parent; at && at.run.frame.scope === scope; at = at.run.frame.parent) runs.push(at.run);
  return runs;
}
