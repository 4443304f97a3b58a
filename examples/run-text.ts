// Records of runs as text: what each node did, which runs there are, and all that is known of one.

import type { Execution, RunHead, RunInspection } from "heddle";
import { doneIn } from "./records.js";
import { isOutermost } from "./shared/outline.js";
import { count, renderTables } from "./shared/render.js";
import { type Cell, columns } from "./shared/table.js";
import { countEach, rowsOf } from "./summary.js";

/** What every node did, with the reasons given, or else those on record if any is worth telling. */
export function renderNodes(title: string, inspection: RunInspection, whys?: ReadonlyMap<string, string>): string {
  const isPlain = !whys && inspection.executions.every(({ reason = "first run" }) => reason === "first run");
  return nodesTable(
    title,
    inspection,
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
  return `${factsOf(inspection).join("\n")}\n${nodesTable("", inspection, whyOf).trimStart()}`;
}

function factsOf(inspection: RunInspection): string[] {
  const { run, executions } = inspection;
  const { runId, dag, status, startedAt, updatedAt, events, epoch, durability, replayOf, replay, reason, damage } = run;
  const paths = executions.map(({ path }) => path);
  return [
    `Run ${runId} of ${dag}: ${status}, ${outermost(doneIn(inspection))} of ${outermost(paths)} nodes done`,
    `Started ${timeOf(startedAt)}, last event ${timeOf(updatedAt)}`,
    `${count(events)} events, epoch ${epoch}, durability ${durability}`,
    ...(replayOf === undefined ? [] : [`Replay of ${replayOf}: ${replay?.rerun.join(", ")} (${replay?.mode})`]),
    ...(reason === undefined ? [] : [`Reason: ${reason}`]),
    ...executions.flatMap(failureOf),
    ...(damage === undefined ? [] : [`Damaged: ${damage}`]),
  ];
}

function outermost(paths: readonly string[]): number {
  return paths.filter(isOutermost).length;
}

function failureOf({ path, attempts }: Execution): string[] {
  const { error } = attempts.at(-1) ?? {};
  return error ? [`Node "${path}": ${error.name}: ${error.message}`] : [];
}

function nodesTable(
  title: string,
  inspection: RunInspection,
  why: ((execution: Execution) => string | undefined) | undefined,
): string {
  const rows = rowsOf(inspection).map(({ name, status, attempts, ms, bytes, executions }): Cell[] => {
    const whys = why ? [whyAll(executions.flatMap((execution) => why(execution) ?? []))] : [];
    return [name, status, attempts, ms, bytes, ...whys];
  });
  const kinds = { Node: "text", Status: "text", Attempts: "count", Ms: "count", "Output bytes": "count" } as const;
  return renderTables([{ title, columns: columns({ ...kinds, ...(why ? { Why: "text" } : {}) }), rows, note: "" }]);
}

/** Why a node was executed, or for each reason how many elements of a map had it. */
function whyAll(whys: readonly string[]): string | null {
  return new Set(whys).size > 1 ? countEach(whys) : (whys[0] ?? null);
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
