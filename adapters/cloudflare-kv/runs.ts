// How runs stand: their keys are listed and put together. A list may lag behind, so what is missing in the middle is
// said to be unseen, never taken for the end.

import { HeddleError } from "../../src/errors.js";
import type { JournalEvent } from "../../src/events.js";
import type { Encoded, JournalPage, RunHead } from "../../src/ports.js";
import { damagedAt, readEvents, readHead } from "../records.js";
import { decodeBody, unpack } from "./body.js";
import { type BatchLine, isBatchLine } from "./checks.js";
import type { Client } from "./client.js";
import { type History, historyOf } from "./history.js";
import { type Keys, nameInKey } from "./keys.js";
import { type BatchRecord, NOBODY, type Records, recordsIn } from "./records.js";

/** A run as it was listed. */
export interface View extends Records {
  readonly runId: string;
  /** Its name in keys. */
  readonly run: string;
  readonly history: History;
}

/** A batch that was read. */
export interface StoredBatch {
  readonly events: readonly JournalEvent[];
  readonly head: RunHead;
  readonly values: ReadonlyMap<string, Encoded>;
}

/** So many batches are read at a time: a Worker has six connections. */
export const AT_ONCE = 6;
/** So many bytes of batches are remembered, for the values in them. */
const REMEMBERED_BYTES = 8 << 20;
/** What to do about what is missing. */
export const LATER = "Try again in a minute; what is missing for longer has expired or was removed.";
/** Values are asked for one by one: a list is good for a second. */
const VIEW_MS = 1_000;

/** Reads runs. */
export class Runs {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #warn: (message: string) => void;
  readonly #names = new Map<string, string>();
  readonly #warned = new Set<string>();
  readonly #batches = new Map<string, { readonly bytes: number; readonly batch: Promise<StoredBatch | undefined> }>();
  #batchBytes = 0;
  readonly #views = new Map<string, { readonly view: View; readonly at: number }>();
  /** Runs of which some pages were read, and not the last. */
  readonly #read = new Map<string, View>();
  /** Runs as they were when they were taken: their owners go on from what they saw then. */
  readonly #taken = new Map<string, View>();

  constructor(client: Client, keys: Keys, warn: (message: string) => void) {
    this.#client = client;
    this.#keys = keys;
    this.#warn = warn;
  }

  /** The name of a run or owner in keys. */
  async nameInKey(name: string): Promise<string> {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const found = await nameInKey(name);
    this.#names.set(name, found);
    return found;
  }

  /** Lists the keys of a run, and puts them together. */
  async view(runId: string): Promise<View> {
    const run = await this.nameInKey(runId);
    const listed = await this.#client.list(this.#keys.run(run));
    const records = await recordsIn(this.#client, this.#keys, listed);
    const history = historyOf(records.claims, records.batches);
    for (const { key, isDamaged } of records.claims) {
      if (isDamaged)
        this.#tell(`The claim in key "${key}" of run "${runId}" is damaged: whoever held it is passed over.`);
    }
    this.#tellConflicts(runId, history);
    const view = { runId, run, ...records, history };
    this.#remember(view);
    return view;
  }

  /** A run was taken as it is here: it is read like that until its owner writes. */
  take(view: View): void {
    this.#taken.set(view.runId, view);
  }

  /** How a run stood when it was taken, or what {@link view} has just shown. */
  known(runId: string): View | undefined {
    const taken = this.#taken.get(runId);
    if (taken) return taken;
    const known = this.#views.get(runId);
    return known && Date.now() - known.at < VIEW_MS ? known.view : undefined;
  }

  async read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    const begun = seq > 0 ? this.#read.get(runId) : undefined;
    const view = this.#taken.get(runId) ?? begun ?? (await this.view(runId));
    this.#read.delete(runId);
    const page = await this.#page(view, seq, limit);
    // All pages are of one list: a later one may show another history.
    if (page.more) this.#read.set(runId, view);
    return page;
  }

