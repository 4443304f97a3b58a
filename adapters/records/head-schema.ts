// What the summary of a run looks like in a store.

import { exactOptional, enum as oneOf, strictObject, string } from "zod/mini";
import { amount, count } from "./fields.js";

/** The schema of a head. */
export const HEAD_SCHEMA = strictObject({
  runId: string(),
  dag: string(),
  status: oneOf(["running", "paused", "completed", "failed", "cancelled"]),
  startedAt: amount,
  updatedAt: amount,
  replayOf: exactOptional(string()),
  events: count,
});
