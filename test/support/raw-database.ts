// Changes what stands in the database of a store, as somebody does with the tools of the browser.

import { type IDBPDatabase, openDB } from "idb";

/** A record in one of the object stores, with its key. */
export interface RawRecord {
  readonly key: IDBValidKey;
  readonly value: unknown;
}

/** All records of an object store. */
export function rawRecords(database: string, store: string): Promise<RawRecord[]> {
  return opened(database, async (db) => {
    const [keys, values] = await Promise.all([db.getAllKeys(store), db.getAll(store)]);
    return keys.map((key, i) => ({ key, value: values[i] }));
  });
}

/** Makes an object store hold exactly these records. */
export function putRaw(database: string, store: string, records: readonly RawRecord[]): Promise<void> {
  return opened(database, async (db) => {
    const tx = db.transaction(store, "readwrite");
    await Promise.all([tx.store.clear(), ...records.map(({ key, value }) => tx.store.put(value, key)), tx.done]);
  });
}

/** Replaces what stands in one object store. */
export async function changeRaw(
  database: string,
  store: string,
  change: (records: RawRecord[]) => readonly RawRecord[],
): Promise<void> {
  await putRaw(database, store, change(await rawRecords(database, store)));
}

async function opened<T>(database: string, use: (db: IDBPDatabase) => Promise<T>): Promise<T> {
  const db = await openDB(database);
  try {
    return await use(db);
  } finally {
    db.close();
  }
}
