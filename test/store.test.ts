// What every store must do.

import {
  type Batch,
  DagProvenance,
  DagRunner,
  dag,
  type JournalEvent,
  node,
  type RunHead,
  type Store,
  type,
} from "heddle";
import { describe, expect, test } from "vitest";
import { gate, ManualClock } from "./support/manual-clock.js";
import { journal, storeWith } from "./support/store-with.js";
import { STORES } from "./support/stores.js";
import { until } from "./support/until.js";

const event = (at: number): JournalEvent => ({ type: "run-paused", at });

function batch(runId: string, events: number, values: Batch["values"] = new Map(), refers: string[] = []): Batch {
  const head: RunHead = { runId, dag: "d", status: "paused", startedAt: 1, updatedAt: 1, events };
  return { events: Array.from({ length: events }, (_, i) => event(i)), values, refers, head, durable: false };
}

async function owned(store: Store, runId: string, owner = "me", now = 0) {
  const lease = await store.acquire(runId, owner, now, 100);
  if ("heldBy" in lease) throw new Error(`held by ${lease.heldBy}`);
  return lease;
}

const Big = type<string>("Big");
const write = node({ input: { text: Big }, output: Big, run: ({ text }) => text.repeat(500) });
const writing = dag("writing", { nodes: { write } });

