// What an inspection shows: executions, attempts and edges, without payloads.

import type { ConsumedRef, ErrorRecord, Origin, Reason, Ref } from "../events.js";
import type { RunRecord } from "./run-record.js";
import type { AttemptRecord, LogLine, RecordedPause } from "./run-state.js";

/** What one input took: references to values, collected into a list or as a whole. */
export interface Taken {
  readonly collected: boolean;
  readonly from: readonly ConsumedRef[];
}

/** One try of a path. */
export interface InspectedAttempt {
  readonly attempt: number;
  readonly status: AttemptRecord["status"];
  readonly reason: Reason;
  readonly executor: string;
  readonly epoch: number;
  readonly overridden: boolean;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Milliseconds until its function was called, if it had to wait for a worker. */
  readonly waitedMs?: number;
  /** Milliseconds until it ended, without that wait. */
  readonly durationMs?: number;
  /** True if the clock stood still while code ran, as in Workers that are deployed: it took that long or longer. */
  readonly coarse?: true;
  readonly inputs: Readonly<Record<string, Taken>>;
  readonly error?: ErrorRecord;
  readonly retryInMs?: number;
  readonly overrunMs?: number;
  /** False if it was aborted before its function was called. */
  readonly ran: boolean;
  readonly pause?: Readonly<RecordedPause>;
  readonly progress?: { readonly done: number; readonly total?: number };
  readonly logs: readonly LogLine[];
}

/** All that is known of one path. */
export interface Execution {
  readonly path: string;
  readonly label: string;
  /** The composite that it is directly inside. */
  readonly parent?: string;
  readonly source: boolean;
  readonly internal: boolean;
  readonly sink: boolean;
  readonly composite: boolean;
  /** For a composite that has begun: how many executions are directly inside, by status. */
  readonly children?: Readonly<Partial<Record<Execution["status"], number>>>;
  /** `pending`: never started. `reused`: taken over from another run. Otherwise the status of the latest attempt. */
  readonly status: "pending" | "reused" | AttemptRecord["status"];
  /** Why it was executed last, or that it was reused. */
  readonly reason?: Reason | "reused";
  readonly attempts: readonly InspectedAttempt[];
  readonly inputs?: Readonly<Record<string, Taken>>;
  /** The failure that was taken over from another run; those of this run are with their attempts. */
  readonly error?: ErrorRecord;
  readonly output?: { readonly ref?: Ref; readonly bytes: number; readonly origin: Origin };
  readonly updatedAt?: number;
}

/** An edge along which a value went. Without `input`, the downstream was only ordered by it. */
export interface Traversal {
  readonly from: string;
  readonly to: string;
  readonly input?: string;
  /** Which element of the value was taken: `[3]`, `{Oslo}`. */
  readonly element?: string;
  readonly value?: Ref;
  /** The attempt that consumed it; absent for what a reused output was made of. */
  readonly attempt?: number;
}

/** A run, or a part of it, without its payloads. */
export interface RunInspection {
  readonly run: RunRecord;
  /** In the order of the dag; what is inside a composite comes right after it, element by element. */
  readonly executions: readonly Execution[];
  readonly edges: readonly Traversal[];
  /** How many elements the composite `under` has begun. */
  readonly elements?: number;
}

/** What to look at; everything, unless it is narrowed. */
export interface InspectOptions {
  /** Only what changed at or after this time, in milliseconds since the epoch. */
  readonly since?: number;
  /** Only what is inside this composite. */
  readonly under?: string;
  /** How many levels of composites to go into; 0: none. Default: all. */
  readonly depth?: number;
  /** The first element of `under` to show, counted from 0. Default 0. */
  readonly offset?: number;
  /** How many elements of `under` to show. Default: all. */
  readonly limit?: number;
}
