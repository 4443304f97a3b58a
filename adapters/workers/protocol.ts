// What goes between a pool and its workers. Both sides send lists: all that came up in one turn is one message.

import type { ErrorRecord } from "../../src/events.js";

/** Grows whenever an old worker could misread a new pool, or the other way round. */
export const PROTOCOL = 1;

/** A function that a worker serves. Its number in the list names it from then on. */
export interface Served {
  readonly dag: string;
  /** Its place in the dag: `stats`, `chunks[*]/parse`, `route{text}`. */
  readonly address: string;
  readonly version: string | undefined;
}

/** The first that a worker sends. */
export interface Hello {
  readonly kind: "hello";
  readonly protocol: number;
  readonly served: readonly Served[];
  /** The name of a Web Lock that the worker holds as long as it lives, where there are such. */
  readonly lock: string | undefined;
  /** The id of the call that runs, or -1, in memory that both sides see, where there is such. */
  readonly running: Int32Array | undefined;
}

/** The plain fields of the context, in a list, which is cloned faster than an object. */
export type Fields = readonly [
  runId: string,
  dag: string,
  label: string,
  path: string,
  attempt: number,
  epoch: number,
  idempotencyKey: string,
];

/** Run a function. */
export interface Call {
  readonly kind: "call";
  readonly id: number;
  /** The number of the function. */
  readonly served: number;
  readonly input: Readonly<Record<string, unknown>>;
  readonly fields: Fields;
  readonly answers: ReadonlyMap<string, unknown> | undefined;
}

/** What else a pool tells a worker. */
export type Order =
  | Call
  /** Abort the signal of a call. */
  | { readonly kind: "abort"; readonly id: number; readonly reason: AbortReason }
  /** Forget these calls, as far as they have not begun: another worker has them. */
  | { readonly kind: "recall"; readonly ids: readonly number[] };

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

/** What becomes of a call. `ms`: the time that its function took until it returned, be it a promise. */
export type Outcome =
  | { readonly kind: "refused"; readonly id: number; readonly ms: number; readonly refusal: Refusal }
  | { readonly kind: "returned"; readonly id: number; readonly ms: number; readonly value: unknown }
  | { readonly kind: "threw"; readonly id: number; readonly ms: number; readonly error: CrossingError }
  | { readonly kind: "paused"; readonly id: number; readonly ms: number; readonly pause: CrossingPause };

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
  | { readonly kind: "waits"; readonly id: number; readonly ms: number }
  | { readonly kind: "progress"; readonly id: number; readonly done: number; readonly total: number | undefined }
  | { readonly kind: "log"; readonly id: number; readonly message: string; readonly data: unknown };

/** A call that was aborted had not begun, and is forgotten; and so is what was recalled. */
export type Forgotten = { readonly kind: "dropped"; readonly id: number } | { readonly kind: "recalled" };

/** Something failed outside of all calls. */
export interface Broken {
  readonly kind: "broken";
  readonly error: CrossingError;
}

/** All that a worker says. */
export type Report = Hello | Outcome | Remark | Forgotten | Broken;
