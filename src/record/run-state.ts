// The state of a run, as folding its journal gives it.

import type { HeddleError } from "../errors.js";
import type {
  Composed,
  ConsumedRef,
  ErrorRecord,
  NodeReused,
  Origin,
  Reason,
  Ref,
  RunResumed,
  RunStarted,
  RunStatus,
} from "../events.js";

/** An output as recorded: its reference and where it was recorded first. */
export interface RecordedOutput {
  readonly ref: Ref | undefined;
  readonly bytes: number;
  readonly origin: Origin;
  /** How it is put together, if it is that of a composite. */
  readonly composed?: Composed;
}

/** One line that a node logged. */
export interface LogLine {
  readonly at: number;
  readonly message: string;
  readonly data?: Ref;
}

/** A pause that a node asked for. `answered`: a restart brought an answer, and the node has not run since. */
export interface RecordedPause {
  readonly reason: string;
  readonly payload?: Ref;
  readonly rejected?: string;
  answered: boolean;
}

/** What became of one try. `interrupted`: its process died, or lost the run, before the try ended. */
export interface AttemptRecord {
  readonly attempt: number;
  status: "running" | "completed" | "failed" | "paused" | "aborted" | "interrupted";
  readonly reason: Reason;
  readonly executor: string;
  readonly epoch: number;
  readonly overridden: boolean;
  readonly startedAt: number;
  endedAt?: number;
  /** The values it consumed, by input: an edge was traversed exactly if it stands here. */
  readonly consumed: Readonly<Record<string, readonly ConsumedRef[]>>;
  output?: RecordedOutput;
  error?: ErrorRecord;
  retryInMs?: number;
  overrunMs?: number;
  pause?: RecordedPause;
  /** Whether the function was called; a started effect was. */
  ran: boolean;
  progress?: { readonly done: number; readonly total?: number };
  readonly logs: LogLine[];
}

/** All that is recorded of one path. */
export interface NodeRecord {
  readonly path: string;
  readonly attempts: AttemptRecord[];
  /** Its latest output that still counts. */
  output?: RecordedOutput;
  /** Set if the output, or the failure that a map collected, was taken over from another run. */
  reused?: NodeReused;
  updatedAt: number;
}

/** The state of a run. */
export interface RunState {
  readonly runId: string;
  readonly started: RunStarted;
  /** The latest change of owner, if there was one. */
  resumed: RunResumed | undefined;
  /** The event that carries the shape in force. */
  shapeSeq: number;
  status: RunStatus;
  updatedAt: number;
  reason: string | undefined;
  failedNode: string | undefined;
  /** The number of events. */
  events: number;
  /** Why the journal cannot be read further than this. */
  damage: HeddleError | undefined;
  readonly nodes: Map<string, NodeRecord>;
  /** References of answers, by path and reason. */
  readonly answers: Map<string, Map<string, Ref>>;
}

/** The path whose output is that of a call or branch. */
export function onlyChild(path: string, { element = "", sink }: Composed): string {
  return path + element + sink;
}

/** The error with which a path failed, in this run or in the one it was taken over from. */
export function errorAt(node: NodeRecord | undefined): ErrorRecord | undefined {
  return node?.attempts.at(-1)?.error ?? node?.reused?.failure?.error;
}
