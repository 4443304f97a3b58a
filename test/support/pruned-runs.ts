// Runs that share values in every way, written batch by batch: to be pruned.

import { createHash } from "node:crypto";
import type { Batch, Encoded, JournalEvent, RunHead, Skeleton, Store } from "heddle";
import { expect } from "vitest";

/** The values that are there when `old` and `too` were pruned. */
export const NEEDED: readonly Name[] = ["kept", "keptFile", "shared", "sharedFile"];

/** When the runs were written, under leases that end at `LATER`. */
const NOW = 0;
export const LATER = 1_000;

/** A value, and its name. */
export interface Named {
  readonly hash: string;
  readonly encoded: Encoded;
}

/** A value of one letter, repeated. */
function named(letter: string, length = 2_000): Named {
  const text = letter.repeat(length);
  return { hash: createHash("sha256").update(`[]\n${text}`).digest("hex"), encoded: { text, parts: [] } };
}

/** What stands in lines of the journals, and what has files of its own. */
export const VALUES = {
  /** To be kept; comes with two batches. */
  kept: named("k"),
  keptFile: named("K", 30_000),
  /** Refers to them: `old`, and then also another run that stays, and one that is pruned too. */
  own: named("o"),
  shared: named("s"),
  both: named("b"),
  ownFile: named("O", 30_000),
  sharedFile: named("S", 30_000),
} as const;

type Name = keyof typeof VALUES;

export const event = (reason: string): JournalEvent => ({ type: "run-paused", at: 1, reason });

/** Adds one event with values to a run. */
export async function append(
  store: Store,
  runId: string,
  at: { readonly epoch: number; readonly seq: number; readonly owner: string },
  { values = [], refers = values }: { readonly values?: readonly Name[]; readonly refers?: readonly Name[] } = {},
): Promise<void> {
  const head: RunHead = { runId, dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: at.seq + 1 };
  const batch: Batch = {
    events: [event(`${runId} ${at.seq}`)],
    values: new Map(values.map((name) => [VALUES[name].hash, VALUES[name].encoded])),
    refers: refers.map((name) => VALUES[name].hash),
    head,
    durable: false,
  };
  await store.append(runId, at, batch);
}

/** Takes a run at some time. */
export async function take(store: Store, runId: string, now = NOW, owner = "me") {
  const lease = await store.acquire(runId, owner, now, LATER);
  if ("heldBy" in lease) throw new Error(`Run "${runId}" is held by ${lease.heldBy}.`);
  return { epoch: lease.epoch, seq: lease.events, owner };
}

/** The runs: `old` was written by two owners, `user` and `too` refer to some of its values. */
export const RUNS = { old: 3, user: 1, too: 1 } as const;

/** Writes these runs. */
export async function writeRuns(store: Store): Promise<void> {
  for (const { hash, encoded } of [VALUES.keptFile, VALUES.ownFile, VALUES.sharedFile])
    await store.putValue("old", hash, encoded);
  const first = await take(store, "old");
  await append(store, "old", first, { values: ["kept", "own", "shared"] });
  await append(store, "old", { ...first, seq: 1 }, { values: ["both"] });
  await store.release("old", first.epoch);
  const second = await take(store, "old");
  await append(store, "old", second, { values: ["kept"], refers: ["kept", "keptFile", "ownFile", "sharedFile"] });
  await store.release("old", second.epoch);
  for (const [runId, refers] of [
    ["user", ["shared", "sharedFile"]],
    ["too", ["both"]],
  ] as const) {
    const at = await take(store, runId);
    await append(store, runId, at, { refers });
    await store.release(runId, at.epoch);
  }
}

/** Takes `old` and `too`, and says what is to become of them. */
export async function takeAll(store: Store, now = NOW): Promise<readonly [Skeleton, Skeleton]> {
  const old = await take(store, "old", now);
  const too = await take(store, "too", now);
  return [
    { runId: "old", epoch: old.epoch, keep: new Set([VALUES.kept.hash, VALUES.keptFile.hash]) },
    { runId: "too", epoch: too.epoch, keep: new Set() },
  ];
}

const at = (name: Name) => ({ hash: VALUES[name].hash, runId: "old", seq: 0 });

/** Which of the values are there. */
export async function valuesIn(store: Store): Promise<Name[]> {
  const there: Name[] = [];
  for (const name of Object.keys(VALUES) as Name[]) {
    const value = await store.getValue(at(name));
    expect((await store.hasValues([at(name)]))[0], name).toBe(value !== undefined);
    if (!value) continue;
    expect(value, name).toEqual(VALUES[name].encoded);
    there.push(name);
  }
  return there;
}

/** Expects all events of the runs, and the values that are needed, whatever became of the others. */
export async function expectWhole(store: Store, more: Partial<Record<keyof typeof RUNS, number>> = {}): Promise<void> {
  for (const [runId, count] of Object.entries({ ...RUNS, ...more })) {
    const events = Array.from({ length: count }, (_, i) => event(`${runId} ${i}`));
    expect(await store.read(runId, 0, 100), runId).toEqual({ events, more: false });
    expect(await store.head(runId), runId).toMatchObject({ runId, events: count });
  }
  expect(await valuesIn(store)).toEqual(expect.arrayContaining([...NEEDED]));
}
