// What browsers do to IndexedDB and no browser does on demand: injected into fake-indexeddb. All else is shown in real
// browsers: test/browsers.

import "fake-indexeddb/auto";
import { type Codec, DagProvenance, DagRunner, dag, type JournalEvent, node, type Store, type } from "heddle";
import { valueCodec } from "heddle/adapters/codec";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { endingIn, injectWrites } from "./support/faulty-transactions.js";
import { journal } from "./support/store-with.js";

afterEach(() => vi.restoreAllMocks());

let databases = 0;

function freshStore(options: Parameters<typeof indexedDbStore>[1] = {}): Store {
  const store = indexedDbStore(`faults ${databases++}`, options);
  onTestFinished(() => store.close());
  return store;
}

const event = (at: number): JournalEvent => ({ type: "run-paused", at });

/** A batch of two events, and a value that is named by `hash`. */
function batch(hash = "ab".repeat(32), text = "text", parts: readonly Uint8Array<ArrayBuffer>[] = []) {
  const head = { runId: "r", dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: 2 } as const;
  const values = new Map([[hash, { text, parts }]]);
  return { events: [event(1), event(2)], values, refers: [hash], head, durable: false };
}

const POSITION = { epoch: 1, seq: 0, owner: "me" };

/** A store in which "me" owns run "r". */
async function owning(options?: Parameters<typeof indexedDbStore>[1]): Promise<Store> {
  const store = freshStore(options);
  await store.acquire("r", "me", 0, 1_000_000);
  return store;
}

describe("pitfall 1: a connection that the browser has let go of", () => {
  test("is opened again once, and the batch is there once though the first try had stored it", async () => {
    const store = await owning();
    const counted = injectWrites(1, endingIn("UnknownError", true));
    await store.append("r", POSITION, batch());
    expect(counted.faults).toBe(1);
    expect(await journal(store, "r")).toEqual([event(1), event(2)]);
    await store.append("r", { ...POSITION, seq: 2 }, { ...batch("cd".repeat(32)), events: [event(3)] });
    expect(await journal(store, "r")).toHaveLength(3);
  });

  test("is opened again also if it fails at once, or its transaction was aborted", async () => {
    for (const fault of [() => throwing("InvalidStateError"), endingIn("AbortError", false)]) {
      const store = await owning();
      const counted = injectWrites(1, fault);
      await store.append("r", POSITION, batch());
      expect(counted.faults).toBe(1);
      expect(await journal(store, "r")).toHaveLength(2);
      vi.restoreAllMocks();
    }
  });

  test("is not tried for ever: the second failure is told", async () => {
    const store = await owning();
    const counted = injectWrites(Number.POSITIVE_INFINITY, () => throwing("UnknownError"));
    await expect(store.append("r", POSITION, batch())).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(counted.faults).toBe(2);
  });

  test("is replaced after the browser ended it", async () => {
    const open = vi.spyOn(indexedDB, "open");
    const store = await owning();
    const request = open.mock.results[0]?.value as IDBOpenDBRequest;
    request.result.dispatchEvent(new IDBVersionChangeEvent("close"));
    await store.append("r", POSITION, batch());
    expect(open).toHaveBeenCalledTimes(2);
    expect(await journal(store, "r")).toHaveLength(2);
  });

  test("may fail to open once", async () => {
    const open = vi.spyOn(indexedDB, "open");
    open.mockImplementationOnce(() => failingRequest("UnknownError"));
    expect(await freshStore().head("r")).toBeUndefined();
    expect(open).toHaveBeenCalledTimes(2);
  });
});

describe("pitfall 2: a database that does not open", () => {
  test("without any event it is given up after a while, and a late connection is closed", async () => {
    const real = indexedDB.open.bind(indexedDB);
    let answer = () => {};
    let late: IDBDatabase | undefined;
    vi.spyOn(indexedDB, "open").mockImplementationOnce((...args) => {
      const request = real(...args);
      const listen = request.addEventListener.bind(request);
      request.addEventListener = (type: string, listener: unknown) => {
        if (type !== "success") return listen(type as "error", listener as () => void);
        const held = new Promise<void>((resolve) => {
          answer = resolve;
        });
        listen("success", (event) => {
          late = request.result;
          held.then(() => (listener as (event: Event) => void)(event));
        });
      };
      return request;
    });
    const store = freshStore({ openTimeoutMs: 30 });
    const refused = await store.head("r").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining("other tabs") });
    expect(late).toBeDefined();
    const close = vi.spyOn(late as IDBDatabase, "close");
    answer();
    await vi.waitFor(() => expect(close).toHaveBeenCalled());
    expect(await store.head("r")).toBeUndefined();
  });

  test("many calls at once open it once", async () => {
    const open = vi.spyOn(indexedDB, "open");
    const store = freshStore();
    await Promise.all(["a", "b", "c"].map((runId) => store.head(runId)));
    expect(open).toHaveBeenCalledTimes(1);
  });
});

