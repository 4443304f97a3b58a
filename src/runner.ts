// The verbs: run, restart, replay and what a replay would do. Each gathers what an execution needs and starts it.

import { CONTEXT_FIELDS } from "./attempt.js";
import type { Edge, Nodes } from "./check.js";
import { Control } from "./control.js";
import type { Dag } from "./dag.js";
import { HeddleError, quoted } from "./errors.js";
import { type ExecutionSetup, execute } from "./execution.js";
import type { RecordedOutput, RunState } from "./fold.js";
import type { Settings } from "./invoke.js";
import { type AnyNode, expectNumber } from "./node.js";
import { invalidatedPaths } from "./on-change.js";
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
import type { Plan } from "./plan.js";
import type { Clock, Executor } from "./ports.js";
import { priorOfReplay, priorOfRestart, recordEffects, reusedEvent } from "./prior.js";
import { type Described, NullProvenance, type Provenance } from "./recording.js";
import { planReplay, type ReplayPlan } from "./replay.js";
import { planRestart } from "./restart.js";
import type { RunResult } from "./result.js";
import { codeOf, shapeOf } from "./shape.js";
import { checkInputs, recordedInputs } from "./source-inputs.js";

const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const INLINE: Executor = { name: "inline", execute: ({ node, input, context }) => node.run(input, context) };

type Values = Readonly<Record<string, unknown>>;
type Begin = (start: Pick<ExecutionSetup, "control" | "budget">) => Promise<RunResult>;

/** Runs, restarts and replays one dag. Runs on one runner never disturb each other. */
export class DagRunner<const N extends Nodes, const E extends readonly Edge[]> {
  readonly dag: Dag<N, E>;
  readonly #plan: Plan;
  readonly #provenance: Provenance;
  readonly #settings: Settings;
  #described: Described | undefined;

