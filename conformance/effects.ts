// An effect starts only after its start is stored, and an interrupted one is not taken for done or undone.

import { chain, DagProvenance, DagRunner, type Durability, dag, node, type Store, type } from "../src/index.js";
import { ManualClock, signal } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf } from "./reading.js";
import { completed, mortalStore } from "./running.js";

const LEASE_MS = 1_000;
const Num = type<number>("Num");
const DURABILITIES: readonly Durability[] = ["sync", "async", "exit"];

/** Cases on nodes that act on the outside world. */
export const effects = casesOf("effect", {
  ...Object.fromEntries(
    DURABILITIES.map((durability) => [
      `its start is stored before it starts (${durability})`,
      (createStore: CreateStore) => storedFirst(createStore, durability),
    ]),
  ),

  async "an interrupted effect is executed again with the same key, and a replay has another"(createStore) {
    const { keys, next, runId } = await interrupted(createStore, true);
    await completed(next.restart(runId));
    expectEqual(keys.length, 2, "how often the effect was executed");
    expectEqual(keys[1], keys[0], "its key the second time");
    await completed(next.replay(runId, { rerun: ["act"] }));
    expect(keys[2] !== keys[0], "A replay has the key of the run that it is a replay of.");
  },

  async "an interrupted effect that wants to be asked about pauses the run, and takes an answer"(createStore) {
    const { keys, next, runId } = await interrupted(createStore, "ask");
    const paused = await next.restart(runId);
    expect(paused.status === "paused", `The run is ${paused.status}.`);
    expectData(
      paused.pauses.map(({ path, reason }) => [path, reason]),
      [["act", "effect outcome unknown"]],
      "the pauses",
    );
    const { outputs } = await completed(next.restart(runId, { resume: { act: { output: 5 } } }));
    expectEqual(outputs, { after: 50 }, "the outputs");
    expectEqual(keys.length, 1, "how often the effect was executed");
  },

  async "an effect whose start was not stored was not executed"(createStore) {
    const store = createStore();
    for (let k = 1, isOver = false; !isOver; k++) {
      const executed: string[] = [];
      const { acts } = actingDag(true, ({ idempotencyKey }) => {
        executed.push(idempotencyKey);
        return 1;
      });
      const mortal = mortalStore(store, k, false);
      await runnerOn(mortal.store, acts, 0)
        .run({}, { runId: `run ${k}` })
        .catch(() => undefined);
      isOver = !mortal.isDead();
      const stored = (await journalOf(again(createStore, store), `run ${k}`)).filter(
        (event) => event.type === "node-started" && event.path === "act",
      );
      expect(
        executed.length <= stored.length,
        `An effect was executed with ${stored.length} stored starts (write ${k}).`,
      );
    }
  },
});

interface Acting {
  readonly idempotencyKey: string;
  readonly runId: string;
  readonly attempt: number;
}

/** `act` acts on the outside world, `after` takes what it gives. */
function actingDag(effect: true | "ask", act: (ctx: Acting) => number | Promise<number>) {
  const nodes = {
    act: node({ output: Num, effect, run: (_, ctx) => act(ctx) }),
    after: node({ input: { n: Num }, output: Num, run: ({ n }) => n * 10 }),
  };
  return { acts: dag("acts", { nodes, edges: chain("act", "after") }) };
}

function runnerOn(
  store: Store,
  acts: ReturnType<typeof actingDag>["acts"],
  leases: number,
  durability: Durability = "async",
) {
  const provenance = new DagProvenance(store, { durability, leaseMs: LEASE_MS });
  return new DagRunner(acts, { provenance, clock: new ManualClock(1_000_000 + leases * LEASE_MS) });
}

async function storedFirst(createStore: CreateStore, durability: Durability): Promise<void> {
  const store = createStore();
  const reader = again(createStore, store);
  const last: unknown[] = [];
  const { acts } = actingDag(true, async ({ runId }) => {
    const event = (await journalOf(reader, runId)).at(-1);
    last.push(event && "path" in event ? [event.type, event.path] : event?.type);
    return 1;
  });
  await completed(runnerOn(store, acts, 0, durability).run());
  if (store.capabilities.reads === "eventual") return;
  expectData(last, [["node-started", "act"]], "the last stored event when the effect started");
}

/** A run whose process hangs in its effect; `next` is the runner of the process that finds it. */
async function interrupted(createStore: CreateStore, effect: true | "ask") {
  const store = createStore();
  const keys: string[] = [];
  const [acting, forEver] = [signal(), signal<number>()];
  const { acts } = actingDag(effect, ({ idempotencyKey }) => {
    if (keys.push(idempotencyKey) > 1) return 1;
    acting.give();
    return forEver.given;
  });
  const first = runnerOn(store, acts, 0).run();
  first.catch(() => {});
  await acting.given;
  const other = again(createStore, store);
  await rejects(runnerOn(other, acts, 0).restart(first.runId), "RUN_OWNED");
  return { keys, runId: first.runId, next: runnerOn(other, acts, 1) };
}
