// The seams: what a store, a codec, an executor and a clock must do. Adapters implement these and know nothing else.

import type { BaseContext } from "./definition/context.js";
import type { AnyNode } from "./definition/node.js";
import type { PauseRequest } from "./definition/pausing.js";
import type { Plan } from "./definition/plan.js";
import type { JournalEvent, RunStatus } from "./events.js";

/** Time, injected so that tests need no fake timers. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function calls it off. */
  after(delayMs: number, callback: () => void): () => void;
  /**
   * True if time stands still while code runs and only I/O moves it on, as in Workers that are deployed
   * (developers.cloudflare.com/workers/reference/security-model). The record then says that its times are coarse.
   */
  readonly isCoarse?: boolean;
}

/**
 * A value outside the engine: text, and the binary that was taken out of it. A Blob may come back from a store as the
 * bytes in it.
 */
export interface Encoded {
  readonly text: string;
  readonly parts: readonly (Uint8Array<ArrayBuffer> | Blob)[];
}

/** Turns values into {@link Encoded} and back without loss. */
export interface Codec {
  /** @throws an Error with a `path` property (`.rows[3].cost`) if something inside cannot be kept. */
  encode(value: unknown): Encoded;
  /** @throws HeddleError `VALUE_DAMAGED` for anything that it did not write. */
  decode(encoded: Encoded): unknown;
}

/** One execution of one node's function. */
export interface Task {
  readonly node: AnyNode;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: BaseContext;
  /** What earlier pauses of its path were answered with, by reason. */
  readonly answers: ReadonlyMap<string, unknown> | undefined;
  /** Inputs that nobody else needs any more: a place that {@link Place.copies} may move them instead. */
  readonly moves: readonly unknown[];
  /** Says that the function begins, in a place that {@link Place.queues}. */
  begins(): void;
  /** Says that the function asked for a pause, in a place that does not give it this context. */
  pauses(request: PauseRequest): void;
  /** Has one listener told when the attempt is given up: cancelled, or out of time. Cheaper than `context.signal`. */
  onAbort(listener: (reason: unknown) => void): void;
}

/** A place where functions run. */
export interface Place {
  /** For the record: what it is, and why it was taken, if that is not plain. */
  readonly name: string;
  /** True if functions may have to wait there: their time counts from {@link Task.begins} on. */
  readonly queues?: boolean;
  /** True if functions get copies of their inputs there. */
  readonly copies?: boolean;
  /** Runs the function; may return its result or a promise of it, may throw or reject with its error. */
  execute(task: Task): unknown;
}

/** Where functions run. */
export interface Executor extends Place {
  /**
   * Says where a node of a dag runs: at once or, if that must first be found out, later. What it rejects with fails the
   * attempt. Default: all run in this place.
   */
  place?(node: AnyNode, plan: Plan): Place | PromiseLike<Place>;
}

/** What a store can do and how much it takes at once. */
export interface StoreCapabilities {
  /** `atomic`: an append under an old epoch is refused in the same step that writes. */
  readonly fencing: "atomic" | "none";
  /** `strong`: a read sees every write that was acknowledged before it. */
  readonly reads: "strong" | "eventual";
  /** Values up to this many bytes travel inside a batch; larger ones go through `putValue` first. */
  readonly batchedValueBytes: number;
  /** The least time between two appends to one run. */
  readonly appendIntervalMs: number;
  /** True if another store over the same place sees the same runs. */
  readonly shared: boolean;
  /**
   * True if operations are paid and granted in small numbers: runs are pruned one by one, and what the store takes is
   * counted only where that is asked for.
   */
  readonly metered?: boolean;
  /** True if each owner of a run has values of its own, so that equal ones of two are stored twice. */
  readonly valuesByRun?: boolean;
}

/** A small summary of a run, written with every batch and listed without reading journals. */
export interface RunHead {
  readonly runId: string;
  readonly dag: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly replayOf?: string;
  /** The number of events in the journal. */
  readonly events: number;
}

/** What one append carries, stored whole or not at all. */
export interface Batch {
  /** At least one. */
  readonly events: readonly JournalEvent[];
  /**
   * New values by the SHA-256, in hex, of the lengths of their parts as a line of JSON, their text in UTF-8, and their
   * parts.
   */
  readonly values: ReadonlyMap<string, Encoded>;
  /**
   * The hashes of all values that these events refer to, wherever they are stored: they are kept as long as the run.
   * Those of other runs stand in events of type `node-reused`, which say where they are.
   */
  readonly refers: readonly string[];
  readonly head: RunHead;
  /** True if it must outlive a power cut from the moment the append resolves; otherwise the death of the process is enough. */
  readonly durable: boolean;
}

