// What events look like in a store. Fields that are not known are refused, not dropped: a damaged `outpud` would
// otherwise be a completion without output, and who adds a field to the vocabulary raises JOURNAL_FORMAT.

import {
  array,
  boolean,
  exactOptional,
  literal,
  enum as oneOf,
  type output,
  strictObject,
  string,
  tuple,
  type ZodMiniType,
} from "zod/mini";
import { type ErrorRecord, JOURNAL_FORMAT } from "../../src/events.js";
import { amount, count, dictionary, inputPaths, ordinal, ref, refsByPath } from "./fields.js";

/** Causes in causes, and errors in errors, up to here: whatever reads an error may call itself for each. */
const DEEPEST_ERROR = 32;

const text = exactOptional(string());
const timed = { at: amount };
const placed = { ...timed, path: string(), attempt: ordinal };
const writer = {
  epoch: count,
  owner: string(),
  fingerprint: string(),
  code: string(),
  coarse: exactOptional(literal(true)),
};

const composed = strictObject({
  kind: oneOf(["one", "list", "record", "map", "joined"]),
  count,
  sink: string(),
  element: text,
  keys: exactOptional(ref),
  failed: exactOptional(array(tuple([count, string()]))),
});

/** An error with as many errors inside it as may be; zod cannot infer what refers to itself. */
const error = errorSchema(DEEPEST_ERROR);

function errorSchema(depth: number): ZodMiniType<ErrorRecord> {
  const own = { name: string(), message: string(), stack: text, code: text, own: exactOptional(ref) };
  if (depth === 0) return strictObject(own);
  const inner = errorSchema(depth - 1);
  return strictObject({ ...own, cause: exactOptional(inner), errors: exactOptional(array(inner)) });
}

const runStarted = strictObject({
  type: literal("run-started"),
  ...timed,
  ...writer,
  format: literal(JOURNAL_FORMAT as number),
  dag: string(),
  durability: oneOf(["sync", "async", "exit"]),
  inputs: refsByPath,
  replay: exactOptional(strictObject({ of: string(), rerun: array(string()), mode: oneOf(["pinned", "downstream"]) })),
});

const runResumed = strictObject({
  type: literal("run-resumed"),
  ...timed,
  ...writer,
  answers: array(strictObject({ path: string(), reason: string(), answer: ref })),
  invalidated: array(string()),
});

const nodeStarted = strictObject({
  type: literal("node-started"),
  ...placed,
  reason: oneOf([
    "first run",
    "retry",
    "resumed after pause",
    "restarted after failure",
    "restarted after interruption",
    "dag changed",
    "named in replay",
    "downstream of a named path",
    "no recorded output",
    "a child is executed",
    "new input",
  ]),
  executor: string(),
  inputs: inputPaths,
  overridden: exactOptional(literal(true)),
});

const nodeCompleted = strictObject({
  type: literal("node-completed"),
  ...placed,
  output: exactOptional(ref),
  outputBytes: exactOptional(count),
  overrunMs: exactOptional(amount),
  waitedMs: exactOptional(amount),
  composed: exactOptional(composed),
});

const nodeFailed = strictObject({
  type: literal("node-failed"),
  ...placed,
  error,
  retryInMs: exactOptional(amount),
  waitedMs: exactOptional(amount),
});

const nodePaused = strictObject({
  type: literal("node-paused"),
  ...placed,
  reason: string(),
  payload: exactOptional(ref),
  rejected: text,
  waitedMs: exactOptional(amount),
});

const nodeAborted = strictObject({
  type: literal("node-aborted"),
  ...placed,
  ran: boolean(),
  error: exactOptional(error),
  waitedMs: exactOptional(amount),
});

const origin = strictObject({ runId: string(), seq: count, attempt: count });

const consumed = strictObject({
  path: text,
  element: text,
  value: exactOptional(ref),
  origin: exactOptional(origin),
});

const nodeReused = strictObject({
  type: literal("node-reused"),
  ...timed,
  path: string(),
  output: exactOptional(ref),
  outputBytes: exactOptional(count),
  composed: exactOptional(composed),
  failure: exactOptional(strictObject({ element: string(), error })),
  inputs: dictionary(array(consumed)),
  from: origin,
});

const nodeLog = strictObject({
  type: literal("node-log"),
  ...placed,
  message: string(),
  data: exactOptional(ref),
});

const nodeProgress = strictObject({
  type: literal("node-progress"),
  ...placed,
  done: amount,
  total: exactOptional(amount),
});

const runEnded = strictObject({
  type: oneOf(["run-completed", "run-paused", "run-cancelled", "run-failed"]),
  ...timed,
  reason: text,
  path: text,
});

const runPruned = strictObject({
  type: literal("run-pruned"),
  ...timed,
  epoch: count,
  owner: string(),
});

/** The schemas of all events by their type. */
export const EVENT_SCHEMAS = {
  "run-started": runStarted,
  "run-resumed": runResumed,
  "node-started": nodeStarted,
  "node-completed": nodeCompleted,
  "node-failed": nodeFailed,
  "node-paused": nodePaused,
  "node-aborted": nodeAborted,
  "node-reused": nodeReused,
  "node-log": nodeLog,
  "node-progress": nodeProgress,
  "run-completed": runEnded,
  "run-paused": runEnded,
  "run-cancelled": runEnded,
  "run-failed": runEnded,
  "run-pruned": runPruned,
};

/** An event as its schema gives it. */
export type EventOfSchema = output<(typeof EVENT_SCHEMAS)[keyof typeof EVENT_SCHEMAS]>;
