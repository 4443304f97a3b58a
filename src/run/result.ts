// How a run ends, as its caller sees it.

/** A node that asked for a pause, and why. `rejected` says why its last answer was refused. */
export interface Pause {
  readonly path: string;
  readonly reason: string;
  readonly payload: unknown;
  readonly rejected?: string;
}

interface Ended {
  readonly runId: string;
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
