// What the runner needs of a record keeper. `DagProvenance` implements it over a store; `NullProvenance` keeps nothing.

import type { Plan } from "../definition/plan.js";
import { HeddleError } from "../errors.js";
import type { JournalEvent, Reason, Ref, ReplayMode } from "../events.js";
import type { Clock } from "../ports.js";
import type { OnChange } from "../record/on-change.js";
import type { ReplayPlan } from "../record/replay-plan.js";
import type { RestartPlan } from "../record/restart-plan.js";

/** Validated inputs by the path of the source. */
export type GivenInputs = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** A node that asked for a pause, and why. `rejected` says why its last answer was refused. */
export interface Pause {
  readonly path: string;
  readonly reason: string;
  readonly payload: unknown;
  readonly rejected?: string;
}

/** An element of a `map` with `onError: "collect"` that failed. */
export interface FailedElement {
  /** The path of the element: `chunks[3]`. */
  readonly path: string;
  /** The path of the node that failed. */
  readonly failedNode: string;
  readonly error: Error;
}

/** What earlier executions, or the run that is replayed, left behind: asked for path by path. */
export interface Prior {
  /** True if the path was completed, reused, or decided by an answer: it is not executed. */
  isDone(path: string): boolean;
  /** Reads the output of a path that is done: at once, or as a promise. */
  load(path: string): unknown;
  /** The number of its attempts so far. */
  attempts(path: string): number;
  /** Failed tries since the path's last outcome, so that a pause does not refill its retries. */
  tries(path: string): number;
  /** Why it is executed. */
  reason(path: string): Reason;
  /** The failure of an element that stays a result of the map that collected it. */
  failure(element: string): FailedElement | undefined;
  /** The answers to pauses of a path, by reason. */
  answers(path: string): Answers | undefined;
  /** Pauses to begin with: effects whose outcome is unknown. */
  readonly pauses: readonly Pause[];
  readonly stale: readonly string[];
  /** Failed elements of composites that are done. */
  readonly collected: readonly FailedElement[];
}

/** What pauses were answered with, by reason. */
export type Answers = ReadonlyMap<string, unknown>;

/** Writes one run while it is executed. */
export interface Recorder {
  readonly epoch: number;
  /** True if a downstream may start only after its upstream's completion is stored. */
  readonly storesFirst: boolean;
  /** True while so much waits to be stored that nothing new should start. */
  readonly congested: boolean;
  /**
   * Encodes a value at once and returns the size of the encoding. Hands over the reference now if the value is small,
   * otherwise before the event that is added next is stored.
   *
   * @throws HeddleError `NOT_KEEPABLE` with the path inside the value.
   */
  keep(value: unknown, assign: (ref: Ref) => void): number;
  add(event: JournalEvent): void;
  /**
   * Resolves when everything added so far is stored, and `durable`: would outlive a power cut, where the store can
   * promise that. Rejects if the run can no longer be written.
   */
  stored(durable?: boolean): Promise<void>;
  /** Calls back once if the run can no longer be written, before anything else learns of it. */
  onLost(callback: (error: Error) => void): void;
  /** Gives the run back. What was added and not stored is dropped. */
  close(): Promise<void>;
}

/** What a recorder works with. */
export interface RecorderSetting {
  readonly clock: Clock;
  /** Is shown every event as it is added. */
  readonly observe: (event: JournalEvent) => void;
}

/** A run to begin. */
export interface BeginRequest extends RecorderSetting {
  readonly runId: string;
  readonly plan: Plan;
  readonly inputs: GivenInputs;
}

/** A run to continue. */
export interface RestartRequest extends RecorderSetting {
  readonly runId: string;
  readonly plan: Plan;
  /** Answers to pauses, by path. */
  readonly resume: Readonly<Record<string, unknown>>;
  /** Failed elements to execute again, as paths and patterns. */
  readonly rerun: readonly string[];
  readonly onChange: OnChange;
}

/** A recorded run to replay. */
export interface ReplayRequest {
  readonly replayOf: string;
  readonly plan: Plan;
  readonly rerun: readonly string[];
  readonly mode: ReplayMode;
  /** New inputs for some sources. */
  readonly inputs: GivenInputs;
  readonly onChange: OnChange;
}

/** All that a continued or replayed run begins with. */
export interface Opened {
  readonly inputs: GivenInputs;
  readonly recorder: Recorder;
  readonly prior: Prior;
}

/** The record keeper of a runner. */
export interface Provenance {
  /** Names a new run. */
  newRunId(now: number): string;
  /** Opens a new run; gives no recorder where nothing is kept. */
  begin(request: BeginRequest): Promise<Recorder | undefined>;
  /** Takes over a recorded run. */
  restart(request: RestartRequest): Promise<Opened>;
  /** Opens a new run that reuses what another one recorded. */
  replay(request: ReplayRequest, runId: string, setting: RecorderSetting): Promise<Opened>;
  /** Tells what a replay would do. */
  planReplay(request: ReplayRequest): Promise<ReplayPlan>;
  /** Tells what a restart would do. */
  planRestart(request: Omit<RestartRequest, keyof RecorderSetting>): Promise<RestartPlan>;
}

/** Keeps nothing, costs nothing: the default of a runner. */
export class NullProvenance implements Provenance {
  newRunId(): string {
    return crypto.randomUUID();
  }

  async begin(): Promise<undefined> {
    return undefined;
  }

  async restart({ runId }: RestartRequest): Promise<never> {
    throw nothingKept(runId);
  }

  async replay({ replayOf }: ReplayRequest): Promise<never> {
    throw nothingKept(replayOf);
  }

  async planReplay({ replayOf }: ReplayRequest): Promise<never> {
    throw nothingKept(replayOf);
  }

  async planRestart({ runId }: Pick<RestartRequest, "runId">): Promise<never> {
    throw nothingKept(runId);
  }
}

function nothingKept(runId: string): HeddleError {
  return new HeddleError(
    "NOTHING_KEPT",
    `Nothing was kept of run "${runId}": this runner has no provenance. Give it one: new DagRunner(dag, { provenance: new DagProvenance(memoryStore()) }).`,
  );
}
