// Whole runs through the engine: what happened can be read from the store afterwards.

import { DagProvenance, DagRunner, type JournalEvent } from "../src/index.js";
import { ManualClock } from "./clock.js";
import { again, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf, seesJournal } from "./reading.js";
import { completed, pathsThatAre } from "./running.js";
import { SAMPLE_PATHS, sampleDag, sampleOutput } from "./sample-dag.js";

/** Cases on what is recorded of a run. */
export const wholeRuns = casesOf("run", {
  async "a run that completed can be inspected, with all inputs, outputs, times and reasons"(createStore) {
    const store = createStore();
    const clock = new ManualClock(5_000);
    const { sample } = sampleDag({ before: () => clock.advance(1) });
    const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock });
    const { runId, outputs } = await completed(runner.run({ start: { n: 4 } }));
    expectEqual(outputs, sampleOutput(4), "the outputs");
    const later = new DagProvenance(again(createStore, store));
    const inspection = await later.inspect(runId);
    expectData(pathsThatAre("completed", inspection).toSorted(), SAMPLE_PATHS, "the completed paths");
    expectEqual(inspection.run.status, "completed", "the status");
    expectEqual(inspection.run.startedAt, 5_000, "when it started");
    for (const { attempts, reason } of inspection.executions) {
      expectEqual([attempts.length, reason], [1, "first run"], "the attempts of a path, and its reason");
      expect(
        (attempts[0]?.endedAt as number) >= (attempts[0]?.startedAt as number),
        "An attempt ended before it began.",
      );
    }
    expectEqual(await later.loadInputs(runId, "sum"), { all: [40, -4] }, "the inputs of `sum`");
    expectEqual(await later.loadOutput(runId, "table"), outputs.table, "the output of `table`");
    expectEqual(await later.loadInputs(runId, "start"), { n: 4 }, "the inputs of the run");
  },

  async "what is observed while it happens is what is stored"(createStore) {
    const store = createStore();
    const seen: string[] = [];
    const runner = new DagRunner(sampleDag().sample, {
      provenance: new DagProvenance(store),
      clock: new ManualClock(),
      onEvent: (event) => void seen.push(nameOf(event)),
    });
    const { runId } = await completed(runner.run({ start: { n: 1 } }));
    const stored = await journalOf(again(createStore, store), runId);
    expectEqual(stored.map(nameOf), seen, "the stored events");
  },

  async "a run that failed keeps the error with its class, stack, cause and own properties"(createStore) {
    const store = createStore();
    const { sample } = sampleDag({ fails: "sum" });
    const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const result = await runner.run({ start: { n: 1 } });
    expect(result.status === "failed", `A run with a broken node is ${result.status}.`);
    const inspection = await new DagProvenance(again(createStore, store)).inspect(result.runId);
    const { run, executions } = inspection;
    expectEqual([run.status, run.failedNode], ["failed", "sum"], "the recorded failure");
    expectData(pathsThatAre("completed", inspection).toSorted(), ["left", "right", "start"], "the completed paths");
    expectData(pathsThatAre("pending", inspection), ["table"], "the paths that never started");
    const { name, message, stack } = executions.find(({ path }) => path === "sum")?.attempts[0]?.error ?? {};
    expectEqual([name, message, stack], ["RangeError", "sum is broken", result.error.stack], "the recorded error");
  },

  async "a run that was cancelled says so, and why"(createStore) {
    const store = createStore();
    const { sample, state } = sampleDag();
    const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock() });
    state.before = (path) => {
      if (path === "left") run.cancel("enough");
    };
    const run = runner.run({ start: { n: 1 } });
    const result = await run;
    expectEqual(result.status, "cancelled", "the status");
    const record = await new DagProvenance(again(createStore, store)).getRun(run.runId);
    expectEqual([record?.status, record?.reason], ["cancelled", "enough"], "the recorded end");
  },

  async "runs are listed newest first, by dag and status"(createStore) {
    const store = createStore();
    const clock = new ManualClock();
    const provenance = new DagProvenance(store);
    const ids: string[] = [];
    for (const fails of ["", "sum", "", "table"]) {
      const runner = new DagRunner(sampleDag({ fails }).sample, { provenance, clock });
      ids.unshift((await runner.run({ start: { n: 1 } })).runId);
      clock.advance(1_000);
    }
    const later = new DagProvenance(again(createStore, store));
    const listed = async (query: object) => (await later.listRuns(query)).runs.map(({ runId }) => ids.indexOf(runId));
    expectEqual(await listed({}), [0, 1, 2, 3], "all runs");
    expectEqual(await listed({ status: "failed" }), [0, 2], "the failed runs");
    expectEqual(await listed({ dag: "sample", updatedSince: clock.now() - 2_500 }), [0, 1], "the late runs");
    expectEqual(await listed({ dag: "other" }), [], "the runs of another dag");
  },

  async "a name that is in use is refused, and the run that has it stays as it is"(createStore) {
    const store = createStore();
    const setting = { provenance: new DagProvenance(store), clock: new ManualClock() };
    const { sample, calls } = sampleDag();
    await completed(new DagRunner(sample, setting).run({ start: { n: 1 } }, { runId: "mine" }));
    const before = await journalOf(store, "mine");
    calls.clear();
    const other = new DagProvenance(again(createStore, store));
    const second = new DagRunner(sample, { ...setting, provenance: other }).run({ start: { n: 2 } }, { runId: "mine" });
    await rejects(second, "RUN_EXISTS");
    expectEqual(calls.all, [], "what was executed");
    await seesJournal(again(createStore, store), "mine", before);
  },

  async "several runs at once do not mix"(createStore) {
    const store = createStore();
    const { sample } = sampleDag();
    const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock() });
    const inputs = [1, 2, 3, 4, 5, 6];
    const results = await Promise.all(inputs.map((n) => completed(runner.run({ start: { n } }))));
    const later = new DagProvenance(again(createStore, store));
    for (const [i, { runId, outputs }] of results.entries()) {
      expectEqual(outputs, sampleOutput(inputs[i] as number), "the outputs");
      expectEqual(await later.loadOutput(runId, "table"), outputs.table, "the recorded output");
      expectEqual(pathsThatAre("completed", await later.inspect(runId)).length, 5, "the number of completed paths");
    }
  },

  async "a removed run is not found, and its outputs are gone"(createStore) {
    const store = createStore();
    const runner = new DagRunner(sampleDag().sample, {
      provenance: new DagProvenance(store),
      clock: new ManualClock(),
    });
    const { runId } = await completed(runner.run({ start: { n: 1 } }));
    await new DagProvenance(again(createStore, store)).removeRun(runId);
    const later = new DagProvenance(again(createStore, store));
    expectEqual(await later.getRun(runId), undefined, "the record of a removed run");
    await rejects(later.loadOutput(runId, "table"), "RUN_NOT_FOUND");
    await rejects(runner.restart(runId), "RUN_NOT_FOUND");
  },
});

function nameOf(event: JournalEvent): string {
  return "path" in event ? `${event.type} ${event.path}` : event.type;
}
