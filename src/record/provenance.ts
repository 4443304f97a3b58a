// The record keeper over a store, and the questions one may ask of it.

import { withoutElement } from "../definition/path.js";
import { HeddleError } from "../errors.js";
import type { RunStatus } from "../events.js";
import { expectCount, expectNumber, expectOptions, expectRunId } from "../expect.js";
import type { RunHead, Store, StoreUsage } from "../ports.js";
import type {
  BeginRequest,
  Opened,
  Provenance,
  Recorder,
  RecorderSetting,
  ReplayRequest,
  RestartRequest,
} from "../run/recording.js";
import { inspectPath, inspectRun } from "./inspect.js";
import type { InspectOptions, RunInspection } from "./inspection.js";
import type { Durability } from "./journal.js";
import { LatestRun } from "./latest.js";
import { RunOpener } from "./opening.js";
import { RunReader } from "./reader.js";
import type { ReplayPlan } from "./replay-plan.js";
import type { RestartPlan } from "./restart-plan.js";
import { expectStatuses, type Pruned, type PruneOptions, prune } from "./retention.js";
import { type RunRecord, runRecord } from "./run-record.js";

/** How runs are kept. */
export interface ProvenanceOptions {
  /** When events are stored. Default `async`. */
  readonly durability?: Durability;
  /** Milliseconds after which the run of a dead owner may be restarted. A live owner renews in time. Default 30,000. */
  readonly leaseMs?: number;
}

/** Which runs to list. */
export interface ListOptions {
  readonly status?: RunStatus;
  /** Only runs of the dag of this name. */
  readonly dag?: string;
  /** Only runs in which something happened at or after this time, in milliseconds since the epoch. */
  readonly updatedSince?: number;
  /** Default 50. */
  readonly limit?: number;
  /** Where the last page ended. */
  readonly cursor?: string;
}

const DURABILITIES: readonly string[] = ["sync", "async", "exit"];

/** Keeps the record of runs in a store, and answers questions about it. */
export class DagProvenance implements Provenance {
  readonly #store: Store;
  readonly #reader: RunReader;
  readonly #latest: LatestRun;
  readonly #opener: RunOpener;

  constructor(store: Store, options: ProvenanceOptions = {}) {
    if (typeof (store as Partial<Store> | undefined)?.append !== "function") {
      throw new HeddleError(
        "INVALID_OPTION",
        `Expected a store, e.g. memoryStore(), got \`${store}\` (${typeof store}).`,
      );
    }
    expectOptions("a DagProvenance", options, ["durability", "leaseMs"]);
    const { durability = "async", leaseMs = 30_000 } = options;
    if (!DURABILITIES.includes(durability)) {
      throw new HeddleError(
        "INVALID_OPTION",
        `Expected \`durability\` to be one of ${DURABILITIES.join(", ")}, got \`${durability}\`.`,
      );
    }
    expectNumber("leaseMs", leaseMs, 1);
    this.#store = store;
    this.#reader = new RunReader(store);
    this.#latest = new LatestRun(store, this.#reader);
    this.#opener = new RunOpener(store, { durability, leaseMs });
  }

  // ---- questions

  /** The record of a run, or nothing if there is none. */
  async getRun(runId: string): Promise<RunRecord | undefined> {
    const state = await this.#latest.find(runId);
    return state && runRecord(state);
  }

  /** Lists runs, newest first. `cursor` is set while there are more. */
  async listRuns(options: ListOptions = {}): Promise<{ runs: readonly RunHead[]; cursor?: string }> {
    expectOptions("listRuns", options, ["status", "dag", "updatedSince", "limit", "cursor"]);
    const { limit = 50, ...query } = options;
    expectCount("limit", limit);
    expectStatuses("status", query.status === undefined ? [] : [query.status]);
    if (query.updatedSince !== undefined) expectNumber("updatedSince", query.updatedSince, 0);
    const { heads, cursor } = await this.#store.heads({ ...query, limit });
    return { runs: heads, ...(cursor === undefined ? {} : { cursor }) };
  }

