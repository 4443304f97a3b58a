// Journals of older formats are read as if they had been written today; those of newer ones are refused.

import "fake-indexeddb/auto";
import { DagProvenance, DagRunner, dag, node, type Store, type } from "heddle";
import { fileSystemStore } from "heddle/adapters/file-system";
import { indexedDbStore } from "heddle/adapters/indexeddb";
import { describe, expect, onTestFinished, test } from "vitest";
import { markDatabase, markFiles, oldJournals, putOld } from "./support/old-journal.js";
import { journal } from "./support/store-with.js";
import { quickDirectory } from "./support/stored-files.js";

const Text = type<string>("Text");

/** The dag of the fixture. */
function oldDag(calls: string[]) {
  const text = { input: { text: Text }, output: Text };
  const read = node({ ...text, run: () => String(calls.push("read")) });
  const shout = node({ ...text, run: () => String(calls.push("shout")) });
  const ask = node({
    ...text,
    run: ({ text }, ctx) => {
      const end = ctx.pause("which end?", undefined, Text);
      calls.push("ask");
      return text.slice(0, 3) + end;
    },
  });
  const nodes = { read, shout, ask };
  return dag("old", { nodes, edges: [["read", "shout"] as const, ["shout", "ask"] as const] });
}

let databases = 0;

/** Makes a place that holds the fixture, marked as of this format; returns how to open it. */
const PLACES: Readonly<Record<string, (format: number) => Promise<() => Store>>> = {
  async files(format) {
    const directory = quickDirectory();
    const store = fileSystemStore(directory);
    await putOld(store, oldJournals(0));
    await store.close();
    markFiles(directory, format);
    return () => fileSystemStore(directory);
  },
  async IndexedDB(format) {
    const database = `old journals ${databases++}`;
    const store = indexedDbStore(database);
    await putOld(store, oldJournals(0));
    await store.close();
    await markDatabase(database, format);
    return () => indexedDbStore(database);
  },
};

describe.each(Object.entries(PLACES))("%s", (_, makePlace) => {
  async function opened(format = 0) {
    const store = (await makePlace(format))();
    onTestFinished(() => store.close());
    const provenance = new DagProvenance(store);
    const calls: string[] = [];
    return { store, provenance, calls, runner: new DagRunner(oldDag(calls), { provenance }) };
  }

  test("a journal of format 0 is listed, inspected and read to its last value", async () => {
    const { provenance, store } = await opened();
    expect((await provenance.listRuns()).runs.map(({ status }) => status).sort()).toEqual([
      "completed",
      "paused",
      "paused",
    ]);
    const { run, executions } = await provenance.inspect("first");
    expect(run).toMatchObject({ status: "completed", dag: "old" });
    expect(executions.map(({ path, attempts }) => [path, attempts.map(({ status }) => status)])).toEqual([
      ["read", ["completed"]],
      ["shout", ["failed", "completed"]],
      ["ask", ["paused", "completed"]],
    ]);
    expect(await provenance.loadOutput("first", "shout")).toBe("AB".repeat(200));
    expect((await journal(store, "first"))[0]).toMatchObject({ type: "run-started", format: 1 });
  });

  test("a paused run of format 0 is restarted, and goes on in the format of today", async () => {
    const { runner, calls, store } = await opened();
    const result = await runner.restart("second", { resume: { ask: "?" } });
    expect(result).toMatchObject({ status: "completed", outputs: { ask: "CDC?" } });
    expect(calls).toEqual(["ask"]);
    expect((await journal(store, "second")).at(-1)?.type).toBe("run-completed");
  });

  test("what a replay of format 0 reused says where it was made, and can be taken up from there", async () => {
    const { runner, provenance, store, calls } = await opened();
    const { runs } = await provenance.listRuns();
    const { runId = "" } = runs.find(({ replayOf }) => replayOf === "first") ?? {};
    const reused = (await journal(store, runId)).find(
      (event) => event.type === "node-reused" && event.path === "shout",
    );
    const [old] = oldJournals(0).batches.filter((batch) => batch.runId === runId);
    expect(old?.events.find((event) => event.type === "node-reused" && event.path === "shout")).toMatchObject({
      inputs: { text: [{ path: "read", value: expect.stringMatching(/^#/) }] },
    });
    expect(reused).toMatchObject({
      inputs: { text: [{ path: "read", origin: { runId: "first", seq: 10, attempt: 2 } }] },
    });
    expect(await runner.restart(runId, { resume: { ask: "." } })).toMatchObject({ outputs: { ask: "ABA." } });
    expect(calls).toEqual(["ask"]);
  });

  test("a run of format 0 is replayed, and what it does not execute again is reused", async () => {
    const { runner, calls } = await opened();
    const again = await runner.replay("first", { rerun: ["shout"], mode: "pinned" });
    expect(again.status).toBe("completed");
    expect(calls).toEqual(["shout"]);
  });

  test("a journal of a newer format is refused by name, and can be listed", async () => {
    const { runner, provenance, calls } = await opened(7);
    const refused = { code: "STORE_VERSION", message: expect.stringMatching(/"first".*format 7/) };
    await expect(provenance.getRun("first")).rejects.toMatchObject(refused);
    await expect(runner.restart("first")).rejects.toMatchObject(refused);
    await expect(runner.replay("first")).rejects.toMatchObject(refused);
    expect((await provenance.listRuns()).runs).toHaveLength(3);
    expect(calls).toEqual([]);
  });
});
