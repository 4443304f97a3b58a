// Operations on a namespace, in the words and codes of heddle. Lists are read to their end: an empty page may have more
// behind it. What is too large for one key is spread over several, of which the first is written last.

import { HeddleError } from "../../src/errors.js";
import { partOf } from "./keys.js";
import { type KvNamespace, LIMITS, type Metadata } from "./namespace.js";

/** A key that was listed. */
export interface Listed {
  readonly key: string;
  readonly metadata: unknown;
}

/** What stands under a key. */
export interface Stored {
  readonly bytes: ArrayBuffer;
  readonly metadata: unknown;
}

const MOST_PARTS = 1_000;
/** Leaves room for what KV may count besides. */
const BYTES_A_KEY = LIMITS.valueBytes - 1_024;

/** How long what is written lives, and how long to wait before a refused write is tried again. */
export interface ClientOptions {
  readonly ttlSeconds: number | undefined;
  readonly retryAfterMs: number;
}

/** So often a write is tried that comes too soon after another to its key. */
const TRIES = 5;

/** One namespace of KV. */
export class Client {
  readonly #kv: KvNamespace;
  readonly #ttlSeconds: number | undefined;
  readonly #retryAfterMs: number;
  #isClosed = false;

  constructor(kv: KvNamespace, { ttlSeconds, retryAfterMs }: ClientOptions) {
    this.#kv = kv;
    this.#ttlSeconds = ttlSeconds;
    this.#retryAfterMs = retryAfterMs;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** @throws HeddleError `STORE_UNAVAILABLE` once it was closed. */
  expectOpen(): void {
    if (this.#isClosed) throw new HeddleError("STORE_UNAVAILABLE", "The store in KV was closed. Make a new one.");
  }

  /** All keys with this beginning, in the order of their bytes. */
  async list(prefix: string): Promise<readonly Listed[]> {
    const all: Listed[] = [];
    for (let cursor: string | undefined, isDone = false; !isDone; ) {
      const page = await this.page(prefix, cursor);
      all.push(...page.listed);
      cursor = page.cursor;
      isDone = cursor === undefined;
    }
    return all;
  }

  /** Some keys with this beginning, and where the next ones are. */
  async page(prefix: string, cursor?: string, limit?: number): Promise<{ listed: Listed[]; cursor?: string }> {
    const options = { prefix, ...(cursor === undefined ? {} : { cursor }), ...(limit === undefined ? {} : { limit }) };
    const page = await this.#operation("list keys", () => this.#kv.list(options));
    const listed = page.keys.map(({ name, metadata }) => ({ key: name, metadata }));
    return { listed, ...(page.list_complete || page.cursor === undefined ? {} : { cursor: page.cursor }) };
  }

  /** What stands under a key, if this location sees it. */
  async get(key: string): Promise<Stored | undefined> {
    const { value, metadata } = await this.#operation("read", () => this.#kv.getWithMetadata(key, "arrayBuffer"));
    if (value === null) return undefined;
    const keys = keysIn(metadata);
    if (keys === 1) return { bytes: value, metadata };
    const parts: ArrayBuffer[] = [value];
    for (let number = 1; number < keys; number++) {
      const part = await this.get(partOf(key, number));
      if (!part) return undefined;
      parts.push(part.bytes);
    }
    return { bytes: await new Blob(parts).arrayBuffer(), metadata };
  }

  /** Writes a key that nobody writes otherwise, or that always holds the same. @throws HeddleError `STORE_TOO_LARGE`. */
  async put(key: string, value: ArrayBuffer | string, metadata: Metadata): Promise<void> {
    if (typeof value === "string" || value.byteLength <= BYTES_A_KEY) return this.#put(key, value, metadata);
    const keys = Math.ceil(value.byteLength / BYTES_A_KEY);
    for (let number = keys - 1; number >= 0; number--) {
      const part = value.slice(number * BYTES_A_KEY, (number + 1) * BYTES_A_KEY);
      if (number === 0) await this.#put(key, part, { ...metadata, keys });
      else await this.#put(partOf(key, number), part, {});
    }
  }

  /** Removes keys. */
  async delete(all: readonly Pick<Listed, "key">[]): Promise<void> {
    for (const { key } of all) await this.#operation("delete", () => this.#kv.delete(key));
  }

  #put(key: string, value: ArrayBuffer | string, metadata: Metadata): Promise<void> {
    const ttl = this.#ttlSeconds === undefined ? {} : { expirationTtl: this.#ttlSeconds };
    return this.#operation("write", () => this.#kv.put(key, value, { metadata, ...ttl }));
  }

  async #operation<T>(what: string, run: () => Promise<T>): Promise<T> {
    for (let left = TRIES; ; left--) {
      this.expectOpen();
      try {
        return await run();
      } catch (error) {
        if (left === 1 || !isTooSoon(error)) throw kvError(what, error);
        await new Promise((resolve) => setTimeout(resolve, this.#retryAfterMs));
      }
    }
  }
}

/** Over how many keys something is spread. */
function keysIn(metadata: unknown): number {
  const { keys } = (metadata ?? {}) as { readonly keys?: unknown };
  return Number.isSafeInteger(keys) && (keys as number) > 1 && (keys as number) <= MOST_PARTS ? (keys as number) : 1;
}

/** True if metadata fits beside a value, however many keys that is spread over. */
export function fits(metadata: Metadata): boolean {
  return new TextEncoder().encode(JSON.stringify({ ...metadata, keys: MOST_PARTS })).length <= LIMITS.metadataBytes;
}

/** KV takes one write a second to a key, and counts deletions as writes. */
function isTooSoon(error: unknown): boolean {
  return /\b429\b|too many requests/i.test(String(error));
}

function kvError(what: string, error: unknown): HeddleError {
  const options = { cause: error };
  if (/limit exceeded for the day|storage limit/i.test(String(error))) {
    const advice = "Wait until tomorrow (UTC), or take a paid plan; then restart the run.";
    return new HeddleError("STORE_QUOTA", `KV grants no more operations or space (${error}). ${advice}`, options);
  }
  return new HeddleError(
    "STORE_UNAVAILABLE",
    `KV failed to ${what} (${error}). What was stored stays; restart the run later.`,
    options,
  );
}
