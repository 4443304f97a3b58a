// Values: small ones beside the batch that brought them, large ones apart and once for all runs.

import type { Encoded, ValueLocation } from "../../src/ports.js";
import type { Database } from "./database.js";
import type { Keys } from "./keys.js";
import { sizeOf } from "./sizes.js";

/** So many payloads are remembered: values are asked for one by one, and mostly in the order in which they came. */
const REMEMBERED_PAYLOADS = 4;

/** The values of one namespace of a database. */
export class Values {
  readonly #db: Database;
  readonly #keys: Keys;
  /** Sizes of the values that were stored apart, until a batch refers to them. */
  readonly #apart = new Map<string, number>();
  readonly #payloads: ReadonlyMap<string, Encoded>[] = [];

  constructor(db: Database, keys: Keys) {
    this.#db = db;
    this.#keys = keys;
  }

  async put(hash: string, value: Encoded): Promise<void> {
    const bytes = sizeOf(value);
    const key = this.#keys.value(hash);
    await this.#db.write(["values", "stored"], async (tx) => {
      const values = tx.objectStore("values");
      const isThere = (await values.getKey(key)) !== undefined;
      await Promise.all([
        isThere || values.add({ text: value.text, parts: value.parts }, key),
        // Also if it is there: the run that referred to it so far may be removed now.
        tx.objectStore("stored").put({ bytes, putAt: Date.now() }, key),
      ]);
    });
    this.#apart.set(hash, bytes);
  }

  async get({ hash }: ValueLocation): Promise<Encoded | undefined> {
    const found = await this.#db.read(["payloads", "values"], async (tx) => {
      const remembered = this.#payloads.find((payload) => payload.has(hash))?.get(hash);
      if (remembered) return remembered;
      const payload = await tx.objectStore("payloads").index("holds").get(this.#keys.hash(hash));
      return payload ?? (await tx.objectStore("values").get(this.#keys.value(hash)));
    });
    if (!found || !("values" in found)) return found;
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

  /** The bytes of those values that were stored apart and that no batch has referred to so far. */
  apartBytes(hashes: readonly string[]): number {
    return hashes.reduce((sum, hash) => sum + (this.#apart.get(hash) ?? 0), 0);
  }

  /** A batch refers to these values now. */
  referred(hashes: readonly string[]): void {
    for (const hash of hashes) this.#apart.delete(hash);
  }

  /** Values may be gone. */
  forget(): void {
    this.#payloads.length = 0;
  }
}
