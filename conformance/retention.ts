// Old runs can go, or lose their payloads; and what then needs a value that is gone says so before anything is recorded.

import { DagProvenance, DagRunner, type Store } from "../src/index.js";
import { ManualClock, signal } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { headsOf, journalOf, sees, seesJournal } from "./reading.js";
import { completed } from "./running.js";
import { sampleDag, sampleOutput } from "./sample-dag.js";

/** Cases on runs that are removed, or lose their payloads. */
export const retention = casesOf("retention", {
  async "runs are removed by age, and by how many are to stay"(createStore) {
    const { store, ids, now } = await severalRuns(createStore, 6);
    const provenance = new DagProvenance(again(createStore, store));
    expectData((await provenance.prune({ olderThan: 10_000, now })).runs, [], "the runs older than all");
    const byAge = await provenance.prune({ olderThan: 4_500, now });
    expectData([byAge.runs, byAge.left], [ids.slice(0, 2), []], "what was pruned by age");
    expect(
      byAge.freedBytes === undefined || byAge.freedBytes > 2_000,
      `Removing two runs freed ${byAge.freedBytes} bytes.`,
    );
    expectData((await provenance.prune({ keep: 1, now })).runs, ids.slice(2, 5), "what was pruned by number");
    const left = await headsOf(again(createStore, store));
    expectData(
      left.map(({ runId }) => runId),
      ids.slice(5),
      "the runs that are left",
    );
    expectEqual(await new DagProvenance(store).getRun(ids[0] as string), undefined, "the record of a removed run");
  },

  async "the oldest runs go until the store takes no more than it may"(createStore) {
    const { store, ids, now } = await severalRuns(createStore, 5);
    const provenance = new DagProvenance(again(createStore, store));
    const { bytes } = await provenance.usage();
    const { runs } = await provenance.prune({ maxBytes: bytes * 0.5, now });
    expect(runs.length >= 2 && runs.length <= 4, `${runs.length} of five runs were removed to free half the room.`);
    expectData(runs, ids.slice(0, runs.length), "the runs that were removed");
    const after = await new DagProvenance(again(createStore, store)).usage();
    expect(after.bytes <= bytes * 0.5, `The store still takes ${after.bytes} of ${bytes} bytes.`);
  },

  async "what somebody executes is left alone"(createStore) {
    const store = createStore();
    const [running, goOn] = [signal(), signal()];
    const { sample } = sampleDag({
      // In `sync` mode the run is stored before its second node starts.
      before: async (path) => {
        if (path !== "left") return;
        running.give();
        await goOn.given;
      },
    });
    const clock = new ManualClock();
    const provenance = new DagProvenance(store, { durability: "sync" });
    const run = new DagRunner(sample, { provenance, clock }).run({ start: { n: 3 } });
    await running.given;
    const other = new DagProvenance(again(createStore, store));
    await sees(store, async () => (await other.listRuns()).runs.length, 1, "the number of runs");
    clock.advance(100);
    const all = ["running", "paused", "completed"] as const;
    const pruned = await other.prune({ keep: 0, statuses: all, now: clock.now() });
    expectData([pruned.runs, pruned.left.map(({ runId }) => runId)], [[], [run.runId]], "what was pruned, and left");
    goOn.give();
    expectEqual((await completed(run)).outputs, sampleOutput(3), "the outputs");
  },

  async "without its payloads a run can still be looked at, and says when they went"(createStore) {
    const { store, runId, now } = await prunedRun(createStore);
    const later = new DagProvenance(again(createStore, store));
    const { run, executions, edges } = await later.inspect(runId);
    expectEqual([run.status, run.prunedAt], ["completed", now], "the record");
    expectEqual([executions.length, edges.length], [5, 5], "the number of executions and edges");
    const times = executions.map(({ attempts }) => attempts[0]?.durationMs);
    expect(
      times.every((time) => time !== undefined),
      "The times of a pruned run are gone.",
    );
    await rejects(later.loadOutput(runId, "table"), "VALUE_MISSING");
    expectEqual(await later.loadOutput(runId, "sum"), 27, "an output that stands in its event");
    const [usage] = (await later.usage()).runs;
    expectData(usage?.payloadBytes, 0, "what pruning again would free");
    expectData((await later.prune({ keep: 0, payloadsOnly: true, now })).runs, [], "what is pruned a second time");
  },

  async "a replay that needs what was pruned is blocked, and its plan says so"(createStore) {
    const { store, sample, runId } = await prunedRun(createStore);
    const before = await journalOf(store, runId);
    const runner = runnerOn(again(createStore, store), sample);
    const plan = await runner.planReplay(runId, { rerun: ["left"] });
    expectData(plan.blocked, ["table"], "what is blocked");
    await rejects(runner.replay(runId, { rerun: ["left"] }), "REPLAY_BLOCKED");
    expectEqual((await headsOf(again(createStore, store))).length, 1, "the number of runs");
    await seesJournal(again(createStore, store), runId, before);
    const { outputs } = await completed(runner.replay(runId, { rerun: ["table"] }));
    expectEqual(outputs, sampleOutput(3), "the outputs of a replay that needs nothing of it");
  },

  async "a restart that needs what was pruned is blocked, and its plan says so"(createStore) {
    const store = createStore();
    const { sample } = sampleDag({ fails: "start" });
    const runner = runnerOn(store, sample);
    // Too large to stand in an event.
    const failed = await runner.run({ start: { n: "3".repeat(5_000) as unknown as number } });
    expectEqual(failed.status, "failed", "the status");
    expectData((await runner.planRestart(failed.runId)).blocked, [], "what is blocked before");
    await new DagProvenance(again(createStore, store)).prune({ keep: 0, payloadsOnly: true });
    const before = await journalOf(store, failed.runId);
    const later = runnerOn(again(createStore, store), sample);
    expectData((await later.planRestart(failed.runId)).blocked, ["start"], "what is blocked after");
    await rejects(later.restart(failed.runId), "RESTART_BLOCKED");
    await seesJournal(again(createStore, store), failed.runId, before);
  },

  async "what a replay reuses outlives its origin, whole or as a skeleton"(createStore) {
    for (const payloadsOnly of [true, false]) {
      const store = createStore(`payloads only ${payloadsOnly}`.replaceAll(" ", "-"));
      const { sample } = sampleDag();
      const clock = new ManualClock();
      const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock });
      const { runId } = await completed(runner.run({ start: { n: 3 } }));
      clock.advance(1_000);
      const replayed = await completed(runner.replay(runId, { rerun: ["left"] }));
      const { runs } = await new DagProvenance(store).prune({ keep: 1, payloadsOnly, now: clock.now() });
      expectData(runs, [runId], "what was pruned");
      const { outputs } = await completed(runner.replay(replayed.runId, { rerun: ["right"] }));
      expectEqual(outputs, sampleOutput(3), "the outputs of a replay of the replay");
    }
  },
});

