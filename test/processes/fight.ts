// What fighters and the test that sets them on each other agree on.

/** The run they fight over. */
export const RUN = "the-run";
/** By the clock that the test passes along. */
export const LEASE_MS = 1_000;

/** A fighter tried to take the run at `now`, and has this epoch if it won. */
export interface Attempted {
  readonly type: "attempted";
  readonly now: number;
  readonly epoch?: number;
}

/** A fighter was stopped with `code`: what it was told is stored, and the batch it was not told of. */
export interface Ended {
  readonly type: "ended";
  readonly epoch: number;
  readonly acknowledged: readonly string[];
  readonly unacknowledged: readonly string[];
  readonly code: string;
}
