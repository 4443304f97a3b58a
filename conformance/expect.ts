// The small checks: a condition, and a call that must reject.

import type { ErrorCode } from "../src/index.js";
import { printed } from "./printed.js";

/** Throws an error with this message unless the condition holds. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Waits for a promise to reject, and checks the code of its error. Returns the error. */
export async function rejects(promise: Promise<unknown>, ...codes: readonly ErrorCode[]): Promise<Error> {
  const wanted = codes.join(" or ");
  const failed = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in failed)) throw new Error(`Expected a rejection with ${wanted}, got ${printed(failed.value)}.`);
  const { error } = failed;
  const { code } = (error ?? {}) as { code?: ErrorCode };
  if (error instanceof Error && code !== undefined && codes.includes(code)) return error;
  throw new Error(`Expected a rejection with ${wanted}, got ${code ?? printed(error)}.`, { cause: error });
}
