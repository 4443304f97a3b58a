// What can be read of one run in its folder. Remembers where the last page ended and where values stand, since files
// only grow.

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { HeddleError } from "../../src/errors.js";
import type { JournalEvent } from "../../src/events.js";
import type { Encoded, JournalPage, RunHead } from "../../src/ports.js";
import { readHead } from "../records.js";
import { damageOf, insist, withChain, withWhole } from "./chain.js";
import { ifThere, onDisk } from "./disk.js";
import {
  batchesOf,
  damagedAt,
  forEachBatch,
  readAt,
  refersIn,
  type Segment,
  tailOf,
  withFile,
} from "./journal-files.js";
import { claimedRunId } from "./names.js";
import { claimedValuesOf, decodeValue, eventsOf, type Header, valuesOf } from "./records.js";
import type { Used } from "./value-files.js";

/** Where a page ended: the next batch of a segment, and what of the last one was not asked for. */
interface Bookmark {
  readonly epoch: number;
  readonly owner: string;
  readonly offset: number;
  /** The event with which `rest` begins; the batch at `offset` follows. */
  readonly seq: number;
  readonly rest: readonly JournalEvent[];
}

interface ValuePlace {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** Reads one run. */
export class RunFolder {
  readonly #folder: string;
  readonly #runId: string;
  #bookmark: Bookmark | undefined;
  readonly #values = new Map<string, ValuePlace>();
  /** By `epoch owner`, up to which byte values were looked for, and which event comes there. */
  readonly #searched = new Map<string, { offset: number; seq: number }>();

  constructor(folder: string, runId: string) {
    this.#folder = folder;
    this.#runId = runId;
  }

  /** @throws HeddleError `STORE_DAMAGED` if event `seq` is behind a damaged place. */
  async read(seq: number, limit: number): Promise<JournalPage> {
    return withChain(this.#folder, this.#runId, async ({ segments, damage }) => {
      const events: JournalEvent[] = [];
      try {
        for (const segment of segments) {
          if (segment.cut && segment.cut.events <= seq) continue;
          await this.#readSegment(segment, seq + events.length, limit - events.length, events);
          if (events.length === limit) return { events, more: true };
        }
        if (damage) throw damagedAt(this.#runId, damage.path, 0, seq + events.length, damage.why);
      } catch (error) {
        if (events.length === 0) throw error;
        return { events, more: true };
      }
      return { events, more: false };
    });
  }

  /** The head of the last batch; nothing if there is none. @throws HeddleError `STORE_DAMAGED` if none can be read. */
  async head(): Promise<RunHead | undefined> {
    return withWhole(this.#folder, this.#runId, async ({ segments }) => {
      for (const segment of segments.toReversed()) {
        const { seal } = await tailOf(segment, false);
        if (!seal) continue;
        const claimed = (seal.head as Partial<RunHead> | null | undefined)?.runId;
        const runId = claimedRunId(claimed, basename(this.#folder), this.#runId);
        return readHead(seal.head, { runId, where: `"${segment.path}"` });
      }
      return undefined;
    });
  }

  /** Where the journal ends, for the next owner to go on. @throws HeddleError `STORE_DAMAGED`. */
  async end(): Promise<{ readonly after: Header["after"]; readonly torn: number; readonly paths: readonly string[] }> {
    return withWhole(this.#folder, this.#runId, async ({ segments, torn: unbegun }) => {
      const last = segments.at(-1);
      const paths = segments.map(({ path }) => path);
      if (!last) return { after: undefined, torn: unbegun, paths };
      const { bytes, events, torn } = await tailOf(last, true);
      return { after: { epoch: last.epoch, owner: last.owner, bytes, events }, torn: torn + unbegun, paths };
    });
  }

