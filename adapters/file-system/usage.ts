// Counts the bytes of runs and values. Claims and marks are left out: removing runs does not free them.

import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import type { RunHead } from "../../src/ports.js";
import { withChain } from "./chain.js";
import { ifThere } from "./disk.js";
import { forEachBatch, type Segment } from "./journal-files.js";
import { refersOf, valuesOf } from "./records.js";
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
    const { head, batchedBytes, refers, kept } = await contentOf(segments);
    const files = await sizesIn(folder);
    const journalBytes = sum(files.values());
    // What a prune that was killed left behind.
    for (const { path } of segments) files.delete(basename(path));
    const apart = (hashes: ReadonlySet<string>) => sum(Array.from(hashes, (hash) => sizes.get(hash) ?? 0));
    const payloadBytes = batchedBytes + apart(refers) + sum(files.values());
    return { runId: head?.runId, journalBytes, valueBytes: apart(refers) + apart(kept), payloadBytes };
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
  let head: RunHead | undefined;
  let batchedBytes = 0;
  const [refers, kept] = [new Set<string>(), new Set<string>()];
  const reading = forEachBatch(segments, ({ seal, body }, { isPruned }) => {
    head = seal.head;
    for (const hash of refersOf(body)) (isPruned ? kept : refers).add(hash);
    if (!isPruned) for (const [, start, end] of valuesOf(body)) batchedBytes += end - start;
  });
  await reading.catch(ignoreDamage);
  for (const hash of kept) refers.delete(hash);
  return { head, batchedBytes, refers, kept };
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
