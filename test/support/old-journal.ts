// Puts the journals that an old version wrote into stores of today, marked as that old.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Encoded, JournalEvent, RunHead, Store } from "heddle";
import { linesOf, sealedLine } from "./journal-places.js";
import { changeRaw } from "./raw-database.js";
import { filesIn, putFile } from "./stored-files.js";

interface OldBatch {
  readonly runId: string;
  readonly seq: number;
  readonly events: readonly JournalEvent[];
  readonly values: readonly (readonly [hash: string, value: Encoded])[];
  readonly refers: readonly string[];
  readonly head: RunHead;
}

/** What a file of `test/fixtures` holds. */
export interface OldJournals {
  readonly made: string;
  readonly batches: readonly OldBatch[];
}

/** Reads the journals of a format. */
export function oldJournals(format: number): OldJournals {
  return JSON.parse(readFileSync(new URL(`../fixtures/journal-v${format}.json`, import.meta.url), "utf8"));
}

/** Appends them to a store, which takes them for its own. */
export async function putOld(store: Store, { batches }: OldJournals): Promise<void> {
  for (const { runId, seq, values, ...rest } of batches) {
    const lease = await store.acquire(runId, "old", 0, 1);
    if ("heldBy" in lease) throw new Error(`Run "${runId}" is held.`);
    const batch = { ...rest, values: new Map(values), durable: false };
    await store.append(runId, { epoch: lease.epoch, seq, owner: "old" }, batch);
    await store.release(runId, lease.epoch);
  }
}

/** Marks all batches in a directory as ones of this format. */
export function markFiles(directory: string, format: number): void {
  for (const [name, bytes] of filesIn(directory)) {
    if (!name.endsWith(".jsonl")) continue;
    const lines = linesOf(bytes).map(({ text }) => (text.startsWith('{"sealed":') ? markedSeal(text, format) : text));
    putFile(join(directory, name), lines.join(""));
  }
}

/** Marks all batches in a database as ones of this format. */
export function markDatabase(database: string, format: number): Promise<void> {
  return changeRaw(database, "batches", (records) =>
    records.map(({ key, value }) => ({ key, value: { ...(value as object), format } })),
  );
}

function markedSeal(line: string, format: number): string {
  const { sum: _, ...seal } = JSON.parse(line);
  return sealedLine({ ...seal, format });
}
