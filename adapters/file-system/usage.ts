// Counts the bytes of runs and values. Claims and marks are left out: removing runs does not free them.

import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import type { RunHead } from "../../src/ports.js";
import { withChain } from "./chain.js";
import { ifThere } from "./disk.js";
import { forEachBatch, refersIn, type Segment } from "./journal-files.js";
import { claimedRunId } from "./names.js";
import { valuesOf } from "./records.js";
import { ignoreDamage } from "./run-folder.js";
import { journalsIn } from "./skeleton.js";

/** What a run takes. */
export interface FolderUsage {
  /** Nothing if there is no event yet, or none can be read. */
  readonly runId: string | undefined;
  /** Its own files. */
  readonly journalBytes: number;
  /** The values that have files of their own. */
  readonly valueBytes: number;
  /** The part of both that a prune would drop. */
  readonly payloadBytes: number;
}

/** Counts what a run takes. `sizes`: those of the values that have files. */
export async function usageOf(folder: string, runId: string, sizes: ReadonlyMap<string, number>): Promise<FolderUsage> {
  const count = async (segments: readonly Segment[]) => {
    const { claimed, batchedBytes, refers, kept } = await contentOf(segments);
    const files = await sizesIn(folder);
    const journalBytes = sum(files.values());
    // What a prune that was killed left behind.
    for (const { path } of segments) files.delete(basename(path));
    const apart = (hashes: ReadonlySet<string>) => sum(Array.from(hashes, (hash) => sizes.get(hash) ?? 0));
    const payloadBytes = batchedBytes + apart(refers) + sum(files.values());
    const found = claimed && claimedRunId(claimed.runId, basename(folder), runId);
    return { runId: found, journalBytes, valueBytes: apart(refers) + apart(kept), payloadBytes };
  };
  try {
    return await withChain(folder, runId, ({ segments }) => count(segments));
  } catch (error) {
    // What a newer version wrote takes its place all the same.
    if (error instanceof HeddleError && error.code === "STORE_VERSION") return count([]);
    throw error;
  }
}

/** What stands in a journal as far as it can be read: the values that came with it, and the others. */
async function contentOf(segments: readonly Segment[]) {
  let claimed: Partial<RunHead> | undefined;
  let batchedBytes = 0;
  const [refers, kept] = [new Set<string>(), new Set<string>()];
  const reading = forEachBatch(segments, (batch, segment) => {
    const { seal, body } = batch;
    const { isPruned } = segment;
    claimed = seal.head ?? {};
    for (const hash of refersIn(batch, segment)) (isPruned ? kept : refers).add(hash);
    if (!isPruned) for (const [, start, end] of valuesOf(body)) batchedBytes += end - start;
  });
  await reading.catch(ignoreDamage);
  for (const hash of kept) refers.delete(hash);
  return { claimed, batchedBytes, refers, kept };
}

async function sizesIn(folder: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const { name } of await journalsIn(folder)) {
    const path = join(folder, name);
    const found = await ifThere("Counting a run", path, () => stat(path));
    if (found?.isFile()) sizes.set(name, found.size);
  }
  return sizes;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
