// A store in the IndexedDB of a browser: one record per append, checked and written in one transaction. Runs outlive
// the tab; any number of tabs and workers of a site may use one database.

import { nanoid } from "nanoid";
import { HeddleError } from "../src/errors.js";
import { expectNumber } from "../src/expect.js";
import { pageOfHeads } from "../src/heads.js";
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
import { valueCodec } from "./codec.js";
import { Blobs } from "./indexeddb/blobs.js";
import { Database, type Writing } from "./indexeddb/database.js";
import { Heads } from "./indexeddb/heads.js";
import { Journals } from "./indexeddb/journals.js";
import { Keys } from "./indexeddb/keys.js";
import { Ownership } from "./indexeddb/ownership.js";
import { Retention } from "./indexeddb/retention.js";
import { Values } from "./indexeddb/values.js";
import { expectStoreOptions } from "./store-options.js";

/** How an IndexedDB store works; all optional. */
export interface IndexedDbStoreOptions {
  /** Several stores may share a database without seeing each other. Default `""`. */
  readonly namespace?: string;
  /** Default: the codec all stores share. */
  readonly codec?: Codec;
  /** Is told which runs cannot be listed, since their heads are damaged. Default `console.warn`. */
  readonly onWarning?: (message: string) => void;
  /** How long to wait for the database to open, which other tabs may prevent. Default 5,000 milliseconds. */
  readonly openTimeoutMs?: number;
}

/** A store that can ask the browser to keep it. */
export interface IndexedDbStore extends Store {
  /**
   * Asks the browser not to clear the data of this site when space runs short (Firefox asks the user). True if it will
   * not; without that, all of it may be gone one day.
   */
  persist(): Promise<boolean>;
}

/**
 * Makes a store in the database of this name, which is opened, and made if it is not there, with the first call. Where
 * there is no IndexedDB every call rejects with `STORE_UNAVAILABLE`.
 */
export function indexedDbStore(name: string, options: IndexedDbStoreOptions = {}): IndexedDbStore {
  const {
    namespace = "",
    codec = valueCodec(),
    openTimeoutMs = 5_000,
    onWarning: warn = toConsole,
  } = checked(name, options);
  return new IndexedDb({ db: new Database(name, openTimeoutMs), keys: new Keys(namespace), codec, warn });
}

function toConsole(message: string): void {
  console.warn(message);
}

function checked(name: unknown, options: IndexedDbStoreOptions): IndexedDbStoreOptions {
  if (typeof name !== "string" || name === "") {
    throw new HeddleError("INVALID_OPTION", "Expected the name of a database, a text that is not empty.");
  }
  expectStoreOptions("an IndexedDB store", options, ["namespace", "codec", "onWarning", "openTimeoutMs"]);
  if (options.openTimeoutMs !== undefined) expectNumber("openTimeoutMs", options.openTimeoutMs, 1);
  return options;
}

/** Larger values are read one by one, and stored once for all runs. */
const BATCHED_VALUE_BYTES = 1 << 16;

/** What a store works on. */
interface Setup {
  readonly db: Database;
  readonly keys: Keys;
  readonly codec: Codec;
  readonly warn: (message: string) => void;
}

class IndexedDb implements IndexedDbStore {
  readonly capabilities = {
    fencing: "atomic",
    reads: "strong",
    batchedValueBytes: BATCHED_VALUE_BYTES,
    appendIntervalMs: 0,
    shared: true,
  } as const;
  readonly codec: Codec;
  readonly #db: Database;
  readonly #heads: Heads;
  readonly #retention: Retention;
  readonly #ownership: Ownership;
  readonly #journals: Journals;
  readonly #values: Values;
  readonly #blobs = new Blobs();

  constructor({ db, keys, codec, warn }: Setup) {
    this.#db = db;
    this.codec = codec;
    this.#heads = new Heads(db, keys, warn);
    this.#ownership = new Ownership(db, keys);
    this.#journals = new Journals(db, keys);
    this.#values = new Values(db, keys);
    this.#retention = new Retention(db, keys);
  }

  newId(now: number): string {
    return `${now.toString(36).padStart(9, "0")}-${nanoid(12)}`;
  }

  async persist(): Promise<boolean> {
    this.#db.expectOpen();
    return (await storageManager()?.persist?.()) ?? false;
  }

  acquire(runId: string, owner: string, now: number, leaseMs: number): Promise<Lease | Held> {
    return this.#ownership.acquire(runId, owner, now, leaseMs);
  }

  renew(runId: string, epoch: number, now: number, leaseMs: number): Promise<boolean> {
    return this.#ownership.renew(runId, epoch, now, leaseMs);
  }

  release(runId: string, epoch: number): Promise<void> {
    return this.#ownership.release(runId, epoch);
  }

  async append(runId: string, at: WritePosition, batch: Batch): Promise<void> {
    const apart = this.#values.waiting(batch.refers);
    const refer = (tx: Writing) => this.#values.refer(tx, runId, apart);
    await this.#blobs.storing(batch.values, (values) =>
      this.#journals.append(runId, at, { ...batch, values }, apart.length > 0 ? refer : undefined),
    );
    this.#values.referred(apart);
  }

  read(runId: string, seq: number, limit: number): Promise<JournalPage> {
    return this.#journals.read(runId, seq, limit);
  }

  putValue(_runId: string, hash: string, value: Encoded): Promise<void> {
    return this.#blobs.storing(new Map([[hash, value]]), (values) =>
      this.#values.put(hash, values.get(hash) as Encoded),
    );
  }

  getValue(at: ValueLocation): Promise<Encoded | undefined> {
    return this.#values.get(at);
  }

  hasValues(at: readonly ValueLocation[]): Promise<readonly boolean[]> {
    return this.#values.has(at);
  }

  head(runId: string): Promise<RunHead | undefined> {
    return this.#heads.get(runId);
  }

  async heads(query: HeadQuery) {
    return pageOfHeads(await this.#heads.all(), query);
  }

  async remove(runIds: readonly string[]): Promise<void> {
    this.#values.forget();
    try {
      await this.#retention.remove(runIds);
    } finally {
      for (const runId of runIds) this.#ownership.letGo(runId);
    }
  }

  async prune(runs: readonly Skeleton[]): Promise<void> {
    this.#values.forget();
    try {
      await this.#retention.prune(runs);
    } finally {
      for (const { runId, epoch } of runs) this.#ownership.letGo(runId, epoch);
    }
  }

  async usage(): Promise<StoreUsage> {
    const usage = await this.#retention.usage();
    const { quota, usage: used } = (await storageManager()?.estimate?.()) ?? {};
    if (quota === undefined || used === undefined) return usage;
    return { ...usage, availableBytes: Math.max(0, quota - used) };
  }

  async close(): Promise<void> {
    this.#ownership.letGoOfAll();
    await this.#db.close();
  }
}

/** Insecure pages, and what only pretends to be a browser, have none. */
function storageManager(): Partial<StorageManager> | undefined {
  return (globalThis as { navigator?: { storage?: StorageManager } }).navigator?.storage;
}
