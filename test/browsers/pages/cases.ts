// Runs conformance cases in a page, on the stores and executors that browsers have.

import { indexedDbStore } from "heddle/adapters/indexeddb";
import { memoryStore } from "heddle/adapters/memory";
import { webWorkers } from "heddle/adapters/web-workers";
import { inside } from "../../matrix/inside/run-case.js";

Object.assign(globalThis, {
  page: inside({
    stores: {
      memory: () => ({ createStore: () => memoryStore() }),
      indexeddb() {
        const database = `case ${crypto.randomUUID()}`;
        return {
          createStore: (place = "main") => indexedDbStore(database, { namespace: place }),
          remove: () => deleteDatabase(database),
        };
      },
    },
    executors: {
      workers: webWorkers(() => new Worker("/serving.js", { type: "module" }), { size: 2 }),
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
