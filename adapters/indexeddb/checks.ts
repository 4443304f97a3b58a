// What comes out of the database is what was put in, or it is refused: anybody can change it, with the tools of the
// browser or by mistake.

import { boolean, custom, strictObject, string, unknown } from "zod/mini";
import { HeddleError } from "../../src/errors.js";
import type { Encoded } from "../../src/ports.js";
import { acceptsOf, amount, count, ordinal } from "../records.js";
import type { Payload, StoredBatch, StoredRun } from "./layout.js";

const textOrNothing = custom<string | undefined>((value) => value === undefined || typeof value === "string");

const acceptsRun = acceptsOf(
  strictObject({
    epoch: count,
    owner: textOrNothing,
    isLocked: boolean(),
    leaseUntil: amount,
    // Looked at by those who need it.
    head: unknown(),
    events: count,
    lastAppend: textOrNothing,
    journalBytes: count,
    batchedBytes: count,
    prunedEvents: count,
    keptBytes: count,
  }),
);

const acceptsBatch = acceptsOf(
  strictObject({ run: string(), seq: count, count: ordinal, format: count, events: string() }),
);

/** Who may write to a run, as it was put there. @throws HeddleError `STORE_DAMAGED`. */
export function checkedRun(run: StoredRun | undefined, runId: string, database: string): StoredRun | undefined {
  if (run === undefined || acceptsRun(run)) return run;
  throw new HeddleError(
    "STORE_DAMAGED",
    `What database "${database}" says of run "${runId}" is not what was written. Nothing was changed there. Its events can still be inspected; remove the run to use its name again.`,
  );
}

/** True for a batch. */
export function isBatch(batch: unknown): batch is StoredBatch {
  return acceptsBatch(batch);
}

/** True for the values of a batch. */
export function isPayload(payload: unknown): payload is Payload {
  const { values, holds, refers } = (payload ?? {}) as Partial<Payload>;
  return [values, holds, refers].every(Array.isArray) && (values as Payload["values"]).every(isNamedValue);
}

/** True for a value. */
export function isEncoded(value: unknown): value is Encoded {
  const { text, parts } = (value ?? {}) as Partial<Encoded>;
  return typeof text === "string" && Array.isArray(parts) && parts.every(isBinary);
}

function isNamedValue(entry: unknown): boolean {
  return Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" && isEncoded(entry[1]);
}

function isBinary(part: unknown): boolean {
  return part instanceof Uint8Array || (typeof Blob !== "undefined" && part instanceof Blob);
}
