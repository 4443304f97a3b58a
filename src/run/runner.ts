// The verbs: run, restart, replay, and what a replay would do. Each checks what it is given, has the record keeper open
// the run, and executes it.

import { expectContext } from "../definition/context.js";
import type { Dag, Edge, Nodes } from "../definition/members.js";
import type { AnyNode } from "../definition/node.js";
import type { Plan } from "../definition/plan.js";
import { HeddleError, quoted } from "../errors.js";
import { expectCount, expectNumber, expectOptions, expectTexts } from "../expect.js";
import { copyAll } from "../isolate.js";
import type { Clock, Executor } from "../ports.js";
import type { ReplayPlan } from "../record/replay-plan.js";
import type { RestartPlan } from "../record/restart-plan.js";
import { Control } from "./control.js";
import { type ExecutionSetup, execute } from "./execution.js";
import type { Settings } from "./invoke.js";
import type {
  ReplayOptions,
  RestartOptions,
  Run,
  RunArguments,
  RunnerArguments,
  RunnerOptions,
  StartOptions,
} from "./options.js";
import { overridePlan } from "./overrides.js";
import { NullProvenance, type Provenance, type RecorderSetting, type ReplayRequest } from "./recording.js";
import { safeListener } from "./reporter.js";
import type { RunResult } from "./result.js";
import { checkInputs } from "./source-inputs.js";

/** Longer delays overflow, and fire at once (https://developer.mozilla.org/docs/Web/API/Window/setTimeout). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const arm = (leftMs: number) => {
      if (leftMs <= LONGEST_TIMER_MS) timer = setTimeout(callback, leftMs);
      else timer = setTimeout(() => arm(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS);
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
  isCoarse: globalThis.navigator?.userAgent === "Cloudflare-Workers",
};

const INLINE: Executor = { name: "inline", execute: ({ node, input, context }) => node.run(input, context) };

const OPTIONS = "provenance executor overrides concurrency onEvent clock context".split(" ");
const START = ["signal", "budget"];
const RESTART = ["resume", "rerun", "onChange"];
const KNOWN = {
  run: ["runId", ...START],
  restart: [...RESTART, ...START],
  replay: ["rerun", "mode", "inputs", "onChange", ...START],
};

type Values = Readonly<Record<string, unknown>>;
type Open = () => Promise<Pick<ExecutionSetup, "inputs" | "recorder" | "prior">>;

/** Runs, restarts and replays one dag. Runs on one runner never disturb each other. */
export class DagRunner<const N extends Nodes, const E extends readonly Edge[]> {
  readonly dag: Dag<N, E>;
  readonly #plan: Plan;
  readonly #provenance: Provenance;
  readonly #settings: Settings;

