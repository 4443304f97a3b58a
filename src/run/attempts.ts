// Attempts of nodes: from their start, over the call of the function, to what becomes of them.

import type { AnyNode } from "../definition/node.js";
import { isInside } from "../definition/path.js";
import type { Plan, Step } from "../definition/plan.js";
import { toError } from "../errors.js";
import { copyAll } from "../isolate.js";
import type { Executor, Place } from "../ports.js";
import { Attempt, type AttemptHost } from "./attempt.js";
import type { CompositeRun, RunFrame } from "./composite-run.js";
import type { RunHost } from "./host.js";
import { invoke, isThenable, type Outcome } from "./invoke.js";
import type { Answers, Pause } from "./recording.js";
import { Retries } from "./retry.js";
import type { Scope } from "./scope.js";

/** The attempts of one run. */
export class Attempts implements AttemptHost, Outcome {
  readonly runId: string;
  readonly epoch: number;
  readonly retries: Retries<Scope<CompositeRun>>;
  /** Who asked for a pause. */
  readonly pauses: Pause[];
  readonly #host: RunHost;

  constructor(host: RunHost, runId: string) {
    const { shared, settings, recorder } = host;
    this.runId = runId;
    this.epoch = recorder?.epoch ?? 0;
    this.retries = new Retries(runId, settings.clock, (path) => shared.prior?.tries(path) ?? 0);
    this.pauses = [...(shared.prior?.pauses ?? [])];
    this.#host = host;
  }

  // ---- what attempts ask for

  answers(attempt: Attempt): Answers | undefined {
    // The path is made on demand.
    return this.#host.shared.prior?.answers(attempt.path);
  }

  progressed(attempt: Attempt, done: number, total: number | undefined): void {
    this.#host.reporter.progressed(attempt, done, total);
  }

  logged(attempt: Attempt, message: string, data: unknown): void {
    this.#host.reporter.logged(attempt, String(message), data);
  }

  /** Drops the pauses that were asked for inside an element that has failed. */
  forgetPauses(element: string): void {
    const left = this.pauses.filter(({ path }) => !isInside(path, element));
    this.pauses.splice(0, this.pauses.length, ...left);
  }

  // ---- from the start to the call

  /** Starts a step that is ready. */
  start(frame: RunFrame, step: Step): void {
    const attempt = new Attempt(this, frame, step, this.#host.settings.executor);
    frame.scope.add(attempt);
    const preparing = this.#prepare(attempt);
    if (!preparing) return this.#announce(attempt);
    preparing.then(
      () => this.#announce(attempt),
      (error) => {
        this.#started(attempt);
        this.threw(attempt, error);
      },
    );
  }

  /** Finds out where its function runs, and reads what it takes. Returns nothing if all that is known. */
  #prepare(attempt: Attempt): Promise<unknown> | undefined {
    const { frame, step } = attempt;
    const { executor } = this.#host.settings;
    const reading = frame.outputs.isUnread(step) ? frame.outputs.read(step) : undefined;
    if (!executor.place) return reading;
    const placing = placeOf(executor, step.node, this.#host.plan);
    if (!isThenable(placing)) {
      attempt.place = placing;
      return reading;
    }
    const placed = new Promise<void>((resolve, reject) => {
      // Who is cancelled need not wait for a place.
      attempt.onAbort(() => resolve());
      placing.then((place) => {
        attempt.place = place;
        resolve();
      }, reject);
    });
    return Promise.all([reading, placed]);
  }

  /** Reports the start. Waits until that is stored for an effect, and until its inputs are if they are to be moved. */
  #announce(attempt: Attempt): void {
    try {
      this.#started(attempt);
    } catch (error) {
      return this.#break(attempt, error);
    }
    const { recorder } = this.#host;
    const { effect } = attempt.step.node;
    if (attempt.place.copies && this.#isLastTry(attempt)) attempt.moves = attempt.frame.outputs.movable(attempt.step);
    if (!recorder || !(effect || attempt.moves.length > 0)) return this.#call(attempt);
    const call = () => this.#call(attempt);
    recorder.stored(Boolean(effect)).then(call, call);
  }

  #isLastTry({ step, path }: Attempt): boolean {
    return this.retries.isLast(path, step.node.retry);
  }

