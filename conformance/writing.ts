// Writes to a store by hand, as the engine does: under a lease, batch by batch.

import type { Batch, Encoded, JournalEvent, RunHead, Store, WritePosition } from "../src/index.js";
import { expect } from "./expect.js";
import { printed } from "./printed.js";

/** How long a lease lasts in the cases, in milliseconds. */
export const LEASE_MS = 1_000;

/** Takes a run; fails if somebody holds it. */
export async function acquired(
  store: Store,
  runId: string,
  now = 0,
  owner: string = store.newId(now),
): Promise<WritePosition> {
  const lease = await store.acquire(runId, owner, now, LEASE_MS);
  if ("heldBy" in lease) throw new Error(`Run ${printed(runId)} is held by ${lease.heldBy}, and should be free.`);
  return { owner, epoch: lease.epoch, seq: lease.events };
}

/** Some events that can be told from others. */
export function eventsOf(mark: string, count: number): readonly JournalEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    type: "node-log" as const,
    at: i,
    path: "node",
    attempt: 1,
    message: `${mark} ${i}`,
  }));
}

/** What else a batch may carry: the head of the run is made up as far as it is not given. */
export type Extra = Partial<Omit<Batch, "events" | "head">> & { readonly head?: Partial<RunHead> };

/** A batch with these events. */
export function batchOf(runId: string, seq: number, events: readonly JournalEvent[], extra: Extra = {}): Batch {
  const { head, ...rest } = extra;
  const made: RunHead = { runId, dag: "dag", status: "running", startedAt: 1, updatedAt: 1, events: 0, ...head };
  return {
    values: new Map(),
    refers: [],
    durable: false,
    ...rest,
    events,
    head: { ...made, events: seq + events.length },
  };
}

/** Appends one batch, and tells where the next one comes. */
export async function appended(
  store: Store,
  runId: string,
  at: WritePosition,
  events: readonly JournalEvent[],
  extra: Extra = {},
): Promise<WritePosition> {
  await store.append(runId, at, batchOf(runId, at.seq, events, extra));
  return { ...at, seq: at.seq + events.length };
}

/** A run of one batch, with values that are stored apart, given back at once. */
export async function storedRun(
  store: Store,
  runId: string,
  events: readonly JournalEvent[],
  extra: Extra = {},
  apart: readonly Named[] = [],
): Promise<void> {
  const at = await acquired(store, runId);
  for (const { hash, encoded } of apart) await store.putValue(runId, hash, encoded);
  await appended(store, runId, at, events, extra);
  await store.release(runId, at.epoch);
}

/** A value and its name. */
export interface Named {
  readonly hash: string;
  readonly encoded: Encoded;
  readonly bytes: number;
}

/** Names a value by the SHA-256 of the lengths of its parts as a line of JSON, its text in UTF-8, and its parts. */
export async function named(text: string, parts: readonly Uint8Array<ArrayBuffer>[] = []): Promise<Named> {
  const lengths = JSON.stringify(parts.map((part) => part.byteLength));
  const whole = new Blob([`${lengths}\n${text}`, ...parts]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await whole.arrayBuffer()));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { hash, encoded: { text, parts }, bytes: whole.size };
}

/** Events that refer to values, as completions do. */
export function outputsOf(values: readonly Named[]): readonly JournalEvent[] {
  return values.map(({ hash }, i) => ({
    type: "node-completed" as const,
    at: i,
    path: `node${i}`,
    attempt: 1,
    output: `#${hash}`,
  }));
}

/** Events that refer to values which another run stored with one batch, as those of a replay do. */
export function reusing(values: readonly Named[], runId: string): readonly JournalEvent[] {
  return values.map(({ hash }, i) => ({
    type: "node-reused" as const,
    at: i,
    path: `node${i}`,
    output: `#${hash}`,
    inputs: {},
    from: { runId, seq: i, attempt: 1 },
  }));
}

/** Stores values where they belong, inside or before the batch, and a run of one batch that refers to them. */
export async function storedValues(store: Store, runId: string, values: readonly Named[]): Promise<void> {
  const { batchedValueBytes } = store.capabilities;
  const batched = values.filter(({ bytes }) => bytes <= batchedValueBytes);
  const batch = {
    values: new Map(batched.map(({ hash, encoded }) => [hash, encoded])),
    refers: values.map(({ hash }) => hash),
  };
  const apart = values.filter(({ bytes }) => bytes > batchedValueBytes);
  await storedRun(store, runId, outputsOf(values), batch, apart);
}

/** The names of several runs. */
export function runIds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `run ${i}`);
}

/** Checks that a lease was refused, and returns who has it. */
export function heldBy(lease: Awaited<ReturnType<Store["acquire"]>>): { heldBy: string; untilMs: number } {
  expect("heldBy" in lease, `A run that is held was given away, under epoch ${"epoch" in lease && lease.epoch}.`);
  return lease;
}
