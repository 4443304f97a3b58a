// What a node's function gets as its second argument.

import { HeddleError, quoted } from "../errors.js";
import type { AnySchema, OutputOf } from "./schema.js";

/** The built-in fields of the context. All may be taken apart: `({ url }, { signal, log }) => …`. */
export interface BaseContext {
  readonly runId: string;
  /** The name of the dag. */
  readonly dag: string;
  readonly label: string;
  /** Where in the run this execution happens; for a plain node its escaped label. */
  readonly path: string;
  /** Counts the tries of this path from 1, over all restarts of the run. */
  readonly attempt: number;
  /** A fencing token for outside systems: grows with every owner of the run; 0 where nothing is recorded. */
  readonly epoch: number;
  /** Aborted when the run fails or is cancelled, and when this attempt times out. */
  readonly signal: AbortSignal;
  /** The same over all attempts and restarts of this path, new in every replay. */
  readonly idempotencyKey: string;
  /**
   * Pauses the run: throws, and the attempt counts as paused even if the throw is caught. After a restart with
   * `resume: { [path]: answer }` the node runs again from its start, and this call returns the answer instead.
   * An answer that `schema` refuses pauses again, and the pause says why. Schemas must validate synchronously.
   */
  pause(reason: string, payload?: unknown): unknown;
  pause<S extends AnySchema>(reason: string, payload: unknown, schema: S): OutputOf<S>;
  /** Says how far this execution is. Only the latest is kept between two writes of the record. */
  progress(done: number, total?: number): void;
  /** Records a line, with data if given, for this execution. Data that cannot be kept is replaced by a note. */
  log(message: string, data?: unknown): void;
}

/** The context of a node that needs the fields `Extra`, which the runner is given as `context`. */
export type Context<Extra = unknown> = BaseContext & Extra;

const OWN = "runId dag label path attempt epoch signal idempotencyKey pause progress log".split(" ");

/** Refuses extra fields of contexts that take the place of those that are there. @throws HeddleError `INVALID_OPTION`. */
export function expectContext(extra: object | undefined): void {
  const taken = Object.keys(extra ?? {}).filter((field) => OWN.includes(field));
  if (taken.length === 0) return;
  throw new HeddleError("INVALID_OPTION", `The context fields ${quoted(taken)} are built in. Use other names.`);
}
