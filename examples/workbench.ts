// One job and its records: executes runs of it before the eyes of the user, and prints what came of them.

import { availableParallelism } from "node:os";
import { DagRunner, type Run, type RunHead, type RunInspection, type RunResult } from "heddle";
import { nodeWorkers } from "heddle/adapters/node-workers";
import { typed } from "./command-line.js";
import { doneIn, type Records, sizesIn } from "./records.js";
import { renderNodes } from "./run-text.js";
import { Interrupts } from "./shared/interrupts.js";
import type { Job } from "./shared/job.js";
import { isOutermost, type Outline, outlineOf, patternOf } from "./shared/outline.js";
import { restingExecutor } from "./shared/pace.js";
import { type Before, type Progress, showProgress } from "./shared/progress.js";
import { complain, EXIT_FAILED, EXIT_OK, print } from "./shared/terminal.js";

/** As many nodes compute at a time as there are threads; more would only make each take longer. */
const THREADS = Math.min(4, availableParallelism());

const THREAD = new URL("./thread.mjs", import.meta.url);

const NOTHING: Before = { done: [], sizes: new Map() };

const PRESS_AGAIN = "; press Ctrl-C again to cancel";

/** How a run ended. */
interface Ending {
  readonly result: RunResult;
  readonly exitCode: number;
}

/** Runs, continues and replays one job, with progress on stderr and results on stdout. */
export class Workbench {
  readonly #job: Job;
  readonly #outline: Outline;
  readonly #records: Records;
  readonly #runner: DagRunner<Job["dag"]["nodes"], Job["dag"]["edges"]>;
  #progress: Progress | undefined;
  #onResumed: () => void = () => {};

  /** `restMs`: how long to rest after each node. */
  constructor(job: Job, records: Records, restMs: number) {
    this.#job = job;
    this.#outline = outlineOf(job.dag);
    this.#records = records;
    this.#runner = new DagRunner(job.dag, {
      provenance: records.provenance,
      context: job.context,
      concurrency: restMs > 0 ? 1 : THREADS,
      executor: restMs > 0 ? restingExecutor(restMs) : nodeWorkers(THREAD, { size: THREADS }),
      onEvent: (event) => {
        if (event.type === "run-resumed") this.#onResumed();
        this.#progress?.onEvent(event);
      },
    });
  }

  /** Begins a new run, and prints its report. */
  async run(): Promise<Ending> {
    return this.#report(await this.#watch(this.#runner.run(this.#job.inputs()), NOTHING));
  }

  /** Goes on with a run, saying so once nothing keeps it from it, and prints its report. */
  async restart({ runId, status }: RunHead): Promise<Ending> {
    const inspection = await this.#records.provenance.inspect(runId);
    const stopped = status === "running" ? "interrupted" : status;
    this.#onResumed = () => complain(`Continuing run ${runId} (${stopped} after ${this.#outOf(inspection)}).`);
    const before = { done: doneIn(inspection), sizes: sizesIn(inspection, this.#outline) };
    return this.#report(await this.#watch(this.#runner.restart(runId), before));
  }

  /** Replays nodes of a run alone, and prints why each node was executed or reused. */
  async replay(runId: string, rerun: readonly string[]): Promise<Ending> {
    const { steps } = await this.#runner.planReplay(runId, { rerun });
    const sizes = sizesIn(await this.#records.provenance.inspect(runId), this.#outline);
    const ending = await this.#watch(this.#runner.replay(runId, { rerun }), { done: [], sizes });
    const whys = new Map(steps.map(({ path, why }) => [path, why]));
    return this.#conclude(`Replay ${ending.result.runId} of run ${runId}`, ending, whys);
  }

  /** Awaits a run, with its progress on stderr; Ctrl-C and SIGTERM pause it, a second Ctrl-C cancels it. */
  async #watch(run: Run, before: Before): Promise<Ending> {
    const progress = showProgress(this.#outline, before);
    this.#progress = progress;
    const interrupts = new Interrupts({
      pause(signal) {
        run.pause(signal);
        complain(`Pausing: waiting for ${whatRuns(progress)}${signal === "SIGINT" ? PRESS_AGAIN : ""}.`);
      },
      cancel(signal) {
        run.cancel(signal);
        complain(`Cancelling: stopping ${whatRuns(progress)}; press Ctrl-C again to end at once.`);
      },
    });
    try {
      const result = await run;
      return { result, exitCode: interrupts.exitCode ?? (result.status === "completed" ? EXIT_OK : EXIT_FAILED) };
    } finally {
      progress.stop();
      interrupts.stop();
    }
  }

  #report(ending: Ending): Promise<Ending> {
    const { result } = ending;
    if (result.status === "completed") print(`${this.#job.render(result.outputs)}\n\n`);
    return this.#conclude(`Run ${result.runId}`, ending);
  }

  /** Prints what every node did, unless the run was interrupted, and how to go on, unless it is completed. */
  async #conclude(title: string, ending: Ending, whys?: ReadonlyMap<string, string>): Promise<Ending> {
    const { result } = ending;
    const inspection = await this.#records.provenance.inspect(result.runId);
    if (result.status === "completed" || result.status === "failed") print(`${renderNodes(title, inspection, whys)}\n`);
    if (result.status === "completed") return ending;
    if (result.status === "failed") complain(`Node "${result.failedNode}" failed: ${result.error.message}`);
    else complain(`The run is ${result.status} after ${this.#outOf(inspection)}.`);
    complain(`To continue it: ${await this.#continuing(result.runId)}`);
    if (result.status === "failed") complain(`To start a new one: ${this.#typed("--new")}`);
    return ending;
  }

  /** How much is done: `4 of 11 nodes, 7 of 25 chunks`. */
  #outOf(inspection: RunInspection): string {
    const done = doneIn(inspection);
    const sizes = sizesIn(inspection, this.#outline);
    const halfWay = this.#outline.maps.flatMap(({ path, last }) => {
      const elements = done.filter((one) => patternOf(one) === last).length;
      return elements === 0 || done.includes(path) ? [] : [`${elements} of ${sizes.get(path)} ${path}`];
    });
    return [`${done.filter(isOutermost).length} of ${this.#outline.nodes} nodes`, ...halfWay].join(", ");
  }

  /** What to type to continue a run: not much for the newest, which is continued by itself. */
  async #continuing(runId: string): Promise<string> {
    const newest = await this.#records.newest(this.#job);
    return newest?.runId === runId ? this.#typed() : typed(this.#records.directory, "--restart", runId);
  }

  #typed(...options: readonly string[]): string {
    return typed(this.#records.directory, this.#job.name, ...options);
  }
}

function whatRuns(progress: Progress): string {
  return progress.running().join(", ") || "the run";
}
