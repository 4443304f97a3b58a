// What only a database that tabs share can get wrong when runs go, or lose their payloads: tabs that die or stand still
// half-way, transactions that are done twice, and what is counted. Injected into fake-indexeddb.

import "fake-indexeddb/auto";
import type { Batch, Encoded, JournalEvent, Lease, Skeleton, Store } from "heddle";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { endingIn, injectWrites } from "./support/faulty-transactions.js";
import { journal } from "./support/store-with.js";

afterEach(() => vi.restoreAllMocks());

const LEASE_MS = 1_000;
const LARGE = 70_000;
const SMALL = 2_000;

let databases = 0;

/** Two tabs over one new database. */
function tabs() {
  const name = `retention ${databases++}`;
  const open = () => {
    const store = indexedDbStore(name);
    onTestFinished(() => store.close());
    return store;
  };
  return { name, store: open(), other: open(), open };
}

interface Named {
  readonly hash: string;
  readonly encoded: Encoded;
}

/** A value of one letter, repeated. */
async function named(letter: string, length = SMALL): Promise<Named> {
  const text = letter.repeat(length);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`[]\n${text}`));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { hash, encoded: { text, parts: [] } };
}

const event = (reason: string): JournalEvent => ({ type: "run-paused", at: 1, reason });

/** One event, the values that come with it, and others that it refers to. */
function batch(runId: string, seq: number, values: readonly Named[] = [], refers: readonly Named[] = []): Batch {
  return {
    events: [event(`${runId} ${seq}`)],
    values: new Map(values.map(({ hash, encoded }) => [hash, encoded])),
    refers: [...values, ...refers].map(({ hash }) => hash),
    head: { runId, dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: seq + 1 },
    durable: false,
  };
}

async function take(store: Store, runId: string, now = 0, owner = "me") {
  const { epoch, events } = (await store.acquire(runId, owner, now, LEASE_MS)) as Lease;
  expect(epoch, `the epoch of run "${runId}"`).toBeDefined();
  return { epoch, seq: events, owner };
}

/** A run of one batch for each pair of values that come with it and values that it refers to, given back. */
async function write(store: Store, runId: string, ...batches: readonly (readonly [Named[], Named[]?])[]) {
  const at = await take(store, runId);
  for (const [seq, [values, refers]] of batches.entries()) {
    await store.append(runId, { ...at, seq }, batch(runId, seq, values, refers));
  }
  await store.release(runId, at.epoch);
}

async function skeleton(store: Store, runId: string, keep: readonly Named[] = [], now = 0): Promise<Skeleton> {
  const { epoch } = await take(store, runId, now);
  return { runId, epoch, keep: new Set(keep.map(({ hash }) => hash)) };
}

async function isThere(store: Store, { hash }: Named): Promise<boolean> {
  const at = { hash, runId: "r", seq: 0 };
  const [is] = await store.hasValues([at]);
  expect((await store.getValue(at)) !== undefined).toBe(is);
  return is === true;
}

async function usageOf(store: Store, runId: string) {
  return (await store.usage()).runs.find((run) => run.runId === runId);
}

/** How many values that are stored apart wait for a sweep. */
async function marked(name: string): Promise<number> {
  const answer = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const db = await answer(indexedDB.open(name));
  const count = await answer(db.transaction("stored").objectStore("stored").index("putAt").count());
  db.close();
  return count;
}

/** From its `k`-th transaction on a tab does nothing any more; returns how many it wanted. */
function dieAt(k: number) {
  const real = IDBDatabase.prototype.transaction;
  const counted = { transactions: 0 };
  const spy = vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    if (++counted.transactions >= k) throw new DOMException("injected", "UnknownError");
    return real.apply(this, args as Parameters<typeof real>);
  });
  return { counted, revive: () => spy.mockRestore() };
}

/** Runs of which one refers to what the other one brought, or put apart. */
async function sharing(store: Store) {
  const [own, shared, apart] = await Promise.all([named("o"), named("s"), named("a", LARGE)]);
  await store.putValue("r", apart.hash, apart.encoded);
  await write(store, "old", [[own], [apart]], [[shared]]);
  await write(store, "user", [[], [shared, apart]]);
  return { own, shared, apart };
}

