// A database in which somebody, or a fault, has changed records: what comes before the damage is read, nothing behind it
// is guessed, and other runs are not touched by it.

import "fake-indexeddb/auto";
import { isDeepStrictEqual } from "node:util";
import { chain, DagProvenance, DagRunner, dag, type JournalEvent, node, type } from "heddle";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { describe, expect, onTestFinished, test } from "vitest";
import { Draws, mutatedList } from "./support/mutate-records.js";
import { changeRaw, putRaw, type RawRecord, rawRecords } from "./support/raw-database.js";
import { journal } from "./support/store-with.js";

const CASES = process.env.CHAOS ? 20_000 : 1_500;

const Num = type<number>("Num");

/** Three nodes, of which the last pauses once. */
function countingDag() {
  const give = node({ output: Num, run: () => 1 });
  const add = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
  const ask = node({ input: { n: Num }, output: Num, run: ({ n }, ctx) => n + Number(ctx.pause("more?")) });
  return dag("counting", { nodes: { give, add, ask }, edges: chain("give", "add", "ask") });
}

let databases = 0;

function open(database: string) {
  const warnings: string[] = [];
  const store = indexedDbStore(database, { onWarning: (message) => warnings.push(message) });
  onTestFinished(() => store.close());
  const provenance = new DagProvenance(store, { durability: "sync" });
  return { database, store, provenance, warnings, runner: new DagRunner(countingDag(), { provenance }) };
}

/** A database with runs "a", which was restarted, and "b", which is paused. */
async function twoRuns() {
  const here = open(`damage ${databases++}`);
  for (const runId of ["a", "b"]) await here.runner.run({}, { runId });
  await here.runner.restart("a", { resume: { ask: 5 } });
  const events = await journal(here.store, "a");
  await here.store.close();
  return { ...open(here.database), events, batches: await rawRecords(here.database, "batches") };
}

type Batch = { readonly run: string; readonly seq: number; readonly count: number; readonly events: string };

const batchOf = ({ value }: RawRecord) => value as Batch;
const isOf = (runId: string) => (record: RawRecord) => batchOf(record).run === runId;

/** What is done to the batch in the middle of run "a": given that, the one behind it, and one of run "b". */
const DAMAGES: Readonly<Record<string, (here: RawRecord, next: RawRecord, other: RawRecord) => RawRecord[]>> = {
  "is gone": (_, next) => [next],
  "has no JSON": (here, next) => [changed(here, { events: batchOf(here).events.slice(1) }), next],
  "has an event of no kind": (here, next) => [
    changed(here, { events: batchOf(here).events.replace('"type":"node-', '"type":"nude-') }),
    next,
  ],
  "has an unknown field": (here, next) => [
    changed(here, { events: batchOf(here).events.replace('"path":', '"PATH":"x","path":') }),
    next,
  ],
  "has no events": (here, next) => [changed(here, { events: "[]" }), next],
  "has lost an event": (here, next) => [
    changed(here, { events: JSON.stringify((JSON.parse(batchOf(here).events) as unknown[]).slice(1)) }),
    next,
  ],
  "stands in place of the next": (here, next) => [here, { key: next.key, value: here.value }],
  "has changed places with the next": (here, next) => [
    { key: here.key, value: next.value },
    { key: next.key, value: here.value },
  ],
  "overlaps the next": (here, next) => [
    changed(here, {
      events: `${batchOf(here).events.slice(0, -1)},${batchOf(next).events.slice(1)}`,
      count: batchOf(here).count + batchOf(next).count,
    }),
    next,
  ],
  "is one of another run": (here, next, other) => [{ key: here.key, value: other.value }, next],
  "is no record": (here, next) => [{ key: here.key, value: 5 }, next],
};

function changed({ key, value }: RawRecord, change: Partial<Batch>): RawRecord {
  return { key, value: { ...(value as Batch), ...change } };
}

