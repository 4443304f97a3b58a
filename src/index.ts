// The public names of the engine, listed one by one.

export type {
  CheckEdges,
  CheckSides,
  ContextNeeds,
  Given,
  Label,
  SinkOutputs,
  SourceInputs,
} from "./definition/check.js";
export { branch, flatMap, type MapOptions, map } from "./definition/composites.js";
export type { BaseContext, Context } from "./definition/context.js";
export { chain, dag } from "./definition/dag.js";
export type { AnyComposite, AnyDag, Composite, Dag, Edge, Member, Nodes, Sides } from "./definition/members.js";
export { toMermaid } from "./definition/mermaid.js";
export {
  type AnyNode,
  type Inputs,
  type Node,
  type NodeOptions,
  node,
  type Received,
  type Retry,
} from "./definition/node.js";
export { type ElementName, formatPath, type PathKey, type PathPart, parsePath } from "./definition/path.js";
export type { CompositeKind, CompositePlan, Plan, Step, SubPlan } from "./definition/plan.js";
export {
  type AnySchema,
  type Checked,
  type InputOf,
  type Issue,
  type KeyedType,
  keyed,
  type ListType,
  list,
  type MapType,
  mapOf,
  type NominalType,
  type OptionalType,
  type OutputOf,
  optional,
  type RecordType,
  record,
  type Schema,
  type Settled,
  type SettledType,
  settled,
  type,
} from "./definition/schema.js";
export { type ErrorCode, HeddleError } from "./errors.js";
export type {
  Composed,
  ConsumedRef,
  ErrorRecord,
  JournalEvent,
  NodeAborted,
  NodeCompleted,
  NodeFailed,
  NodeLog,
  NodePaused,
  NodeProgress,
  NodeReused,
  NodeStarted,
  Origin,
  Reason,
  Ref,
  ReplayMode,
  RunEnded,
  RunPruned,
  RunResumed,
  RunStarted,
  RunStatus,
} from "./events.js";
export type {
  Batch,
  Clock,
  Codec,
  Encoded,
  Executor,
  HeadQuery,
  Held,
  JournalPage,
  Lease,
  Place,
  RunHead,
  RunUsage,
  Skeleton,
  Store,
  StoreCapabilities,
  StoreUsage,
  Task,
  ValueLocation,
  WritePosition,
} from "./ports.js";
export type {
  Execution,
  InspectedAttempt,
  InspectOptions,
  RunInspection,
  Taken,
  Traversal,
} from "./record/inspection.js";
export type { Durability } from "./record/journal.js";
export type { OnChange } from "./record/on-change.js";
export { DagProvenance, type ListOptions, type ProvenanceOptions } from "./record/provenance.js";
export type { ReplayPlan, ReplayStep } from "./record/replay-plan.js";
export type { EffectAnswer } from "./record/restart.js";
export type { RestartPlan, RestartStep } from "./record/restart-plan.js";
export type { Pruned, PruneOptions } from "./record/retention.js";
export type { RunRecord } from "./record/run-record.js";
export type { LogLine, RecordedOutput, RecordedPause } from "./record/run-state.js";
export type {
  Budget,
  Overrides,
  ReplayOptions,
  RestartOptions,
  Run,
  RunArguments,
  RunnerArguments,
  RunnerOptions,
  RunOptions,
  StartOptions,
} from "./run/options.js";
export {
  type BeginRequest,
  type FailedElement,
  type GivenInputs,
  NullProvenance,
  type Opened,
  type Pause,
  type Prior,
  type Provenance,
  type Recorder,
  type RecorderSetting,
  type ReplayRequest,
  type RestartRequest,
} from "./run/recording.js";
export type { RunResult } from "./run/result.js";
export { DagRunner } from "./run/runner.js";