/** Some events of a journal, in order. */
export interface JournalPage {
  readonly events: readonly JournalEvent[];
  /** False at the end of the journal; true if there may be more. */
  readonly more: boolean;
}

/** Who writes and where: the store checks `epoch`, and that `seq` is the number of events it has. */
export interface WritePosition {
  readonly epoch: number;
  readonly seq: number;
  readonly owner: string;
}

/** The right to write to a run, for a while. */
export interface Lease {
  readonly epoch: number;
  /** The number of events in the journal at this moment. */
  readonly events: number;
}

/** What keeps {@link Store.acquire} from giving the run away. */
export interface Held {
  readonly heldBy: string;
  readonly untilMs: number;
}

/** Where to find a hashed value: it came with the batch of event `seq` of that run, or earlier. */
export interface ValueLocation {
  readonly hash: string;
  readonly runId: string;
  readonly seq: number;
}

/** Which runs to list: newest first, at most `limit`, from `cursor` on. */
export interface HeadQuery {
  readonly status?: RunStatus;
  readonly dag?: string;
  /** Only runs with an event at or after this time. */
  readonly updatedSince?: number;
  readonly limit: number;
  readonly cursor?: string;
}

/** A run that is to lose its payloads. */
export interface Skeleton {
  readonly runId: string;
  /** Who prunes must own the run under this epoch. */
  readonly epoch: number;
  /** The hashes of the values that stay. */
  readonly keep: ReadonlySet<string>;
}

/** What one run takes. */
export interface RunUsage {
  readonly runId: string;
  /** What this run stored: its journal and its values. What it shares with other runs may count for each of them. */
  readonly bytes: number;
  /** The part of it that {@link Store.prune} would drop. */
  readonly payloadBytes: number;
}

/** What a store takes, in bytes: as exact as the platform allows. */
export interface StoreUsage {
  /** All that is stored; what runs share counts once. */
  readonly bytes: number;
  readonly runs: readonly RunUsage[];
  /** How much more the platform grants at the moment, where it tells. */
  readonly availableBytes?: number;
}

/**
 * A store. Failures are {@link HeddleError}s: `FENCED` (an old epoch), `STORE_CONFLICT` (another writer was at this
 * position, or a value that was put for this batch is gone), `STORE_QUOTA`, `STORE_TOO_LARGE`, `STORE_UNAVAILABLE`, `STORE_DAMAGED` (what is stored is not what was
 * written), `STORE_STALE` (some of what was written is not seen here yet), `STORE_VERSION` (a newer version wrote it).
 */
export interface Store {
  readonly capabilities: StoreCapabilities;
  readonly codec: Codec;
  /** Makes a unique name for a run or an owner; later names sort after earlier ones. */
  newId(now: number): string;

  /** Takes the right to write, if nobody holds it at `now` or its lease is over by then; the epoch grows. */
  acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held>;
  /** Prolongs the lease, also one that is over and that nobody has taken; false if it was lost. */
  renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean>;
  release(runId: string, epoch: number): Promise<void>;

  /**
   * Adds one batch in one atomic step. Only the store that acquired the run is asked to. The last append once more, by
   * position and owner, succeeds and changes nothing.
   */
  append(runId: string, at: WritePosition, batch: Batch): Promise<void>;
  /**
   * Reads at most `limit` events from position `seq` on. Unknown runs have none. If the journal is damaged further on,
   * what comes before is read, and the read that begins at the damage rejects with `STORE_DAMAGED`.
   */
  read(runId: string, seq: number, limit: number): Promise<JournalPage>;

  /** Stores one large value for a run that this store holds. A durable batch makes those that were put before it durable too. */
  putValue(runId: string, hash: string, value: Encoded): Promise<void>;
  getValue(at: ValueLocation): Promise<Encoded | undefined>;
  /** Tells for each location whether its value is still there. */
  hasValues(at: readonly ValueLocation[]): Promise<readonly boolean[]>;

  head(runId: string): Promise<RunHead | undefined>;
  heads(query: HeadQuery): Promise<{ readonly heads: readonly RunHead[]; readonly cursor?: string }>;
  /** Removes runs with their journals, and the values that no other run refers to. */
  remove(runIds: readonly string[]): Promise<void>;
  /**
   * Drops the values of runs, except those they keep and those that other runs refer to. Their events stay, and the
   * leases end. A run whose epoch is over is left as it is, and the call rejects with `FENCED` after the others.
   */
  prune(runs: readonly Skeleton[]): Promise<void>;
  usage(): Promise<StoreUsage>;
  /** Lets go of files and connections. Afterwards every call rejects with `STORE_UNAVAILABLE`. */
  close(): Promise<void>;
}