  /** @throws HeddleError `INVALID_OPTION` naming the option and the label. */
  constructor(dag: Dag<N, E>, ...[options = {}]: RunnerArguments<N>) {
    const { context = {}, ...rest } = options as RunnerOptions & { context?: object };
    if (rest.concurrency !== undefined) expectNumber("concurrency", rest.concurrency, 1);
    const taken = Object.keys(context).filter((field) => CONTEXT_FIELDS.has(field));
    if (taken.length > 0)
      throw new HeddleError("INVALID_OPTION", `The context fields ${quoted(taken)} are built in. Use other names.`);
    this.dag = dag;
    this.#plan = overridePlan(dag.plan, rest.overrides as Readonly<Record<string, AnyNode>> | undefined);
    this.#provenance = rest.provenance ?? new NullProvenance();
    this.#settings = {
      executor: rest.executor ?? INLINE,
      clock: rest.clock ?? SYSTEM_CLOCK,
      concurrency: rest.concurrency ?? Number.POSITIVE_INFINITY,
      context,
      onEvent: rest.onEvent,
    };
  }

  /**
   * Executes the dag from scratch. The promise resolves also if a node fails; it rejects with `INVALID_INPUT` or
   * `RUN_EXISTS` before anything is recorded, and with `STORE_…` or `FENCED` if no outcome can be recorded.
   */
  run(...[inputs, options = {}]: RunArguments<N, E>): Run<N, E> {
    const runId = options.runId ?? this.#newRunId();
    return this.#start(runId, options, async (start) => {
      const given = await checkInputs(this.#plan, (inputs ?? {}) as Values);
      const recorder = await this.#provenance.begin(
        { runId, ...this.#describe(), inputs: given },
        this.#settings.clock,
      );
      return execute({
        ...start,
        runId,
        plan: this.#plan,
        settings: this.#settings,
        inputs: given,
        recorder,
        prior: undefined,
      });
    });
  }

  /**
   * Continues a run that is paused, failed, cancelled, or running with a dead owner. What is recorded as completed is
   * not executed again. Rejects with `RUN_NOT_FOUND`, `RUN_OWNED`, `RUN_COMPLETED`, `DAG_CHANGED`, `UNKNOWN_PATH`,
   * `NOT_PAUSED` or `INVALID_ANSWER` before anything is recorded.
   */
  restart(runId: string, options: RestartOptions = {}): Run<N, E> {
    return this.#start(runId, options, async (start) => {
      const { recorder, state, resume } = await this.#provenance.takeOver(
        runId,
        this.#describe(),
        this.#settings.clock,
      );
      try {
        const invalidated = await this.#invalidated(state, options);
        const restart = planRestart(this.#plan, state, options.resume ?? {}, invalidated);
        const inputs = await recordedInputs(
          this.#provenance,
          this.#plan,
          state,
          ({ index }) => !restart.done.has(index),
        );
        const prior = await priorOfRestart(this.#plan, restart, state, this.#provenance);
        resume(restart.answers, [...invalidated]);
        recordEffects(restart, recorder, this.#settings.clock.now());
        return await execute({ ...start, runId, plan: this.#plan, settings: this.#settings, inputs, recorder, prior });
      } finally {
        await recorder.close();
      }
    });
  }

  /**
   * Makes a new run that executes the named paths and reuses the recorded outputs of the rest. The old run stays as it
   * is. Rejects with `UNKNOWN_PATH`, `INVALID_INPUT`, `DAG_CHANGED` or `REPLAY_BLOCKED` before anything is recorded.
   */
  replay(replayedId: string, options: ReplayOptions<N, E> = {}): Run<N, E> {
    const runId = this.#newRunId();
    return this.#start(runId, options, async (start) => {
      const { clock } = this.#settings;
      const changed = await checkInputs(this.#plan, (options.inputs ?? {}) as Values, "named only");
      const state = await this.#provenance.load(replayedId);
      const replay = await this.#planReplay(state, options);
      refuseBlocked(replay);
      const recorded = await recordedInputs(this.#provenance, this.#plan, state, ({ path }) => !changed.has(path));
      const inputs = new Map([...recorded, ...changed]);
      const link = { of: replayedId, rerun: options.rerun ?? [], mode: replay.mode };
      const recorder = await this.#provenance.begin({ runId, ...this.#describe(), inputs, replay: link }, clock);
      for (const { path, action } of replay.steps) {
        if (action === "reuse") recorder?.add(reusedEvent(state, path, clock.now()));
      }
      const prior = priorOfReplay(this.#plan, replay, state);
      return execute({ ...start, runId, plan: this.#plan, settings: this.#settings, inputs, recorder, prior });
    });
  }

  /** Tells, without running anything, what a replay with these options would do to each path. */
  async planReplay(runId: string, options: ReplayOptions<N, E> = {}): Promise<ReplayPlan> {
    await checkInputs(this.#plan, (options.inputs ?? {}) as Values, "named only");
    return this.#planReplay(await this.#provenance.load(runId), options);
  }

  // ---- inside

  #newRunId(): string {
    return this.#provenance.newRunId(this.#settings.clock.now());
  }

  #start(runId: string, options: StartOptions, begin: Begin): Run<N, E> {
    const control = new Control();
    const handle = {
      runId,
      pause: (reason?: string) => control.pause(reason),
      cancel: (reason?: string) => control.cancel(reason),
    };
    return Object.assign(settle(runId, options, control, begin), handle) as unknown as Run<N, E>;
  }

  #describe(): Described {
    this.#described ??= { shape: shapeOf(this.#plan), code: codeOf(this.#plan) };
    return this.#described;
  }

  #invalidated(state: RunState, { onChange }: Pick<RestartOptions, "onChange">): Promise<Set<string>> {
    return invalidatedPaths(this.#provenance, this.#plan, this.#describe().shape, state, onChange);
  }

  async #planReplay(state: RunState, options: ReplayOptions<N, E>): Promise<ReplayPlan> {
    const { rerun = [], mode = "pinned", inputs = {} } = options;
    if (mode !== "pinned" && mode !== "downstream") {
      throw new HeddleError("INVALID_OPTION", `Expected \`mode\` to be "pinned" or "downstream", got "${mode}".`);
    }
    const newInputs = this.#plan.steps.filter(({ label }) => Object.hasOwn(inputs, label)).map(({ path }) => path);
    const invalidated = await this.#invalidated(state, options);
    const outputs = [...state.nodes.values()].flatMap(({ output }) => output ?? []);
    const found = await this.#provenance.available(outputs);
    const gone = new Set<RecordedOutput>(outputs.filter((_, i) => !found[i]));
    return planReplay(this.#plan, state, { rerun, mode, newInputs, invalidated }, (output) => !gone.has(output));
  }
}

async function settle(
  runId: string,
  { signal, budget }: StartOptions,
  control: Control,
  begin: Begin,
): Promise<RunResult> {
  if (typeof runId !== "string" || runId === "")
    throw new HeddleError("INVALID_OPTION", "Expected `runId` to be a non-empty string.");
  if (budget?.timeMs !== undefined) expectNumber("budget.timeMs", budget.timeMs, 0);
  if (budget?.operations !== undefined) expectNumber("budget.operations", budget.operations, 0);
  const unfollow = control.follow(signal);
  try {
    return await begin({ control, budget });
  } finally {
    unfollow();
  }
}

function refuseBlocked({ blocked, replayOf }: ReplayPlan): void {
  if (blocked.length === 0) return;
  throw new HeddleError(
    "REPLAY_BLOCKED",
    `Run "${replayOf}" cannot be replayed: the recorded outputs of ${quoted(blocked)} are gone. Name these paths in \`rerun\` too.`,
  );
}
