// A page that uses a database as heddle does, and as other programs and versions do.

import { type Codec, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { type IndexedDbStore, indexedDbStore } from "heddle/adapters/indexeddb";

const stores = new Map<string, IndexedDbStore>();
const connections = new Map<string, IDBDatabase>();
const Bytes = type<Uint8Array>("Bytes");
const Files = type<readonly Blob[]>("Files");

function storeIn(database: string): IndexedDbStore {
  let store = stores.get(database);
  if (!store) {
    store = indexedDbStore(database, { openTimeoutMs: 500 });
    stores.set(database, store);
  }
  return store;
}

/** A codec with a fault: it gives parts that can be read, and not cloned. */
function faulty(): Codec {
  const inner = valueCodec();
  const part = { size: 1, arrayBuffer: async () => new ArrayBuffer(1) } as Blob;
  return {
    ...inner,
    encode(value) {
      const { text, parts } = inner.encode(value);
      return { text, parts: parts.map(() => part) };
    },
  };
}

/** Runs a dag of two nodes, of which the first gives so many bytes. */
function runIn(store: IndexedDbStore, bytes: number, runId: string) {
  const make = node({ output: Bytes, run: () => noise(bytes) });
  const count = node({ input: { bytes: Bytes }, output: type<number>("N"), run: ({ bytes }) => bytes.length });
  const counting = dag("counting", { nodes: { make, count }, edges: [["make", "count"]] });
  const runner = new DagRunner(counting, { provenance: new DagProvenance(store) });
  return { runner, run: () => runner.run({}, { runId }), restart: () => runner.restart(runId) };
}

/** Bytes that Chromium cannot compress, as it does what it stores. */
function noise(length: number): Uint8Array {
  let state = 1;
  return new Uint8Array(length).map(() => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223;
    return state >>> 24;
  });
}

Object.assign(globalThis, {
  page: {
    /** Asks the store of a database for something. */
    async use(database: string) {
      const { heads } = await storeIn(database).heads({ limit: 10 });
      return heads.map(({ runId, status }) => `${runId} ${status}`);
    },
    async run(database: string, bytes: number, runId = "run") {
      const { status } = await runIn(storeIn(database), bytes, runId).run();
      return status;
    },
    async restart(database: string, bytes: number, runId = "run") {
      const { status } = await runIn(storeIn(database), bytes, runId).restart();
      return status;
    },
    async runFaulty(database: string) {
      const store = indexedDbStore(database, { codec: faulty() });
      const { status } = await runIn(store, 1_000, "run")
        .run()
        .finally(() => store.close());
      return status;
    },
    async events(database: string, runId = "run") {
      return (await storeIn(database).read(runId, 0, Number.POSITIVE_INFINITY)).events.map(({ type }) => type);
    },
    async usage(database: string) {
      const { bytes, availableBytes = -1 } = await storeIn(database).usage();
      return { bytes, availableBytes };
    },
    async prune(database: string) {
      return (await new DagProvenance(storeIn(database)).prune({ keep: 0 })).runs.length;
    },
    async persist(database: string) {
      return { granted: await storeIn(database).persist(), isPersisted: await navigator.storage.persisted() };
    },

    /** Opens a database as another program: it keeps the connection, whatever others want, until `release`. */
    hold(database: string, version: number) {
      return new Promise<readonly string[]>((resolve, reject) => {
        const request = indexedDB.open(database, version);
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          connections.set(database, request.result);
          resolve([...request.result.objectStoreNames]);
        };
      });
    },
    release(database: string) {
      connections.get(database)?.close();
    },

    /** Keeps Blobs and a File, and tells what stands in the database and what comes back. */
    async files(database: string) {
      const store = storeIn(database);
      const blob = new Blob([new Uint8Array(100_000).fill(7)], { type: "image/x-test" });
      const file = new File(["some text"], "notes.txt", { type: "text/plain", lastModified: 86_400_000 });
      const give = node({ output: Files, run: () => [blob, file] });
      const provenance = new DagProvenance(store);
      const { runId } = await new DagRunner(dag("giving", { nodes: { give } }), { provenance }).run();
      const [first, second] = (await provenance.loadOutput(runId, "give")) as [Blob, File];
      return {
        stored: await tagsIn(database),
        blob: [first.constructor.name, first.type, first.size, new Uint8Array(await first.arrayBuffer())[99_999]],
        file: [second.constructor.name, second.type, second.name, second.lastModified, await second.text()],
      };
    },

    /** What becomes of a transaction while a digest is waited for. */
    async foreignAwait(database: string) {
      const db = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open(database, 1);
        request.onupgradeneeded = () => request.result.createObjectStore("things");
        request.onsuccess = () => resolve(request.result);
      });
      try {
        const things = db.transaction("things", "readwrite").objectStore("things");
        await crypto.subtle.digest("SHA-256", new Uint8Array(1_000_000));
        things.put(1, 1);
        return "it goes on";
      } catch (error) {
        return (error as Error).name;
      } finally {
        db.close();
      }
    },
  },
});

/** The tags of the binary parts that stand apart in a database. */
function tagsIn(database: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const request = indexedDB.open(database);
    request.onsuccess = () => {
      const db = request.result;
      const all = db.transaction("values").objectStore("values").getAll();
      all.onsuccess = () => {
        db.close();
        const parts = (all.result as { parts: object[] }[]).flatMap((value) => value.parts);
        resolve(parts.map((part) => Object.prototype.toString.call(part)));
      };
    };
  });
}
