// What a changed dag means for a recorded run.

import { descendants, type Plan } from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import { changes, type Shape } from "./shape.js";

/**
 * What to do when the dag is not the one that was recorded: refuse; execute what changed and its descendants again; or
 * go on as if nothing had changed.
 */
export type OnChange = "refuse" | "invalidate" | "ignore";

const MOST_CHANGES = 20;

/**
 * The paths whose recorded outputs no longer count because the dag changed: the changed ones and their descendants.
 *
 * @throws HeddleError `DAG_CHANGED` with a readable difference, if changes are refused.
 */
export function invalidatedPaths(
  plan: Plan,
  runId: string,
  before: Shape,
  now: Shape,
  onChange: Exclude<OnChange, "ignore">,
): Set<string> {
  const found = changes(before, now);
  if (onChange === "refuse") throw refused(runId, now, [...found.values()]);
  const changed = plan.steps.filter(({ path }) => found.has(path)).map(({ index }) => index);
  return new Set([...changed, ...descendants(plan, changed)].map((index) => plan.steps[index]?.path as string));
}

function refused(runId: string, now: Shape, found: readonly string[]): HeddleError {
  const list = found.slice(0, MOST_CHANGES).map((change) => `- ${change}`);
  if (found.length > MOST_CHANGES) list.push(`- and ${found.length - MOST_CHANGES} more`);
  return new HeddleError(
    "DAG_CHANGED",
    `Dag "${now.dag}" is not the one that run "${runId}" was recorded with:\n${list.join("\n")}\nExecute what changed and all below it again with onChange: "invalidate", or go on as it is with onChange: "ignore".`,
    { faults: found },
  );
}
