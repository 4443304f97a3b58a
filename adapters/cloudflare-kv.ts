// A store in Workers KV: the same records at the edge, as far as KV can keep them.

import { nanoid } from "nanoid";
import { HeddleError } from "../src/errors.js";
import { expectNumber } from "../src/expect.js";
import type {
  Batch,
  Codec,
  Encoded,
  HeadQuery,
  Held,
  JournalPage,
  Lease,
  RunHead,
  Skeleton,
  Store,
  StoreUsage,
  ValueLocation,
  WritePosition,
} from "../src/ports.js";
import { Client } from "./cloudflare-kv/client.js";
import { Heads } from "./cloudflare-kv/heads.js";
import { Journals } from "./cloudflare-kv/journals.js";
import { Keys } from "./cloudflare-kv/keys.js";
import { Links } from "./cloudflare-kv/links.js";
import { type KvNamespace, LIMITS } from "./cloudflare-kv/namespace.js";
import { Ownership } from "./cloudflare-kv/ownership.js";
import { Retention } from "./cloudflare-kv/retention.js";
import { Runs } from "./cloudflare-kv/runs.js";
import { usageOf } from "./cloudflare-kv/usage.js";
import { Values } from "./cloudflare-kv/values.js";
import { valueCodec } from "./codec.js";
import { expectStoreOptions } from "./store-options.js";

export type { KeyPage, KvNamespace, Metadata } from "./cloudflare-kv/namespace.js";

/** How a KV store works; all optional. */
export interface CloudflareKvStoreOptions {
  /** Several stores may share a namespace of KV without seeing each other. Default `""`. */
  readonly namespace?: string;
  /** Default: the codec all stores share. */
  readonly codec?: Codec;
  /** Everything that is written expires after so many seconds, at least 60. Default: never. */
  readonly ttlSeconds?: number;
  /**
   * KV takes one write a second to a key. What is removed just after it was written, and a large value that a run stores
   * twice, are tried again after so many milliseconds. Default 1,100.
   */
  readonly retryAfterMs?: number;
  /** Told when two owners wrote to one run, and when a head is damaged. Default `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Makes a store in a namespace of Workers KV. Make one per request: what it holds belongs to that request.
 *
 * KV cannot promise that one of two who write at once is refused, nor that a read sees what was written elsewhere in the
 * last minute. A run that is driven from one place at a time is safe here, and its record is read everywhere a little
 * later; a restart elsewhere within a minute may be refused as `STORE_STALE`, or execute again what it does not see yet.
 * Where two may drive one run at once, or effects must not happen twice, take a store with fencing.
 *
 * @throws HeddleError `INVALID_OPTION`.
 */
export function cloudflareKvStore(kv: KvNamespace, options: CloudflareKvStoreOptions = {}): Store {
  if (typeof kv?.getWithMetadata !== "function") throw invalid("a binding to a KV namespace, such as env.RUNS");
  expectStoreOptions("a KV store", options, ["namespace", "codec", "ttlSeconds", "retryAfterMs", "onWarning"]);
  const { namespace = "", codec = valueCodec(), ttlSeconds, retryAfterMs = 1_100, onWarning = console.warn } = options;
  if (ttlSeconds !== undefined && !(Number.isInteger(ttlSeconds) && ttlSeconds >= LIMITS.leastTtlSeconds)) {
    throw invalid(`\`ttlSeconds\` to be a whole number from ${LIMITS.leastTtlSeconds} and up, got \`${ttlSeconds}\``);
  }
  expectNumber("retryAfterMs", retryAfterMs, 0);
  const keys = new Keys(namespace);
  const client = new Client(kv, { ttlSeconds, retryAfterMs });
  return new CloudflareKv({ client, keys, codec, warn: onWarning });
}

/** Larger values have keys of their own: a batch of this and some events is far from the limit of KV. */
const BATCHED_VALUE_BYTES = 1 << 20;

interface Setup {
  readonly client: Client;
  readonly keys: Keys;
  readonly codec: Codec;
  readonly warn: (message: string) => void;
}

class CloudflareKv implements Store {
  readonly capabilities = {
    fencing: "none",
    reads: "eventual",
    batchedValueBytes: BATCHED_VALUE_BYTES,
    // A write is what costs most.
    appendIntervalMs: 1_000,
    metered: true,
    valuesByRun: true,
    shared: true,
  } as const;
  readonly codec: Codec;
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #runs: Runs;
  readonly #ownership: Ownership;
  readonly #journals: Journals;
  readonly #values: Values;
  readonly #heads: Heads;
  readonly #retention: Retention;

  constructor({ client, keys, codec, warn }: Setup) {
    this.codec = codec;
    this.#client = client;
    this.#keys = keys;
    const runs = new Runs(client, keys, warn);
    const values = new Values(client, keys, runs);
    const ownership = new Ownership(client, keys, runs, (view) => this.#retention.finish(view));
    const links = new Links({ client, keys, values, nameInKey: (name) => runs.nameInKey(name) });
    const journals = new Journals({ client, keys, ownership, links });
    const heads = new Heads(client, keys, warn);
    this.#runs = runs;
    this.#values = values;
    this.#ownership = ownership;
    this.#journals = journals;
    this.#heads = heads;
    this.#retention = new Retention({ client, keys, runs, ownership, journals, values, links, heads });
  }

  newId(now: number): string {
    return `${now.toString(36).padStart(9, "0")}-${nanoid(12)}`;
  }

  acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    return this.#ownership.acquire(runId, owner, now, leaseMs);
  }

  async renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    this.#client.expectOpen();
    return this.#ownership.renew(runId, epoch, now, leaseMs);
  }

  async release(runId: string, epoch: number): Promise<void> {
    this.#client.expectOpen();
    return this.#ownership.release(runId, epoch);
  }

  async append(runId: string, at: WritePosition, batch: Batch): Promise<void> {
    this.#client.expectOpen();
    await this.#journals.append(runId, at, batch);
    this.#runs.changed(runId);
  }

  read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    return this.#runs.read(runId, seq, limit);
  }

  async putValue(runId: string, hash: string, value: Encoded): Promise<void> {
    this.#client.expectOpen();
    await this.#values.put(this.#ownership.holding(runId), hash, value);
  }

  getValue(at: ValueLocation): Promise<Encoded | undefined> {
    return this.#values.get(at);
  }

  async hasValues(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    this.#client.expectOpen();
    return this.#values.has(at);
  }

  async head(runId: string): Promise<RunHead | undefined> {
    return this.#runs.head(await this.#runs.view(runId));
  }

  heads(query: HeadQuery): Promise<{ readonly heads: readonly RunHead[]; readonly cursor?: string }> {
    return this.#heads.list(query);
  }

  async remove(runIds: readonly string[]): Promise<void> {
    this.#client.expectOpen();
    return this.#retention.remove(runIds);
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    this.#client.expectOpen();
    return this.#retention.prune(runs);
  }

  usage(): Promise<StoreUsage> {
    return usageOf({ client: this.#client, keys: this.#keys, runs: this.#runs });
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

function invalid(expected: string): HeddleError {
  return new HeddleError("INVALID_OPTION", `Expected ${expected}.`);
}
