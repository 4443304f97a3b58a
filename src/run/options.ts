// What the verbs take and give, with the types that follow from the dag.

import type { ContextNeeds, Label, SinkOutputs, SourceInputs } from "../definition/check.js";
import type { Edge, Nodes } from "../definition/members.js";
import type { AnyNode, Node } from "../definition/node.js";
import type { JournalEvent, ReplayMode } from "../events.js";
import type { Clock, Executor } from "../ports.js";
import type { OnChange } from "../record/on-change.js";
import type { Provenance } from "./recording.js";
import type { RunResult } from "./result.js";

/**
 * Nodes that take the place of others of the same types: by label, or inside composites by a pattern
 * (`chunks[*]/parse`, `stats/parse`, `route{text}`).
 */
export type Overrides<N> = {
  readonly [L in keyof N]?: N[L] extends Node<infer I, infer O, infer C> ? Node<I, O, C> : never;
} & { readonly [P in `${string}/${string}` | `${string}[*]` | `${string}}`]?: AnyNode };

/** How a runner runs; all optional. */
export interface RunnerOptions<N = Nodes> {
  /** Where runs are recorded. Default: nowhere (`NullProvenance`). */
  readonly provenance?: Provenance;
  /** Where functions run. Default: inline, on the event loop. */
  readonly executor?: Executor;
  /** Nodes to run in the place of others, e.g. a cached download or a mock. The record says so. */
  readonly overrides?: Overrides<N>;
  /** How many nodes of one run may execute at a time: a number from 1 and up. Default: no limit. */
  readonly concurrency?: number;
  /**
   * Called at once with every event, recorded or not: those of nodes and the end of the run; where a record is kept,
   * also those that open it (`run-started`, `run-resumed`, `node-reused`).
   */
  readonly onEvent?: (event: JournalEvent, runId: string) => void;
  /** Default: the clock and timers of the platform. */
  readonly clock?: Clock;
}

/** Extra fields of `ctx`, which are never recorded: required if a node of the dag asks for any. */
export type RunnerArguments<N> =
  unknown extends ContextNeeds<N>
    ? [options?: RunnerOptions<N> & { readonly context?: object }]
    : [options: RunnerOptions<N> & { readonly context: ContextNeeds<N> }];

/** After how much a run pauses by itself. */
export interface Budget {
  /** Milliseconds from the start of this execution. */
  readonly timeMs?: number;
  /** How many attempts may start. */
  readonly operations?: number;
}

/** What any start of an execution takes. */
export interface StartOptions {
  /** Cancels the run when it aborts. */
  readonly signal?: AbortSignal;
  /** Pauses the run by itself after so much time or so many attempts. */
  readonly budget?: Budget;
}

/** What `run` takes besides the inputs. */
export interface RunOptions extends StartOptions {
  /** The name of the run. Default: made by the store. */
  readonly runId?: string;
}

/** What `restart` takes. */
export interface RestartOptions extends StartOptions {
  /** Answers to pauses, by path. */
  readonly resume?: Readonly<Record<string, unknown>>;
  /**
   * Failed elements of maps that collect errors and have completed, to be executed again, with all that was made of
   * them: paths (`chunks[3]`) and patterns (`chunks[*]`). This is the one way to restart a completed run.
   */
  readonly rerun?: readonly string[];
  /** Default `refuse`. */
  readonly onChange?: OnChange;
}

/** What a replay takes. */
export interface ReplayOptions<N = Nodes, E extends readonly Edge[] = readonly Edge[]> extends StartOptions {
  /**
   * The paths to execute again: nodes (`report`), nodes inside composites (`chunks[3]/parse`), elements (`chunks[3]`),
   * whole composites (`chunks`), and patterns (`chunks[*]/parse`).
   */
  readonly rerun?: readonly (Label<N> | (string & {}))[];
  /**
   * `pinned` (default): the named paths alone, and descendants keep their recorded outputs; `downstream`: all
   * descendants too.
   */
  readonly mode?: ReplayMode;
  /** New inputs for some sources, which are then executed; usually together with `mode: "downstream"`. */
  readonly inputs?: Partial<SourceInputs<N, E>>;
  /** Default `refuse`. */
  readonly onChange?: OnChange;
}

/** The arguments of `run`: inputs may be left out if no source needs any. */
export type RunArguments<N, E extends readonly Edge[]> =
  Partial<SourceInputs<N, E>> extends SourceInputs<N, E>
    ? [inputs?: SourceInputs<N, E>, options?: RunOptions]
    : [inputs: SourceInputs<N, E>, options?: RunOptions];

/** A run under way: a promise of its result, with its name and the means to stop it, known at once. */
export interface Run<N = Nodes, E extends readonly Edge[] = readonly Edge[]>
  extends Promise<RunResult<SinkOutputs<N, E>>> {
  readonly runId: string;
  /** Lets running nodes finish and starts nothing new; the run can be restarted. */
  pause(reason?: string): void;
  /**
   * Aborts `ctx.signal` of running nodes, awaits them, and starts nothing new. A run whose last nodes complete all the
   * same is `completed`.
   */
  cancel(reason?: string): void;
}
