// Runs conformance cases in a page, on the stores that browsers have.

import { indexedDbStore } from "heddle/adapters/indexeddb";
import { memoryStore } from "heddle/adapters/memory";
import { inside } from "../../matrix/inside/run-case.js";

Object.assign(globalThis, {
  page: inside({
    memory: () => ({ createStore: () => memoryStore() }),
    indexeddb() {
      const database = `case ${crypto.randomUUID()}`;
      return {
        createStore: (place = "main") => indexedDbStore(database, { namespace: place }),
        remove: () => deleteDatabase(database),
      };
    },
  }),
});

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("A store did not close its database."));
  });
}
