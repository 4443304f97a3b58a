// Reads the files of a journal: batches from the start, the last one from the end.

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { HeddleError } from "../../src/errors.js";
import { damagedAt as damaged } from "../records.js";
import { onDisk } from "./disk.js";
import { decodeSeal, isSeal, peekSeal, placeIn, refersOf, type Seal } from "./records.js";

/** What one epoch wrote, as far as it counts. */
export interface Segment {
  readonly runId: string;
  readonly epoch: number;
  readonly owner: string;
  readonly path: string;
  /** Where its batches begin, and with which event. */
  readonly start: number;
  readonly seq: number;
  /** True if it was written anew without its payloads. */
  readonly isPruned: boolean;
  /** How much of the file counts. The newest epoch has no such limit: it counts up to its last seal. */
  readonly cut: { readonly bytes: number; readonly events: number } | undefined;
}

/** One batch as it stands in a file. */
export interface StoredBatch {
  readonly seal: Seal;
  readonly body: Buffer;
  /** Where it begins in the file, and where the next one would. */
  readonly start: number;
  readonly end: number;
}

/** The end of what a segment holds. `torn`: how many bytes without a seal follow. */
export interface Tail {
  readonly seal: Seal | undefined;
  readonly bytes: number;
  readonly events: number;
  readonly torn: number;
}

const CHUNK_BYTES = 1 << 20;
const WINDOW_BYTES = 1 << 14;

/** The file that an epoch writes. */
export function journalPath(folder: string, epoch: number): string {
  return join(folder, `${epoch}.jsonl`);
}

/**
 * Reads the batches of a segment from byte `offset` on, which is where event `seq` begins. What has no seal at the end
 * of the newest epoch was never acknowledged, and is passed over.
 *
 * @throws HeddleError `STORE_DAMAGED`.
 */
export async function* batchesOf(
  file: FileHandle,
  { runId, path, cut }: Segment,
  offset: number,
  seq: number,
): AsyncGenerator<StoredBatch> {
  const limit = cut?.bytes ?? Number.POSITIVE_INFINITY;
  let buffer = Buffer.alloc(0);
  let start = offset;
  let next = seq;
  /** How much of the buffer has been searched for seals, all of it whole lines. */
  let searched = 0;
  for (;;) {
    if (next === cut?.events && (start === cut.bytes || cut.bytes === Number.POSITIVE_INFINITY)) return;
    const end = buffer.indexOf(10, searched);
    if (end < 0) {
      const more = await readAt(file, start + buffer.byteLength, Math.max(CHUNK_BYTES, buffer.byteLength), limit);
      if (more.byteLength === 0) break;
      buffer = Buffer.concat([buffer, more]);
      continue;
    }
    const line = buffer.subarray(searched, end);
    if (isSeal(line)) {
      const body = buffer.subarray(0, searched);
      const seal = decodeSeal(line, body);
      if (seal?.seq !== next)
        throw damagedAt(runId, path, start, next, seal && `a batch of event ${seal.seq} stands there`);
      yield { seal, body, start, end: start + end + 1 };
      next += seal.sealed;
      start += end + 1;
      buffer = buffer.subarray(end + 1);
      searched = 0;
    } else searched = end + 1;
  }
  if (cut && (start < cut.bytes || next !== cut.events)) {
    const isCut = start + buffer.byteLength < cut.bytes && cut.bytes !== Number.POSITIVE_INFINITY;
    const why = isCut ? `it ends before byte ${cut.bytes}` : `a batch up to event ${cut.events - 1} is missing there`;
    throw damagedAt(runId, path, start, next, why);
  }
}

/** Reads all batches of these segments. @throws HeddleError `STORE_DAMAGED`. */
export async function forEachBatch(
  segments: readonly Segment[],
  use: (batch: StoredBatch, segment: Segment) => Promise<void> | void,
): Promise<void> {
  for (const segment of segments) {
    await withFile(segment.path, async (file) => {
      for await (const batch of batchesOf(file, segment, segment.start, segment.seq)) await use(batch, segment);
    });
  }
}

/** The hashes of all values that a batch refers to. @throws HeddleError `STORE_DAMAGED`. */
export function refersIn({ seal, body, start }: StoredBatch, { runId, path }: Segment): readonly string[] {
  const refers = refersOf(body);
  if (refers) return refers;
  throw damagedAt(runId, path, start, seal.seq, "the values that it refers to have no names");
}

/** Finds the last seal of a segment from its end. `check`: also makes sure that its batch is whole. */
export async function tailOf(segment: Segment, check: boolean): Promise<Tail> {
  const { path, start, seq, cut } = segment;
  return withFile(path, async (file) => {
    const size = Math.min((await file.stat()).size, cut?.bytes ?? Number.POSITIVE_INFINITY);
    for (let window = WINDOW_BYTES; ; window *= 8) {
      const from = Math.max(start, size - window);
      const buffer = await readAt(file, from, size - from);
      const found = lastSeal(buffer, from === start);
      if (found) {
        const seal = await openSeal(file, segment, from + found.start, buffer.subarray(found.start, found.end), check);
        const bytes = from + found.end + 1;
        return { seal, bytes, events: seal.seq + seal.sealed, torn: size - bytes };
      }
      if (from === start) return { seal: undefined, bytes: start, events: seq, torn: size - start };
    }
  });
}

/** Opens a file of a run for as long as `use` takes. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  return onDisk("Reading a run", path, async () => {
    const file = await open(path, "r");
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  });
}

/** Reads up to `length` bytes at `position`, no further than `limit`. */
export async function readAt(
  file: FileHandle,
  position: number,
  length: number,
  limit = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const wanted = Math.min(length, limit - position, (await file.stat()).size - position);
  if (wanted <= 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
  return buffer.subarray(0, bytesRead);
}

/** A complaint about what is stored of a run. `seq`: the first event that cannot be read. */
export function damagedAt(
  runId: string,
  path: string,
  byte: number,
  seq: number,
  why = "it is not what was written",
): HeddleError {
  return damaged(placeIn({ runId, path, byte, seq }), why);
}

async function openSeal(
  file: FileHandle,
  segment: Segment,
  start: number,
  line: Buffer,
  check: boolean,
): Promise<Seal> {
  const peeked = peekSeal(line);
  const from = start - (peeked?.bytes ?? 0);
  if (peeked && !check) return peeked;
  const isInside = peeked !== undefined && from >= segment.start;
  const seal = isInside ? decodeSeal(line, await readAt(file, from, start - from)) : undefined;
  if (seal) return seal;
  // Reading from the start finds the place, and how many events come before it.
  for await (const _ of batchesOf(file, segment, segment.start, segment.seq));
  throw damagedAt(segment.runId, segment.path, from, segment.seq);
}

/** The last seal in a piece of a file, whose first line may be half unless `isWhole`. */
function lastSeal(buffer: Buffer, isWhole: boolean): { start: number; end: number } | undefined {
  let end = buffer.lastIndexOf(10);
  while (end >= 0) {
    const before = end === 0 ? -1 : buffer.lastIndexOf(10, end - 1);
    if (before < 0 && !isWhole) return undefined;
    const start = before + 1;
    if (isSeal(buffer.subarray(start, end))) return { start, end };
    end = before;
  }
  return undefined;
}