  /**
   * The executions and edges of a run, without payloads: a tree, laid out in the order of the dag. The options narrow it
   * to what changed lately, to some levels, or to a page of the elements of one composite.
   *
   * @throws HeddleError `RUN_NOT_FOUND`, `UNKNOWN_PATH` if `under` is no composite.
   */
  async inspect(runId: string, options: InspectOptions = {}): Promise<RunInspection> {
    const state = await this.#latest.load(runId);
    const [shape, tree] = await Promise.all([this.#reader.shape(state), this.#latest.tree(state)]);
    return inspectRun(state, { shape, tree }, options);
  }

  /**
   * Reads the latest output of a path.
   *
   * @throws HeddleError `UNKNOWN_PATH` if none is recorded, `VALUE_MISSING`, `STORE_DAMAGED`.
   */
  async loadOutput(runId: string, path: string): Promise<unknown> {
    const state = await this.#latest.load(runId);
    if (state.nodes.get(path)?.output) return this.#reader.output(state, path);
    if (state.damage) throw state.damage;
    const hint = withoutElement(path) === path ? "" : " An element of a sub-dag has none of its own: name its sink.";
    throw new HeddleError("UNKNOWN_PATH", `Run "${runId}" has no recorded output of path "${path}".${hint}`);
  }

  /**
   * Reads what an attempt of a path consumed (the latest, unless `attempt` names one): per input the value, or the
   * list of values that were collected.
   *
   * @throws HeddleError `UNKNOWN_PATH` if there is no such attempt, `VALUE_MISSING`, `STORE_DAMAGED`.
   */
  async loadInputs(runId: string, path: string, attempt?: number): Promise<Record<string, unknown>> {
    const state = await this.#latest.load(runId);
    const execution = inspectPath(state, await this.#reader.shape(state), path);
    const found = attempt === undefined ? execution : execution?.attempts.find((one) => one.attempt === attempt);
    if (!found?.inputs) {
      if (state.damage) throw state.damage;
      const what = attempt === undefined ? "execution" : `attempt ${attempt}`;
      throw new HeddleError("UNKNOWN_PATH", `Run "${runId}" has no ${what} of path "${path}".`);
    }
    const entries = Object.entries(found.inputs).map(async ([input, { collected, from }]) => {
      const values = await Promise.all(from.map((one) => this.#reader.consumed(state, one)));
      return [input, collected ? values : values[0]] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Reads a value that the record of a run refers to: a payload, log data, own properties of an error. */
  async loadValue(runId: string, ref: string): Promise<unknown> {
    return this.#reader.valueOf(await this.#latest.load(runId), ref);
  }

  /** Removes a run and the values that no other run refers to. */
  async removeRun(runId: string): Promise<void> {
    expectRunId(runId);
    this.#latest.forget(runId);
    await this.#store.remove([runId]);
  }

  /**
   * Removes old runs, or drops their payloads and leaves what happened: see {@link PruneOptions}. What somebody executes
   * at the moment is left alone. A restart or replay that needs a value that is gone is refused, and its plan says so.
   *
   * @throws HeddleError `INVALID_OPTION`.
   */
  async prune(options: PruneOptions): Promise<Pruned> {
    return prune(this.#store, options);
  }

  /** Tells how many bytes the store and each of its runs take. */
  usage(): Promise<StoreUsage> {
    return this.#store.usage();
  }

  // ---- for the runner

  newRunId(now: number): string {
    return this.#store.newId(now);
  }

  begin(request: BeginRequest): Promise<Recorder> {
    return this.#opener.begin(request);
  }

  restart(request: RestartRequest): Promise<Opened> {
    return this.#opener.restart(request);
  }

  replay(request: ReplayRequest, runId: string, setting: RecorderSetting): Promise<Opened> {
    return this.#opener.replay(request, runId, setting);
  }

  planReplay(request: ReplayRequest): Promise<ReplayPlan> {
    return this.#opener.planReplay(request);
  }

  planRestart(request: Omit<RestartRequest, keyof RecorderSetting>): Promise<RestartPlan> {
    return this.#opener.planRestart(request);
  }
}
