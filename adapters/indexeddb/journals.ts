// Journals: one record per append, with its values beside it, checked and written in one transaction.

import { sizeOf } from "../../src/encoded.js";
import { HeddleError } from "../../src/errors.js";
import type { JournalEvent } from "../../src/events.js";
import type { Batch, JournalPage, WritePosition } from "../../src/ports.js";
import { damagedAt, JOURNAL_FORMAT, readEvents } from "../records.js";
import { isBatch } from "./checks.js";
import type { Database, Reading, Writing } from "./database.js";
import type { Keys } from "./keys.js";
import type { Payload, StoredRun, StoreName } from "./layout.js";

/** So many batches at most are read at once. */
const BATCHES_AT_ONCE = 16;

/** The journals of one namespace of a database. */
export class Journals {
  readonly #db: Database;
  readonly #keys: Keys;

  constructor(db: Database, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Adds one batch; `refer` notes in the same transaction that it refers to values which were put apart for it. */
  async append(runId: string, at: WritePosition, batch: Batch, refer?: (tx: Writing) => Promise<void>): Promise<void> {
    const { events, values, refers, head, durable } = batch;
    // All of it is ready before the transaction begins, which would end while something else is waited for.
    const text = JSON.stringify(events);
    const stored = { run: runId, seq: at.seq, count: events.length, format: JOURNAL_FORMAT, events: text };
    const payload = payloadOf(this.#keys, values, refers);
    const name = `${at.epoch} ${at.seq} ${at.owner}`;
    let batchedBytes = 0;
    for (const value of values.values()) batchedBytes += sizeOf(value);
    const stores: StoreName[] = ["runs", "batches"];
    if (payload) stores.push("payloads");
    if (refer) stores.push("stored");
    await this.#db.write(
      stores,
      async (tx) => {
        const runs = tx.objectStore("runs");
        const run = await runs.get(this.#keys.run(runId));
        if (run?.lastAppend === name) return;
        checkPosition(runId, run, at);
        const key = this.#keys.batch(runId, at.seq);
        await Promise.all([
          // First, since it alone may be refused at once.
          payload && tx.objectStore("payloads").add(payload, key),
          refer?.(tx),
          tx.objectStore("batches").add(stored, key),
          runs.put(
            {
              ...run,
              head,
              events: at.seq + events.length,
              lastAppend: name,
              journalBytes: run.journalBytes + text.length,
              batchedBytes: run.batchedBytes + batchedBytes,
            },
            this.#keys.run(runId),
          ),
        ]);
      },
      durable,
    );
  }

  read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    return this.#db.read(["runs", "batches"], async (tx) => {
      const events: JournalEvent[] = [];
      try {
        return { events, more: await this.#readInto(events, tx, { runId, seq, limit }) };
      } catch (error) {
        // What comes before the damage is read first.
        if (events.length === 0 || !(error instanceof HeddleError)) throw error;
        return { events, more: true };
      }
    });
  }

