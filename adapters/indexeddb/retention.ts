// Removes runs and payloads, and counts what is there. Every transaction is short: one payload at a time, so that tabs
// that run something are not held up.

import { HeddleError } from "../../src/errors.js";
import type { Skeleton, StoreUsage } from "../../src/ports.js";
import type { Database, Writing } from "./database.js";
import type { Keys } from "./keys.js";
import { EVERYTHING, NO_RUN, type Payload } from "./layout.js";
import { sizeOf } from "./sizes.js";

/** A value may be stored this long before the batch that refers to it. */
const UNREFERRED_MS = 60_000;
/** So many values are looked at in one transaction. */
const VALUES_AT_ONCE = 500;
const NOTHING: ReadonlySet<string> = new Set();

/** What is removed from one namespace of a database. */
export class Retention {
  readonly #db: Database;
  readonly #keys: Keys;

  constructor(db: Database, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  /** Removes runs. The first transaction already fences their owners. */
  async remove(runIds: readonly string[]): Promise<void> {
    const dropped = new Set<string>();
    for (const runId of runIds) {
      while (!(await this.#removeSome(runId, dropped)));
    }
    await this.#sweep(dropped);
  }

  /** Drops values. @throws HeddleError `FENCED` after all others are done, if one was not held. */
  async prune(runs: readonly Skeleton[]): Promise<void> {
    const dropped = new Set<string>();
    let fenced: unknown;
    for (const skeleton of runs) {
      try {
        let kept = 0;
        for (let seq = 0; ; ) {
          const next = await this.#pruneSome(skeleton, seq, kept, dropped);
          if (!next) break;
          seq = next.seq + 1;
          kept += next.kept;
        }
      } catch (error) {
        if ((error as HeddleError).code !== "FENCED") throw error;
        fenced = error;
      }
    }
    await this.#sweep(dropped);
    if (fenced) throw fenced;
  }

  async usage(): Promise<StoreUsage> {
    return this.#db.read(["runs", "stored"], async (tx) => {
      const range = this.#keys.runs();
      const [keys, runs, stored] = await Promise.all([
        tx.objectStore("runs").getAllKeys(range),
        tx.objectStore("runs").getAll(range),
        tx.objectStore("stored").getAll(range),
      ]);
      let bytes = stored.reduce((sum, value) => sum + value.bytes, 0);
      const used = runs.flatMap(({ head, journalBytes, batchedBytes, apartBytes, keptBytes }, i) => {
        bytes += journalBytes + batchedBytes;
        const payloads = batchedBytes + apartBytes;
        const [, runId = ""] = keys[i] ?? [];
        return head ? [{ runId, bytes: journalBytes + payloads, payloadBytes: payloads - keptBytes }] : [];
      });
      return { bytes, runs: used };
    });
  }

  /** Removes one payload of a run, or all else if there is none left: then true. */
  #removeSome(runId: string, dropped: Set<string>): Promise<boolean> {
    return this.#db.write(EVERYTHING, async (tx) => {
      const runs = tx.objectStore("runs");
      const run = await runs.get(this.#keys.run(runId));
      if (!run) return true;
      const key = await tx.objectStore("payloads").getKey(this.#keys.batches(runId));
      if (key) {
        await this.#shrink(tx, runId, key, NOTHING, dropped);
        // Whoever owned it has lost it.
        await runs.put({ ...run, epoch: run.epoch + 1, owner: undefined }, this.#keys.run(runId));
        return false;
      }
      await tx.objectStore("batches").delete(this.#keys.batches(runId));
      // Its epoch stays: an owner of this run must not fit a new one of the same name.
      await runs.put({ ...NO_RUN, epoch: run.epoch + 1 }, this.#keys.run(runId));
      return true;
    });
  }

  /** Prunes the first payload from `seq` on; nothing if there is none: then the run is given back. */
  #pruneSome({ runId, epoch, keep }: Skeleton, seq: number, kept: number, dropped: Set<string>) {
    return this.#db.write(EVERYTHING, async (tx) => {
      const runs = tx.objectStore("runs");
      const run = await runs.get(this.#keys.run(runId));
      if (run?.epoch !== epoch || run.owner === undefined) {
        throw new HeddleError("FENCED", `Run "${runId}" is not held under epoch ${epoch}, so it cannot be pruned.`);
      }
      const key = await tx.objectStore("payloads").getKey(this.#keys.batches(runId, seq));
      if (key) return { seq: key[2], kept: await this.#shrink(tx, runId, key, keep, dropped) };
      const bytes = { batchedBytes: kept, apartBytes: 0, keptBytes: kept };
      await runs.put({ ...run, ...bytes, owner: undefined }, this.#keys.run(runId));
      return undefined;
    });
  }

  /** Leaves of a payload what is to be kept, and sees that other runs lose nothing. Returns the bytes that stay. */
  async #shrink(
    tx: Writing,
    runId: string,
    key: [string, string, number],
    keep: ReadonlySet<string>,
    dropped: Set<string>,
  ): Promise<number> {
    const payloads = tx.objectStore("payloads");
    const { values, refers } = (await payloads.get(key)) as Payload;
    const isKept = (indexKey: string) => keep.has(this.#keys.hashIn(indexKey));
    for (const [hash, value] of values) {
      if (keep.has(hash)) continue;
      dropped.add(hash);
      if (!(await this.#isUsedElsewhere(tx, "refers", runId, hash))) continue;
      if (await this.#isUsedElsewhere(tx, "holds", runId, hash)) continue;
      await tx.objectStore("values").put(value, this.#keys.value(hash));
      await tx.objectStore("stored").put({ bytes: sizeOf(value) }, this.#keys.value(hash));
    }
    for (const indexKey of refers) if (!isKept(indexKey)) dropped.add(this.#keys.hashIn(indexKey));
    const stays: Payload = {
      values: values.filter(([hash]) => keep.has(hash)),
      holds: values.flatMap(([hash]) => (keep.has(hash) ? [this.#keys.hash(hash)] : [])),
      refers: refers.filter(isKept),
    };
    if (stays.holds.length + stays.refers.length === 0) await payloads.delete(key);
    else if (stays.holds.length + stays.refers.length < values.length + refers.length) await payloads.put(stays, key);
    return stays.values.reduce((sum, [, value]) => sum + sizeOf(value), 0);
  }

  /** True if a payload of another run stands in this index under a hash. Those of one run stand side by side. */
  async #isUsedElsewhere(tx: Writing, index: "holds" | "refers", runId: string, hash: string): Promise<boolean> {
    const own = this.#keys.batches(runId);
    const found = tx.objectStore("payloads").index(index);
    let cursor = await found.openKeyCursor(IDBKeyRange.only(this.#keys.hash(hash)));
    if (cursor && own.includes(cursor.primaryKey)) {
      cursor = await cursor.continuePrimaryKey(cursor.key, this.#keys.batch(runId, Number.POSITIVE_INFINITY));
    }
    return cursor !== null;
  }

  // ---- values that are stored apart

  /** Removes those of these values, and of those that no batch ever came for, to which nothing refers. */
  async #sweep(dropped: ReadonlySet<string>): Promise<void> {
    const until = await this.#unreferredUntil();
    const hashes = new Set([...dropped, ...(await this.#neverSwept(until))]);
    const all = [...hashes];
    for (let from = 0; from < all.length; from += VALUES_AT_ONCE) {
      const some = all.slice(from, from + VALUES_AT_ONCE);
      await this.#db.write(["payloads", "values", "stored"], (tx) =>
        Promise.all(some.map((hash) => this.#sweepOne(tx, hash, until))),
      );
    }
  }

  async #sweepOne(tx: Writing, hash: string, until: number): Promise<void> {
    const key = this.#keys.value(hash);
    const stored = tx.objectStore("stored");
    const value = await stored.get(key);
    if (!value || (value.putAt ?? 0) > until) return;
    const { bytes } = value;
    const payloads = tx.objectStore("payloads");
    const isUsed = (await payloads.index("refers").getKey(this.#keys.hash(hash))) !== undefined;
    if (isUsed) await stored.put({ bytes }, key);
    else await Promise.all([stored.delete(key), tx.objectStore("values").delete(key)]);
  }

  /** While others write, a value may have come whose batch is still to come. */
  #unreferredUntil(): Promise<number> {
    const now = Date.now();
    return this.#db.read(["runs"], async (tx) => {
      const runs = await tx.objectStore("runs").getAll(this.#keys.runs());
      const isWriting = runs.some(({ owner, leaseUntil }) => owner !== undefined && leaseUntil > now);
      return isWriting ? now - UNREFERRED_MS : now;
    });
  }

  #neverSwept(until: number): Promise<string[]> {
    return this.#db.read(["stored"], async (tx) => {
      const keys = await tx.objectStore("stored").index("putAt").getAllKeys(IDBKeyRange.upperBound(until));
      return keys.flatMap(([namespace, hash]) => (namespace === this.#keys.namespace ? [hash] : []));
    });
  }
}
