// What the runner needs of a record keeper. `DagProvenance` implements it over a store; `NullProvenance` keeps nothing.

import { HeddleError } from "./errors.js";
import type { JournalEvent, Ref, ReplayMode } from "./events.js";
import type { RecordedOutput, RunState } from "./fold.js";
import type { Clock } from "./ports.js";
import type { Code, Shape } from "./shape.js";

/** What a run is made of, for its record. */
export interface Described {
  readonly shape: Shape;
  readonly code: Code;
}

/** What a new run starts from. */
export interface RunStart extends Described {
  readonly runId: string;
  /** Validated inputs by the path of the source. */
  readonly inputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly replay?: { readonly of: string; readonly rerun: readonly string[]; readonly mode: ReplayMode };
}

/** An answer to a pause. */
export interface Answer {
  readonly path: string;
  readonly reason: string;
  readonly value: unknown;
}

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
  /** Resolves when everything added so far is stored; rejects if the run can no longer be written. */
  stored(): Promise<void>;
  /** Reads a recorded value: at once if it is small. */
  load(output: RecordedOutput): unknown;
  /** Calls back once if the run can no longer be written, before anything else learns of it. */
  onLost(callback: (error: Error) => void): void;
  /** Gives the run back. What was added and not stored is dropped. */
  close(): Promise<void>;
}

/** A run that was taken over, before it goes on. */
export interface Resumable {
  readonly recorder: Recorder;
  readonly state: RunState;
  /** Records that the run goes on, with these answers and without the outputs of the invalidated paths. */
  resume(answers: readonly Answer[], invalidated: readonly string[]): void;
}

/** The record keeper of a runner. */
export interface Provenance {
  /** Names a new run. */
  newRunId(now: number): string;
  /** Opens a new run; gives no recorder where nothing is kept. */
  begin(start: RunStart, clock: Clock): Promise<Recorder | undefined>;
  /** Takes over a recorded run. */
  takeOver(runId: string, described: Described, clock: Clock): Promise<Resumable>;
  /** Reads a recorded run. */
  load(runId: string): Promise<RunState>;
  /** Reads the shape with which a run was last executed; nothing if it is `shape`. */
  otherShape(state: RunState, shape: Shape): Promise<Shape | undefined>;
  /** Tells for each output whether its value can still be read. */
  available(outputs: readonly RecordedOutput[]): Promise<readonly boolean[]>;
  /** Reads a recorded value. */
  loadValue(output: RecordedOutput): Promise<unknown>;
}

/** Keeps nothing, costs nothing: the default of a runner. */
export class NullProvenance implements Provenance {
  newRunId(): string {
    return crypto.randomUUID();
  }

  async begin(): Promise<undefined> {
    return undefined;
  }

  takeOver(runId: string): Promise<never> {
    return nothingKept(runId);
  }

  load(runId: string): Promise<never> {
    return nothingKept(runId);
  }

  otherShape(): Promise<never> {
    return nothingKept("");
  }

  available(): Promise<never> {
    return nothingKept("");
  }

  loadValue(): Promise<never> {
    return nothingKept("");
  }
}

async function nothingKept(runId: string): Promise<never> {
  throw new HeddleError(
    "NOTHING_KEPT",
    `Nothing was kept of run "${runId}": this runner has no provenance. Give it one: new DagRunner(dag, { provenance: new DagProvenance(memoryStore()) }).`,
  );
}
