// What `ctx.pause` does, in the process of the run and in a worker alike.

import { HeddleError } from "../errors.js";
import type { AnySchema } from "./schema.js";

/** What a function asked for when it paused. */
export interface PauseRequest {
  readonly reason: string;
  readonly payload: unknown;
  /** Why the answer given for this reason was refused. */
  readonly rejected?: string;
}

/** An answer to a pause, which may be `undefined`. */
export interface Answered {
  readonly value: unknown;
}

/** Where a function pauses. */
export interface Pausing {
  readonly path: string;
  /** What earlier pauses were answered with, by reason. */
  readonly answers: ReadonlyMap<string, unknown> | undefined;
}

/** The answer to a pause, or what pauses the run if there is none that the schema takes. @throws HeddleError `INVALID_OPTION`. */
export function answerTo(
  { path, answers }: Pausing,
  reason: string,
  payload: unknown,
  schema: AnySchema | undefined,
): Answered | PauseRequest {
  if (typeof reason !== "string" || reason === "") {
    const message = `Expected the reason of a pause in node "${path}" to be a non-empty string.`;
    throw new HeddleError("INVALID_OPTION", message);
  }
  if (!answers?.has(reason)) return { reason, payload };
  const value = answers.get(reason);
  if (!schema) return { value };
  const checked = schema["~standard"].validate(value);
  if (checked instanceof Promise) {
    checked.catch(() => {});
    const message = `The answer schema of a pause in node "${path}" validates asynchronously. Use a synchronous schema.`;
    throw new HeddleError("INVALID_OPTION", message);
  }
  if (!checked.issues) return { value: checked.value };
  return { reason, payload, rejected: checked.issues.map(({ message }) => message).join("; ") };
}

/** What a pause throws. */
export function pausedError(path: string, { reason }: PauseRequest): HeddleError {
  return new HeddleError("PAUSED", `Node "${path}" pauses the run: ${reason}`);
}
