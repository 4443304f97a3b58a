// Composites record every execution inside them in the one journal of their run: so they crash, go on and are replayed
// element by element.

import { DagProvenance, DagRunner, type Store } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { KEYS, nestedDag, nestedTotal } from "./nested-dag.js";
import { journalOf } from "./reading.js";
import { completed, mortalStore, pathsThatAre } from "./running.js";

const LEASE_MS = 10_000;

/** Cases on maps, calls and branches. */
export const composites = casesOf("composites", {
  async "what is inside composites of all kinds is recorded under its path"(createStore) {
    const { store, calls, runId } = await ran(createStore);
    const later = new DagProvenance(again(createStore, store));
    const { executions } = await later.inspect(runId);
    const recorded = executions.filter(({ composite }) => !composite).map(({ path }) => path);
    expectData(recorded.toSorted(), calls.all, "the recorded paths");
    expectEqual(await later.loadOutput(runId, "each[1]/second"), 40, "the output of a path in a map");
    expectEqual(await later.loadOutput(runId, "called/first"), 70, "the output of a path in a call");
    expectEqual(await later.loadOutput(runId, "routed{odd}/second"), 140, "the output of a path in a branch");
    expectEqual(await later.loadOutput(runId, "rows"), [[3, 6], [], [9]], "the output of a nested map");
    expectEqual(await later.loadOutput(runId, "byName"), nestedTotal().byName, "the output of a map over a Map");
    expectEqual(await later.loadInputs(runId, "total"), { ...nestedTotal(), risky: collected() }, "the inputs");
  },

  async "keys of any signs name elements, and are read back"(createStore) {
    const { store, runner, runId, calls } = await ran(createStore);
    const later = new DagProvenance(again(createStore, store));
    const { executions } = await later.inspect(runId, { under: "byName" });
    expectEqual(executions.length, KEYS.length, "the number of elements");
    for (const [i, { path }] of executions.entries()) {
      expectEqual(await later.loadOutput(runId, path), 5 * i, `the output of ${path}`);
      calls.clear();
      await completed(runner.replay(runId, { rerun: [path] }));
      expectData(calls.all, [path], "what a replay of one element executed");
    }
  },

  async "a run that died at any write goes on inside its composites"(createStore) {
    const store = createStore();
    const { nested, calls } = nestedDag();
    for (let k = 1, isOver = false; !isOver; k++) {
      const runId = `run ${k}`;
      const mortal = mortalStore(store, k, k % 2 === 0);
      await runnerOn(mortal.store, nested, 0)
        .run({}, { runId })
        .catch(() => undefined);
      isOver = !mortal.isDead();
      if (!isOver) await expectContinued(createStore, store, { nested, calls, runId });
    }
  },

  async "a run that failed inside composites executes what did not complete, and no more"(createStore) {
    const store = createStore();
    const fails = new Set(["each[2]/second", "rows[0][1]", "called/second", "routed{odd}/first"]);
    const { nested, calls, state } = nestedDag({ fails });
    const failed = await runnerOn(store, nested, 0).run();
    expect(failed.status === "failed" && fails.has(failed.failedNode), `The run is ${failed.status}.`);
    const other = again(createStore, store);
    const done = pathsThatAre("completed", await new DagProvenance(other).inspect(failed.runId));
    state.fails = new Set();
    calls.clear();
    const { outputs } = await completed(runnerOn(other, nested, 1).restart(failed.runId));
    expectEqual(outputs.total, nestedTotal(), "the output");
    const twice = calls.all.filter((path) => done.includes(path));
    expectData(twice, [], "what was executed although it had completed");
  },

  async "failures that a map collects are recorded, stay in replays, and can be executed again"(createStore) {
    const store = createStore();
    const { nested, calls, state } = nestedDag({ fails: new Set(["risky[1]", "risky[3]"]) });
    const result = await completed(runnerOn(store, nested, 0).run());
    const risky = [7, "risky[1] is broken", 21, "risky[3] is broken"];
    expectEqual(result.outputs.total, { ...nestedTotal(), risky }, "the output with failures");
    state.fails = new Set();
    const runner = runnerOn(again(createStore, store), nested, 1);
    const replayed = await completed(runner.replay(result.runId, { rerun: ["total"] }));
    expectEqual(replayed.outputs.total, { ...nestedTotal(), risky }, "the output of a replay");
    expectData(
      replayed.collected.map(({ path }) => path),
      ["risky[1]", "risky[3]"],
      "the collected failures",
    );
    calls.clear();
    const restarted = await completed(runner.restart(result.runId, { rerun: ["risky[*]"] }));
    expectEqual(restarted.outputs.total, nestedTotal(), "the output after the failures were executed again");
    expectData(calls.all, ["risky[1]", "risky[3]", "total"], "what was executed again");
  },

  async "a replay executes what is named inside composites, and reuses the rest"(createStore) {
    const { store, nested, calls, runId } = await ran(createStore);
    const runner = runnerOn(again(createStore, store), nested, 0);
    for (const [rerun, expected] of REPLAYS) {
      calls.clear();
      const plan = await runner.planReplay(runId, { rerun });
      const { runId: replayed, outputs } = await completed(runner.replay(runId, { rerun }));
      expectData(calls.all, expected, `what a replay of ${rerun} executed`);
      expectEqual(outputs.total, nestedTotal(), "the output");
      const { executions } = await new DagProvenance(again(createStore, store)).inspect(replayed);
      const planned = plan.steps.map(({ path, reason = "reused" }) => `${path}: ${reason}`);
      const done = executions.map(({ path, reason }) => `${path}: ${reason}`);
      expectData(done.toSorted(), planned.toSorted(), "the replay, by its plan");
    }
  },

  async "a crash, a restart and a replay of it give the output of an undisturbed run"(createStore) {
    const store = createStore();
    const { nested, calls } = nestedDag();
    const mortal = mortalStore(store, 6, true);
    await runnerOn(mortal.store, nested, 0)
      .run({}, { runId: "r" })
      .catch(() => undefined);
    await completed(runnerOn(again(createStore, store), nested, 2).restart("r"));
    calls.clear();
    const runner = runnerOn(again(createStore, store), nested, 3);
    const replayed = await completed(runner.replay("r", { rerun: ["give"], mode: "downstream" }));
    expectEqual(replayed.outputs.total, nestedTotal(), "the output of the replay");
    const isBelow = (path: string) => /^(give|each|risky|joined|total)/.test(path);
    expectData(
      calls.all.filter((path) => !isBelow(path)),
      [],
      "what was executed besides `give` and what is below it",
    );
    expectEqual(calls.of("each[3]/second"), 1, "how often an element below it was executed");
    await new DagProvenance(store).removeRun("r");
    const later = new DagProvenance(again(createStore, store));
    expectEqual(await later.loadOutput(replayed.runId, "rows"), [[3, 6], [], [9]], "what was reused of a removed run");
  },
});

