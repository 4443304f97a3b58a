// Values: small ones beside the batch that brought them, large ones apart and once for all runs.

import { sizeOf } from "../../src/encoded.js";
import { HeddleError } from "../../src/errors.js";
import type { Encoded, ValueLocation } from "../../src/ports.js";
import { isEncoded, isPayload } from "./checks.js";
import type { Database, Writing } from "./database.js";
import type { Keys } from "./keys.js";

/** So many payloads are remembered: values are asked for one by one, and mostly in the order in which they came. */
const REMEMBERED_PAYLOADS = 4;

/** The values of one namespace of a database. */
export class Values {
  readonly #db: Database;
  readonly #keys: Keys;
  /** When values were put apart, until a batch refers to them. */
  readonly #apart = new Map<string, number>();
  readonly #payloads: ReadonlyMap<string, Encoded>[] = [];

  constructor(db: Database, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  async put(hash: string, value: Encoded): Promise<void> {
    const bytes = sizeOf(value);
    const putAt = Date.now();
    const key = this.#keys.value(hash);
    await this.#db.write(["values", "stored"], async (tx) => {
      const values = tx.objectStore("values");
      const isThere = (await values.getKey(key)) !== undefined;
      await Promise.all([
        isThere || values.add({ text: value.text, parts: value.parts }, key),
        // Also if it is there: the run that referred to it so far may be removed now.
        tx.objectStore("stored").put({ bytes, putAt }, key),
      ]);
    });
    this.#apart.set(hash, putAt);
  }

  async get({ hash }: ValueLocation): Promise<Encoded | undefined> {
    const found = await this.#db.read(["payloads", "values"], async (tx) => {
      const remembered = this.#payloads.find((payload) => payload.has(hash))?.get(hash);
      if (remembered) return remembered;
      const payload = await tx.objectStore("payloads").index("holds").get(this.#keys.hash(hash));
      return payload ?? (await tx.objectStore("values").get(this.#keys.value(hash)));
    });
    if (found === undefined || isEncoded(found)) return found;
    if (!isPayload(found)) throw damaged(hash, this.#db.name);
    const values = new Map(found.values);
    this.#payloads.unshift(values);
    this.#payloads.length = Math.min(this.#payloads.length, REMEMBERED_PAYLOADS);
    return values.get(hash);
  }

  has(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    return this.#db.read(["payloads", "values"], (tx) => {
      const holds = tx.objectStore("payloads").index("holds");
      const values = tx.objectStore("values");
      const isThere = async ({ hash }: ValueLocation) =>
        (await holds.getKey(this.#keys.hash(hash))) !== undefined ||
        (await values.getKey(this.#keys.value(hash))) !== undefined;
      return Promise.all(at.map(isThere));
    });
  }

  /** Those of these values that were put apart for a batch that comes only now. */
  waiting(hashes: readonly string[]): readonly string[] {
    return hashes.filter((hash) => this.#apart.has(hash));
  }

  /**
   * In the transaction of the batch that refers to them: it is what keeps them from now on.
   *
   * @throws HeddleError `STORE_CONFLICT` if one is gone.
   */
  async refer(tx: Writing, runId: string, hashes: readonly string[]): Promise<void> {
    const stored = tx.objectStore("stored");
    const referOne = async (hash: string) => {
      const key = this.#keys.value(hash);
      const value = await stored.get(key);
      if (!value) {
        this.#apart.delete(hash);
        throw swept(runId);
      }
      // Whoever put it later has a batch to come as well.
      if (value.putAt === this.#apart.get(hash)) await stored.put({ bytes: value.bytes }, key);
    };
    await Promise.all(hashes.map(referOne));
  }

  /** Their batch has come. */
  referred(hashes: readonly string[]): void {
    for (const hash of hashes) this.#apart.delete(hash);
  }

  /** Values may be gone. */
  forget(): void {
    this.#payloads.length = 0;
  }
}

function swept(runId: string): HeddleError {
  return new HeddleError(
    "STORE_CONFLICT",
    `A large value of run "${runId}" was removed by another tab before the batch that refers to it: this page stood still in between. Restart the run.`,
  );
}

function damaged(hash: string, database: string): HeddleError {
  return new HeddleError(
    "STORE_DAMAGED",
    `The value ${hash} in database "${database}" is not what was written. Execute its node again: replay the run with \`rerun\`.`,
  );
}
