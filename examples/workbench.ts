// One job with one store: executes runs of it before the eyes of the user, and prints what came of them.

import { DagProvenance, DagRunner, type Run, type RunResult, type Store } from "heddle";
import type { Job } from "./shared/job.js";
import { type Progress, showProgress } from "./shared/progress.js";
import { type NodeSummary, renderNodes } from "./shared/render.js";
import { complain, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, print } from "./shared/terminal.js";

/** All nodes compute on one thread: several at a time would only make each of them take longer. */
const CONCURRENCY = 1;

/** Runs and replays one job, with progress on stderr and results on stdout. */
export class Workbench {
  readonly #job: Job;
  readonly #labels: readonly string[];
  readonly #provenance: DagProvenance;
  readonly #runner: DagRunner<Job["dag"]["nodes"], Job["dag"]["edges"]>;
  #progress: Progress | undefined;

  constructor(job: Job, store: Store) {
    this.#job = job;
    this.#labels = Object.keys(job.dag.nodes);
    this.#provenance = new DagProvenance(store);
    this.#runner = new DagRunner(job.dag, {
      provenance: this.#provenance,
      concurrency: CONCURRENCY,
      onEvent: (event) => this.#progress?.onEvent(event),
    });
  }

  /** Runs the job and prints its report. */
  async run(): Promise<{ readonly runId: string; readonly exitCode: number }> {
    const run = this.#runner.run(this.#job.inputs());
    const result = await this.#watch(run);
    if (result.status === "completed") print(`${this.#job.render(result.outputs)}\n\n`);
    return { runId: run.runId, exitCode: await this.#conclude("The run", result) };
  }

  /** Replays nodes of a run alone, and prints why each node was executed or reused. */
  async replay(runId: string, rerun: readonly string[]): Promise<number> {
    const { steps } = await this.#runner.planReplay(runId, { rerun });
    const why = new Map(steps.map((step) => [step.path, step.why]));
    return this.#conclude("\nThe replay", await this.#watch(this.#runner.replay(runId, { rerun })), why);
  }

  /** Awaits a run, with its progress on stderr, and Ctrl-C to cancel it. */
  async #watch(run: Run): Promise<RunResult> {
    // A terminal may send the signal more than once: npm and tsx pass it on too.
    const cancel = () => run.cancel();
    process.on("SIGINT", cancel);
    this.#progress = showProgress(this.#labels.length);
    try {
      return await run;
    } finally {
      this.#progress.stop();
      process.off("SIGINT", cancel);
    }
  }

  /** Prints what every node did and how the run ended, and says it as an exit code. */
  async #conclude(title: string, result: RunResult, why?: ReadonlyMap<string, string>): Promise<number> {
    print(`${renderNodes(title, await this.#summaries(result.runId, why))}\n`);
    if (result.status === "failed") complain(`Node "${result.failedNode}" failed: ${result.error.message}`);
    if (result.status === "cancelled") complain("Cancelled.");
    if (result.status === "cancelled") return EXIT_INTERRUPTED;
    return result.status === "completed" ? EXIT_OK : EXIT_FAILED;
  }

  async #summaries(runId: string, why?: ReadonlyMap<string, string>): Promise<NodeSummary[]> {
    const { executions } = await this.#provenance.inspect(runId);
    const inOrder = executions.toSorted((a, b) => this.#labels.indexOf(a.path) - this.#labels.indexOf(b.path));
    return inOrder.map(({ path, status, attempts, output }) => ({
      label: path,
      status,
      attempts: attempts.length,
      durationMs: attempts.at(-1)?.durationMs,
      outputBytes: output?.bytes,
      why: why?.get(path),
    }));
  }
}
