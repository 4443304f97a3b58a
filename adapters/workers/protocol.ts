// What goes between a pool and its workers. Both sides send lists: all that came up in one turn is one message. What is in
// them are lists too, which are cloned faster than objects.

import type { ErrorRecord } from "../../src/events.js";

/** Grows whenever an old worker could misread a new pool, or the other way round. */
export const PROTOCOL = 2;

/** A function that a worker serves. Its number in the list names it from then on. */
export interface Served {
  readonly dag: string;
  /** Its place in the dag: `stats`, `chunks[*]/parse`, `route{text}`. */
  readonly address: string;
  readonly version: string | undefined;
}

/** The first that a worker sends. */
export interface Hello {
  readonly protocol: number;
  readonly served: readonly Served[];
  /** The name of a Web Lock that the worker holds as long as it lives, where there are such. */
  readonly lock: string | undefined;
  /** The id of the call that runs, or -1, in memory that both sides see, where there is such. */
  readonly running: Int32Array | undefined;
}

/** To which run, and to which of its dags, the calls belong that follow. */
export type RunOrder = readonly [kind: "run", runId: string, epoch: number, dag: string];

/** Run a function, by its number. `isTimed`: what it takes is to be told. `label`: where it is not the path. */
export type Call = readonly [
  kind: "call",
  id: number,
  served: number,
  input: Readonly<Record<string, unknown>>,
  path: string,
  attempt: number,
  isTimed: boolean,
  label?: string | undefined,
  answers?: ReadonlyMap<string, unknown>,
];

/** What a pool tells a worker. */
export type Order =
  | RunOrder
  | Call
  /** Abort the signal of a call. */
  | readonly [kind: "abort", id: number, reason: AbortReason]
  /** Forget these calls, as far as they have not begun: another worker has them. */
  | readonly [kind: "recall", ids: readonly number[]];

/** Why a call is aborted: enough of an error to tell one from another. */
export interface AbortReason {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
}

/** An error as it crosses: its record, and the values that the references in it name by number. */
export interface CrossingError {
  readonly record: ErrorRecord;
  readonly own: readonly unknown[];
}

/** The time that a function took until it returned, be it a promise; nothing if that was not looked at. */
export type Took = number | undefined;

/** What becomes of a call. */
export type Outcome =
  | readonly [kind: "refused", id: number, took: Took, refusal: Refusal]
  | readonly [kind: "returned", id: number, took: Took, value: unknown]
  | readonly [kind: "threw", id: number, took: Took, error: CrossingError]
  | readonly [kind: "paused", id: number, took: Took, pause: CrossingPause];

/** What cannot go over the border, and the path to the first thing inside it that cannot: `.rows[3].parse`. */
export interface Refusal {
  readonly what: string;
  readonly at: string;
  readonly why: string;
}

/** A pause that a function asked for. */
export interface CrossingPause {
  readonly reason: string;
  readonly payload: unknown;
  readonly rejected?: string;
}

/** What is told of a call before it ends. */
export type Remark =
  /** Its function returned a promise: the worker is free for others. */
  | readonly [kind: "waits", id: number, took: Took]
  | readonly [kind: "progress", id: number, done: number, total: number | undefined]
  | readonly [kind: "log", id: number, message: string, data: unknown]
  /** It was aborted before it began, and is forgotten. */
  | readonly [kind: "dropped", id: number];

/** All that a worker says. */
export type Report =
  | readonly [kind: "hello", hello: Hello]
  | Outcome
  | Remark
  /** What was recalled is forgotten. */
  | readonly [kind: "recalled"]
  /** Something failed outside of all calls. */
  | readonly [kind: "broken", error: CrossingError];
