// Runs on a faulty KV, written by hand, and ways to stop who works on them.

import type { Store } from "heddle";
import { cloudflareKvStore, type KvNamespace } from "heddle/adapters/cloudflare-kv";
import { acquired, appended, named, outputsOf, reusing } from "../../conformance/writing.js";
import type { FaultyKv } from "./faulty-kv.js";

export const silent = { onWarning: () => {}, retryAfterMs: 0 };

/** A store that has seen nothing before. */
export const at = (kv: FaultyKv, location = "ams") => cloudflareKvStore(kv.at(location), silent);
/** The keys that are left, but for those which say that a run was removed. */
export const left = (kv: FaultyKv) => kv.keys().filter((key) => !key.includes("/%/"));

/** A run of `count` batches with a value each. */
export async function runOf(store: Store, runId: string, count: number) {
  const values = await Promise.all(
    Array.from({ length: count }, (_, i) => named(`["${runId} ${i} ${"x".repeat(200)}"]`)),
  );
  let place = await acquired(store, runId);
  for (const value of values) {
    const batch = { values: new Map([[value.hash, value.encoded]]), refers: [value.hash] };
    place = await appended(store, runId, place, outputsOf([value]), { ...batch, head: { status: "completed" } });
  }
  await store.release(runId, place.epoch);
  return values;
}

/** A run that takes these values from another one. */
export async function replayOf(store: Store, runId: string, origin: string, values: Awaited<ReturnType<typeof runOf>>) {
  const place = await acquired(store, runId);
  const refers = values.map(({ hash }) => hash);
  await appended(store, runId, place, reusing(values, origin), { refers, head: { status: "completed" } });
  await store.release(runId, place.epoch);
}

/** Drops the payloads of a run but for these values. */
export async function prune(store: Store, runId: string, now: number, keep: readonly string[] = []): Promise<void> {
  const { epoch } = await acquired(store, runId, now);
  await store.prune([{ runId, epoch, keep: new Set(keep) }]);
}

/** A namespace in which something happens before each operation. */
export function heldUp(kv: FaultyKv, before: (operation: keyof KvNamespace) => Promise<unknown>): KvNamespace {
  const { getWithMetadata, put, list, delete: remove } = kv.at("ams");
  return {
    getWithMetadata: (key, type) => before("getWithMetadata").then(() => getWithMetadata(key, type)),
    put: (key, value, options) => before("put").then(() => put(key, value, options)),
    list: (options) => before("list").then(() => list(options)),
    delete: (key) => before("delete").then(() => remove(key)),
  };
}

/** Does something with so few operations; true if that was enough. */
export async function isDoneWith(kv: FaultyKv, operations: number, act: () => Promise<unknown>): Promise<boolean> {
  kv.grant(operations);
  const isDone = await act().then(
    () => true,
    () => false,
  );
  kv.grant(Number.POSITIVE_INFINITY);
  return isDone;
}

/** Does something again and again, each time with so few operations, until it ends; tells how often. */
export async function within(kv: FaultyKv, operations: number, act: () => Promise<unknown>): Promise<number> {
  for (let times = 1; times < 200; times++) {
    if (await isDoneWith(kv, operations, act)) return times;
  }
  throw new Error("It never ends.");
}
