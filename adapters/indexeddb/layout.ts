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
  /** Values that came with batches, and what of them stayed when the run was pruned. */
  readonly batchedBytes: number;
  readonly keptBytes: number;
  /** How many events there were when the run was pruned: what these still refer to stays. */
  readonly prunedEvents: number;
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
  keptBytes: 0,
  prunedEvents: 0,
};

/**
 * Events of one append, as JSON: cheaper to write and to read than as objects, and of a known size. What stands in the
 * key stands here too, so that a batch in the wrong place is found.
 */
export interface StoredBatch {
  readonly run: string;
  readonly seq: number;
  /** The number of events. */
  readonly count: number;
  /** The version of the events. */
  readonly format: number;
  readonly events: string;
}

/** The values of one append, and those it refers to. Apart from the events, which are read more often. */
export interface Payload {
  readonly values: readonly (readonly [hash: string, value: Encoded])[];
  /** Index keys of `values`, and of all other hashes that the events refer to. */
  readonly holds: readonly string[];
  readonly refers: readonly string[];
}

/** What is known of a value that is stored apart. */
export interface StoredValue {
  readonly bytes: number;
  /** A mark for the next sweep: when it was put, until its batch comes; or 0 since a run that referred to it let it go. */
  readonly putAt?: number;
}

type RunKey = [namespace: string, runId: string];
type BatchKey = [namespace: string, runId: string, seq: number];
type ValueKey = [namespace: string, hash: string];

/** The object stores, with the types of what is in them. */
export interface Layout extends DBSchema {
  runs: { key: RunKey; value: StoredRun };
  batches: { key: BatchKey; value: StoredBatch };
  payloads: { key: BatchKey; value: Payload; indexes: { holds: string; refers: string } };
  values: { key: ValueKey; value: Encoded };
  stored: { key: ValueKey; value: StoredValue; indexes: { putAt: number } };
}

/** All object stores, for a transaction over everything. */
export const EVERYTHING = ["runs", "batches", "payloads", "values", "stored"] as const;

/** The name of an object store. */
export type StoreName = (typeof EVERYTHING)[number];

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

/** True if not one of these is an object store of this layout, so that no version of heddle made them. */
export function isForeign(db: IDBPDatabase<Layout>): boolean {
  return !EVERYTHING.some((name) => db.objectStoreNames.contains(name));
}
