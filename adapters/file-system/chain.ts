// Finds the files that make up the journal of a run: one per epoch, each of which says how much of the one before
// counts. One that was written anew without its payloads says nothing of those before: it holds all that counts of them.

import { type FileHandle, readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { HeddleError } from "../../src/errors.js";
import { ifThere, isGone, onDisk } from "./disk.js";
import { damagedAt, journalPath, readAt, type Segment, tailOf, withFile } from "./journal-files.js";
import { LAYOUT, newer } from "./layout.js";
import { folderName } from "./names.js";
import { decodeHeader, type Header, peekSeal } from "./records.js";

/** The journal of a run: its segments in order, up to where it is damaged. */
export interface Chain {
  readonly segments: readonly Segment[];
  readonly damage: Damage | undefined;
  /** How many bytes stand in newer files whose owners died before they had written a first line. */
  readonly torn: number;
}

/** What is wrong with a file as a whole. */
export interface Damage {
  readonly path: string;
  readonly why: string;
}

const HEADER = '{"heddle":';
const MOST_TRIES = 5;
const CHUNK_BYTES = 1 << 20;

/** Reads the files that make up the journal in the folder of a run. @throws HeddleError `STORE_VERSION`. */
export function withChain<T>(folder: string, runId: string, use: (chain: Chain) => Promise<T>): Promise<T> {
  return insist(async () => {
    const chain = await listChain(folder, runId);
    // A listing that is made in pieces while the run is pruned may lack old files and the new one.
    return use(chain.damage ? await listChain(folder, runId) : chain);
  });
}

/** Does something with files of a run, and again if they were removed or pruned meanwhile. */
export async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isGone(error) || tries === MOST_TRIES) throw error;
    }
  }
}

/** The same if nothing of it is damaged. @throws HeddleError `STORE_VERSION`, `STORE_DAMAGED`. */
export function withWhole<T>(folder: string, runId: string, use: (chain: Chain) => Promise<T>): Promise<T> {
  return withChain(folder, runId, async (chain) => {
    if (chain.damage) throw await damageOf(runId, chain.damage, chain.segments);
    return use(chain);
  });
}

/** A complaint about a file as a whole. @throws HeddleError `STORE_DAMAGED` if what comes before is damaged as well. */
export async function damageOf(
  runId: string,
  { path, why }: Damage,
  segments: readonly Segment[],
): Promise<HeddleError> {
  const last = segments.at(-1);
  const events = last && (last.cut?.events ?? (await tailOf(last, true)).events);
  return damagedAt(runId, path, 0, events ?? 0, why);
}

async function listChain(folder: string, runId: string): Promise<Chain> {
  const names = (await ifThere("Listing a run", folder, () => readdir(folder))) ?? [];
  const epochs = names.flatMap((name) => (/^\d+\.jsonl$/.test(name) ? Number.parseInt(name, 10) : []));
  let segments: Segment[] = [];
  let after: Header["after"];
  let damage: Damage | undefined;
  let torn = 0;
  /** How many events come before what is lost, as far as that is known. */
  let events: number | undefined;
  const lose = (path: string, why: string, seq?: number) => {
    [damage, segments, after, events] = [{ path, why }, [], undefined, seq];
  };
  for (const epoch of epochs.sort((a, b) => b - a)) {
    // What comes between was claimed by owners who never wrote.
    if (after && epoch > after.epoch) continue;
    if (after && epoch < after.epoch) lose(journalPath(folder, after.epoch), "the file is gone");
    const path = journalPath(folder, epoch);
    const found = await readHeader(path, runId, epoch, after?.owner);
    if ("header" in found) {
      const { header, start } = found;
      const cut = after ?? (events === undefined ? undefined : { bytes: Number.POSITIVE_INFINITY, events });
      const [seq, isPruned] = [header.after?.events ?? 0, header.pruned === true];
      segments.unshift({ runId, epoch, owner: header.owner, path, start, seq, isPruned, cut });
      [after, events] = [header.after, undefined];
      if (!after) break;
    } else if ("why" in found) lose(path, found.why, found.seq);
    else if (after) lose(path, "its first line is gone");
    else torn += found.torn;
  }
  if (after) lose(journalPath(folder, after.epoch), "the file is gone");
  return { segments, damage, torn };
}

/** What the first line of a journal file tells. `torn`: its owner died before that was written. */
type FirstLine =
  | { readonly header: Header; readonly start: number }
  | { readonly torn: number }
  | { readonly why: string; readonly seq?: number };

async function readHeader(path: string, runId: string, epoch: number, owner: string | undefined): Promise<FirstLine> {
  if ((await onDisk("Reading a run", path, () => stat(path))).isDirectory()) return { why: "it is a folder" };
  return withFile(path, async (file) => {
    for (let length = 1_024; ; length *= 8) {
      const buffer = await readAt(file, 0, length);
      const end = buffer.indexOf(10);
      if (end < 0 && buffer.byteLength < length) {
        const isBeginning = HEADER.startsWith(buffer.toString("latin1", 0, HEADER.length));
        return isBeginning ? { torn: buffer.byteLength } : { why: "its first line is not what was written" };
      }
      if (end < 0) continue;
      const line = buffer.subarray(0, end);
      const header = decodeHeader(line);
      if (!header) {
        const seq = await firstSeq(file);
        return { why: "its first line is not what was written", ...(seq === undefined ? {} : { seq }) };
      }
      if (header.heddle > LAYOUT) throw newer(path, header.heddle);
      if (folderName(header.run) !== basename(dirname(path)) || header.epoch !== epoch) {
        return { why: `it is epoch ${header.epoch} of run "${header.run}"` };
      }
      if (owner !== undefined && owner !== header.owner) {
        return { why: `it is epoch ${epoch} of an earlier run "${runId}"` };
      }
      return { header, start: end + 1 };
    }
  });
}

/** With which event the first batch of a file begins whose first line is damaged. */
async function firstSeq(file: FileHandle): Promise<number | undefined> {
  const buffer = await readAt(file, 0, CHUNK_BYTES);
  for (let start = buffer.indexOf(10) + 1; start > 0; start = buffer.indexOf(10, start) + 1) {
    const end = buffer.indexOf(10, start);
    const seal = end < 0 ? undefined : peekSeal(buffer.subarray(start, end));
    if (seal?.sealed !== undefined) return seal.seq;
  }
  return undefined;
}