function runnerOn(store: Store, sample: ReturnType<typeof sampleDag>["sample"]) {
  return new DagRunner(sample, { provenance: new DagProvenance(store), clock: new ManualClock() });
}

/** Runs with different values, a second apart; the oldest first. */
async function severalRuns(createStore: CreateStore, count: number) {
  const store = createStore();
  const clock = new ManualClock();
  const runner = new DagRunner(sampleDag().sample, { provenance: new DagProvenance(store), clock });
  const ids: string[] = [];
  for (let n = 1; n <= count; n++) {
    ids.push((await completed(runner.run({ start: { n } }))).runId);
    clock.advance(1_000);
  }
  return { store, ids, now: clock.now() };
}

/** A run that lost its payloads. */
async function prunedRun(createStore: CreateStore) {
  const store = createStore();
  const { sample } = sampleDag();
  const clock = new ManualClock();
  const runner = new DagRunner(sample, { provenance: new DagProvenance(store), clock });
  const { runId } = await completed(runner.run({ start: { n: 3 } }));
  const now = clock.now() + 1_000;
  const pruned = await new DagProvenance(again(createStore, store)).prune({ keep: 0, payloadsOnly: true, now });
  expectData([pruned.runs, pruned.left], [[runId], []], "what was pruned");
  return { store, sample, runId, now };
}
