// A runner that lost its run writes nothing more and starts nothing more.

import { chain, DagProvenance, DagRunner, dag, node, type } from "../src/index.js";
import { ManualClock, signal, turn } from "./clock.js";
import { again, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf } from "./reading.js";
import { completed, storeAround } from "./running.js";

const LEASE_MS = 900;
const Num = type<number>("Num");

/** Cases on runners that lose their run. */
export const fencedRunners = casesOf("lost run", {
  async "its next write is FENCED, and it starts nothing more"(createStore) {
    const store = createStore();
    const { started, losing, isSlow, goOn } = losingDag();
    // Its renewals never reach the store, as if its process were frozen.
    const frozen = storeAround(store, (method, call) => (method === "renew" ? Promise.resolve(true) : call()));
    const run = runnerOn(frozen, losing, new ManualClock(0)).run({}, { runId: "r" });
    run.catch(() => {});
    await isSlow.given;
    const other = again(createStore, store);
    const taken = runnerOn(other, losing, new ManualClock(LEASE_MS)).restart("r");
    taken.catch(() => {});
    await Promise.race([isSlow.again.given, taken]);
    goOn.give();
    await completed(taken);
    if (store.capabilities.fencing === "none") return void (await run.catch(() => {}));
    await rejects(run, "FENCED");
    expectData(started, ["slow", "slow", "next"], "what was started, by both");
    const epochs = (await journalOf(again(createStore, store), "r")).flatMap((one) =>
      "epoch" in one ? [one.epoch] : [],
    );
    expectData(epochs, [1, 2], "the epochs in the journal");
  },

  async "it learns of its loss by its renewal, and aborts its nodes"(createStore) {
    const store = createStore();
    const [running, renewed] = [signal(), signal()];
    let reason: unknown;
    const waits = node({
      run: (_, { signal: aborting }) =>
        new Promise<void>((resolve) => {
          running.give();
          aborting.addEventListener("abort", () => {
            reason = aborting.reason;
            resolve();
          });
        }),
    });
    const watched = storeAround(store, async (method, call) => {
      const answer = await call();
      if (method === "renew") renewed.give();
      return answer;
    });
    const clock = new ManualClock(0);
    const run = runnerOn(watched, dag("waits", { nodes: { waits } }), clock).run({}, { runId: "r" });
    run.catch(() => {});
    await running.given;
    await again(createStore, store).acquire("r", store.newId(0), 10 * LEASE_MS, LEASE_MS);
    clock.advance(LEASE_MS / 3);
    await renewed.given;
    await turn();
    expect(reason !== undefined, "The run was lost, and its node was not aborted.");
    await rejects(run, "FENCED");
    expectEqual((reason as { code?: string } | undefined)?.code, "FENCED", "why the node was aborted");
  },

  async "a live owner renews its lease, and nobody gets its run"(createStore) {
    const store = createStore();
    const { losing, isSlow, goOn } = losingDag();
    let renewals = 0;
    let renewed = signal();
    const watched = storeAround(store, async (method, call) => {
      const answer = await call();
      if (method === "renew" && ++renewals > 0) renewed.give();
      return answer;
    });
    const clock = new ManualClock(0);
    const run = runnerOn(watched, losing, clock).run({}, { runId: "r" });
    await isSlow.given;
    for (let third = 1; third <= 7; third++) {
      renewed = signal();
      clock.advance(LEASE_MS / 3);
      await renewed.given;
      // The timer of the next renewal is set when the runner has heard of this one.
      await turn();
    }
    const other = again(createStore, store);
    const taken = runnerOn(other, losing, new ManualClock(clock.now() + LEASE_MS / 2)).restart("r");
    const isTaken = isSlow.again.given.then(() => expect(false, "The run of a live owner was given away."));
    await Promise.race([rejects(taken, "RUN_OWNED"), isTaken]);
    goOn.give();
    await completed(run);
    expectEqual(renewals, 7, "how often the lease was renewed");
  },

  async "a run that was removed under its runner ends FENCED, and does not come back"(createStore) {
    const store = createStore();
    const { losing, started, isSlow, goOn } = losingDag();
    const run = runnerOn(store, losing, new ManualClock(0)).run({}, { runId: "r" });
    run.catch(() => {});
    await isSlow.given;
    const other = again(createStore, store);
    await new DagProvenance(other).removeRun("r");
    goOn.give();
    if (store.capabilities.fencing === "none") return void (await run.catch(() => {}));
    await rejects(run, "FENCED");
    expectData(started, ["slow"], "what was started");
    expectEqual(await again(createStore, store).head("r"), undefined, "the head of the removed run");
  },
});

/** `slow` is an effect that waits, so that its start is stored; it tells when it is executed, and when again. */
function losingDag() {
  const started: string[] = [];
  const goOn = signal();
  const isSlow = { ...signal(), again: signal() };
  const slow = node({
    output: Num,
    effect: true,
    run: async () => {
      started.push("slow");
      if (started.length === 1) isSlow.give();
      else isSlow.again.give();
      await goOn.given;
      return 1;
    },
  });
  const next = node({ input: { n: Num }, run: () => void started.push("next") });
  return { started, isSlow, goOn, losing: dag("losing", { nodes: { slow, next }, edges: chain("slow", "next") }) };
}

function runnerOn<D extends ReturnType<typeof losingDag>["losing"]>(
  store: Parameters<typeof storeAround>[0],
  it: D | ReturnType<typeof dag>,
  clock: ManualClock,
) {
  return new DagRunner(it as D, {
    provenance: new DagProvenance(store, { durability: "sync", leaseMs: LEASE_MS }),
    clock,
  });
}
