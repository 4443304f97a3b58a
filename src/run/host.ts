// What attempts and composites need of the execution they belong to.

import type { Plan, Step } from "../definition/plan.js";
import type { Reason } from "../events.js";
import type { CompositeRun, RunFrame } from "./composite-run.js";
import type { Shared } from "./frame.js";
import type { Settings } from "./invoke.js";
import type { Recorder } from "./recording.js";
import type { Reporter, Trial } from "./reporter.js";
import type { WorkQueue } from "./work.js";

/** One execution of one run. */
export interface RunHost {
  /** Of the dag that is run, with what its runner put in other places. */
  readonly plan: Plan;
  readonly settings: Settings;
  readonly shared: Shared;
  readonly recorder: Recorder | undefined;
  readonly reporter: Reporter;
  readonly work: WorkQueue<RunFrame | CompositeRun>;
  /** True when nothing new may start. */
  readonly isStopping: boolean;
  /** True when all that runs has been told to stop. */
  readonly isAborting: boolean;
  /** Why something is executed. */
  reason(trial: Trial): Reason;
  /** Starts a step that is ready. */
  start(frame: RunFrame, index: number): void;
  /** Hands an output on to whoever waits for it. */
  deliver(frame: RunFrame, step: Step): void;
  /** Ends all that runs in the scope of a frame. */
  fail(frame: RunFrame, path: string, error: Error): void;
  /** Drops the pauses that were asked for inside an element that has failed. */
  forgetPauses(element: string): void;
  /** Ends the run: its record can no longer be written, or the engine itself is broken. */
  lose(error: Error): void;
  /** Starts all that may start. */
  pump(): void;
}