  #started(attempt: Attempt): void {
    if (!this.#host.reporter.isIdle) {
      this.#host.reporter.started(attempt, this.#host.reason(attempt), attempt.place.name);
    }
  }

  #call(attempt: Attempt): void {
    if (this.#isAborted(attempt)) return this.#aborted(attempt, undefined);
    let input: Record<string, unknown>;
    try {
      input = attempt.frame.outputs.gather(attempt.step, attempt.place.copies);
    } catch (error) {
      return this.threw(attempt, error);
    }
    invoke(attempt, this.#host.settings, input, this);
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
    this.#host.lose(toError(error));
    attempt.end();
    this.#leave(attempt);
  }

  #completed(attempt: Attempt, value: unknown): void {
    if (!attempt.end()) return;
    const { frame, step } = attempt;
    try {
      // Recorded first: what cannot be kept is no output.
      this.#host.reporter.completed(attempt, value);
      // What comes out of a worker to the caller alone need not be copied for the caller.
      const isAlone = attempt.place.copies && !frame.parent && frame.plan.downstreamCounts[step.index] === 0;
      frame.outputs.set(step.index, value, step.node.share || isAlone);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    const deliver = () => {
      this.#host.deliver(frame, step);
      this.#leave(attempt);
    };
    if (!this.#host.recorder?.storesFirst) return deliver();
    this.#host.recorder.stored().then(deliver, deliver);
  }

  /** Decides what an error means: an abort, another try, or a failure. */
  #judge(attempt: Attempt, error: Error): void {
    if (this.#isAborted(attempt)) return this.#aborted(attempt, error);
    let retryInMs: number | undefined;
    try {
      retryInMs = this.retries.count(attempt.path, attempt.step.node.retry, error);
    } catch (brokenWhen) {
      return this.#failed(attempt, toError(brokenWhen), undefined);
    }
    this.#failed(attempt, error, retryInMs);
  }

  #failed(attempt: Attempt, error: Error, retryInMs: number | undefined): void {
    const { frame, step } = attempt;
    this.#end(attempt);
    this.#host.reporter.failed(attempt, error, retryInMs);
    if (retryInMs === undefined) this.#host.fail(frame, attempt.path, error);
    else if (!this.#host.isStopping) {
      frame.tried(step, attempt.number);
      this.retries.wait(frame.scope, retryInMs, () => {
        frame.scheduler.makeReady(step.index);
        this.#host.work.push(frame);
        this.#host.pump();
      });
    }
    this.#leave(attempt);
  }

  #paused(attempt: Attempt): void {
    const { path, pause } = attempt;
    if (!attempt.end() || !pause) return;
    try {
      const asked: Pause = { path, ...pause, payload: copyAll(pause.payload) };
      this.#host.reporter.paused(attempt);
      this.pauses.push(asked);
    } catch (error) {
      return this.#failed(attempt, toError(error), undefined);
    }
    this.retries.stop();
    this.#leave(attempt);
  }

  #aborted(attempt: Attempt, error: Error | undefined): void {
    this.#end(attempt);
    this.#host.reporter.aborted(attempt, error);
    this.#leave(attempt);
  }

  /** What has not begun has waited until now. */
  #end(attempt: Attempt): void {
    if (!attempt.ran) attempt.endWait(this.#host.settings.clock.now());
    attempt.end();
  }

  #leave(attempt: Attempt): void {
    attempt.frame.scope.remove(attempt);
    this.#host.pump();
  }

  /** True when an attempt has been told to stop: what it throws from now on is no failure of its own. */
  #isAborted({ frame }: Attempt): boolean {
    return this.#host.isAborting || frame.scope.isFailing;
  }
}

/** Never throws, since executors are other people's. */
function placeOf(executor: Executor, node: AnyNode, plan: Plan): Place | PromiseLike<Place> {
  try {
    return executor.place?.(node, plan) ?? executor;
  } catch (error) {
    return Promise.reject(error);
  }
}