  async #page(view: View, seq: number, limit: number): Promise<JournalPage> {
    const { stretches, events: end, broken } = view.history;
    const wanted = stretches.filter(({ to, from }) => to > seq && from < seq + limit);
    const events: JournalEvent[] = [];
    for (let i = 0; i < wanted.length; i += AT_ONCE) {
      const some = wanted.slice(i, i + AT_ONCE);
      const read = await Promise.allSettled(some.map(({ batch }) => this.#whole(view, batch)));
      for (const [k, { batch, from, to }] of some.entries()) {
        const result = read[k] as (typeof read)[number];
        if (result.status === "rejected") {
          if (events.length === 0) throw result.reason;
          return { events, more: true };
        }
        const start = Math.max(seq + events.length, from) - batch.number;
        events.push(...result.value.events.slice(start, Math.min(to, seq + limit) - batch.number));
      }
    }
    const next = seq + events.length;
    if (next < end) return { events, more: true };
    if (!broken) return { events, more: false };
    if (events.length === 0) throw this.brokenAt(view);
    return { events, more: true };
  }

  /** The head of a run: that of the last batch that is seen. */
  async head(view: View): Promise<RunHead | undefined> {
    const last = view.history.stretches.at(-1)?.batch;
    if (!last) return undefined;
    const { runId } = view;
    if (last.info?.head) return readHead(last.info.head, { runId, where: last.key });
    return (await this.#whole(view, last)).head;
  }

  /** Reads a batch; nothing if its key is listed and this location does not see it. @throws HeddleError `STORE_DAMAGED`. */
  batch(runId: string, record: BatchRecord): Promise<StoredBatch | undefined> {
    const { key } = record;
    const known = this.#batches.get(key);
    if (known) return known.batch;
    const batch = this.#stored(runId, record);
    const bytes = record.info?.bytes ?? 0;
    this.#batches.set(key, { bytes, batch });
    this.#batchBytes += bytes;
    for (const oldest of this.#batches.keys()) {
      if (this.#batchBytes <= REMEMBERED_BYTES || oldest === key) break;
      this.#forget(oldest);
    }
    // What failed may succeed later.
    batch.then((read) => read ?? this.#forget(key)).catch(() => this.#forget(key));
    return batch;
  }

  /** The name of the run that a batch belongs to, as it stands in it. */
  async nameIn(key: string): Promise<string | undefined> {
    const stored = await this.#client.get(key);
    const body = stored && (await decodeBody(stored.bytes).catch(() => undefined));
    return isBatchLine(body?.line) ? body.line.run : undefined;
  }

  /** Keys of a run were written, or it is held no more. */
  changed(runId: string): void {
    this.#views.delete(runId);
    this.#read.delete(runId);
    this.#taken.delete(runId);
  }

  /** Keys were removed. */
  clear(): void {
    this.#batches.clear();
    this.#batchBytes = 0;
    this.#views.clear();
    this.#read.clear();
  }

  /** Why a run cannot be read beyond what is seen. */
  brokenAt({ runId, batches, history: { stretches, events, broken, claim } }: View): HeddleError {
    const last = stretches.at(-1)?.batch;
    if (broken === "damaged") {
      const where = `the metadata of key "${batches.find(({ info }) => !info)?.key}"`;
      return damagedAt({ runId, where, seq: events }, "they are not what was written");
    }
    const status = last?.info?.head?.status ?? "unknown";
    const known = claim?.info ? ` Its last known owner is ${claim.info.owner}.` : "";
    return new HeddleError(
      "STORE_STALE",
      `This location may not see all writes to run "${runId}" yet: events from ${events} on are missing, and later ones exist. Last known status: ${status}.${known} ${readable(events)} ${LATER}`,
    );
  }

  #forget(key: string): void {
    this.#batchBytes -= this.#batches.get(key)?.bytes ?? 0;
    this.#batches.delete(key);
  }

  async #whole(view: View, record: BatchRecord): Promise<StoredBatch> {
    const batch = await this.batch(view.runId, record);
    if (batch) return batch;
    throw this.unseenAt(view, record);
  }

  /** A key was listed, and what stands under it is not seen. */
  unseenAt(view: View, { number: events }: BatchRecord): HeddleError {
    return this.brokenAt({ ...view, history: { ...view.history, events, broken: "unseen" } });
  }

  async #stored(
    runId: string,
    { key, number: seq, epoch, owner, info }: BatchRecord,
  ): Promise<StoredBatch | undefined> {
    const stored = await this.#client.get(key);
    if (!stored) return undefined;
    const place = { runId, where: `key "${key}"`, seq };
    if ((await sumOf(stored.bytes)) !== info?.sum) throw damagedAt(place, "its bytes do not fit their checksum");
    const { line, rest } = await decodeBody(stored.bytes).catch((error) => {
      throw damagedAt(place, `it cannot be read (${error})`);
    });
    // Events first: a newer version may well write other lines.
    const { events: list, heddle: format } = (line ?? {}) as Partial<BatchLine>;
    const events = readEvents(list, { ...place, format });
    if (events.length !== info.events)
      throw damagedAt(place, `it has ${events.length} events instead of ${info.events}`);
    if (!isBatchLine(line)) throw damagedAt(place, "it is no batch");
    if (line.run !== runId || line.seq !== seq || line.epoch !== epoch || line.owner !== owner) {
      const found = `of run "${line.run}", event ${line.seq}, epoch ${line.epoch}, owner ${line.owner}`;
      throw damagedAt(place, `a batch ${found}, stands there`);
    }
    const values = unpack(line.values, rest);
    if (!values) throw damagedAt(place, "the bytes of its values do not have the lengths that it says");
    return { events, head: readHead(line.head, place), values };
  }

  #remember(view: View): void {
    const now = Date.now();
    for (const [runId, { at }] of this.#views) if (now - at >= VIEW_MS) this.#views.delete(runId);
    this.#views.set(view.runId, { view, at: now });
  }

  #tellConflicts(runId: string, { conflicts }: History): void {
    for (const { owner, epoch, events } of conflicts) {
      const message = `Run "${runId}" was written by two owners who did not see each other: ${events} events of owner ${owner} (epoch ${epoch}) do not count.`;
      this.#tell(message);
    }
  }

  /** Once. */
  #tell(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#warn(message);
  }
}

/** True if a run was removed, and nobody has begun one of that name since. */
export function isRemoved({ history: { claim } }: View): boolean {
  return claim?.owner === NOBODY;
}

/** What is read; nothing if it is damaged. */
export async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as HeddleError).code === "STORE_DAMAGED") return undefined;
    throw error;
  }
}

/** What the checksum beside a batch is. */
export async function sumOf(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes), 0, 8);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readable(events: number): string {
  return events === 0 ? "No event can be read." : `Events 0 to ${events - 1} can be read.`;
}
