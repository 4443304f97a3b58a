// Writes the journal of a run anew without its payloads, all in the file of one more epoch: that file appears whole, in
// one step, and what stood before stays until it is safe on the disk.

import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import { withWhole } from "./chain.js";
import { isOvertaken } from "./claims.js";
import { ifThere, isGone, onDisk, sync } from "./disk.js";
import { damagedAt, forEachBatch, journalPath, refersIn, type Segment } from "./journal-files.js";
import { LAYOUT } from "./layout.js";
import { decodeValue, encodeHeader, reduceBatch, valuesOf } from "./records.js";
import type { Used, ValueFiles } from "./value-files.js";

/** A run that is pruned, and the epoch that was claimed for that. */
export interface Pruning {
  readonly runId: string;
  readonly folder: string;
  readonly epoch: number;
  readonly owner: string;
  readonly keep: ReadonlySet<string>;
  /** The values that other runs need: they get files of their own. */
  readonly used: Used;
  readonly values: ValueFiles;
  /** When those were used last, for all that is known here. */
  readonly usedAt: number;
}

/** Files that hold events of a run, or were to hold them. */
const JOURNAL = /^(\d+)\.jsonl$|^(\d+)\.[0-9a-f-]{36}\.jsonl\.draft$/;
const DOING = "Pruning a run";

/**
 * Drops the values of a run from its journal.
 *
 * @throws HeddleError `FENCED` if the run was taken over or removed meanwhile, `STORE_DAMAGED` if it cannot be read.
 */
export async function reduceJournal(pruning: Pruning): Promise<void> {
  const { runId, folder, epoch, values } = pruning;
  // Made before anything is read: should this become the folder of another run, there is nothing to be given a name.
  const draft = join(folder, `${epoch}.${randomUUID()}.jsonl.draft`);
  try {
    await onDisk(DOING, draft, () => write(draft, pruning));
    await values.sync();
    await install(draft, pruning);
    await removeOlder(folder, epoch);
  } catch (error) {
    throw isGone(error) ? lost(runId, "was removed meanwhile") : error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Says why a run was not pruned. */
export function lost(runId: string, why: string): HeddleError {
  return new HeddleError("FENCED", `Run "${runId}" ${why}, so it was not pruned. Take it anew, and try again.`);
}

/** The files in the folder of a run that hold events, half-written ones too, with their epochs. */
export async function journalsIn(folder: string): Promise<{ readonly name: string; readonly epoch: number }[]> {
  const names = (await ifThere("Listing a run", folder, () => readdir(folder))) ?? [];
  return names.flatMap((name) => {
    const [, whole, draft] = JOURNAL.exec(name) ?? [];
    const epoch = whole ?? draft;
    return epoch === undefined ? [] : [{ name, epoch: Number(epoch) }];
  });
}

async function write(draft: string, pruning: Pruning): Promise<void> {
  const { runId, folder, epoch, owner } = pruning;
  const file = await open(draft, "wx");
  try {
    await file.appendFile(encodeHeader({ heddle: LAYOUT, run: runId, epoch, owner, pruned: true }));
    let isBegun = false;
    await withWhole(folder, runId, async ({ segments }) => {
      // Only a removal takes away files while they are copied.
      if (isBegun) throw lost(runId, "was removed meanwhile");
      isBegun = true;
      await copy(segments, file, pruning);
    });
    await file.sync();
  } finally {
    await file.close();
  }
}

async function copy(segments: readonly Segment[], file: FileHandle, pruning: Pruning): Promise<void> {
  const { keep } = pruning;
  // A value may have come with several batches: it stays in the first.
  const missing = new Set(keep);
  await forEachBatch(segments, async (batch, segment) => {
    const { seal, body, start } = batch;
    const { path } = segment;
    // What it refers to must not be lost for being damaged.
    refersIn(batch, segment);
    await file.appendFile(reduceBatch(seal, body, { values: missing, refers: keep }));
    for (const [hash, from, to] of valuesOf(body)) {
      missing.delete(hash);
      if (keep.has(hash) || !pruning.used.has(hash)) continue;
      const value = decodeValue(body.subarray(from, to), hash);
      if (!value) throw damagedAt(pruning.runId, path, start + from, seal.seq);
      await pruning.values.rescue(hash, value, pruning.usedAt);
    }
  });
}

/** Gives the new journal its name. Whoever claimed the next epoch before that may still build on what was there. */
async function install(draft: string, { runId, folder, epoch }: Pruning): Promise<void> {
  const check = () => {
    if (isOvertaken(folder, epoch)) throw lost(runId, "was taken over by another owner");
  };
  check();
  await onDisk(DOING, folder, async () => {
    await link(draft, journalPath(folder, epoch));
    await sync(folder);
  });
  check();
}

/** Oldest first: whatever a listing made meanwhile still has is a journal from its beginning, or one with a gap. */
async function removeOlder(folder: string, epoch: number): Promise<void> {
  const older = (await journalsIn(folder)).filter((journal) => journal.epoch < epoch);
  for (const { name } of older.toSorted((a, b) => a.epoch - b.epoch)) {
    const path = join(folder, name);
    await onDisk(DOING, path, () => rm(path, { force: true }));
  }
}