describe("a tab that dies at any of its transactions", () => {
  test("when it removes runs leaves nothing that the next one does not find", async () => {
    let deaths = 0;
    for (let k = 1; ; k++) {
      const { name, store, other } = tabs();
      await sharing(store);
      const { counted, revive } = dieAt(k);
      const error = await store.remove(["old", "user"]).catch((failure: unknown) => failure);
      revive();
      if (counted.transactions < k) break;
      expect(error, `transaction ${k}`).toMatchObject({ code: "STORE_UNAVAILABLE" });
      deaths++;
      await other.remove(["old", "user"]);
      expect(await other.usage(), `transaction ${k}`).toMatchObject({ bytes: 0, runs: [] });
      expect(await marked(name)).toBe(0);
    }
    console.log(`A removal died ${deaths} times`);
    expect(deaths).toBeGreaterThan(6);
  });

  test("when it prunes runs leaves nothing that the next one does not find", async () => {
    let deaths = 0;
    for (let k = 1; ; k++) {
      const { store, other } = tabs();
      const values = await sharing(store);
      const skeletons = [await skeleton(store, "old"), await skeleton(store, "user")];
      const { counted, revive } = dieAt(k);
      await store.prune(skeletons).catch(() => {});
      revive();
      if (counted.transactions < k) break;
      deaths++;
      const later = 2 * LEASE_MS;
      await other.prune([await skeleton(other, "old", [], later), await skeleton(other, "user", [], later)]);
      for (const value of Object.values(values)) expect(await isThere(other, value), `transaction ${k}`).toBe(false);
      const { bytes, runs } = await other.usage();
      expect(bytes).toBe(runs.reduce((sum, run) => sum + run.bytes, 0));
      expect(runs.map(({ payloadBytes }) => payloadBytes)).toEqual([0, 0]);
    }
    console.log(`A prune died ${deaths} times`);
    expect(deaths).toBeGreaterThan(6);
  });
});

describe("a value whose batch is still to come", () => {
  test("is not swept, though by the clock of this machine the lease of its owner is over", async () => {
    const { store, other } = tabs();
    const large = await named("l", LARGE);
    await write(other, "old", [[await named("o")]]);
    const at = await take(store, "r");
    await store.putValue("r", large.hash, large.encoded);
    await other.remove(["old"]);
    expect(await isThere(other, large)).toBe(true);
    await store.append("r", at, batch("r", 0, [], [large]));
    expect(await isThere(other, large)).toBe(true);
  });

  test("is not swept either if it was there before, for a run that goes", async () => {
    const { store, other } = tabs();
    const large = await named("l", LARGE);
    await other.putValue("r", large.hash, large.encoded);
    await write(other, "old", [[], [large]]);
    const at = await take(store, "r");
    await store.putValue("r", large.hash, large.encoded);
    await other.remove(["old"]);
    expect(await isThere(store, large)).toBe(true);
    await store.append("r", at, batch("r", 0, [], [large]));
  });

  test("is not swept with the run of another tab that put the same one, and whose batch came first", async () => {
    const { store, other } = tabs();
    const large = await named("l", LARGE);
    const old = await take(other, "old");
    const at = await take(store, "r");
    let time = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => ++time);
    for (const tab of [other, store]) await tab.putValue("r", large.hash, large.encoded);
    await other.append("old", old, batch("old", 0, [], [large]));
    await other.remove(["old"]);
    expect(await isThere(store, large)).toBe(true);
    await store.append("r", at, batch("r", 0, [], [large]));
  });

  test("is refused after the tab stood still for so long that the value is gone, and nothing dangles", async () => {
    const { store, other } = tabs();
    const large = await named("l", LARGE);
    await write(other, "old", [[await named("o")]]);
    const at = await take(store, "r");
    await store.putValue("r", large.hash, large.encoded);
    const thaws = Date.now() + 61_000;
    vi.spyOn(Date, "now").mockImplementation(() => thaws);
    await other.remove(["old"]);
    expect(await isThere(other, large)).toBe(false);
    const refused = store.append("r", at, batch("r", 0, [], [large]));
    await expect(refused).rejects.toMatchObject({ code: "STORE_CONFLICT", message: expect.stringContaining('"r"') });
    expect(await journal(store, "r")).toEqual([]);
    await store.putValue("r", large.hash, large.encoded);
    await store.append("r", at, batch("r", 0, [], [large]));
    expect(await isThere(other, large)).toBe(true);
  });

  test("holds up no other: one whose batch has come goes with its run, though somebody writes", async () => {
    const { name, store, other } = tabs();
    const large = await named("l", LARGE);
    await take(other, "busy");
    await store.putValue("r", large.hash, large.encoded);
    await write(store, "old", [[], [large]]);
    expect(await marked(name)).toBe(0);
    await other.remove(["old"]);
    expect(await isThere(store, large)).toBe(false);
  });
});

