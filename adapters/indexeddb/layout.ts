// What stands in the database: five object stores, all keyed by the namespace first.

import type { DBSchema, IDBPDatabase } from "idb";
import type { Encoded, RunHead } from "../../src/ports.js";

/**
 * The version of the layout. It counts from 2: version 1 without any object store is what somebody leaves behind who
 * opens a database by its name alone, and that one is made ours.
 */
export const LAYOUT = 2;

/** A run: who may write to it, and how it stands. Without a head it was claimed and never written, or removed. */
export interface StoredRun {
  readonly epoch: number;
  readonly owner: string | undefined;
  /** True if the owner holds a Web Lock of its name for as long as it lives. */
  readonly isLocked: boolean;
  readonly leaseUntil: number;
  readonly head: RunHead | undefined;
  readonly events: number;
  /** Names the last append, so that it is not done twice. */
  readonly lastAppend: string | undefined;
  readonly journalBytes: number;
  /** Values that came with batches, values stored apart, and what of both stays when the run is pruned. */
  readonly batchedBytes: number;
  readonly apartBytes: number;
  readonly keptBytes: number;
}

/** A run of which nothing is known. */
export const NO_RUN: StoredRun = {
  epoch: 0,
  owner: undefined,
  isLocked: false,
  leaseUntil: 0,
  head: undefined,
  events: 0,
  lastAppend: undefined,
  journalBytes: 0,
  batchedBytes: 0,
  apartBytes: 0,
  keptBytes: 0,
};

/** Events of one append, as JSON: cheaper to write and to read than as objects, and of a known size. */
export interface StoredBatch {
  readonly seq: number;
  readonly events: string;
}

/** The values of one append, and those it refers to. Apart from the events, which are read more often. */
export interface Payload {
  readonly values: readonly (readonly [hash: string, value: Encoded])[];
  /** Index keys of `values`, and of all other hashes that the events refer to. */
  readonly holds: readonly string[];
  readonly refers: readonly string[];
}

/** What is known of a value that is stored apart. `putAt` is gone as soon as a sweep has looked at it. */
export interface StoredValue {
  readonly bytes: number;
  readonly putAt?: number;
}

type RunKey = [namespace: string, runId: string];
type BatchKey = [namespace: string, runId: string, seq: number];
type ValueKey = [namespace: string, hash: string];

export interface Layout extends DBSchema {
  runs: { key: RunKey; value: StoredRun };
  batches: { key: BatchKey; value: StoredBatch };
  payloads: { key: BatchKey; value: Payload; indexes: { holds: string; refers: string } };
  values: { key: ValueKey; value: Encoded };
  stored: { key: ValueKey; value: StoredValue; indexes: { putAt: number } };
}

export type StoreName = "runs" | "batches" | "payloads" | "values" | "stored";
export const EVERYTHING: readonly StoreName[] = ["runs", "batches", "payloads", "values", "stored"];

/** Makes the object stores. */
export function makeStores(db: IDBPDatabase<Layout>): void {
  db.createObjectStore("runs");
  db.createObjectStore("batches");
  const payloads = db.createObjectStore("payloads");
  payloads.createIndex("holds", "holds", { multiEntry: true });
  payloads.createIndex("refers", "refers", { multiEntry: true });
  db.createObjectStore("values");
  db.createObjectStore("stored").createIndex("putAt", "putAt");
}

/** True if these are the object stores of this layout. */
export function isOurs(db: IDBPDatabase<Layout>): boolean {
  return EVERYTHING.every((name) => db.objectStoreNames.contains(name));
}
