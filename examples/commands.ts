// What the command line can do, a function for each.

import { HeddleError, type RunHead } from "heddle";
import { typed } from "./command-line.js";
import type { Records } from "./records.js";
import { renderInspection, renderRuns } from "./run-text.js";
import type { Job } from "./shared/job.js";
import { isName, namesIn } from "./shared/outline.js";
import { complain, EXIT_OK, print, UsageError } from "./shared/terminal.js";
import type { Workbench } from "./workbench.js";

/** What commands work with. */
export interface Tools {
  readonly records: Records;
  readonly workbench: (job: Job) => Workbench;
}

/** Begins a run of a job, or continues its newest one if that is not completed. Returns the exit code, as all do. */
export async function start(tools: Tools, job: Job, fresh: boolean): Promise<number> {
  return (await runOrContinue(tools, job, fresh)).exitCode;
}

/** Continues a run. */
export async function restart(tools: Tools, job: Job, run: RunHead): Promise<number> {
  if (run.status !== "completed") return (await goOn(tools, job, run)).exitCode;
  const replay = typed(tools.records.directory, "--replay", "<node>", "--of", run.runId);
  throw new UsageError(`Run ${run.runId} is completed. To execute nodes of it again: ${replay}`);
}

/** Replays nodes of a run alone: of this one, or else of the newest completed one, which is made if there is none. */
export async function replay(
  tools: Tools,
  job: Job,
  { of, rerun }: { readonly of: RunHead | undefined; readonly rerun: readonly string[] },
): Promise<number> {
  const { records, workbench } = tools;
  expectNames(rerun, job);
  const source = of ?? (await records.newest(job, "completed"));
  const replayOf = (runId: string) => workbench(job).replay(runId, rerun);
  if (source) return (await withRemedy(records, source, () => replayOf(source.runId))).exitCode;
  const { result, exitCode } = await runOrContinue(tools, job, false);
  if (exitCode !== EXIT_OK) return exitCode;
  print("\n");
  return (await replayOf(result.runId)).exitCode;
}

/** Lists the runs of a job, or of all. */
export async function list(records: Records, job: Job | undefined): Promise<number> {
  const runs = await records.list(job);
  const of = job ? ` of ${job.name}` : "";
  if (runs.length > 0) return print(`${renderRuns(`Runs${of} in ${records.directory}, newest first`, runs)}\n`);
  complain(`There are no runs${of} in ${records.directory} yet.`);
  return EXIT_OK;
}

/** Prints the record of a run. */
export async function inspect(records: Records, { runId }: RunHead): Promise<number> {
  return print(`${renderInspection(await records.provenance.inspect(runId))}\n`);
}

async function runOrContinue(tools: Tools, job: Job, fresh: boolean) {
  const newest = fresh ? undefined : await tools.records.newest(job);
  if (newest && newest.status !== "completed") return goOn(tools, job, newest);
  return tools.workbench(job).run();
}

function goOn({ records, workbench }: Tools, job: Job, run: RunHead) {
  return withRemedy(records, run, () => workbench(job).restart(run));
}

/** Builds on a run; where that cannot be, says that a new run can. */
async function withRemedy<T>({ directory }: Records, { dag }: RunHead, build: () => Promise<T>): Promise<T> {
  try {
    return await build();
  } catch (error) {
    if (!(error instanceof HeddleError) || !MENDED_BY_A_NEW_RUN.has(error.code)) throw error;
    throw new UsageError(`${why(error)}\nTo start a new one: ${typed(directory, dag, "--new")}`, { cause: error });
  }
}

/** What is wrong with the run, and not with the store or the program. */
const MENDED_BY_A_NEW_RUN: ReadonlySet<string> = new Set([
  "RUN_OWNED",
  "DAG_CHANGED",
  "STORE_DAMAGED",
  "VALUE_MISSING",
  "REPLAY_BLOCKED",
]);

/** The message, less the remedies of a changed dag, which the command line does not have. */
function why({ code, message, faults }: HeddleError): string {
  if (code !== "DAG_CHANGED") return message;
  return [message.split("\n", 1), ...faults.map((fault) => `- ${fault}`)].join("\n");
}

/** Whether an element is there, only the record of the run can tell. */
function expectNames(rerun: readonly string[], { dag }: Job): void {
  const unknown = rerun.filter((name) => !isName(name, dag));
  if (unknown.length === 0) return;
  const known = namesIn(dag.plan).join(", ");
  throw new UsageError(`There is no node "${unknown.join('", "')}" to replay. The nodes are ${known}.`);
}
