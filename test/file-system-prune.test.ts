// Pruning the runs of a directory that is killed, overtaken or looked at half-way: at every step on the disk.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { JournalEvent, Store } from "heddle";
import { expect, test, vi } from "vitest";
import { dieAtStep, isReading, onEveryStep } from "./support/faulty-disk.js";
import {
  append,
  expectWhole,
  LATER,
  NEEDED,
  RUNS,
  take,
  takeAll,
  VALUES,
  valuesIn,
  writeRuns,
} from "./support/pruned-runs.js";
import { openStore } from "./support/runs-to-damage.js";
import { directoryOf, type Files, filesIn, quickDirectory } from "./support/stored-files.js";

vi.mock("node:fs/promises", async (original) => (await import("./support/faulty-disk.js")).faulty(original));

/** The runs to prune, in a directory. */
async function written(): Promise<Files> {
  const directory = quickDirectory();
  const store = openStore(directory);
  await writeRuns(store);
  await store.close();
  return filesIn(directory);
}

const journalsOf = (directory: string, run: string) =>
  readdirSync(join(directory, "runs", run)).filter((name) => name.includes("jsonl"));

/** Expects a prune to end what another one has begun, and nothing else to be gone. */
async function expectEnd(directory: string): Promise<void> {
  const store = openStore(directory);
  await store.prune(await takeAll(store, LATER));
  await expectWhole(store);
  expect(await valuesIn(store)).toEqual(NEEDED);
  const { runs } = await store.usage();
  expect(runs.map(({ payloadBytes }) => payloadBytes > 0)).toEqual(runs.map(({ runId }) => runId === "user"));
  for (const run of ["old", "too"]) expect(journalsOf(directory, run)).toHaveLength(1);
  const all = Buffer.concat([...filesIn(directory).values()]).toString("latin1");
  for (const letter of ["o", "b", "O"]) expect(all).not.toContain(letter.repeat(20));
  await store.remove(Object.keys(RUNS));
  expect(await store.usage()).toMatchObject({ bytes: 0, runs: [] });
  await store.close();
}

