// What a replay would do, as data.

import type { Reason, ReplayMode } from "../events.js";

/** What happens to one path in a replay, and why. */
export interface ReplayStep {
  readonly path: string;
  readonly action: "rerun" | "reuse" | "blocked";
  /** The same in words. */
  readonly why: string;
  /** Why it is executed. */
  readonly reason?: Reason;
  /** Reused although something it is made of is executed again. */
  readonly stale: boolean;
  /** The node acts on the outside world; if it is rerun, it acts again, under a new key. */
  readonly effect: boolean;
}

/** What a replay would do. */
export interface ReplayPlan {
  readonly replayOf: string;
  readonly mode: ReplayMode;
  /** In the order of execution; what is inside a composite comes after it. */
  readonly steps: readonly ReplayStep[];
  readonly stale: readonly string[];
  readonly blocked: readonly string[];
  /** Recorded paths that have no place in the dag any more, and why: they are left out. */
  readonly unmatched: readonly { readonly path: string; readonly why: string }[];
}
