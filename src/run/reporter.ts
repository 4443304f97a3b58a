// Tells the record and the listener what happens in one execution, and keeps the values that go with it.

import type { InputPaths, Step } from "../definition/plan.js";
import { errorRecord } from "../error-record.js";
import { HeddleError, toError } from "../errors.js";
import type {
  Composed,
  JournalEvent,
  NodeAborted,
  NodeCompleted,
  NodeFailed,
  NodeLog,
  NodePaused,
  NodeProgress,
  NodeStarted,
  Reason,
  Ref,
} from "../events.js";
import { copyAll } from "../isolate.js";
import type { Clock } from "../ports.js";
import type { Attempt } from "./attempt.js";
import type { Recorder } from "./recording.js";

/** One try of a node or a composite. */
export interface Trial {
  readonly path: string;
  readonly step: Step;
  readonly number: number;
  /** Where its inputs come from. */
  readonly inputPaths: InputPaths;
  readonly waitedMs?: number;
}

/** One try that was told to stop. */
type Aborted = Pick<Trial, "path" | "number" | "waitedMs"> & { readonly ran: boolean };

/** Gets every event at once, recorded or not. */
export type Listener = (event: JournalEvent, runId: string) => void;

/** Reports one execution. Where nobody records and nobody listens, no event is even made. */
export class Reporter {
  readonly #runId: string;
  readonly #clock: Clock;
  readonly #recorder: Recorder | undefined;
  readonly #listener: Listener | undefined;
  /** True where nobody records and nobody listens. */
  readonly isIdle: boolean;

  constructor(runId: string, clock: Clock, recorder: Recorder | undefined, listener: Listener | undefined) {
    this.#runId = runId;
    this.#clock = clock;
    this.#recorder = recorder;
    this.#listener = listener;
    this.isIdle = !recorder && !listener;
  }

  started(trial: Trial, reason: Reason, executor: string): void {
    if (this.isIdle) return;
    const { step, path, number, inputPaths } = trial;
    const event: NodeStarted = {
      type: "node-started",
      at: this.#clock.now(),
      path,
      attempt: number,
      reason,
      // Executors are other people's.
      executor: String(executor),
      inputs: inputPaths,
    };
    if (step.overridden) event.overridden = true;
    this.emit(event);
  }

  /** @throws HeddleError `NOT_KEEPABLE` with label, path inside the value, and remedy. */
  completed(attempt: Attempt, value: unknown): void {
    if (this.isIdle) return;
    const { step, path, number, overrunMs, waitedMs } = attempt;
    const type = "node-completed";
    const at = this.#clock.now();
    // All fields at once: one that is added later costs an object of its own.
    const event: NodeCompleted =
      this.#recorder && step.node.output
        ? { type, at, path, attempt: number, output: "", outputBytes: 0 }
        : { type, at, path, attempt: number };
    if (overrunMs > 0) event.overrunMs = overrunMs;
    if (waitedMs > 0) event.waitedMs = waitedMs;
    if (event.output !== undefined) {
      event.outputBytes = this.#keep(value, "output", path, (ref) => {
        event.output = ref;
      });
    }
    this.emit(event);
  }

  /** A composite gives the outputs of its children. @throws HeddleError `NOT_KEEPABLE` if a key cannot be kept. */
  assembled({ path, number }: Trial, composed: Composed, keys: readonly unknown[] | undefined): void {
    if (this.isIdle) return;
    if (this.#recorder && keys) {
      this.#keep(keys, "keys of the elements", path, (ref) => {
        composed.keys = ref;
      });
    }
    this.emit({ type: "node-completed", at: this.#clock.now(), path, attempt: number, composed });
  }

  failed(trial: Trial, error: Error, retryInMs: number | undefined): void {
    if (this.isIdle) return;
    const event: NodeFailed = {
      type: "node-failed",
      at: this.#clock.now(),
      path: trial.path,
      attempt: trial.number,
      error: errorRecord(error, this.#recorder),
    };
    if (retryInMs !== undefined) event.retryInMs = retryInMs;
    if (trial.waitedMs) event.waitedMs = trial.waitedMs;
    this.emit(event);
  }

  /** @throws HeddleError `NOT_KEEPABLE` if the payload cannot be kept. */
  paused({ path, number, pause, waitedMs }: Attempt): void {
    if (this.isIdle || !pause) return;
    const { reason, payload, rejected } = pause;
    const event: NodePaused = { type: "node-paused", at: this.#clock.now(), path, attempt: number, reason };
    if (rejected !== undefined) event.rejected = rejected;
    if (waitedMs > 0) event.waitedMs = waitedMs;
    if (this.#recorder && payload !== undefined) {
      this.#keep(payload, "payload of the pause", path, (ref) => {
        event.payload = ref;
      });
    }
    this.emit(event);
  }

  aborted({ path, number, ran, waitedMs }: Aborted, error: Error | undefined): void {
    if (this.isIdle) return;
    const event: NodeAborted = {
      type: "node-aborted",
      at: this.#clock.now(),
      path,
      attempt: number,
      ran,
    };
    if (error) event.error = errorRecord(error, this.#recorder);
    if (waitedMs) event.waitedMs = waitedMs;
    this.emit(event);
  }

  progressed({ path, number }: Attempt, done: number, total: number | undefined): void {
    if (this.isIdle) return;
    const event: NodeProgress = {
      type: "node-progress",
      at: this.#clock.now(),
      path,
      attempt: number,
      done,
    };
    if (total !== undefined) event.total = total;
    this.emit(event);
  }

  logged({ path, number }: Attempt, message: string, data: unknown): void {
    if (this.isIdle) return;
    const event: NodeLog = { type: "node-log", at: this.#clock.now(), path, attempt: number, message };
    try {
      if (data !== undefined) {
        this.#recorder?.keep(data, (ref) => {
          event.data = ref;
        });
      }
    } catch (error) {
      event.message += ` (data not kept: ${toError(error).message})`;
    }
    this.emit(event);
  }

  #keep(value: unknown, what: string, path: string, assign: (ref: Ref) => void): number {
    try {
      return (this.#recorder as Recorder).keep(value, assign);
    } catch (error) {
      const message = `The ${what} of node "${path}" cannot be kept: ${toError(error).message}`;
      throw new HeddleError("NOT_KEEPABLE", message, { cause: error });
    }
  }

  /** A recorder shows its events to the listener itself, those before the execution included. */
  emit(event: JournalEvent): void {
    if (this.#recorder) this.#recorder.add(event);
    else this.#listener?.(event, this.#runId);
  }
}

/** A listener that cannot break a run: it gets copies, and what it throws goes to the console. */
export function safeListener(listener: Listener | undefined): Listener | undefined {
  if (!listener) return undefined;
  return (event, runId) => {
    try {
      listener(copyAll(event), runId);
    } catch (error) {
      console.error("The onEvent listener of a DagRunner threw:", error);
    }
  };
}
