// restart goes on with a run; replay makes a new one of chosen executions and the recorded outputs of the rest.

import { DagProvenance, DagRunner, type Store } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { headsOf, journalOf, seesJournal } from "./reading.js";
import { completed } from "./running.js";
import { SAMPLE_PATHS, sampleDag, sampleOutput } from "./sample-dag.js";

const INPUTS = { start: { n: 3 } };

/** Cases on restart and replay. */
export const restartsAndReplays = casesOf("restart and replay", {
  async "restart executes nothing that is recorded as completed"(createStore) {
    const store = createStore();
    const { sample, calls, state } = sampleDag();
    let runId: string | undefined;
    for (const path of ["start", "sum", "table"]) {
      state.fails = path;
      const runner = runnerOn(again(createStore, store), sample);
      const result = await (runId === undefined ? runner.run(INPUTS) : runner.restart(runId));
      expectEqual(result.status, "failed", `the status when \`${path}\` is broken`);
      runId = result.runId;
    }
    delete state.fails;
    const { outputs } = await completed(runnerOn(again(createStore, store), sample).restart(runId as string));
    expectEqual(outputs, sampleOutput(3), "the outputs");
    const expected = ["left", "right", "start", "start", "sum", "sum", "table", "table"];
    expectData(calls.all, expected, "what was executed in all");
  },

  async "a completed run is not restarted, and stays as it is"(createStore) {
    const { store, sample, runId, calls } = await ran(createStore);
    const before = await journalOf(store, runId);
    await rejects(runnerOn(again(createStore, store), sample).restart(runId), "RUN_COMPLETED");
    await rejects(runnerOn(again(createStore, store), sample).restart("unknown"), "RUN_NOT_FOUND");
    expectData(calls.all, [], "what was executed");
    await seesJournal(again(createStore, store), runId, before);
  },

  async "a pinned replay executes the named paths alone"(createStore) {
    const { store, sample, runId, calls } = await ran(createStore);
    const before = await journalOf(store, runId);
    const { outputs, stale } = await completed(
      runnerOn(again(createStore, store), sample).replay(runId, { rerun: ["left"] }),
    );
    expectData(calls.all, ["left"], "what was executed");
    expectEqual(outputs, sampleOutput(3), "the outputs");
    expectData(stale.toSorted(), ["sum", "table"], "what is stale");
    await seesJournal(again(createStore, store), runId, before);
  },

  async "a downstream replay executes descendants too, with new inputs if they are given"(createStore) {
    const { store, sample, runId, calls } = await ran(createStore);
    const runner = runnerOn(again(createStore, store), sample);
    await completed(runner.replay(runId, { rerun: ["left"], mode: "downstream" }));
    expectData(calls.all, ["left", "sum", "table"], "what was executed below `left`");
    calls.clear();
    const anew = await completed(runner.replay(runId, { mode: "downstream", inputs: { start: { n: 5 } } }));
    expectData(calls.all, SAMPLE_PATHS, "what was executed with new inputs");
    expectEqual(anew.outputs, sampleOutput(5), "the outputs");
  },

  async "a replay names its origin, and what it reused is read from there"(createStore) {
    const { store, sample, runId } = await ran(createStore);
    const runner = runnerOn(again(createStore, store), sample);
    const first = await completed(runner.replay(runId, { rerun: ["left"] }));
    const second = await completed(runner.replay(first.runId, { rerun: ["right"] }));
    const later = new DagProvenance(again(createStore, store));
    const record = await later.getRun(second.runId);
    expectEqual(record?.replayOf, first.runId, "the origin of a replay of a replay");
    const { executions } = await later.inspect(second.runId);
    const origins = executions.map(({ path, output }) => [path, output?.origin.runId]);
    const expected = { start: runId, left: first.runId, right: second.runId, sum: runId, table: runId };
    expectData(Object.fromEntries(origins), expected, "where each output was made");
    const heads = await headsOf(again(createStore, store));
    expectData(
      heads.map(({ replayOf = "none" }) => replayOf).toSorted(),
      ["none", runId, first.runId].toSorted(),
      "heads",
    );
  },

  async "a replay outlives the run that it reuses"(createStore) {
    const { store, sample, runId } = await ran(createStore);
    const runner = runnerOn(again(createStore, store), sample);
    const replayed = await completed(runner.replay(runId, { rerun: ["left"] }));
    await new DagProvenance(again(createStore, store)).removeRun(runId);
    const later = new DagProvenance(again(createStore, store));
    expectEqual(await later.getRun(runId), undefined, "the record of the removed run");
    expectEqual(await later.loadOutput(replayed.runId, "table"), sampleOutput(3).table, "what was reused of it");
    const onceMore = await completed(runner.replay(replayed.runId, { rerun: ["sum"] }));
    expectEqual(onceMore.outputs, sampleOutput(3), "the outputs of a replay of the replay");
  },

  async "a plan tells what a replay would do, and nothing is written for it"(createStore) {
    const { store, sample, runId, calls } = await ran(createStore);
    const runner = runnerOn(again(createStore, store), sample);
    const { steps, stale, blocked } = await runner.planReplay(runId, { rerun: ["sum"] });
    const actions = Object.fromEntries(steps.map(({ path, action }) => [path, action]));
    const expected = { start: "reuse", left: "reuse", right: "reuse", sum: "rerun", table: "reuse" };
    expectData(actions, expected, "the actions");
    expectData([stale, blocked, calls.all], [["table"], [], []], "what is stale, blocked, and was executed");
    await rejects(runner.planReplay(runId, { rerun: ["nobody"] }), "UNKNOWN_PATH");
    await rejects(runner.replay(runId, { rerun: ["nobody"] }), "UNKNOWN_PATH");
    expectEqual((await headsOf(again(createStore, store))).length, 1, "the number of runs");
  },

  async "a replay that fails is a run of its own, which can be restarted"(createStore) {
    const { store, sample, runId, calls, state } = await ran(createStore);
    state.fails = "sum";
    const failed = await runnerOn(store, sample).replay(runId, { rerun: ["right"], mode: "downstream" });
    expectEqual(failed.status, "failed", "the status of the replay");
    delete state.fails;
    calls.clear();
    const { outputs } = await completed(runnerOn(again(createStore, store), sample).restart(failed.runId));
    expectEqual(outputs, sampleOutput(3), "the outputs");
    expectData(calls.all, ["sum", "table"], "what was executed after the restart");
  },
});

function runnerOn(store: Store, sample: ReturnType<typeof sampleDag>["sample"]) {
  return new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock() });
}

/** An undisturbed run. */
async function ran(createStore: CreateStore) {
  const store = createStore();
  const { sample, calls, state } = sampleDag();
  const { runId } = await completed(runnerOn(store, sample).run(INPUTS));
  calls.clear();
  return { store, sample, calls, state, runId };
}
