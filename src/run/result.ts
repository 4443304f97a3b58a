// How a run ends, for its record and for its caller.

import type { RunEnded } from "../events.js";
import type { Wish } from "./control.js";
import type { FailedElement, Pause } from "./recording.js";

interface Ended {
  readonly runId: string;
  /** The failed elements of maps that collect errors and have completed. */
  readonly collected: readonly FailedElement[];
  /** In a replay: reused paths below an executed one, whose outputs may therefore be out of date. */
  readonly stale: readonly string[];
}

/** The end of a run: a union on `status`. `outputs` holds the outputs of the sinks, some of them only unless completed. */
export type RunResult<Outputs = Readonly<Record<string, unknown>>> =
  | (Ended & { readonly status: "completed"; readonly outputs: Outputs })
  | (Ended & {
      readonly status: "paused";
      readonly outputs: Partial<Outputs>;
      readonly pauses: readonly Pause[];
      readonly reason?: string;
    })
  | (Ended & { readonly status: "cancelled"; readonly outputs: Partial<Outputs>; readonly reason?: string })
  | (Ended & {
      readonly status: "failed";
      readonly outputs: Partial<Outputs>;
      readonly failedNode: string;
      readonly error: Error;
    });

/** The node that failed a run. */
export interface Failure {
  readonly path: string;
  readonly error: Error;
}

/**
 * The last event of a run. Failed comes before cancelled, cancelled before paused; and a run with nothing left to do is
 * completed.
 */
export function endOf(at: number, failure: Failure | undefined, wish: Wish | undefined, left: number): RunEnded {
  if (failure) return { type: "run-failed", at, path: failure.path };
  if (left === 0) return { type: "run-completed", at };
  const type = wish?.status === "cancelled" ? "run-cancelled" : "run-paused";
  return wish?.reason === undefined ? { type, at } : { type, at, reason: wish.reason };
}

/** The result for the caller, as the run ended. */
export function resultOf(
  { type, reason }: RunEnded,
  known: Ended & { readonly outputs: Readonly<Record<string, unknown>> },
  failure: Failure | undefined,
  pauses: readonly Pause[],
): RunResult {
  const why = reason === undefined ? {} : { reason };
  if (failure) return { status: "failed", ...known, failedNode: failure.path, error: failure.error };
  if (type === "run-completed") return { status: "completed", ...known };
  if (type === "run-cancelled") return { status: "cancelled", ...known, ...why };
  return { status: "paused", ...known, ...why, pauses };
}
