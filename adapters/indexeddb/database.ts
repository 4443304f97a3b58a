// The connection to a database: opened when it is needed, opened again when the browser has let go of it, and given up
// when another tab needs a newer layout. All that is done inside a transaction is requests to IndexedDB: waiting for
// anything else would end it (in Firefox also for crypto.subtle).

import { type IDBPDatabase, type IDBPTransaction, openDB, unwrap } from "idb";
import { HeddleError } from "../../src/errors.js";
import { isDead, isNewer, storeError } from "./failure.js";
import { isForeign, isOurs, LAYOUT, type Layout, makeStores, type StoreName } from "./layout.js";

type Connection = IDBPDatabase<Layout>;

/** A transaction that may read. */
export type Reading = IDBPTransaction<Layout, StoreName[], "readonly">;
/** A transaction that may read and write. */
export type Writing = IDBPTransaction<Layout, StoreName[], "readwrite">;

/** One database, however often its connection changes. */
export class Database {
  readonly name: string;
  readonly #openTimeoutMs: number;
  #opening: Promise<Connection> | undefined;
  #db: Connection | undefined;
  #isClosed = false;

  constructor(name: string, openTimeoutMs: number) {
    this.name = name;
    this.#openTimeoutMs = openTimeoutMs;
  }

  /** Reads in one transaction. */
  read<T>(stores: readonly StoreName[], use: (tx: Reading) => Promise<T>): Promise<T> {
    return this.#transact((db) => db.transaction([...stores], "readonly"), use);
  }

  /**
   * Writes in one transaction, whole or not at all. `use` may run twice, and the first time may have been stored after
   * all: what it does must come to the same. Durable: it outlives a power cut, and with it all that was written before,
   * since browsers keep one log per database.
   */
  write<T>(stores: readonly StoreName[], use: (tx: Writing) => Promise<T>, durable = false): Promise<T> {
    const durability = durable ? "strict" : "relaxed";
    return this.#transact((db) => db.transaction([...stores], "readwrite", { durability }), use);
  }

  /** @throws HeddleError `STORE_UNAVAILABLE` if it was closed for good. */
  expectOpen(): void {
    if (this.#isClosed) throw closed(this.name);
  }

  /** Lets go of the connection once its transactions have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const db = await this.#opening?.catch(() => undefined);
    db?.close();
  }

  async #transact<Tx extends Reading | Writing, T>(
    begin: (db: Connection) => Tx,
    use: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    for (let isLast = false; ; isLast = true) {
      let db: Connection | undefined;
      try {
        db = await this.#open();
        return await run(begin(db), use);
      } catch (error) {
        // A handle that the browser has closed stays dead however often it is tried: a new one, once.
        if (isLast || !isDead(error)) throw storeError(error, this.name);
        if (db) this.#letGo(db);
      }
    }
  }

  #open(): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(closed(this.name));
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<Connection> {
    if (typeof indexedDB === "undefined") throw missing(this.name);
    let isTaken = false;
    const letGo = () => this.#db && this.#letGo(this.#db);
    const opening = openDB<Layout>(this.name, LAYOUT, {
      upgrade: (db, _, __, tx) => {
        isTaken = db.objectStoreNames.length > 0;
        if (!isTaken) return makeStores(db);
        tx.done.catch(() => {});
        tx.abort();
      },
      // Whoever waits for us may be a newer heddle: it must not wait for ever.
      blocking: letGo,
      terminated: letGo,
    });
    const db = await inTime(opening, this.#openTimeoutMs, this.name).catch(async (error: unknown) => {
      if (isNewer(error)) isTaken = await this.#isForeign();
      throw isTaken ? foreign(this.name) : error;
    });
    if (!isOurs(db)) {
      db.close();
      throw foreign(this.name);
    }
    this.#db = db;
    return db;
  }

  /** Looks into a database of a higher version, which opens without one as it is. */
  async #isForeign(): Promise<boolean> {
    const db = await inTime(openDB<Layout>(this.name), this.#openTimeoutMs, this.name);
    const is = isForeign(db);
    db.close();
    return is;
  }

  #letGo(db: Connection): void {
    db.close();
    if (this.#db !== db) return;
    this.#db = undefined;
    this.#opening = undefined;
  }
}

/** Runs `use` in a transaction, and waits until that has ended: only then is anything stored. */
async function run<Tx extends Reading | Writing, T>(tx: Tx, use: (tx: Tx) => Promise<T>): Promise<T> {
  // idb rejects this at the first error event, before it is known why the transaction ends.
  tx.done.catch(() => {});
  const ended = endOf(tx);
  ended.catch(() => {});
  let failure: unknown;
  const using = use(tx).catch((error: unknown) => {
    failure = error;
    abort(tx);
  });
  try {
    await ended;
  } catch (error) {
    // A full disk shows here alone, perhaps without any request that failed.
    throw failure instanceof HeddleError || nameless(error) ? (failure ?? error) : error;
  }
  const result = await using;
  if (failure !== undefined) throw failure;
  return result as T;
}

/** True for an end that says nothing: somebody called `abort()`. */
function nameless(error: unknown): boolean {
  return (error as { name?: string }).name === "AbortError";
}

function endOf(tx: Reading | Writing): Promise<void> {
  const plain = unwrap(tx) as IDBTransaction;
  return new Promise((resolve, reject) => {
    plain.addEventListener("complete", () => resolve());
    plain.addEventListener("abort", () =>
      reject(plain.error ?? new DOMException("The transaction was aborted.", "AbortError")),
    );
  });
}

/** What was asked of a transaction before something threw would be stored all the same. */
function abort(tx: Reading | Writing): void {
  try {
    tx.abort();
  } catch {
    // It has ended already.
  }
}

/**
 * Waits for a connection, but not for ever: while another tab holds an older layout open there may be no event at all
 * (https://github.com/w3c/IndexedDB/issues/223), nor while that tab is frozen.
 */
function inTime(opening: Promise<Connection>, timeoutMs: number, name: string): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(stuck(name, timeoutMs));
    }, timeoutMs);
    opening.then(
      (db) => {
        clearTimeout(timer);
        if (isLate) db.close();
        else resolve(db);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function stuck(name: string, timeoutMs: number): HeddleError {
  return new HeddleError(
    "STORE_UNAVAILABLE",
    `Database "${name}" did not open within ${timeoutMs} ms. Another tab may hold an older version of it open: close or reload the other tabs of this site.`,
  );
}

function missing(name: string): HeddleError {
  return new HeddleError(
    "STORE_UNAVAILABLE",
    `There is no IndexedDB here, so database "${name}" cannot be opened. Use another store: memoryStore(), or fileSystemStore() in Node, Deno and Bun.`,
  );
}

function foreign(name: string): HeddleError {
  return new HeddleError(
    "STORE_UNAVAILABLE",
    `Database "${name}" belongs to something else. Nothing was changed there; give the store another name.`,
  );
}

function closed(name: string): HeddleError {
  return new HeddleError("STORE_UNAVAILABLE", `The store in database "${name}" was closed. Make a new one.`);
}