describe.each(Object.entries(STORES))("%s", (_, createStore) => {
  test("a lease is given to one owner at a time, and the epoch grows with every owner", async () => {
    const store = createStore();
    expect(await owned(store, "r")).toEqual({ epoch: 1, events: 0 });
    expect(await store.acquire("r", "you", 99, 100)).toEqual({ heldBy: "me", untilMs: 100 });
    expect(await store.renew("r", 1, 99, 100)).toBe(true);
    expect(await store.acquire("r", "you", 100, 100)).toMatchObject({ heldBy: "me" });
    expect(await owned(store, "r", "you", 199)).toEqual({ epoch: 2, events: 0 });
    expect(await store.renew("r", 1, 199, 100)).toBe(false);
    await store.release("r", 1);
    expect(await store.acquire("r", "me", 200, 100)).toMatchObject({ heldBy: "you" });
    await store.append("r", { epoch: 2, seq: 0, owner: "you" }, batch("r", 1));
    await store.release("r", 2);
    expect(await owned(store, "r", "me", 200)).toEqual({ epoch: 3, events: 1 });
  });

  test("an append under an old epoch is refused, at a wrong position is a conflict, repeated is the same", async () => {
    const store = createStore();
    await owned(store, "r");
    const append = (epoch: number, seq: number, owner: string) =>
      store.append("r", { epoch, seq, owner }, batch("r", 2));
    await append(1, 0, "me");
    await append(1, 0, "me");
    expect(await journal(store, "r")).toHaveLength(2);
    await expect(append(1, 1, "me")).rejects.toMatchObject({ code: "STORE_CONFLICT" });
    await owned(store, "r", "you", 100);
    await expect(append(1, 2, "me")).rejects.toMatchObject({ code: "FENCED" });
    expect(await store.read("r", 1, 5)).toEqual({ events: [event(1)], more: false });
  });

  test("heads are listed newest first, by status, dag and time, in pages that end", async () => {
    const clock = new ManualClock();
    const provenance = new DagProvenance(createStore());
    const quick = node({ run: () => {} });
    const paused = node({ run: (_, ctx) => void ctx.pause("wait") });
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      const runner = new DagRunner(dag(i % 2 ? "odd" : "even", { nodes: { only: i === 3 ? paused : quick } }), {
        provenance,
        clock,
      });
      ids.unshift((await runner.run()).runId);
      await clock.advance(1_000);
    }
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await provenance.listRuns({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      listed.push(...page.runs.map(({ runId }) => runId));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(listed).toEqual(ids);
    const some = async (options: Parameters<typeof provenance.listRuns>[0]) =>
      (await provenance.listRuns(options)).runs.map(({ runId }) => ids.indexOf(runId));
    expect(await some({ status: "paused" })).toEqual([3]);
    expect(await some({ dag: "odd" })).toEqual([1, 3, 5]);
    expect(await some({ updatedSince: clock.now() - 2_500 })).toEqual([0, 1]);
    await expect(provenance.listRuns({ limit: 0 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a value is stored once, and stays as long as a run refers to it", async () => {
    const put: string[] = [];
    const store = storeWith(createStore(), (inner) => ({
      append: (runId, at, { values, ...rest }) => {
        put.push(...values.keys());
        return inner.append(runId, at, { ...rest, values });
      },
    }));
    const provenance = new DagProvenance(store);
    const runner = new DagRunner(writing, { provenance });
    const first = await runner.run({ write: { text: "abc" } });
    const replayed = await runner.replay(first.runId);
    expect(put.filter((hash, i) => put.indexOf(hash) === i).length).toBeLessThan(put.length); // the shape comes twice
    const { executions } = await provenance.inspect(replayed.runId);
    expect(executions).toMatchObject([{ status: "reused", output: { origin: { runId: first.runId } } }]);
    await provenance.removeRun(first.runId);
    expect(await provenance.getRun(first.runId)).toBeUndefined();
    expect(await provenance.loadOutput(replayed.runId, "write")).toBe("abc".repeat(500));
    const hash = executions[0]?.output?.ref?.slice(1) ?? "";
    const at = [{ hash, runId: replayed.runId, seq: 0 }];
    expect(await store.hasValues(at)).toEqual([true]);
    await provenance.removeRun(replayed.runId);
    expect(await store.hasValues(at)).toEqual([false]);
  });

  test("values above the store's limit are stored apart, before the batch that refers to them", async () => {
    const calls: string[] = [];
    const inner = createStore();
    const store = storeWith(inner, () => ({
      capabilities: { ...inner.capabilities, batchedValueBytes: 1_000 },
      putValue: (runId, hash, value) => {
        calls.push("putValue");
        return inner.putValue(runId, hash, value);
      },
      append: (runId, at, batched) => {
        calls.push("append");
        return inner.append(runId, at, batched);
      },
    }));
    const provenance = new DagProvenance(store);
    const { runId } = await new DagRunner(writing, { provenance }).run({ write: { text: "abc" } });
    expect(calls).toEqual(["putValue", "append"]);
    expect(await provenance.loadOutput(runId, "write")).toBe("abc".repeat(500));
  });

  test("a runner that lost its run is FENCED: its write is refused and it starts nothing more", async () => {
    const clock = new ManualClock();
    const store = createStore();
    const hold = gate();
    const started: string[] = [];
    const slow = node({
      output: Big,
      effect: true,
      run: async () => {
        started.push("slow");
        await hold.promise;
        return "x";
      },
    });
    const next = node({ input: { text: Big }, run: () => void started.push("next") });
    const losing = dag("losing", { nodes: { slow, next }, edges: [["slow", "next"]] });
    const provenance = () => new DagProvenance(store, { durability: "sync", leaseMs: 1_000 });
    // This owner's renewals never reach the store, as if its tab were frozen.
    const frozen = storeWith(store, () => ({ renew: async () => true }));
    const loser = new DagRunner(losing, {
      provenance: new DagProvenance(frozen, { durability: "sync", leaseMs: 1_000 }),
      clock,
    });
    const run = loser.run({}, { runId: "r" });
    await until(() => started.length === 1);
    await clock.advance(1_500);
    const taken = new DagRunner(losing, { provenance: provenance(), clock }).restart("r");
    await until(() => started.length === 2);
    hold.resolve();
    await expect(run).rejects.toMatchObject({ code: "FENCED" });
    expect(await taken).toMatchObject({ status: "completed" });
    expect(started).toEqual(["slow", "slow", "next"]);
    const epochs = (await journal(store, "r")).flatMap((one) => ("epoch" in one ? [one.epoch] : []));
    expect(epochs).toEqual([1, 2]);
  });

  test("a runner learns by its renewal that it lost the run, aborts its nodes and rejects", async () => {
    const clock = new ManualClock();
    const store = createStore();
    let reason: unknown;
    let isRunning = false;
    const waits = node({
      run: (_, { signal }) =>
        new Promise<void>((resolve) => {
          isRunning = true;
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve();
          });
        }),
    });
    const runner = new DagRunner(dag("waiting", { nodes: { waits } }), {
      provenance: new DagProvenance(store, { leaseMs: 900 }),
      clock,
    });
    const run = runner.run({}, { runId: "r" });
    const refused = expect(run).rejects.toMatchObject({ code: "FENCED" });
    await until(() => isRunning);
    await store.acquire("r", "thief", clock.now() + 10_000, 900);
    await clock.advance(300);
    await refused;
    expect(reason).toMatchObject({ code: "FENCED" });
  });

  test("a closed store refuses every call", async () => {
    const store = createStore();
    await owned(store, "r");
    await store.append("r", { epoch: 1, seq: 0, owner: "me" }, batch("r", 1));
    await store.close();
    await store.close();
    const calls: Record<string, () => Promise<unknown>> = {
      acquire: () => store.acquire("r", "you", 1_000, 100),
      renew: () => store.renew("r", 1, 0, 100),
      release: () => store.release("r", 1),
      append: () => store.append("r", { epoch: 1, seq: 1, owner: "me" }, batch("r", 1)),
      read: () => store.read("r", 0, 1),
      putValue: () => store.putValue("r", "00", { text: "", parts: [] }),
      getValue: () => store.getValue({ hash: "00", runId: "r", seq: 0 }),
      hasValues: () => store.hasValues([]),
      head: () => store.head("r"),
      heads: () => store.heads({ limit: 1 }),
      remove: () => store.remove(["r"]),
      prune: () => store.prune([]),
      usage: () => store.usage(),
    };
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    }
  });
});
