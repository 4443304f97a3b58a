// Journals: one record per append, with its values beside it, checked and written in one transaction.

import { HeddleError } from "../../src/errors.js";
import type { JournalEvent } from "../../src/events.js";
import type { Batch, JournalPage, WritePosition } from "../../src/ports.js";
import type { Database } from "./database.js";
import type { Keys } from "./keys.js";
import type { Payload, StoredRun } from "./layout.js";
import { sizeOf } from "./sizes.js";

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

  /** Adds one batch; `apartBytes` is what it refers to first of what was stored apart. */
  async append(runId: string, at: WritePosition, batch: Batch, apartBytes: number): Promise<void> {
    const { events, values, refers, head, durable } = batch;
    // All of it is ready before the transaction begins, which would end while something else is waited for.
    const text = JSON.stringify(events);
    const payload = payloadOf(this.#keys, values, refers);
    const name = `${at.epoch} ${at.seq} ${at.owner}`;
    let batchedBytes = 0;
    for (const value of values.values()) batchedBytes += sizeOf(value);
    const stores = payload ? (["runs", "batches", "payloads"] as const) : (["runs", "batches"] as const);
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
          tx.objectStore("batches").add({ seq: at.seq, events: text }, key),
          runs.put(
            {
              ...run,
              head,
              events: at.seq + events.length,
              lastAppend: name,
              journalBytes: run.journalBytes + text.length,
              batchedBytes: run.batchedBytes + batchedBytes,
              apartBytes: run.apartBytes + apartBytes,
            },
            this.#keys.run(runId),
          ),
        ]);
      },
      durable,
    );
  }

  read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    return this.#db.read(["batches"], async (tx) => {
      const batches = tx.objectStore("batches");
      const first = await batches.openKeyCursor(this.#keys.batches(runId, 0, seq), "prev");
      const begin = first?.key[2] ?? 0;
      const events: JournalEvent[] = [];
      for (let [from, found, wanted] = [begin, 0, 1]; ; ) {
        const some = await batches.getAll(this.#keys.batches(runId, from), wanted);
        for (const batch of some) {
          if (events.length === limit) return { events, more: true };
          const all = JSON.parse(batch.events) as JournalEvent[];
          from = batch.seq + all.length;
          const start = Math.max(0, seq + events.length - batch.seq);
          for (let i = start; i < all.length; i++) {
            if (events.length === limit) return { events, more: true };
            events.push(all[i] as JournalEvent);
          }
        }
        if (some.length < wanted) return { events, more: false };
        found += some.length;
        // What fills the page if all are as long as those so far, and one to see whether there is more.
        wanted = Math.min(BATCHES_AT_ONCE, 1 + Math.floor(((limit - events.length) * found) / (from - begin)));
      }
    });
  }
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