  /** Reads events up to the limit; true if there may be more. @throws HeddleError `STORE_DAMAGED`, `STORE_VERSION`. */
  async #readInto(events: JournalEvent[], tx: Reading, { runId, seq, limit }: Wanted): Promise<boolean> {
    const batches = tx.objectStore("batches");
    const first = await batches.openKeyCursor(this.#keys.batches(runId, 0, seq), "prev");
    const begin = first?.key[2] ?? 0;
    await this.#checkBefore(runId, begin, tx);
    for (let [from, key, found, wanted] = [begin, begin, 0, 1]; ; ) {
      const some = await batches.getAll(this.#keys.batches(runId, key), wanted);
      for (const batch of some) {
        if (events.length === limit) return true;
        // An event that stands in two batches counts in neither: where a page ends must make no difference.
        if (isBatch(batch) && batch.seq >= key && batch.seq < from) {
          events.length = Math.max(0, Math.min(events.length, batch.seq - seq));
          this.#expectEnd(runId, from, batch.seq);
        }
        const all = this.#eventsOf(batch, runId, from);
        const start = Math.max(0, seq + events.length - from);
        // Not from the end of this one on: a batch that overlaps it must be found.
        key = from + 1;
        from += all.length;
        for (let i = start; i < all.length; i++) {
          if (events.length === limit) return true;
          events.push(all[i] as JournalEvent);
        }
      }
      if (some.length < wanted) {
        const run = await tx.objectStore("runs").get(this.#keys.run(runId));
        this.#expectEnd(runId, from, run?.events ?? 0);
        return false;
      }
      found += some.length;
      // What fills the page if all are as long as those so far, and one to see whether there is more.
      wanted = Math.min(BATCHES_AT_ONCE, 1 + Math.floor(((limit - events.length) * found) / (from - begin)));
    }
  }

  /** @throws HeddleError `STORE_DAMAGED` if the batch before does not end where one begins. */
  async #checkBefore(runId: string, begin: number, tx: Reading): Promise<void> {
    if (begin === 0) return;
    const before = await tx.objectStore("batches").openCursor(this.#keys.batches(runId, 0, begin - 1), "prev");
    const batch: unknown = before?.value;
    this.#expectEnd(runId, isBatch(batch) ? batch.seq + batch.count : 0, begin);
  }

  /** The events of the batch that begins with event `seq`. @throws HeddleError `STORE_DAMAGED`, `STORE_VERSION`. */
  #eventsOf(batch: unknown, runId: string, seq: number): readonly JournalEvent[] {
    const place = this.#placeOf(runId, seq);
    if (!isBatch(batch)) throw damagedAt(place, "a batch is not what was written");
    if (batch.run !== runId) throw damagedAt(place, `a batch of run "${batch.run}" stands there`);
    if (batch.seq !== seq) throw damagedAt(place, `a batch of event ${batch.seq} stands in place of event ${seq}`);
    const events = readEvents(batch.events, { ...place, format: batch.format });
    if (events.length === batch.count) return events;
    throw damagedAt(place, `a batch of ${batch.count} events has ${events.length}`);
  }

  /** @throws HeddleError `STORE_DAMAGED` if batches are gone, or there are some too many. */
  #expectEnd(runId: string, found: number, expected: number): void {
    if (found === expected) return;
    const why = `its batches end with event ${found - 1}, where event ${expected - 1} should be`;
    throw damagedAt(this.#placeOf(runId, Math.min(found, expected)), why);
  }

  #placeOf(runId: string, seq: number) {
    return { runId, seq, where: `database "${this.#db.name}"` };
  }
}

/** Which events are to be read. */
interface Wanted {
  readonly runId: string;
  readonly seq: number;
  readonly limit: number;
}

function payloadOf(keys: Keys, values: Batch["values"], refers: readonly string[]): Payload | undefined {
  if (refers.length === 0 && values.size === 0) return undefined;
  return {
    values: [...values],
    holds: Array.from(values.keys(), (hash) => keys.hash(hash)),
    refers: refers.flatMap((hash) => (values.has(hash) ? [] : [keys.hash(hash)])),
  };
}

/** @throws HeddleError `FENCED` if the run is not owned like that, `STORE_CONFLICT` if it does not end there. */
function checkPosition(
  runId: string,
  run: StoredRun | undefined,
  { epoch, seq, owner }: WritePosition,
): asserts run is StoredRun {
  if (!run || (run.owner === undefined && !run.head)) {
    throw new HeddleError(
      "FENCED",
      `Run "${runId}" is gone: it was removed, or the browser cleared the data of this site. persist() of the store asks it not to.`,
    );
  }
  if (run.epoch !== epoch || run.owner !== owner) {
    const message = `Run "${runId}" was taken over by another owner (epoch ${run.epoch}, this one has ${epoch}).`;
    throw new HeddleError("FENCED", message);
  }
  if (run.events !== seq) {
    const message = `Run "${runId}" has ${run.events} events, the append was for position ${seq}.`;
    throw new HeddleError("STORE_CONFLICT", message);
  }
}
