// Records of runs as text: what each node did, which runs there are, and all that is known of one.

import type { Execution, RunHead, RunInspection } from "heddle";
import { doneIn } from "./records.js";
import { count, renderTables } from "./shared/render.js";
import { type Cell, columns } from "./shared/table.js";

/** What every node did, with the reasons given, or else those on record if any is worth telling. */
export function renderNodes(title: string, { executions }: RunInspection, whys?: ReadonlyMap<string, string>): string {
  const isPlain = !whys && executions.every(({ reason = "first run" }) => reason === "first run");
  return nodesTable(
    title,
    executions,
    isPlain ? undefined : (execution) => whys?.get(execution.path) ?? whyOf(execution),
  );
}

/** The list of runs. */
export function renderRuns(title: string, runs: readonly RunHead[]): string {
  const isRunning = runs.some(({ status }) => status === "running");
  return renderTables([
    {
      title,
      columns: columns({
        Run: "text",
        Job: "text",
        Status: "text",
        Started: "text",
        Events: "count",
        "Replay of": "text",
      }),
      rows: runs.map(({ runId, dag, status, startedAt, events, replayOf }) => [
        runId,
        dag,
        status,
        timeOf(startedAt),
        events,
        replayOf === undefined ? null : beginningOf(replayOf),
      ]),
      note: isRunning ? "A run whose process died is running, too, until it is continued." : "",
    },
  ]);
}

/** The record of one run. */
export function renderInspection(inspection: RunInspection): string {
  return `${factsOf(inspection).join("\n")}\n${nodesTable("", inspection.executions, whyOf).trimStart()}`;
}

function factsOf(inspection: RunInspection): string[] {
  const { run, executions } = inspection;
  const { runId, dag, status, startedAt, updatedAt, events, epoch, durability, replayOf, replay, reason, damage } = run;
  return [
    `Run ${runId} of ${dag}: ${status}, ${doneIn(inspection).length} of ${executions.length} nodes done`,
    `Started ${timeOf(startedAt)}, last event ${timeOf(updatedAt)}`,
    `${count(events)} events, epoch ${epoch}, durability ${durability}`,
    ...(replayOf === undefined ? [] : [`Replay of ${replayOf}: ${replay?.rerun.join(", ")} (${replay?.mode})`]),
    ...(reason === undefined ? [] : [`Reason: ${reason}`]),
    ...executions.flatMap(failureOf),
    ...(damage === undefined ? [] : [`Damaged: ${damage}`]),
  ];
}

function failureOf({ path, attempts }: Execution): string[] {
  const { error } = attempts.at(-1) ?? {};
  return error ? [`Node "${path}": ${error.name}: ${error.message}`] : [];
}

function nodesTable(
  title: string,
  executions: readonly Execution[],
  why: ((execution: Execution) => string | undefined) | undefined,
): string {
  const inOrder = executions.toSorted((a, b) => startOf(a) - startOf(b));
  const rows = inOrder.map((execution): Cell[] => {
    const { path, status, attempts, output } = execution;
    const figures = [attempts.length, attempts.at(-1)?.durationMs ?? null, output?.bytes ?? null];
    return [path, status, ...figures, ...(why ? [why(execution) ?? null] : [])];
  });
  const kinds = { Node: "text", Status: "text", Attempts: "count", Ms: "count", "Output bytes": "count" } as const;
  return renderTables([{ title, columns: columns({ ...kinds, ...(why ? { Why: "text" } : {}) }), rows, note: "" }]);
}

/** When a node was first started, or reused; those that were neither come last. */
function startOf({ attempts, updatedAt = Number.MAX_VALUE }: Execution): number {
  return attempts[0]?.startedAt ?? updatedAt;
}

function whyOf({ reason, output }: Execution): string | undefined {
  return reason === "reused" && output ? `reused from ${beginningOf(output.origin.runId)}` : reason;
}

/** What ids made by heddle begin with is the time, so that it is enough to name a run. */
function beginningOf(runId: string): string {
  return runId.slice(0, 9);
}

/** Local time, to the second. */
function timeOf(ms: number): string {
  return new Date(ms).toLocaleString("sv-SE");
}
