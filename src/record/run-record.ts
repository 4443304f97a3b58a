// A run in a few lines: its status, times and owner.

import type { RunStatus } from "../events.js";
import { pendingPauses } from "./restart.js";
import type { RunState } from "./run-state.js";

/** The record of a run. Times are milliseconds since the epoch, by the clock of the writer. */
export interface RunRecord {
  readonly runId: string;
  readonly dag: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly endedAt?: number;
  /** Why it was paused or cancelled, if a reason was given. */
  readonly reason?: string;
  readonly failedNode?: string;
  readonly pauses: readonly { readonly path: string; readonly reason: string }[];
  readonly replayOf?: string;
  readonly replay?: { readonly rerun: readonly string[]; readonly mode: string };
  /** Hash of the dag's shape. */
  readonly fingerprint: string;
  /** Hash of the source text of its functions: a hint only. */
  readonly code: string;
  readonly owner: string;
  readonly epoch: number;
  readonly durability: string;
  /** How many events there are, or can be read. */
  readonly events: number;
  /** When its values were dropped to save space. */
  readonly prunedAt?: number;
  /** Where and how the journal is damaged. What the record says is what can be read before that place. */
  readonly damage?: string;
}

/** Sums up the state of a run. */
export function runRecord(state: RunState): RunRecord {
  const { runId, started, resumed, status, updatedAt, events } = state;
  const { owner, epoch, fingerprint, code } = resumed ?? started;
  return {
    runId,
    dag: started.dag,
    status,
    startedAt: started.at,
    updatedAt,
    ...(status === "running" || status === "paused" ? {} : { endedAt: updatedAt }),
    ...(state.reason === undefined ? {} : { reason: state.reason }),
    ...(state.failedNode === undefined ? {} : { failedNode: state.failedNode }),
    pauses: status === "completed" ? [] : pendingPauses(state),
    ...(started.replay
      ? { replayOf: started.replay.of, replay: { rerun: started.replay.rerun, mode: started.replay.mode } }
      : {}),
    fingerprint,
    code,
    owner,
    epoch,
    durability: started.durability,
    events,
    ...(state.prunedAt === undefined ? {} : { prunedAt: state.prunedAt }),
    ...(state.damage ? { damage: state.damage.message } : {}),
  };
}
