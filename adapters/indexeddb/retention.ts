// Removes runs and payloads, and counts what is there. Every transaction is short: one payload at a time, so that tabs
// that run something are not held up.

import { sizeOf } from "../../src/encoded.js";
import { HeddleError } from "../../src/errors.js";
import type { Encoded, Skeleton, StoreUsage } from "../../src/ports.js";
import type { Database, Reading, Writing } from "./database.js";
import type { Keys } from "./keys.js";
import { EVERYTHING, NO_RUN, type Payload, type StoredRun } from "./layout.js";

/** A value may be stored this long before the batch that refers to it. */
const UNREFERRED_MS = 60_000;
/** The mark of a value that a run has let go: any sweep may take it. */
const LET_GO = 0;
/** So many values are looked at in one transaction. */
const VALUES_AT_ONCE = 500;
const NOTHING: ReadonlySet<string> = new Set();

/** What a run refers to of the values that are stored apart. */
interface Apart {
  readonly bytes: number;
  readonly keptBytes: number;
}

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
    for (const runId of runIds) {
      while (!(await this.#removeSome(runId)));
    }
    await this.#sweep();
  }

  /** Drops values. @throws HeddleError `FENCED` after all others are done, if one was not held. */
  async prune(runs: readonly Skeleton[]): Promise<void> {
    let fenced: unknown;
    for (const skeleton of runs) {
      try {
        let kept = 0;
        for (let seq = 0; ; ) {
          const next = await this.#pruneSome(skeleton, seq, kept);
          if (!next) break;
          seq = next.seq + 1;
          kept += next.kept;
        }
      } catch (error) {
        if ((error as HeddleError).code !== "FENCED") throw error;
        fenced = error;
      }
    }
    await this.#sweep();
    if (fenced) throw fenced;
  }

  async usage(): Promise<StoreUsage> {
    return this.#db.read(["runs", "payloads", "stored"], async (tx) => {
      const range = this.#keys.runs();
      const [keys, runs, hashes, stored] = await Promise.all([
        tx.objectStore("runs").getAllKeys(range),
        tx.objectStore("runs").getAll(range),
        tx.objectStore("stored").getAllKeys(range),
        tx.objectStore("stored").getAll(range),
      ]);
      const byRun = new Map(runs.map((run, i) => [keys[i]?.[1] ?? "", run]));
      const sizes = new Map(stored.map((value, i) => [hashes[i]?.[1] ?? "", value.bytes]));
      const apart = await this.#apart(tx, byRun, sizes);
      let bytes = stored.reduce((sum, value) => sum + value.bytes, 0);
      const used = Array.from(byRun, ([runId, { head, journalBytes, batchedBytes, keptBytes }]) => {
        bytes += journalBytes + batchedBytes;
        const large = apart.get(runId) ?? { bytes: 0, keptBytes: 0 };
        const payloads = batchedBytes + large.bytes;
        const payloadBytes = payloads - keptBytes - large.keptBytes;
        return head ? [{ runId, bytes: journalBytes + payloads, payloadBytes }] : [];
      });
      return { bytes, runs: used.flat() };
    });
  }

  /** Counts what each run refers to of these values, which are stored apart. */
  async #apart(
    tx: Reading,
    runs: ReadonlyMap<string, StoredRun>,
    sizes: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, Apart>> {
    const refers = tx.objectStore("payloads").index("refers");
    const apart = new Map<string, Apart>();
    const countOne = async (hash: string, size: number) => {
      let last: string | undefined;
      for (const [, runId, seq] of await refers.getAllKeys(this.#keys.hash(hash))) {
        // Those of one run stand side by side, in order.
        if (runId === last) continue;
        last = runId;
        const { bytes, keptBytes } = apart.get(runId) ?? { bytes: 0, keptBytes: 0 };
        const isKept = seq < (runs.get(runId)?.prunedEvents ?? 0);
        apart.set(runId, { bytes: bytes + size, keptBytes: isKept ? keptBytes + size : keptBytes });
      }
    };
    await Promise.all(Array.from(sizes, ([hash, size]) => countOne(hash, size)));
    return apart;
  }

  /** Removes one payload of a run, or all else if there is none left: then true. */
  #removeSome(runId: string): Promise<boolean> {
    return this.#db.write(EVERYTHING, async (tx) => {
      const runs = tx.objectStore("runs");
      const run = await runs.get(this.#keys.run(runId));
      if (!run) return true;
      const key = await tx.objectStore("payloads").getKey(this.#keys.batches(runId));
      if (key) {
        await this.#shrink(tx, runId, key, NOTHING);
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
  #pruneSome({ runId, epoch, keep }: Skeleton, seq: number, kept: number) {
    let isAtEnd = false;
    return this.#db.write(EVERYTHING, async (tx) => {
      const runs = tx.objectStore("runs");
      const run = await runs.get(this.#keys.run(runId));
      // Done the second time: the first was stored after all.
      if (isAtEnd && run?.epoch === epoch && run.owner === undefined) return undefined;
      if (run?.epoch !== epoch || run.owner === undefined) {
        throw new HeddleError("FENCED", `Run "${runId}" is not held under epoch ${epoch}, so it cannot be pruned.`);
      }
      const key = await tx.objectStore("payloads").getKey(this.#keys.batches(runId, seq));
      if (key) return { seq: key[2], kept: await this.#shrink(tx, runId, key, keep) };
      isAtEnd = true;
      const pruned = { batchedBytes: kept, keptBytes: kept, prunedEvents: run.events };
      await runs.put({ ...run, ...pruned, owner: undefined }, this.#keys.run(runId));
      return undefined;
    });
  }

  /**
   * Leaves of a payload what is to be kept, sees that other runs lose nothing, and marks what the next sweep must look
   * at, whoever does it. Returns the bytes that stay.
   */
  async #shrink(tx: Writing, runId: string, key: [string, string, number], keep: ReadonlySet<string>): Promise<number> {
    const payloads = tx.objectStore("payloads");
    const { values, refers } = (await payloads.get(key)) as Payload;
    const isKept = (indexKey: string) => keep.has(this.#keys.hashIn(indexKey));
    for (const [hash, value] of values) {
      if (keep.has(hash)) continue;
      const isNeeded =
        (await this.#isUsedElsewhere(tx, "refers", runId, hash)) &&
        !(await this.#isUsedElsewhere(tx, "holds", runId, hash));
      await this.#letGo(tx, hash, isNeeded ? value : undefined);
    }
    const goes = refers.filter((indexKey) => !isKept(indexKey));
    await Promise.all(goes.map((indexKey) => this.#letGo(tx, this.#keys.hashIn(indexKey))));
    const stays: Payload = {
      values: values.filter(([hash]) => keep.has(hash)),
      holds: values.flatMap(([hash]) => (keep.has(hash) ? [this.#keys.hash(hash)] : [])),
      refers: refers.filter(isKept),
    };
    if (stays.holds.length + stays.refers.length === 0) await payloads.delete(key);
    else if (stays.holds.length + stays.refers.length < values.length + refers.length) await payloads.put(stays, key);
    return stays.values.reduce((sum, [, value]) => sum + sizeOf(value), 0);
  }

  /** Marks a value that is stored apart, or stores it there if another run needs it. */
  async #letGo(tx: Writing, hash: string, needed?: Encoded): Promise<void> {
    const key = this.#keys.value(hash);
    const stored = tx.objectStore("stored");
    const value = await stored.get(key);
    if (!value) {
      // Without a mark: it gets one from the run that needs it, when that lets it go.
      if (!needed) return;
      await tx.objectStore("values").put(needed, key);
      await stored.put({ bytes: sizeOf(needed) }, key);
    } else if (value.putAt === undefined) await stored.put({ bytes: value.bytes, putAt: LET_GO }, key);
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

  /** Removes those of the marked values to which nothing refers, also what a tab that died did not come to. */
  async #sweep(): Promise<void> {
    const until = await this.#unreferredUntil();
    const all = await this.#marked(until);
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
    if (value?.putAt === undefined || value.putAt > until) return;
    const { bytes } = value;
    const payloads = tx.objectStore("payloads");
    const isUsed = (await payloads.index("refers").getKey(this.#keys.hash(hash))) !== undefined;
    if (isUsed) await stored.put({ bytes }, key);
    else await Promise.all([stored.delete(key), tx.objectStore("values").delete(key)]);
  }

  /** While others write, a value may have come whose batch is still to come. Who had a lease may write when it is over. */
  #unreferredUntil(): Promise<number> {
    const now = Date.now();
    return this.#db.read(["runs"], async (tx) => {
      const runs = await tx.objectStore("runs").getAll(this.#keys.runs());
      const isWriting = runs.some(({ owner }) => owner !== undefined);
      return isWriting ? now - UNREFERRED_MS : now;
    });
  }

  #marked(until: number): Promise<string[]> {
    return this.#db.read(["stored"], async (tx) => {
      const keys = await tx.objectStore("stored").index("putAt").getAllKeys(IDBKeyRange.upperBound(until));
      return keys.flatMap(([namespace, hash]) => (namespace === this.#keys.namespace ? [hash] : []));
    });
  }
}