describe.each(Object.entries(DAMAGES))("a batch that %s", (_, damage) => {
  test("ends what can be read of its run, and of no other", async () => {
    const { database, store, provenance, runner, events, batches } = await twoRuns();
    const mine = batches.filter(isOf("a"));
    const others = batches.filter(isOf("b"));
    const middle = mine.length >> 1;
    const [here, next] = mine.slice(middle) as [RawRecord, RawRecord];
    const damaged = damage(here, next, others[middle] as RawRecord);
    await putRaw(database, "batches", [...mine.slice(0, middle), ...damaged, ...mine.slice(middle + 2), ...others]);

    const record = await provenance.getRun("a");
    const read = record?.events ?? 0;
    expect(read).toBeGreaterThanOrEqual(batchOf(here).seq);
    expect(read).toBeLessThanOrEqual(events.length);
    expect((await store.read("a", 0, read)).events).toEqual(events.slice(0, read));
    expect(record?.damage).toMatch(new RegExp(`"a".*Events 0 to ${read - 1} can be read`));
    expect((await provenance.inspect("a")).run.damage).toBe(record?.damage);
    await expect(runner.restart("a", { rerun: ["give"] } as never)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await expect(runner.replay("a")).rejects.toMatchObject({ code: "STORE_DAMAGED" });

    expect((await provenance.listRuns()).runs.map(({ runId }) => runId).sort()).toEqual(["a", "b"]);
    expect(await runner.restart("b", { resume: { ask: 1 } })).toMatchObject({ status: "completed" });
    await store.remove(["a"]);
    expect(await provenance.getRun("a")).toBeUndefined();
  });
});

test("batches that are gone at the end are missed", async () => {
  const { database, provenance, events, batches } = await twoRuns();
  const last = batches.filter(isOf("a")).at(-1) as RawRecord;
  await changeRaw(database, "batches", (records) => records.filter(({ key }) => !isDeepStrictEqual(key, last.key)));
  const record = await provenance.getRun("a");
  expect(record).toMatchObject({ events: batchOf(last).seq });
  expect(record?.damage).toContain(`event ${events.length - 1} should be`);
});

test("a run whose head is damaged is left out of the list with a warning, and can be read and removed", async () => {
  const { database, store, provenance, warnings, events } = await twoRuns();
  await changeRaw(database, "runs", (records) =>
    records.map(({ key, value }) => {
      const run = value as { readonly head: { readonly runId: string } };
      return run.head.runId === "a"
        ? { key, value: { ...run, head: { ...run.head, status: "fine" } } }
        : { key, value };
    }),
  );
  expect((await provenance.listRuns()).runs.map(({ runId }) => runId)).toEqual(["b"]);
  expect(warnings).toEqual([expect.stringMatching(/Not listed.*"a".*"status"/)]);
  expect(await provenance.getRun("a")).toMatchObject({ events: events.length });
  await store.remove(["a"]);
  expect((await provenance.listRuns()).runs.map(({ runId }) => runId)).toEqual(["b"]);
});

test("nobody takes a run whose record is damaged", async () => {
  const { database, runner, provenance } = await twoRuns();
  await changeRaw(database, "runs", (records) =>
    records.map(({ key, value }) => ({ key, value: { ...(value as object), epoch: "7" } })),
  );
  await expect(runner.restart("b", { resume: { ask: 1 } })).rejects.toMatchObject({
    code: "STORE_DAMAGED",
    message: expect.stringContaining('"b"'),
  });
  expect(await provenance.getRun("b")).toMatchObject({ status: "paused" });
});

test("batches that are gone, doubled, moved, exchanged or foreign never give a journal that was not written", async () => {
  const { database, store, events, batches } = await twoRuns();
  const mine = batches.filter(isOf("a"));
  const others = batches.filter(isOf("b"));
  const counts = { whole: 0, cut: 0, nothing: 0 };
  for (let number = 1; number <= CASES; number++) {
    const draws = new Draws(number);
    const keys = mine.map(({ key }) => key);
    const mutated = mutatedList(mine, others, draws).slice(0, keys.length);
    // Under the keys that were there, or under their own.
    const records = mutated.map(({ key, value }, i) => ({
      key: draws.below(2) ? (keys[i] as IDBValidKey) : key,
      value,
    }));
    await putRaw(database, "batches", [...records, ...others]);
    const read = await readAll(store);
    if (!isDeepStrictEqual(read, events.slice(0, read.length))) throw new Error(`Case ${number} gave other events.`);
    counts[read.length === events.length ? "whole" : read.length > 0 ? "cut" : "nothing"]++;
  }
  console.log(`${CASES} journals of mutated batches:`, counts);
  expect(counts.cut).toBeGreaterThan(CASES / 5);
  expect(counts.whole).toBeLessThan(CASES / 2);
});

/** All events up to the first complaint. */
async function readAll(store: { read: ReturnType<typeof indexedDbStore>["read"] }): Promise<readonly JournalEvent[]> {
  const events: JournalEvent[] = [];
  for (let more = true; more; ) {
    const page = await store.read("a", events.length, 7).catch((error: { code: string }) => {
      expect(error.code).toBe("STORE_DAMAGED");
      return { events: [], more: false };
    });
    events.push(...page.events);
    more = page.more;
  }
  return events;
}