test("killed at any step, it leaves every journal whole and every value that is needed, and the next one ends it", async () => {
  const files = await written();
  const died = new Map<string, number>();
  for (let k = 1; ; k++) {
    const directory = directoryOf(files);
    const store = openStore(directory);
    const skeletons = await takeAll(store);
    const disk = dieAtStep(k);
    await store.prune(skeletons).catch(() => {});
    disk.revive();
    await store.close();
    const step = disk.died();
    if (step === undefined) break;
    died.set(step, (died.get(step) ?? 0) + 1);
    await expectWhole(openStore(directory)).catch((error: Error) => {
      throw new Error(`Step ${k}, ${step}: ${error.message}`);
    });
    await expectEnd(directory);
  }
  console.log("A prune was killed at these steps:", Object.fromEntries(died));
  expect([...died.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(30);
  for (const step of ["link", "rm", "file appendFile", "file sync", "file write"])
    expect(died.has(step), step).toBe(true);
});

test("killed at any step, the runs can be removed with all that is left of them", async () => {
  const files = await written();
  let killed = 0;
  for (let k = 1; ; k++) {
    const directory = directoryOf(files);
    const store = openStore(directory);
    const skeletons = await takeAll(store);
    const disk = dieAtStep(k);
    await store.prune(skeletons).catch(() => {});
    disk.revive();
    await store.close();
    if (disk.died() === undefined) break;
    killed++;
    const other = openStore(directory);
    await other.remove(["old", "too"]);
    expect(await valuesIn(other)).toEqual(["shared", "sharedFile"]);
    expect(await other.usage()).toMatchObject({ runs: [{ runId: "user" }] });
    await other.remove(["user"]);
    expect(await other.usage()).toMatchObject({ bytes: 0, runs: [] });
  }
  expect(killed).toBeGreaterThan(30);
});

test("overtaken at any step, it is FENCED or done, and the new owner has lost nothing", async () => {
  const files = await written();
  const ends = { fenced: 0, done: 0 };
  for (let k = 1; ; k++) {
    const directory = directoryOf(files);
    const [store, other] = [openStore(directory), openStore(directory)];
    const skeletons = await takeAll(store);
    const taken = await overtakenAt(k, other, () => store.prune(skeletons));
    if (!taken) break;
    if (taken.error === undefined) ends.done++;
    else {
      expect(taken.error).toMatchObject({ code: "FENCED", message: expect.stringContaining('"old"') });
      const there = await valuesIn(other);
      if (there.includes("own")) expect(there).toContain("ownFile");
      ends.fenced++;
    }
    await append(other, "old", { ...taken.at, seq: 4 });
    await expectWhole(other, { old: 5 });
    await expectWhole(openStore(directory), { old: 5 });
    // The other run was pruned all the same.
    expect((await other.usage()).runs).toContainEqual(expect.objectContaining({ runId: "too", payloadBytes: 0 }));
    await other.release("old", taken.at.epoch);
    await store.close();
    await other.prune(await takeAll(other, LATER));
    await expectWhole(other, { old: 5 });
    expect(await valuesIn(other)).toEqual(NEEDED);
    await other.close();
  }
  console.log("A prune was overtaken:", ends);
  expect(ends.fenced).toBeGreaterThan(15);
  expect(ends.done).toBeGreaterThan(5);
});

/** Prunes, and before step `k` another owner takes the run and writes. Nothing if there is no such step. */
async function overtakenAt(k: number, other: Store, prune: () => Promise<void>) {
  let steps = 0;
  let at: Awaited<ReturnType<typeof take>> | undefined;
  const stop = onEveryStep(async (step) => {
    if (isReading(step) || ++steps !== k) return;
    at = await take(other, "old", LATER, "thief");
    await append(other, "old", at);
  });
  const error = await prune().catch((refusal: unknown) => refusal);
  stop();
  return at && { at, error };
}

test("at every step another process reads what it read before, whatever it remembers", async () => {
  const directory = directoryOf(await written());
  const [store, reader] = [openStore(directory), openStore(directory)];
  const skeletons = await takeAll(store);
  await expectWhole(reader);
  const remembered = await reader.read("old", 0, 1);
  let looks = 0;
  const stop = onEveryStep(async (step) => {
    if (isReading(step)) return;
    looks++;
    expect(await reader.read("old", 0, 1)).toEqual(remembered);
    await expectWhole(reader);
    await expectWhole(openStore(directory));
    expect((await reader.heads({ limit: 10 })).heads).toHaveLength(3);
  });
  await store.prune(skeletons);
  stop();
  console.log(`A prune was looked at ${looks} times`);
  expect(looks).toBeGreaterThan(30);
  // Who asks for a value keeps its file from going for a while.
  const there = ["kept", "keptFile", "shared", "ownFile", "sharedFile"];
  for (const one of [store, reader]) expect(await valuesIn(one)).toEqual(there);
});

/** All events of a run, page by page: where files go, a page may end. */
async function readOn(store: Store, runId: string): Promise<JournalEvent[]> {
  const events: JournalEvent[] = [];
  for (let more = true; more; ) {
    const page = await store.read(runId, events.length, 10);
    events.push(...page.events);
    more = page.more;
  }
  return events;
}

test("whoever is reading when the files go begins anew", async () => {
  const files = await written();
  const verbs: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
    read: (store) => readOn(store, "old"),
    head: (store) => store.head("old"),
    heads: async (store) => (await store.heads({ limit: 10 })).heads.length,
    "getValue of what is kept": (store) => store.getValue({ hash: VALUES.kept.hash, runId: "old", seq: 0 }),
    "getValue of what others need": (store) => store.getValue({ hash: VALUES.shared.hash, runId: "old", seq: 0 }),
    hasValues: (store) =>
      store.hasValues([VALUES.kept, VALUES.shared].map(({ hash }) => ({ hash, runId: "old", seq: 0 }))),
    usage: async (store) => (await store.usage()).runs.length,
  };
  let pruned = 0;
  for (const [verb, call] of Object.entries(verbs)) {
    const expected = await call(openStore(directoryOf(files)));
    for (let k = 1; ; k++) {
      const directory = directoryOf(files);
      const store = openStore(directory);
      const skeletons = await takeAll(store);
      let steps = 0;
      const stop = onEveryStep(async () => {
        if (++steps === k) await store.prune(skeletons);
      });
      const found = await call(openStore(directory)).catch((error: unknown) => error);
      expect(found, `${verb}, step ${k}`).toEqual(expected);
      stop();
      await store.close();
      if (steps < k) break;
      pruned++;
    }
  }
  console.log(`Runs were pruned at ${pruned} moments while they were read`);
  expect(pruned).toBeGreaterThan(30);
});
