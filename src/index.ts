export type { CheckEdges, Edge, Nodes, SinkOutputs, SourceInputs } from "./check.js";
export type { BaseContext, Context } from "./context.js";
export { chain, type Dag, dag } from "./dag.js";
export { type ErrorCode, HeddleError, hasCode } from "./errors.js";
export type { ErrorRecord, JournalEvent, Reason, Ref, ReplayMode, RunStatus } from "./events.js";
export type { Execution, InspectedAttempt, RunInspection, RunRecord, Taken, Traversal } from "./inspect.js";
export type { Durability } from "./journal.js";
export { toMermaid } from "./mermaid.js";
export { type AnyNode, type Inputs, type Node, type NodeOptions, node, type Received, type Retry } from "./node.js";
export type { OnChange } from "./on-change.js";
export type {
  Overrides,
  ReplayOptions,
  RestartOptions,
  Run,
  RunnerOptions,
  RunOptions,
  StartOptions,
} from "./options.js";
export type {
  Batch,
  Clock,
  Codec,
  Encoded,
  Executor,
  HeadQuery,
  Held,
  Lease,
  RunHead,
  Store,
  StoreCapabilities,
  Task,
  ValueLocation,
  WritePosition,
} from "./ports.js";
export { DagProvenance, type ListOptions, type ProvenanceOptions } from "./provenance.js";
export { NullProvenance, type Provenance } from "./recording.js";
export type { ReplayPlan, ReplayStep } from "./replay.js";
export type { EffectAnswer } from "./restart.js";
export type { Pause, RunResult } from "./result.js";
export { DagRunner } from "./runner.js";
export { type AnySchema, type InputOf, list, type OutputOf, optional, type Schema, type } from "./schema.js";