test("what a sweep has found in use is not looked at again", async () => {
  const { name, store } = tabs();
  const large = await named("l", LARGE);
  await store.putValue("r", large.hash, large.encoded);
  for (const runId of ["old", "user"]) await write(store, runId, [[], [large]]);
  await store.remove(["old"]);
  expect(await isThere(store, large)).toBe(true);
  expect(await marked(name)).toBe(0);
});

describe("a transaction that was stored, and is done again since the page was told that it was not", () => {
  const VERBS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
    acquire: (store) => store.acquire("new", "me", 0, LEASE_MS),
    "acquire after another owner": (store) => store.acquire("held", "other", 2 * LEASE_MS, LEASE_MS),
    renew: (store) => store.renew("held", 1, 1, LEASE_MS),
    release: (store) => store.release("held", 1),
    putValue: async (store) => {
      const large = await named("p", LARGE);
      return store.putValue("r", large.hash, large.encoded);
    },
    append: async (store) => {
      const large = await named("p", LARGE);
      await store.putValue("r", large.hash, large.encoded);
      return store.append("held", { epoch: 1, seq: 0, owner: "me" }, batch("held", 0, [await named("n")], [large]));
    },
    remove: (store) => store.remove(["old", "user"]),
    prune: async (store) => {
      const keep = new Set([(await named("s")).hash]);
      return store.prune([{ runId: "old", epoch: (await take(store, "old")).epoch, keep }]);
    },
  };

  /** What is seen of runs, values and owners after a verb. */
  async function outcome(verb: (store: Store) => Promise<unknown>, faultAt: number) {
    const { name, store, other } = tabs();
    const values = await sharing(store);
    await take(store, "held");
    const counted = injectWrites(1, endingIn("UnknownError", true), faultAt);
    const result = await verb(store).catch((error: unknown) => error);
    vi.restoreAllMocks();
    const { bytes, runs } = await other.usage();
    const there = [...Object.values(values), await named("p", LARGE), await named("n")];
    const seen = {
      result,
      bytes,
      runs,
      marked: await marked(name),
      values: await Promise.all(there.map((value) => isThere(other, value))),
      journals: await Promise.all(["old", "user", "held", "new"].map((runId) => journal(other, runId))),
      held: await Promise.all(["old", "held", "new"].map((runId) => store.acquire(runId, "thief", 1, LEASE_MS))),
    };
    return { seen, faults: counted.faults };
  }

  test.each(Object.entries(VERBS))("changes nothing: %s", async (verb, call) => {
    const { seen: expected } = await outcome(call, Number.POSITIVE_INFINITY);
    expect(expected.result).not.toBeInstanceOf(Error);
    let faults = 0;
    for (let k = 1; ; k++) {
      const { seen, faults: injected } = await outcome(call, k);
      if (injected === 0) break;
      faults++;
      // A removal that is done twice fences twice.
      const { held, ...others } = seen;
      expect({ ...others, held: verb === "remove" ? expected.held : held }, `transaction ${k}`).toEqual(expected);
    }
    expect(faults).toBeGreaterThan(0);
  });

  test("does not let who holds a run take it a second time", async () => {
    const { store } = tabs();
    injectWrites(1, endingIn("UnknownError", true));
    expect(await store.acquire("r", "me", 0, LEASE_MS)).toEqual({ epoch: 1, events: 0 });
    expect(await store.acquire("r", "me", 1, LEASE_MS)).toMatchObject({ heldBy: "me" });
  });
});

