// Why a recorded run cannot be continued or replayed, in words.

import { HeddleError, quoted } from "../errors.js";
import type { ReplayPlan } from "./replay-plan.js";

/** A run that cannot go on. */
export function restartBlocked(runId: string, paths: readonly string[], prunedAt: number | undefined): HeddleError {
  return new HeddleError(
    "RESTART_BLOCKED",
    `Run "${runId}" cannot go on: recorded values that ${quoted(paths)} needs are gone from the store.${prunedNote(prunedAt)} Start a new run, or replay it with \`rerun\` and new \`inputs\`.`,
  );
}

/** A run that cannot be replayed as it was asked for. */
export function replayBlocked({ replayOf, steps }: ReplayPlan, prunedAt: number | undefined): HeddleError {
  const pathsByReason = new Map<string, string[]>();
  for (const { path, action, why } of steps) {
    if (action === "blocked") pathsByReason.set(why, [...(pathsByReason.get(why) ?? []), path]);
  }
  const listed = [...pathsByReason].map(([why, paths]) => `${quoted(paths)}: ${why}`).join("; ");
  return new HeddleError("REPLAY_BLOCKED", `Run "${replayOf}" cannot be replayed. ${listed}.${prunedNote(prunedAt)}`);
}

/** A run whose values went while its replay was being opened. */
export function prunedMeanwhile(replayOf: string): HeddleError {
  return new HeddleError(
    "REPLAY_BLOCKED",
    `Run "${replayOf}" cannot be replayed: values that are reused were pruned at this moment. Nothing was recorded. Ask planReplay("${replayOf}") what is left.`,
  );
}

function prunedNote(prunedAt: number | undefined): string {
  return prunedAt === undefined ? "" : ` Its payloads were pruned at ${new Date(prunedAt).toISOString()}.`;
}
