// What a changed dag means for a recorded run.

import { HeddleError } from "./errors.js";
import type { RunState } from "./fold.js";
import { reach } from "./graph.js";
import type { Plan } from "./plan.js";
import type { Provenance } from "./recording.js";
import { changes, type Shape } from "./shape.js";

/**
 * What to do when the dag is not the one that was recorded: refuse; execute what changed and its descendants again; or
 * go on as if nothing had changed.
 */
export type OnChange = "refuse" | "invalidate" | "ignore";

/**
 * The paths whose recorded outputs no longer count because the dag changed: the changed ones and their descendants.
 *
 * @throws HeddleError `DAG_CHANGED` with a readable difference, if changes are refused.
 */
export async function invalidatedPaths(
  provenance: Provenance,
  plan: Plan,
  shape: Shape,
  state: RunState,
  onChange: OnChange = "refuse",
): Promise<Set<string>> {
  const before = await provenance.otherShape(state, shape);
  if (!before || onChange === "ignore") return new Set();
  const found = changes(before, shape);
  if (onChange === "refuse") {
    const list = [...found.values()].slice(0, 20).map((change) => `- ${change}`);
    const dags = before.dag === shape.dag ? `Dag "${shape.dag}"` : `Dag "${shape.dag}" (recorded as "${before.dag}")`;
    throw new HeddleError(
      "DAG_CHANGED",
      `${dags} is not the one that run "${state.runId}" was recorded with:\n${list.join("\n")}\nExecute what changed and all below it again with onChange: "invalidate", or go on as it is with onChange: "ignore".`,
      { faults: [...found.values()] },
    );
  }
  const changed = plan.steps.filter(({ path }) => found.has(path)).map(({ index }) => index);
  const below = reach(
    changed,
    plan.steps.map(({ downstream }) => downstream),
  );
  return new Set([...changed, ...below].map((index) => plan.steps[index]?.path as string));
}