describe("pitfall 4: no space left", () => {
  test("a transaction that is aborted without a failed request is told as STORE_QUOTA, with what to do", async () => {
    const store = await owning();
    injectWrites(1, endingIn("QuotaExceededError", false));
    const refused = store.append("r", POSITION, batch());
    await expect(refused).rejects.toMatchObject({ code: "STORE_QUOTA", message: expect.stringContaining("prune(") });
    expect(await journal(store, "r")).toEqual([]);
  });

  test("a run ends cleanly, and can be restarted when there is space again", async () => {
    const Text = type<string>("Text");
    let runs = 0;
    const make = node({
      output: Text,
      run: () => {
        runs++;
        return "x".repeat(1_000);
      },
    });
    const use = node({ input: { text: Text }, output: type<number>("N"), run: ({ text }) => text.length });
    const making = dag("making", { nodes: { make, use }, edges: [["make", "use"]] });
    const store = freshStore();
    const provenance = new DagProvenance(store, { durability: "sync" });
    let wasFull = false;
    const onEvent = (event: JournalEvent) => {
      if (wasFull || event.type !== "node-started" || event.path !== "use") return;
      wasFull = true;
      injectWrites(1, endingIn("QuotaExceededError", false));
    };
    const runner = new DagRunner(making, { provenance, onEvent });
    const run = runner.run({}, { runId: "r" });
    await expect(run).rejects.toMatchObject({ code: "STORE_QUOTA" });
    expect(await runner.restart("r")).toMatchObject({ status: "completed", outputs: { use: 1_000 } });
    expect(runs).toBe(1);
  });
});

describe("pitfall 5: something that cannot be cloned", () => {
  test("leaves nothing of its batch behind, and fails clearly", async () => {
    const store = await owning();
    const parts = [(() => {}) as unknown as Uint8Array<ArrayBuffer>];
    const refused = store.append("r", POSITION, batch("ef".repeat(32), "text", parts));
    await expect(refused).rejects.toMatchObject({ code: "NOT_KEEPABLE" });
    expect(await journal(store, "r")).toEqual([]);
    expect(await store.head("r")).toBeUndefined();
    await store.append("r", POSITION, batch());
    expect(await journal(store, "r")).toHaveLength(2);
  });

  test("from a codec of the user ends the run, with what was stored before it", async () => {
    const inner = valueCodec();
    const codec: Codec = {
      ...inner,
      encode: (value) =>
        typeof value === "string" && value.length > 500
          ? { text: value, parts: [{ size: 1, arrayBuffer: async () => new ArrayBuffer(1) } as Blob] }
          : inner.encode(value),
    };
    const store = freshStore({ codec });
    const make = node({ output: type<string>("Text"), run: () => "x".repeat(1_000) });
    const runner = new DagRunner(dag("making", { nodes: { make } }), { provenance: new DagProvenance(store) });
    await expect(runner.run({}, { runId: "r" })).rejects.toMatchObject({ code: "NOT_KEEPABLE" });
  });
});

describe("a database that is not ours, or not ours any more", () => {
  test("of a newer heddle is refused with STORE_VERSION", async () => {
    const store = await owning();
    await store.append("r", POSITION, batch());
    await opened(`faults ${databases - 1}`, 9);
    await expect(store.head("r")).rejects.toMatchObject({ code: "STORE_VERSION" });
  });

  test("of another program is left alone", async () => {
    for (const version of [1, 2, 9]) {
      const name = `foreign ${version}`;
      const db = await opened(name, version, "theirs");
      const store = indexedDbStore(name);
      const refused = store.acquire("r", "me", 0, 1);
      await expect(refused).rejects.toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining(`"${name}" belongs to something else`),
      });
      const again = await opened(name, version);
      expect([db.version, [...again.objectStoreNames]]).toEqual([version, ["theirs"]]);
      again.close();
    }
  });

  test("made by its name alone, and empty, becomes ours", async () => {
    await opened("empty", 1);
    const store = indexedDbStore("empty");
    expect(await store.acquire("r", "me", 0, 1)).toEqual({ epoch: 1, events: 0 });
    await store.close();
  });

  test("cleared under a run is told as such", async () => {
    const store = await owning();
    await store.append("r", POSITION, batch());
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(`faults ${databases - 1}`).onsuccess = resolve;
    });
    const append = store.append("r", { ...POSITION, seq: 2 }, batch());
    await expect(append).rejects.toMatchObject({ code: "FENCED", message: expect.stringContaining("persist()") });
  });
});

test("without IndexedDB nothing fails until the store is used, and then it says what is missing", async () => {
  vi.stubGlobal("indexedDB", undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  const store = indexedDbStore("nowhere");
  expect(store.newId(0)).toBeTypeOf("string");
  expect(await (store as { persist(): Promise<boolean> }).persist()).toBe(false);
  const message = expect.stringContaining("There is no IndexedDB here");
  await expect(store.head("r")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message });
  expect(() => indexedDbStore("")).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  await store.close();
});

test("a store that was closed does not ask the browser for anything", async () => {
  const store = indexedDbStore("closed");
  await store.close();
  await expect(store.persist()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

function throwing(name: string): never {
  throw new DOMException("injected", name);
}

function failingRequest(name: string): IDBOpenDBRequest {
  // Those of fake-indexeddb can be made and changed, unlike those of a browser.
  const Request = IDBOpenDBRequest as unknown as new () => IDBOpenDBRequest;
  const request = Object.assign(new Request(), { error: new DOMException("injected", name), readyState: "done" });
  queueMicrotask(() => request.dispatchEvent(new IDBVersionChangeEvent("error")));
  return request;
}

/** Opens a database as another program does. */
function opened(name: string, version: number, storeName?: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => storeName && request.result.createObjectStore(storeName);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}