describe("usage", () => {
  test("counts a large value for every run that refers to it, whichever tab put it there, and once in all", async () => {
    const { store, other } = tabs();
    const large = await named("l", LARGE);
    await store.putValue("r", large.hash, large.encoded);
    await write(store, "old", [[], [large]]);
    const { bytes } = await store.usage();
    await write(other, "user", [[], [large]], [[], [large]]);
    for (const runId of ["old", "user"]) expect(await usageOf(other, runId)).toMatchObject({ payloadBytes: LARGE });
    const usage = await other.usage();
    expect(usage.bytes - bytes).toBeLessThan(SMALL);
    const journals = usage.runs.reduce((sum, run) => sum + run.bytes - LARGE, 0);
    expect(usage.bytes).toBe(LARGE + journals);
  });

  test("counts a value of a run that went for those that still refer to it", async () => {
    const { store } = tabs();
    const { shared } = await sharing(store);
    await store.remove(["old"]);
    expect(await isThere(store, shared)).toBe(true);
    expect(await usageOf(store, "user")).toMatchObject({ payloadBytes: SMALL + LARGE });
  });

  test("counts what a pruned run kept, of every batch and apart, as no payload; and what comes later as one", async () => {
    const { store } = tabs();
    const [first, second, gone, large, later] = await Promise.all([
      named("1"),
      named("2", 3_000),
      named("g"),
      named("l", LARGE),
      named("x", LARGE + 1),
    ]);
    await store.putValue("r", large.hash, large.encoded);
    await write(store, "r", [[first]], [[second, gone]], [[], [large]]);
    const before = await usageOf(store, "r");
    expect(before?.payloadBytes).toBe(SMALL + 3_000 + SMALL + LARGE);
    await store.prune([await skeleton(store, "r", [first, second, large])]);
    expect(await usageOf(store, "r")).toEqual({ runId: "r", bytes: (before?.bytes ?? 0) - SMALL, payloadBytes: 0 });
    expect((await store.usage()).bytes).toBe((before?.bytes ?? 0) - SMALL);
    const at = await take(store, "r");
    await store.putValue("r", later.hash, later.encoded);
    await store.append("r", at, batch("r", 3, [], [large, later]));
    expect(await usageOf(store, "r")).toMatchObject({ payloadBytes: LARGE + 1 });
  });

  test("counts nothing twice when two runs brought the same value, and a third refers to it", async () => {
    const { store } = tabs();
    const value = await named("v");
    for (const runId of ["first", "second"]) await write(store, runId, [[value]]);
    await write(store, "user", [[], [value]]);
    const { bytes } = await store.usage();
    const first = await usageOf(store, "first");
    await store.remove(["first"]);
    expect((await store.usage()).bytes).toBe(bytes - (first?.bytes ?? 0));
    expect(await isThere(store, value)).toBe(true);
    await store.remove(["second"]);
    expect(await isThere(store, value)).toBe(true);
  });
});

test("the first transaction of a removal already fences the owner, while payloads are left", async () => {
  const { store, other } = tabs();
  const at = await take(store, "r");
  for (const seq of [0, 1, 2]) {
    await store.append("r", { ...at, seq }, batch("r", seq, [await named(`${seq}`)]));
  }
  const real = IDBDatabase.prototype.transaction;
  let appending: Promise<unknown> | undefined;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    const tx = real.apply(this, args as Parameters<typeof real>);
    // It comes to its transaction after this one, and before the next.
    appending ??= store.append("r", { ...at, seq: 3 }, batch("r", 3)).catch((error: unknown) => error);
    return tx;
  });
  await other.remove(["r"]);
  expect(await appending).toMatchObject({ code: "FENCED" });
  expect(await journal(other, "r")).toEqual([]);
});

test("a store that has read a value forgets it with its run", async () => {
  const { store } = tabs();
  const value = await named("v");
  const at = { hash: value.hash, runId: "r", seq: 0 };
  await write(store, "r", [[value]]);
  expect(await store.getValue(at)).toEqual(value.encoded);
  await store.remove(["r"]);
  expect(await store.getValue(at)).toBeUndefined();
  await write(store, "r", [[value]]);
  expect(await store.getValue(at)).toEqual(value.encoded);
  await store.prune([await skeleton(store, "r")]);
  expect(await store.getValue(at)).toBeUndefined();
});

describe("the Web Lock of an owner", () => {
  /** As browsers have them, as far as they are used. */
  function locks() {
    const held = new Map<string, number>();
    const request = async (name: string, options: LockOptions, use: (lock: unknown) => unknown) => {
      if (options.ifAvailable) return use((held.get(name) ?? 0) > 0 ? null : { name });
      held.set(name, (held.get(name) ?? 0) + 1);
      await use({ name });
      held.set(name, (held.get(name) ?? 0) - 1);
    };
    vi.stubGlobal("navigator", { locks: { request } });
    onTestFinished(() => void vi.unstubAllGlobals());
    return () => [...held.values()].reduce((sum, count) => sum + count, 0);
  }

  test.each(["remove", "prune"] as const)("is given back when a call to %s ends, also if it fails", async (verb) => {
    const heldNow = locks();
    for (const fails of [false, true]) {
      const { store } = tabs();
      await write(store, "r", [[await named("v")]]);
      const skeletonOfRun = await skeleton(store, "r");
      expect(heldNow()).toBe(1);
      if (fails) dieAt(1);
      const call = verb === "remove" ? store.remove(["r"]) : store.prune([skeletonOfRun]);
      const error = await call.catch((failure: unknown) => failure);
      vi.restoreAllMocks();
      expect(error === undefined).toBe(!fails);
      await vi.waitFor(() => expect(heldNow()).toBe(0));
    }
  });
});
