// The events of a journal, all of them plain JSON. A run *is* the sequence of its events; order is by position,
// times are information.

import type { InputPaths } from "./definition/plan.js";

/** The version of this vocabulary; stores refuse to read a newer one. */
export const JOURNAL_FORMAT = 1;

/**
 * A reference to a value. `=` and the encoding itself for a small value, `#` and the SHA-256 of the encoding in hex
 * for a larger one. Equal references mean equal values.
 */
export type Ref = string;

/** An error as data: what every border keeps of it. `own` is the encoding of its other properties, where they have one. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  stack?: string;
  code?: string;
  cause?: ErrorRecord;
  errors?: readonly ErrorRecord[];
  own?: Ref;
}

/** Why a node was executed. */
export type Reason =
  | "first run"
  | "retry"
  | "resumed after pause"
  | "restarted after failure"
  | "restarted after interruption"
  | "dag changed"
  | "named in replay"
  | "downstream of a named path"
  | "no recorded output"
  | "a child is executed"
  | "new input";

/** Which nodes a replay executes: the named alone, or their descendants too. */
export type ReplayMode = "pinned" | "downstream";

interface Timed {
  /** Milliseconds since the epoch, by the clock of the writer. */
  readonly at: number;
}
interface Placed extends Timed {
  readonly path: string;
  readonly attempt: number;
}
interface Writer {
  readonly epoch: number;
  readonly owner: string;
  /** Hash of the dag's shape, and of the source text of its functions (a hint only). Both are stored as values. */
  readonly fingerprint: string;
  readonly code: string;
  /** True if the clock of the writer stands still while code runs: synchronous work seems to take no time. */
  coarse?: true;
}

export interface RunStarted extends Timed, Writer {
  readonly type: "run-started";
  readonly format: number;
  readonly dag: string;
  readonly durability: "sync" | "async" | "exit";
  /** Validated inputs by the path of the source. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, Ref>>>>;
  readonly replay?: { readonly of: string; readonly rerun: readonly string[]; readonly mode: ReplayMode };
}
export interface RunResumed extends Timed, Writer {
  readonly type: "run-resumed";
  readonly answers: readonly { readonly path: string; readonly reason: string; readonly answer: Ref }[];
  /** Paths whose recorded outputs no longer count, because the dag changed. */
  readonly invalidated: readonly string[];
}
/** How the output of a composite is put together from those of its children. */
export interface Composed {
  /** `one`: it is the output of the only child. `joined`: the lists that the children returned, joined. */
  readonly kind: "one" | "list" | "record" | "map" | "joined";
  /** The number of elements. */
  readonly count: number;
  /** What comes behind the path of an element in the path of its output: nothing, or the sink of a sub-dag. */
  readonly sink: string;
  /** The element of a branch. */
  readonly element?: string;
  /** The keys of a plain object or a Map, as a list in the order of the elements. */
  keys?: Ref;
  /** Set where failures are collected: the position of each failed element, and the path that failed in it. */
  readonly failed?: readonly (readonly [position: number, path: string])[];
}
/** The end of an attempt. */
interface Ended extends Placed {
  /** Milliseconds that it had to wait, once it was started, until its function was called: for a worker. */
  waitedMs?: number;
}
export interface NodeStarted extends Placed {
  readonly type: "node-started";
  readonly reason: Reason;
  readonly executor: string;
  /**
   * The edges consumed: per input the paths whose latest outputs were taken. Sources take the run's inputs; what takes
   * an element of a collection has the element behind the path: `split[3]`.
   */
  readonly inputs: InputPaths;
  overridden?: true;
}
export interface NodeCompleted extends Ended {
  readonly type: "node-completed";
  /** Absent for a node without output, and where nothing is recorded. */
  output?: Ref;
  /** The size of the encoding: characters of its text plus bytes of its binary parts. */
  outputBytes?: number;
  /** By how much synchronous code overran its `timeoutMs`. */
  overrunMs?: number;
  /** For a composite, instead of an output of its own. */
  composed?: Composed;
}
export interface NodeFailed extends Ended {
  readonly type: "node-failed";
  readonly error: ErrorRecord;
  /** Milliseconds until the next try; absent after the last. */
  retryInMs?: number;
}
export interface NodePaused extends Ended {
  readonly type: "node-paused";
  readonly reason: string;
  payload?: Ref;
  /** Why the answer given for this reason was refused. */
  rejected?: string;
}
export interface NodeAborted extends Ended {
  readonly type: "node-aborted";
  /** False if its function was never called. */
  readonly ran: boolean;
  error?: ErrorRecord;
}
export interface NodeReused extends Timed {
  readonly type: "node-reused";
  readonly path: string;
  readonly output?: Ref;
  readonly outputBytes?: number;
  readonly composed?: Composed;
  /** The failure of an element that a map collected, instead of an output. */
  readonly failure?: { readonly element: string; readonly error: ErrorRecord };
  /** Per input the paths and values that the reused output was made of. */
  readonly inputs: Readonly<Record<string, readonly ConsumedRef[]>>;
  /** The execution that made the output: position `seq` in the journal of `runId`. */
  readonly from: Origin;
}
/** The output of `path` as one input took it, and where that was recorded. Inputs of the run have no path. */
export interface ConsumedRef {
  readonly path?: string;
  /** Which element of that output was taken: `[3]`, `{Oslo}`. */
  readonly element?: string;
  readonly value?: Ref;
  readonly origin?: Origin;
}
/** Where an output was recorded first. */
export interface Origin {
  readonly runId: string;
  readonly seq: number;
  readonly attempt: number;
}
export interface NodeLog extends Placed {
  readonly type: "node-log";
  message: string;
  data?: Ref;
}
export interface NodeProgress extends Placed {
  readonly type: "node-progress";
  readonly done: number;
  total?: number;
}
export interface RunEnded extends Timed {
  readonly type: "run-completed" | "run-paused" | "run-cancelled" | "run-failed";
  readonly reason?: string;
  /** The failed node. */
  readonly path?: string;
}

/** The values of the run were dropped; what is left are references, edges and times. */
export interface RunPruned extends Timed {
  readonly type: "run-pruned";
  readonly epoch: number;
  readonly owner: string;
}

export type JournalEvent =
  | RunStarted
  | RunResumed
  | NodeStarted
  | NodeCompleted
  | NodeFailed
  | NodePaused
  | NodeAborted
  | NodeReused
  | NodeLog
  | NodeProgress
  | RunEnded
  | RunPruned;

/** What a run may be: `running` also if its process died; restart finds out. */
export type RunStatus = "running" | "paused" | "completed" | "failed" | "cancelled";