  /** A value that came with a batch. */
  async value(hash: string): Promise<Encoded | undefined> {
    // Where it stood: the run may have been removed, and made anew, by another process.
    const known = this.#values.get(hash);
    const value = known && (await this.#valueAt(known, hash).catch(() => undefined));
    if (value) return value;
    return insist(async () => {
      const place = await this.#find(hash);
      if (!place) return undefined;
      const again = await this.#valueAt(place, hash);
      if (again) return again;
      const seq = (await this.read(0, Number.POSITIVE_INFINITY).catch(() => undefined))?.events.length ?? 0;
      throw damagedAt(this.#runId, place.path, place.start, seq);
    });
  }

  /** The values in its files, damaged or not, that are used and fit their hash. @throws HeddleError `STORE_VERSION`. */
  async wholeValues(used: Used): Promise<ReadonlyMap<string, Encoded>> {
    await withChain(this.#folder, this.#runId, async () => {});
    const whole = new Map<string, Encoded>();
    const names = (await ifThere("Listing a run", this.#folder, () => readdir(this.#folder))) ?? [];
    for (const name of names.filter((one) => one.endsWith(".jsonl"))) {
      const path = join(this.#folder, name);
      const bytes = await onDisk("Reading a run", path, async () =>
        (await stat(path)).isFile() ? readFile(path) : Buffer.alloc(0),
      );
      for (const [hash, line] of claimedValuesOf(bytes)) {
        const value = used.has(hash) ? decodeValue(line, hash) : undefined;
        if (value) whole.set(hash, value);
      }
    }
    return whole;
  }

  /** Looks for values in what was written since the last time, as far as it can be read. */
  async findValues(): Promise<void> {
    await this.#search().catch(ignoreDamage);
  }

  /** True if a value was found. */
  holds(hash: string): boolean {
    return this.#values.has(hash);
  }

  /** The hashes of all values that the journal refers to. @throws HeddleError `STORE_DAMAGED`. */
  async refers(): Promise<ReadonlySet<string>> {
    return withWhole(this.#folder, this.#runId, async ({ segments }) => {
      const refers = new Set<string>();
      await forEachBatch(segments, (batch, segment) => {
        for (const hash of refersIn(batch, segment)) refers.add(hash);
      });
      return refers;
    });
  }

  async #readSegment(segment: Segment, seq: number, limit: number, into: JournalEvent[]): Promise<void> {
    const { offset, seq: first, rest } = this.#bookmarkIn(segment, seq);
    let wanted = seq;
    const take = (events: readonly JournalEvent[], firstSeq: number, end: number) => {
      const from = wanted - firstSeq;
      const until = Math.min(events.length, from + limit - (wanted - seq));
      for (let i = from; i < until; i++) into.push(events[i] as JournalEvent);
      wanted = Math.max(wanted, firstSeq + until);
      const { epoch, owner } = segment;
      this.#bookmark = { epoch, owner, offset: end, seq: firstSeq + until, rest: events.slice(until) };
    };
    if (rest.length > 0) take(rest, first, offset);
    if (wanted - seq === limit) return;
    await withFile(segment.path, async (file) => {
      for await (const { seal, body, start, end } of batchesOf(file, segment, offset, first + rest.length)) {
        if (seal.seq + seal.sealed > wanted) take(eventsOf(body, seal, { ...segment, byte: start }), seal.seq, end);
        if (wanted - seq === limit) return;
      }
    });
  }

  /** Where to begin to read: at the bookmark, if it is in this segment and not behind. */
  #bookmarkIn({ epoch, owner, start, seq, cut }: Segment, wanted: number): Bookmark {
    const mark = this.#bookmark;
    const fits = mark?.epoch === epoch && mark.owner === owner && mark.seq <= wanted;
    if (fits && !(cut && cut.bytes < mark.offset)) return mark;
    return { epoch, owner, offset: start, seq, rest: [] };
  }

  #valueAt({ path, start, end }: ValuePlace, hash: string): Promise<Encoded | undefined> {
    return withFile(path, async (file) => decodeValue(await readAt(file, start, end - start), hash));
  }

  async #find(hash: string): Promise<ValuePlace | undefined> {
    const damage = await this.#search().then(
      () => undefined,
      (error: unknown) => error,
    );
    const place = this.#values.get(hash);
    if (!place && damage) throw damage;
    return place;
  }

  /** Notes where values stand in what was written since the last search; forgets all if other files stand there now. */
  #search(): Promise<void> {
    return withChain(this.#folder, this.#runId, async ({ segments, damage }) => {
      const there = new Set(segments.map(keyOf));
      if ([...this.#searched.keys()].some((key) => !there.has(key))) {
        this.#values.clear();
        this.#searched.clear();
      }
      for (const segment of segments) await this.#searchSegment(segment);
      if (damage) throw await damageOf(this.#runId, damage, segments);
    });
  }

  async #searchSegment(segment: Segment): Promise<void> {
    const { path } = segment;
    const key = keyOf(segment);
    const { offset, seq } = this.#searched.get(key) ?? { offset: segment.start, seq: segment.seq };
    if (segment.cut && segment.cut.bytes <= offset) return;
    await withFile(path, async (file) => {
      for await (const { seal, body, start, end } of batchesOf(file, segment, offset, seq)) {
        for (const [hash, from, to] of valuesOf(body)) {
          this.#values.set(hash, { path, start: start + from, end: start + to });
        }
        this.#searched.set(key, { offset: end, seq: seal.seq + seal.sealed });
      }
    });
  }
}

function keyOf({ epoch, owner }: Segment): string {
  return `${epoch} ${owner}`;
}

/** Takes what comes before damage for all there is. */
export function ignoreDamage(error: unknown): undefined {
  if (error instanceof HeddleError && error.code === "STORE_DAMAGED") return undefined;
  throw error;
}
