// Composites under way: begins their elements, takes what these give, and reports what becomes of the whole.

import type { Step } from "../definition/plan.js";
import { errorOf, errorRecord } from "../error-record.js";
import { HeddleError, toError } from "../errors.js";
import { CompositeRun, type RunFrame } from "./composite-run.js";
import { Frame } from "./frame.js";
import type { RunHost } from "./host.js";
import type { FailedElement, Prior } from "./recording.js";
import { Scope, type ScopeFailure } from "./scope.js";

/** What the record calls the executor of composites: they run no function. */
const COMPOSITE = "composite";

/** The composites of one run. */
export class Composites {
  /** Failed elements of maps that collect errors. */
  readonly collected: FailedElement[];
  readonly #host: RunHost;

  constructor(host: RunHost) {
    this.#host = host;
    this.collected = [...(host.shared.prior?.collected ?? [])];
  }

  /** Starts a composite whose upstreams are completed. */
  start(frame: RunFrame, step: Step): void {
    const run = new CompositeRun(frame, step);
    const begin = () => this.#guard(frame, () => this.#begin(run));
    frame.scope.enter();
    if (!frame.outputs.isUnread(step)) return begin();
    frame.outputs.read(step).then(begin, (error) =>
      this.#guard(frame, () => {
        this.#host.reporter.started(run, this.#host.reason(run), COMPOSITE);
        this.#compositeFailed(run, toError(error));
      }),
    );
  }

  /** Does something that was counted as under way in a frame. */
  #guard(frame: RunFrame, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#host.lose(toError(error));
    }
    frame.scope.leave();
    this.#host.pump();
  }

  #begin(run: CompositeRun): void {
    if (this.#host.isStopping || run.frame.scope.isFailing) return;
    if (!this.#host.reporter.isIdle) this.#host.reporter.started(run, this.#host.reason(run), COMPOSITE);
    try {
      run.begin();
    } catch (error) {
      return this.#compositeFailed(run, toError(error));
    }
    run.frame.scope.open?.add(run);
    if (run.isComplete) this.#compositeCompleted(run);
    else this.#host.work.push(run);
  }

  /** Begins the next element. */
  beginElement(run: CompositeRun): void {
    try {
      this.#beginElement(run, run.next());
    } catch (error) {
      this.#host.lose(toError(error));
    }
    this.#host.work.push(run);
  }

  /** Takes the recorded outcome of an element, or opens a frame for it. */
  #beginElement(run: CompositeRun, position: number): void {
    const { shared, work } = this.#host;
    const { prior } = shared;
    const failed = run.collects ? prior?.failure(run.elementPath(position)) : undefined;
    if (failed) return this.#elementCollected(run, position, failed);
    if (prior && run.isDone(position, prior)) return this.#restoreElement(run, position, prior);
    const { scope } = run.frame;
    const onFailed = (failure: ScopeFailure<CompositeRun>) => this.#elementFailed(run, position, failure, inner);
    const inner = run.collects ? new Scope(scope, onFailed) : scope;
    const frame = new Frame(run.sub.plan, inner, shared, { run, position });
    if (frame.hasWork) this.#host.start(frame, frame.scheduler.take());
    work.push(frame);
  }

  #restoreElement(run: CompositeRun, position: number, prior: Prior): void {
    const { frame } = run;
    const take = (value: unknown) =>
      this.#guard(frame, () => {
        run.complete(position, value);
        this.#elementEnded(run);
      });
    const fail = (error: unknown) => this.#guard(frame, () => this.#compositeFailed(run, toError(error)));
    frame.scope.enter();
    try {
      const value = prior.load(run.sinkPath(position));
      if (value instanceof Promise) value.then(take, fail);
      else take(value);
    } catch (error) {
      fail(error);
    }
  }

  elementCompleted({ parent, scope, outputs, plan }: RunFrame): void {
    const { run, position } = parent as NonNullable<RunFrame["parent"]>;
    if (run.collects) scope.close();
    const sink = plan.sinks[0] as number;
    // A replay may execute other nodes of an element, and reuse its sink.
    if (this.#host.shared.prior && outputs.isUnreadAt(sink))
      return this.#restoreElement(run, position, this.#host.shared.prior);
    run.complete(position, outputs.peek(sink));
    this.#elementEnded(run);
  }

  /** An element of a composite that collects failures has come to rest. */
  #elementFailed(
    run: CompositeRun,
    position: number,
    failure: ScopeFailure<CompositeRun>,
    scope: Scope<CompositeRun>,
  ): void {
    this.close(failure, scope.allOpen());
    scope.close();
    if (this.#host.isAborting) return;
    this.#host.forgetPauses(run.elementPath(position));
    const error = errorOf(errorRecord(failure.error, undefined));
    this.#elementCollected(run, position, { path: run.elementPath(position), failedNode: failure.path, error });
  }

  #elementCollected(run: CompositeRun, position: number, failed: FailedElement): void {
    run.fail(position, failed);
    this.#elementEnded(run);
  }

  #elementEnded(run: CompositeRun): void {
    if (run.frame.scope.isFailing) return;
    if (run.isComplete) this.#compositeCompleted(run);
    else this.#host.work.push(run);
  }

  #compositeCompleted(run: CompositeRun): void {
    const { frame, step } = run;
    frame.scope.open?.delete(run);
    try {
      const output = run.output();
      const { composed, keys } = run.composed();
      this.#host.reporter.assembled(run, composed, keys);
      frame.outputs.set(step.index, output, run.isShared);
      for (const failure of run.failures) this.collected.push(failure);
    } catch (error) {
      return this.#compositeFailed(run, toError(error));
    }
    if (!this.#host.recorder?.storesFirst) return this.#host.deliver(frame, step);
    const deliver = () => this.#guard(frame, () => this.#host.deliver(frame, step));
    frame.scope.enter();
    this.#host.recorder.stored().then(deliver, deliver);
  }

  /** A composite fails by itself, not because of a child. */
  #compositeFailed(run: CompositeRun, error: Error): void {
    run.frame.scope.open?.delete(run);
    this.#host.reporter.failed(run, error, undefined);
    this.#host.fail(run.frame, run.path, error);
  }

  /** Records what became of composites that were open when something in them failed. */
  close({ path, error, enclosing }: ScopeFailure<CompositeRun>, open: readonly CompositeRun[]): void {
    const message = `Node "${path}" failed: ${error.message}`;
    for (const run of enclosing) this.#host.reporter.failed(run, new HeddleError("CHILD_FAILED", message), undefined);
    for (const run of open) {
      if (!enclosing.includes(run))
        this.#host.reporter.aborted({ path: run.path, number: run.number, ran: true }, undefined);
    }
  }
}
