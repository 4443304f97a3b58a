// What only a store in a directory can get wrong: several of them over one directory, and calls that overlap.

import { DagProvenance, DagRunner, dag, type JournalEvent, node, type RunHead, type Store, type } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { expect, onTestFinished, test } from "vitest";
import { journal } from "./support/store-with.js";
import { temporaryDirectory } from "./support/stores.js";

const N = type<number>("N");
const Text = type<string>("Text");

/** Several stores over one directory, as in several processes. */
function stores(count: number): Store[] {
  const directory = temporaryDirectory();
  return Array.from({ length: count }, () => {
    const store = fileSystemStore(directory, { onWarning: () => {} });
    onTestFinished(() => store.close());
    return store;
  });
}

function batch(runId: string, events: readonly JournalEvent[]) {
  const head: RunHead = { runId, dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events: events.length };
  return { events, values: new Map(), refers: [], head, durable: false };
}

const event = (reason: string): JournalEvent => ({ type: "run-paused", at: 1, reason });

/** A run of one node with a text that travels with its batch, or has a file of its own. */
async function textRun(store: Store, runId: string, text: string): Promise<void> {
  const give = node({ output: Text, run: () => text });
  const runner = new DagRunner(dag("texts", { nodes: { give } }), { provenance: new DagProvenance(store) });
  expect(await runner.run({}, { runId })).toMatchObject({ status: "completed" });
}

test("labels and inputs may have any names, also those that the lines of the store use", async () => {
  const [store] = stores(1) as [Store];
  const names = ["sealed", "value", "refers", "body", "head", "sum"];
  const nodes = Object.fromEntries(
    ["count", "totalDelayHours", ...names].map((label) => [label, node({ output: N, run: () => 1 })]),
  );
  const input = Object.fromEntries(["count", ...names].map((name) => [name, N]));
  const last = node({ input, output: N, run: (all) => Object.values(all).length });
  const edges = [
    ...["count", ...names.slice(0, -1)].map((name) => [name, "last", name] as const),
    ["totalDelayHours", "last", "sum"] as const,
  ];
  // Of 15 characters, so that `"sum":"totalDelayHours"}}` is as long as the end of a sealed line.
  const { sum: _, ...others } = nodes;
  const runner = new DagRunner(dag("names", { nodes: { ...others, last }, edges }), {
    provenance: new DagProvenance(store),
  });
  const result = await runner.run({}, { runId: "r" });
  expect(result).toMatchObject({ status: "completed", outputs: { last: 7 } });
  expect((await new DagProvenance(store).getRun("r"))?.damage).toBeUndefined();
  expect(await runner.replay("r")).toMatchObject({ status: "completed" });
});

test("a run that was removed and made anew goes on counting epochs, and its old owner has lost", async () => {
  const [store, other] = stores(2) as [Store, Store];
  await store.acquire("r", "old", 0, 100);
  await store.append("r", { epoch: 1, seq: 0, owner: "old" }, batch("r", [event("old")]));
  await other.remove(["r"]);
  expect(await store.renew("r", 1, 0, 100)).toBe(false);
  const lease = await store.acquire("r", "new", 0, 100);
  expect(lease).toMatchObject({ events: 0 });
  const { epoch } = lease as { epoch: number };
  expect(epoch).toBeGreaterThan(1);
  await store.release("r", 1);
  await store.append("r", { epoch, seq: 0, owner: "new" }, batch("r", [event("new")]));
  expect(await journal(other, "r")).toEqual([event("new")]);
  expect(await store.acquire("r", "third", 50, 100)).toMatchObject({ heldBy: "new" });
});

test("an old owner that appends after its run was removed is FENCED", async () => {
  const [store, other] = stores(2) as [Store, Store];
  await store.acquire("r", "old", 0, 100);
  await store.append("r", { epoch: 1, seq: 0, owner: "old" }, batch("r", [event("old")]));
  await other.remove(["r"]);
  const append = store.append("r", { epoch: 1, seq: 1, owner: "old" }, batch("r", [event("late")]));
  await expect(append).rejects.toMatchObject({ code: "FENCED" });
  expect(await journal(other, "r")).toEqual([]);
});

test("a durable append is not held up by a value that another process removed", async () => {
  const [store, other] = stores(2) as [Store, Store];
  await textRun(other, "old", "old");
  await store.putValue("r", "ab".repeat(32), { text: "orphan", parts: [] });
  await other.remove(["old"]);
  expect(await store.getValue({ hash: "ab".repeat(32), runId: "r", seq: 0 })).toBeUndefined();
  await store.acquire("r", "me", 0, 100);
  const durable = { ...batch("r", [event("kept")]), durable: true };
  await store.append("r", { epoch: 1, seq: 0, owner: "me" }, durable);
  expect(await journal(other, "r")).toEqual([event("kept")]);
});

test("a renewal under way never brings a released claim back to life", async () => {
  const [store] = stores(1) as [Store];
  for (let epoch = 1; epoch <= 50; epoch++) {
    expect(await store.acquire("r", `${epoch}`, 0, 100)).toMatchObject({ epoch });
    const renewing = store.renew("r", epoch, 0, 1_000);
    await store.release("r", epoch);
    await renewing;
  }
});

test("a store that is closed during an append lets it end", async () => {
  for (let round = 0; round < 20; round++) {
    const [store, other] = stores(2) as [Store, Store];
    await store.acquire("r", "me", 0, 100);
    const appending = store.append("r", { epoch: 1, seq: 0, owner: "me" }, batch("r", [event("last")]));
    await store.close();
    await appending;
    expect(await journal(other, "r")).toEqual([event("last")]);
  }
});

test("runs are removed and listed at the same time by several stores", async () => {
  const all = stores(4);
  const [store] = all as [Store];
  const names = Array.from({ length: 24 }, (_, i) => `r${i}`);
  for (const name of names) await textRun(store, name, name.repeat(300));
  await textRun(store, "kept", "kept".repeat(9_000));
  const removals = names.map((name, i) => all[i % all.length]?.remove([name]));
  const listings = all.map((one) => one.heads({ limit: 100 }));
  await Promise.all([...removals, ...listings]);
  expect((await store.heads({ limit: 100 })).heads.map(({ runId }) => runId)).toEqual(["kept"]);
  expect(await new DagProvenance(store).loadOutput("kept", "give")).toBe("kept".repeat(9_000));
});

test("a store forgets where values stood when another one removes their run", async () => {
  const [store, other] = stores(2) as [Store, Store];
  await textRun(store, "r", "a".repeat(1_000));
  const { executions } = await new DagProvenance(store).inspect("r");
  const { ref = "", origin } = executions[0]?.output ?? {};
  const at = [{ hash: ref.slice(1), runId: "r", seq: origin?.seq ?? 0 }];
  expect(await store.hasValues(at)).toEqual([true]);
  expect(await store.getValue(at[0] as (typeof at)[0])).toBeDefined();
  await other.remove(["r"]);
  expect(await store.hasValues(at)).toEqual([false]);
  expect(await store.getValue(at[0] as (typeof at)[0])).toBeUndefined();
  await textRun(other, "r", "b".repeat(1_000));
  expect(await store.getValue(at[0] as (typeof at)[0])).toBeUndefined();
  expect(await new DagProvenance(store).loadOutput("r", "give")).toBe("b".repeat(1_000));
});
