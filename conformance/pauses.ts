// A run pauses, and another process goes on with it.

import { DagProvenance, DagRunner, type Store } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf, seesJournal } from "./reading.js";
import { completed } from "./running.js";
import { SAMPLE_PATHS, sampleDag, sampleOutput } from "./sample-dag.js";

const INPUTS = { start: { n: 3 } };

/** Cases on runs that pause and go on. */
export const pauses = casesOf("pause", {
  async "a node that asks pauses the run, and its answer lets it go on"(createStore) {
    const store = createStore();
    const { sample, calls } = sampleDag({ asks: "left" });
    const paused = await runnerOn(store, sample).run(INPUTS);
    expect(paused.status === "paused", `A run whose node asks is ${paused.status}.`);
    const asked = [{ path: "left", reason: "go on?", payload: { path: "left" } }];
    expectData(paused.pauses, asked, "what is asked");
    expectData((await new DagProvenance(store).getRun(paused.runId))?.status, "paused", "the recorded status");
    calls.clear();
    const other = runnerOn(again(createStore, store), sample);
    const { outputs } = await completed(other.restart(paused.runId, { resume: { left: 0 } }));
    expectEqual(outputs, sampleOutput(3), "the outputs");
    expectData(calls.all, ["left", "right", "sum", "table"], "what was executed after the pause");
  },

  async "answers of any kind are kept, and a later restart still knows them"(createStore) {
    const store = createStore();
    const { sample, state } = sampleDag({ asks: "right" });
    const { runId } = await runnerOn(store, sample).run(INPUTS);
    state.fails = "table";
    const failed = await runnerOn(again(createStore, store), sample).restart(runId, { resume: { right: 100 } });
    expectEqual(failed.status, "failed", "the status after a failure behind the answer");
    delete state.fails;
    const later = again(createStore, store);
    await completed(runnerOn(later, sample).restart(runId));
    expectEqual(await new DagProvenance(later).loadOutput(runId, "sum"), 30 - 3 + 100, "the sum with the answer");
  },

  async "a run that is paused from outside goes on where it was"(createStore) {
    const store = createStore();
    const { sample, calls, state } = sampleDag();
    state.before = (path) => {
      if (path === "start") run.pause("later");
    };
    const run = runnerOn(store, sample).run(INPUTS);
    const paused = await run;
    expectEqual(paused.status, "paused", "the status");
    const record = await new DagProvenance(again(createStore, store)).getRun(run.runId);
    expectEqual([record?.status, record?.reason], ["paused", "later"], "the recorded pause");
    const { outputs } = await completed(runnerOn(again(createStore, store), sample).restart(run.runId));
    expectEqual(outputs, sampleOutput(3), "the outputs");
    expectData(calls.all, SAMPLE_PATHS, "what was executed in all");
  },

  async "a paused run without its answer pauses again, and wrong answers change nothing"(createStore) {
    const store = createStore();
    const { sample } = sampleDag({ asks: "left" });
    const { runId } = await runnerOn(store, sample).run(INPUTS);
    const before = await journalOf(store, runId);
    const other = again(createStore, store);
    await rejects(runnerOn(other, sample).restart(runId, { resume: { right: 1 } }), "NOT_PAUSED");
    await rejects(runnerOn(other, sample).restart(runId, { resume: { nobody: 1 } }), "UNKNOWN_PATH", "NOT_PAUSED");
    await seesJournal(again(createStore, store), runId, before);
    expectEqual((await runnerOn(other, sample).restart(runId)).status, "paused", "the status without an answer");
  },

  async "a budget of operations pauses a run, and every invocation hands over to the next"(createStore) {
    const store = createStore();
    const { sample, calls } = sampleDag();
    let result: { status: string; outputs: object } = await runnerOn(store, sample).run(INPUTS, {
      runId: "r",
      budget: { operations: 1 },
    });
    for (let invocations = 1; result.status === "paused"; invocations++) {
      expect(invocations < 10, "A run of five nodes, one an invocation, has not ended after ten.");
      result = await runnerOn(again(createStore, store), sample).restart("r", { budget: { operations: 1 } });
    }
    expectEqual(result.status, "completed", "the status in the end");
    expectEqual(result.outputs, sampleOutput(3), "the outputs");
    expectData(calls.all, SAMPLE_PATHS, "what was executed in all");
  },
});

function runnerOn(store: Store, sample: ReturnType<typeof sampleDag>["sample"]) {
  return new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock(), concurrency: 1 });
}
