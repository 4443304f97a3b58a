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
  waitedMs?: number;
  /** True if these times are of a clock that stands still while code runs. */
  coarse?: true;
  /** The values it consumed, by input: an edge was traversed exactly if it stands here. */
  readonly consumed: Readonly<Record<string, readonly ConsumedRef[]>>;
  error?: ErrorRecord;
  retryInMs?: number;
  overrunMs?: number;
  pause?: RecordedPause;
  /** Whether the function was called; a started effect was. */
  ran: boolean;
  progress?: { readonly done: number; readonly total?: number };
  readonly logs: LogLine[];
}

/** What a path had to show from an event of its run on: an output, a failure, or nothing any more. */
export interface Outcome {
  readonly seq: number;
  readonly output?: RecordedOutput | undefined;
  readonly error?: ErrorRecord | undefined;
}

/** All that is recorded of one path. */
export interface NodeRecord {
  readonly path: string;
  readonly attempts: AttemptRecord[];
  /** Its latest output that still counts. */
  output?: RecordedOutput;
  /** Set if the output, or the failure that a map collected, was taken over from another run. */
  reused?: NodeReused;
  /** The event that the latest outcome came with. */
  outcomeSeq: number;
  /** Outcomes before the latest, if there were any. */
  earlier?: Outcome[];
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
  /** When its values were dropped. */
  prunedAt: number | undefined;
  readonly nodes: Map<string, NodeRecord>;
  /** References of answers, by path and reason. */
  readonly answers: Map<string, Map<string, Ref>>;
}

/** A value that a journal refers to, and where it was recorded. */
export type RecordedValue = Pick<RecordedOutput, "ref" | "origin" | "composed">;

/** The inputs that a source of the run was given. */
export function recordedInputs({ runId, started, events }: RunState, path: string): RecordedValue[] {
  const inputs = Object.hasOwn(started.inputs, path) ? started.inputs[path] : undefined;
  const origin = { runId, seq: events - 1, attempt: 0 };
  return Object.values(inputs ?? {}).map((ref) => ({ ref, origin }));
}

/** The answers that pauses of a path were given. */
export function recordedAnswers({ runId, answers, events }: RunState, path: string): RecordedValue[] {
  const origin = { runId, seq: events - 1, attempt: 0 };
  return Array.from(answers.get(path)?.values() ?? [], (ref) => ({ ref, origin }));
}

/** The path whose output is that of a call or branch. */
export function onlyChild(path: string, { element = "", sink }: Composed): string {
  return path + element + sink;
}

/** The error with which a path failed, in this run or in the one it was taken over from. */
export function errorAt(node: NodeRecord | undefined): ErrorRecord | undefined {
  return node?.attempts.at(-1)?.error ?? node?.reused?.failure?.error;
}

/** The outcome that a path had after an event of its run. */
export function outcomeAsOf(node: NodeRecord | undefined, seq: number): Outcome | undefined {
  if (!node || node.outcomeSeq <= seq) return node && latestOutcome(node);
  return node.earlier?.findLast((outcome) => outcome.seq <= seq);
}

/** The event with which a path got the output that was recorded first at `origin`. */
export function seqOfOutput(node: NodeRecord | undefined, { runId, seq }: Origin): number | undefined {
  if (!node) return undefined;
  const isIt = ({ output }: Outcome) => output?.origin.runId === runId && output.origin.seq === seq;
  return [latestOutcome(node), ...(node.earlier ?? [])].find(isIt)?.seq;
}

/** Notes that the outcome changes with this event; call before it does. */
export function outdate(node: NodeRecord, seq: number): void {
  const latest = latestOutcome(node);
  if (latest.output || latest.error) {
    node.earlier ??= [];
    node.earlier.push(latest);
  }
  node.outcomeSeq = seq;
}

function latestOutcome(node: NodeRecord): Outcome {
  return { seq: node.outcomeSeq, output: node.output, error: errorAt(node) };
}
