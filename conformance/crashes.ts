// Processes die at any moment. What was stored is never executed again, and the run ends as if nothing had happened.

import { DagProvenance, DagRunner, type Durability, type Store } from "../src/index.js";
import { ManualClock, signal } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf } from "./reading.js";
import { completed, mortalStore, pathsThatAre } from "./running.js";
import { SAMPLE_PATHS, sampleDag, sampleOutput } from "./sample-dag.js";

const LEASE_MS = 10_000;
const INPUTS = { start: { n: 3 } };
const DURABILITIES: readonly Durability[] = ["sync", "async", "exit"];

/** Cases on processes that die. */
export const crashes = casesOf("crash", {
  ...Object.fromEntries(
    DURABILITIES.map((durability) => [
      `at every write of a run (${durability}), whether it arrived or not, restart executes nothing stored again`,
      (createStore: CreateStore) => dieAtEveryWrite(createStore, durability),
    ]),
  ),

  async "at every write of a restart nothing stored is executed again either"(createStore) {
    const store = createStore();
    const { sample, calls, state } = sampleDag();
    for (let k = 1, isOver = false; !isOver; k++) {
      state.fails = "left";
      const runId = `run ${k}`;
      const failed = await runnerOn(store, sample, 0).run(INPUTS, { runId });
      expectEqual(failed.status, "failed", "the status before the restart");
      delete state.fails;
      const mortal = mortalStore(again(createStore, store), k, false);
      const restarted = await runnerOn(mortal.store, sample, 1)
        .restart(runId)
        .catch(() => undefined);
      isOver = !mortal.isDead();
      expect(isOver || restarted === undefined, "A run completed although its store had died.");
      if (!isOver) await expectContinued(createStore, store, { sample, calls, runId });
    }
  },

  async "the run of a driver that hangs can be taken over when its lease is over, and not before"(createStore) {
    const store = createStore();
    const [hanging, forEver] = [signal(), signal()];
    const { sample, calls, state } = sampleDag();
    state.before = async (path) => {
      if (path !== "left" || calls.of(path) > 1) return;
      hanging.give();
      await forEver.given;
    };
    const abandoned = runnerOn(store, sample, 0, "sync").run(INPUTS, { runId: "r" });
    abandoned.catch(() => {});
    await hanging.given;
    const other = again(createStore, store);
    await rejects(runnerOn(other, sample, 0.5).restart("r"), "RUN_OWNED");
    const { outputs } = await completed(runnerOn(other, sample, 1).restart("r"));
    expectEqual(outputs, sampleOutput(3), "the outputs");
    expectEqual([calls.of("start"), calls.of("left")], [1, 2], "how often `start` and `left` were executed");
    forEver.give();
    if (store.capabilities.fencing === "atomic") await rejects(abandoned, "FENCED");
    const { executions } = await new DagProvenance(again(createStore, store)).inspect("r");
    const [first, second] = executions.find(({ path }) => path === "left")?.attempts ?? [];
    expectEqual([first?.status, second?.status], ["interrupted", "completed"], "the attempts of `left`");
  },

  async "several crashes in a row lose nothing that was stored"(createStore) {
    const store = createStore();
    const { sample, calls } = sampleDag();
    const first = mortalStore(store, 3, true);
    await runnerOn(first.store, sample, 0, "sync")
      .run(INPUTS, { runId: "r" })
      .catch(() => {});
    for (let crash = 1; ; crash++) {
      expect(crash < 10, "The run did not end after ten crashes.");
      const mortal = mortalStore(again(createStore, store), 3, true);
      const result = await runnerOn(mortal.store, sample, crash, "sync")
        .restart("r")
        .catch(() => undefined);
      if (result?.status === "completed") break;
    }
    expectData([...new Set(calls.all)], SAMPLE_PATHS, "what was executed in all");
    const later = new DagProvenance(again(createStore, store));
    expectEqual(await later.loadOutput("r", "table"), sampleOutput(3).table, "the recorded output");
    for (const path of SAMPLE_PATHS) {
      const attempts = (await later.inspect("r")).executions.find((one) => one.path === path)?.attempts ?? [];
      const done = attempts.filter(({ status }) => status === "completed").length;
      expectEqual(done, 1, `how often \`${path}\` completed`);
    }
  },
});

type Sample = ReturnType<typeof sampleDag>["sample"];

/** A runner of a process that begins when so many leases are over. */
function runnerOn(store: Store, sample: Sample, leases: number, durability: Durability = "sync") {
  const provenance = new DagProvenance(store, { durability, leaseMs: LEASE_MS });
  return new DagRunner(sample, { provenance, clock: new ManualClock(1_000_000 + leases * LEASE_MS) });
}

async function dieAtEveryWrite(createStore: CreateStore, durability: Durability): Promise<void> {
  const store = createStore();
  const { sample, calls } = sampleDag();
  for (let k = 1, isOver = false; !isOver; k++) {
    for (const arrives of [false, true]) {
      const runId = `run ${k} ${arrives}`;
      const mortal = mortalStore(store, k, arrives);
      calls.clear();
      const result = await runnerOn(mortal.store, sample, 0, durability)
        .run(INPUTS, { runId })
        .catch(() => undefined);
      isOver = !mortal.isDead();
      expect(isOver || result === undefined, "A run completed although its store had died.");
      if (!isOver) await expectContinued(createStore, store, { sample, calls, runId });
    }
  }
}

/** Restarts a run whose process is dead, and checks that it does what is left to do, and no more. */
async function expectContinued(
  createStore: CreateStore,
  store: Store,
  { sample, calls, runId }: Pick<ReturnType<typeof sampleDag>, "sample" | "calls"> & { runId: string },
): Promise<void> {
  const other = again(createStore, store);
  const provenance = new DagProvenance(other);
  const isStored = (await journalOf(other, runId)).length > 0;
  if ((await provenance.getRun(runId))?.status === "completed") return;
  const stored = isStored ? pathsThatAre("completed", await provenance.inspect(runId)) : [];
  calls.clear();
  const runner = runnerOn(other, sample, 2);
  const { outputs } = await completed(isStored ? runner.restart(runId) : runner.run(INPUTS, { runId }));
  expectEqual(outputs, sampleOutput(3), "the outputs");
  const left = SAMPLE_PATHS.filter((path) => !stored.includes(path));
  expectData(calls.all, left, "what was executed after the crash");
}