/** What is named, and what is then executed. */
const REPLAYS: readonly (readonly [rerun: readonly string[], executed: readonly string[]])[] = [
  [["each[1]/second"], ["each[1]/second"]],
  [["each[1]"], ["each[1]/first", "each[1]/second"]],
  [["each[*]/first"], ["each[0]/first", "each[1]/first", "each[2]/first", "each[3]/first"]],
  [["rows[0][1]"], ["rows[0][1]"]],
  [
    ["rows[2]", "called"],
    ["called/first", "called/second", "rows[2][0]"],
  ],
  [["routed{odd}/first"], ["routed{odd}/first"]],
  [["byField{a}"], ["byField{a}/first", "byField{a}/second"]],
  [
    ["joined[2]", "total"],
    ["joined[2]", "total"],
  ],
  [[], []],
];

type Nested = ReturnType<typeof nestedDag>["nested"];

function runnerOn(store: Store, nested: Nested, leases: number) {
  const provenance = new DagProvenance(store, { durability: "sync", leaseMs: LEASE_MS });
  return new DagRunner(nested, { provenance, clock: new ManualClock(1_000_000 + leases * LEASE_MS) });
}

/** An undisturbed run. */
async function ran(createStore: CreateStore) {
  const store = createStore();
  const { nested, calls } = nestedDag();
  const runner = runnerOn(store, nested, 0);
  const { runId, outputs } = await completed(runner.run());
  expectEqual(outputs.total, nestedTotal(), "the output");
  return { store, nested, calls, runner, runId };
}

function collected() {
  return [7, 14, 21, 28].map((value) => ({ status: "completed", value }));
}

async function expectContinued(
  createStore: CreateStore,
  store: Store,
  { nested, calls, runId }: Pick<ReturnType<typeof nestedDag>, "nested" | "calls"> & { runId: string },
): Promise<void> {
  const other = again(createStore, store);
  const provenance = new DagProvenance(other);
  if ((await provenance.getRun(runId))?.status === "completed") return;
  const isStored = (await journalOf(other, runId)).length > 0;
  const done = isStored ? pathsThatAre("completed", await provenance.inspect(runId)) : [];
  calls.clear();
  const runner = runnerOn(other, nested, 2);
  const { outputs } = await completed(isStored ? runner.restart(runId) : runner.run({}, { runId }));
  expectEqual(outputs.total, nestedTotal(), "the output");
  expectData(
    calls.all.filter((path) => done.includes(path)),
    [],
    "what was executed although it had completed",
  );
  expectData([...new Set(calls.all)], calls.all, "what was executed, each once");
}
