// One try of one node: its state while it runs, and the context its function sees.

import type { BaseContext } from "../definition/context.js";
import { answerTo, type PauseRequest, type Pausing, pausedError } from "../definition/pausing.js";
import type { InputPaths, Step } from "../definition/plan.js";
import type { AnySchema } from "../definition/schema.js";
import { print } from "../errors.js";
import { copyAll } from "../isolate.js";
import type { Place } from "../ports.js";
import type { RunFrame } from "./composite-run.js";
import type { Answers } from "./recording.js";
import type { Stoppable } from "./scope.js";

/** What an attempt needs of the run it belongs to. */
export interface AttemptHost {
  readonly runId: string;
  readonly epoch: number;
  /** The answers to pauses of its path, by reason. */
  answers(attempt: Attempt): Answers | undefined;
  progressed(attempt: Attempt, done: number, total: number | undefined): void;
  logged(attempt: Attempt, message: string, data: unknown): void;
}

const NOTHING: readonly unknown[] = Object.freeze([]);

/** The state of one try. */
export class Attempt implements Stoppable, Pausing {
  readonly host: AttemptHost;
  readonly frame: RunFrame;
  readonly step: Step;
  readonly number: number;
  /** Where its function runs. */
  place: Place;
  previous: Stoppable | undefined;
  next: Stoppable | undefined;
  /** Set when the outcome is decided; whatever the function still does is ignored. */
  over = false;
  /** Set when the function is called. */
  ran = false;
  /** When it got into the queue of its place, if that has one, and the milliseconds it was there. */
  queuedAt: number | undefined;
  waitedMs = 0;
  /** When its time is over, if the node has a limit. */
  deadline: number | undefined;
  /** By how much synchronous code ran past the deadline. */
  overrunMs = 0;
  pause: PauseRequest | undefined;
  /** Inputs that nobody else needs. */
  moves: readonly unknown[] = NOTHING;
  /** Calls off the timeout. */
  stopTimer: (() => void) | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #onAbort: ((reason: unknown) => void) | undefined;

  constructor(host: AttemptHost, frame: RunFrame, step: Step, place: Place) {
    this.host = host;
    this.frame = frame;
    this.step = step;
    this.number = frame.nextAttempt(step);
    this.place = place;
  }

  get path(): string {
    return this.frame.pathOf(this.step);
  }

  get inputPaths(): InputPaths {
    return this.frame.inputPaths(this.step);
  }

  /** Made on demand: most functions never look at it, and it costs more than the rest of an attempt. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  get answers(): Answers | undefined {
    return this.host.answers(this);
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  /** The place where the function runs listens to this. */
  onAbort(listener: (reason: unknown) => void): void {
    this.#onAbort = listener;
    if (this.#aborted) listener(this.#aborted.reason);
  }

  /** Ends its wait for its place, if it is in one. */
  endWait(now: number): void {
    if (this.queuedAt !== undefined) this.waitedMs = Math.max(0, now - this.queuedAt);
  }

  /** Closes the attempt; false if it was over already. */
  end(): boolean {
    if (this.over) return false;
    this.over = true;
    this.stopTimer?.();
    return true;
  }

  requestPause(reason: string, payload: unknown, schema: AnySchema | undefined): unknown {
    const answer = answerTo(this, reason, payload, schema);
    if ("value" in answer) return copyAll(answer.value);
    this.pause = answer;
    throw pausedError(this.path, answer);
  }
}

/** The context of one attempt, made of getters since most functions never look. Methods may be taken apart. */
export class AttemptContext implements BaseContext {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  get runId(): string {
    return this.#attempt.host.runId;
  }

  get dag(): string {
    return this.#attempt.frame.plan.dag;
  }

  get label(): string {
    return this.#attempt.step.label;
  }

  get path(): string {
    return this.#attempt.path;
  }

  get attempt(): number {
    return this.#attempt.number;
  }

  get epoch(): number {
    return this.#attempt.host.epoch;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get idempotencyKey(): string {
    return `${this.#attempt.host.runId}/${this.#attempt.path}`;
  }

  get pause(): BaseContext["pause"] {
    const attempt = this.#attempt;
    return ((reason: string, payload?: unknown, schema?: AnySchema) =>
      attempt.requestPause(reason, payload, schema)) as BaseContext["pause"];
  }

  get progress(): BaseContext["progress"] {
    const attempt = this.#attempt;
    return (done, total) => {
      // What is no number could not be told from damage when the record is read.
      if (attempt.over || !Number.isFinite(done)) return;
      attempt.host.progressed(attempt, done, Number.isFinite(total) ? total : undefined);
    };
  }

  get log(): BaseContext["log"] {
    const attempt = this.#attempt;
    return (message, data) => {
      if (!attempt.over) attempt.host.logged(attempt, print(message), data);
    };
  }
}