  /** @throws HeddleError `INVALID_OPTION` naming the option and the label. */
  constructor(dag: Dag<N, E>, ...[options = {}]: RunnerArguments<N>) {
    const { context, ...rest } = options as RunnerOptions & { context?: object };
    if (rest.concurrency !== undefined) expectCount("concurrency", rest.concurrency);
    expectOptions("a DagRunner", options, OPTIONS);
    if (rest.provenance && typeof rest.provenance.begin !== "function") {
      throw invalid("Expected `provenance` to be a DagProvenance. Around a store: new DagProvenance(store).");
    }
    const executor = rest.executor ?? INLINE;
    if (typeof executor.execute !== "function") {
      throw invalid("Expected `executor` to be one, e.g. nodeWorkers(file).");
    }
    expectContext(context);
    this.dag = dag;
    this.#plan = overridePlan(dag.plan, rest.overrides as Readonly<Record<string, AnyNode>> | undefined);
    this.#provenance = rest.provenance ?? new NullProvenance();
    this.#settings = {
      executor,
      clock: rest.clock ?? SYSTEM_CLOCK,
      concurrency: rest.concurrency ?? Number.POSITIVE_INFINITY,
      context,
      onEvent: safeListener(rest.onEvent),
    };
  }

  /**
   * Executes the dag from scratch. The promise resolves also if a node fails; it rejects with `INVALID_INPUT` or
   * `RUN_EXISTS` before anything is recorded, and with `STORE_…` or `FENCED` if no outcome can be recorded.
   */
  run(...[given, options = {}]: RunArguments<N, E>): Run<N, E> {
    const runId = options?.runId ?? this.#newRunId();
    return this.#start("run", runId, options, async () => {
      const inputs = await checkInputs(this.#plan, (given ?? {}) as Values, "all");
      const recorder = await this.#provenance.begin({ runId, plan: this.#plan, inputs, ...this.#setting(runId) });
      return { inputs, recorder, prior: undefined };
    });
  }

  /**
   * Continues a run that is paused, failed, cancelled, or running with a dead owner. What is recorded as completed is
   * not executed again. Rejects with `RUN_NOT_FOUND`, `RUN_OWNED`, `RUN_COMPLETED`, `DAG_CHANGED`, `UNKNOWN_PATH`,
   * `NOT_PAUSED`, `INVALID_ANSWER` or `RESTART_BLOCKED` before anything is recorded.
   */
  restart(runId: string, options: RestartOptions = {}): Run<N, E> {
    return this.#start("restart", runId, options, async () => {
      const request = { runId, plan: this.#plan, ...restartWish(options), ...this.#setting(runId) };
      return this.#provenance.restart(request);
    });
  }

  /**
   * Makes a new run that executes the named paths and reuses the recorded outputs of the rest. The old run stays as it
   * is. Rejects with `UNKNOWN_PATH`, `INVALID_INPUT`, `DAG_CHANGED` or `REPLAY_BLOCKED` before anything is recorded.
   */
  replay(replayOf: string, options: ReplayOptions<N, E> = {}): Run<N, E> {
    const runId = this.#newRunId();
    return this.#start("replay", runId, options, async () => {
      const request = await this.#replayRequest(replayOf, options);
      return this.#provenance.replay(request, runId, this.#setting(runId));
    });
  }

  /** Tells, without running anything, what a replay with these options would do to each path. */
  async planReplay(replayOf: string, options: ReplayOptions<N, E> = {}): Promise<ReplayPlan> {
    return this.#provenance.planReplay(await this.#replayRequest(replayOf, options));
  }

  /** Tells, without running anything, what a restart with these options would do to each path. */
  async planRestart(runId: string, options: Omit<RestartOptions, keyof StartOptions> = {}): Promise<RestartPlan> {
    expectOptions("planRestart", options, RESTART);
    return this.#provenance.planRestart({ runId, plan: this.#plan, ...restartWish(options) });
  }

  #setting(runId: string): RecorderSetting {
    const { clock, onEvent } = this.#settings;
    return { clock, observe: (event) => onEvent?.(event, runId) };
  }

  #newRunId(): string {
    return this.#provenance.newRunId(this.#settings.clock.now());
  }

  async #replayRequest(replayOf: string, options: ReplayOptions<N, E>): Promise<ReplayRequest> {
    expectOptions("replay", options, KNOWN.replay);
    const { rerun = [], mode = "pinned", inputs: given = {}, onChange = "refuse" } = options;
    expectTexts("rerun", rerun);
    expectOneOf("mode", mode, ["pinned", "downstream"]);
    expectOneOf("onChange", onChange, ON_CHANGE);
    const inputs = await checkInputs(this.#plan, given as Values, "named");
    return { replayOf, plan: this.#plan, rerun, mode, inputs, onChange };
  }

  #start(verb: keyof typeof KNOWN, runId: string, options: StartOptions, open: Open): Run<N, E> {
    const control = new Control();
    const handle = {
      runId,
      pause: (reason?: string) => control.pause(reason),
      cancel: (reason?: string) => control.cancel(reason),
    };
    return Object.assign(this.#execute(verb, runId, options, control, open), handle) as unknown as Run<N, E>;
  }

  async #execute(
    verb: keyof typeof KNOWN,
    runId: string,
    options: StartOptions,
    control: Control,
    open: Open,
  ): Promise<RunResult> {
    expectOptions(verb, options, KNOWN[verb]);
    if (typeof runId !== "string" || runId === "") throw invalid("Expected `runId` to be a non-empty string.");
    const { signal, budget = {} } = options;
    expectOptions("`budget`", budget, ["timeMs", "operations"]);
    if (budget.timeMs !== undefined) expectNumber("budget.timeMs", budget.timeMs, 0);
    if (budget.operations !== undefined) expectNumber("budget.operations", budget.operations, 0);
    const unfollow = control.follow(signal);
    try {
      return await execute({ runId, plan: this.#plan, settings: this.#settings, control, budget, ...(await open()) });
    } finally {
      unfollow();
    }
  }
}

function restartWish({ onChange = "refuse", rerun = [], ...options }: RestartOptions) {
  expectOneOf("onChange", onChange, ON_CHANGE);
  expectTexts("rerun", rerun);
  const resume = copyAll(options.resume ?? {});
  if (typeof resume !== "object" || resume === null) throw invalid("Expected `resume` to be { [path]: answer }.");
  return { onChange, rerun, resume };
}

const ON_CHANGE = ["refuse", "invalidate", "ignore"];

function expectOneOf(option: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  throw invalid(`Expected \`${option}\` to be one of ${quoted(known)}, got \`${value}\` (${typeof value}).`);
}

function invalid(message: string): HeddleError {
  return new HeddleError("INVALID_OPTION", message);
}
