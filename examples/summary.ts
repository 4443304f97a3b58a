// What a run did, a row for each node. What is inside a map is taken together, or its elements would fill the screen.

import type { Execution, RunInspection } from "heddle";
import { groupBy, sumOf } from "./shared/groups.js";
import { isOutermost, patternOf } from "./shared/outline.js";

/** A node, or one inside a map for all elements: `chunks[*]/match`. Times and bytes are sums, null if none is known. */
export interface Row {
  readonly name: string;
  readonly status: string;
  readonly attempts: number;
  readonly ms: number | null;
  readonly bytes: number | null;
  readonly executions: readonly Execution[];
}

/** The rows of a run, in the order in which nodes were first started; what is inside a map stands below it. */
export function rowsOf({ run, executions }: RunInspection): Row[] {
  const nodes = executions.filter(({ path }) => isOutermost(path)).toSorted((a, b) => startOf(a) - startOf(b));
  return nodes.flatMap((node) => {
    const inside = groupBy(executions.filter(isInside(node)), ({ path }) => patternOf(path));
    const rows = [...inside].map(([name, group]) => rowOf(name, group, countEach(group.map(statusIn(run.epoch)))));
    return [rowOf(node.path, [node], node.status), ...rows];
  });
}

function isInside({ path: outer }: Execution): (execution: Execution) => boolean {
  return ({ path }) => path.startsWith(outer) && ["[", "{", "/"].includes(path[outer.length] ?? "");
}

function rowOf(name: string, executions: readonly Execution[], status: string): Row {
  return {
    name,
    status,
    attempts: sumOf(executions, ({ attempts }) => attempts.length),
    ms: sumOfKnown(executions.map(({ attempts }) => attempts.at(-1)?.durationMs)),
    bytes: sumOfKnown(executions.map(({ composite, output }) => (composite ? undefined : output?.bytes))),
    executions,
  };
}

/** Texts with how often each occurs, where there are several: `7 done before, 18 executed`. */
export function countEach(texts: readonly string[]): string {
  const times = new Map<string, number>();
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
  return [...times].map(([text, n]) => `${n} ${text}`).join(", ");
}

/** When a node was first started, or reused; those that were neither come last. */
function startOf({ attempts, updatedAt = Number.MAX_VALUE }: Execution): number {
  return attempts[0]?.startedAt ?? updatedAt;
}

/** Of what is inside a map it matters how much an earlier process had done already. */
function statusIn(epoch: number): (execution: Execution) => string {
  return ({ status, attempts }) => {
    if (status !== "completed") return status;
    return (attempts.at(-1)?.epoch ?? epoch) < epoch ? "done before" : "executed";
  };
}

function sumOfKnown(numbers: readonly (number | undefined)[]): number | null {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? null : sumOf(known, (number) => number);
}
