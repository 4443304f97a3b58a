// When events are stored: before what follows, behind the execution, or at the end.

import { chain, DagProvenance, DagRunner, type Durability, dag, HeddleError, node, type } from "../src/index.js";
import { ManualClock, signal } from "./clock.js";
import { again, type CreateStore, casesOf } from "./conformance-case.js";
import { expect, rejects } from "./expect.js";
import { expectData } from "./expect-data.js";
import { expectEqual } from "./expect-equal.js";
import { journalOf } from "./reading.js";
import { completed, storeAround } from "./running.js";

const Num = type<number>("Num");

/** Cases on when events are stored. */
export const durabilities = casesOf("durability", {
  async "sync: a downstream starts after the completion of its upstream is stored"(createStore) {
    const stored = await storedBeforeSecond(createStore, "sync");
    expectData(stored.slice(-1), ["node-completed first"], "the last stored event when a downstream starts");
  },

  async "async: what was not stored when a downstream starts is stored when the run has ended"(createStore) {
    const stored = await storedBeforeSecond(createStore, "async");
    expect(stored.length <= 4, `When the second of two nodes starts ${stored.length} events are stored.`);
  },

  async "exit: nothing is stored before the run ends"(createStore) {
    expectData(await storedBeforeSecond(createStore, "exit"), [], "what is stored when a downstream starts");
  },

  async "async: events are stored behind a node that takes long"(createStore) {
    const store = createStore();
    const [running, goOn, written] = [signal(), signal(), signal()];
    const watched = storeAround(store, async (method, call) => {
      const answer = await call();
      if (method === "append") written.give();
      return answer;
    });
    const slow = node({
      run: async () => {
        running.give();
        await goOn.given;
      },
    });
    const clock = new ManualClock();
    const runner = new DagRunner(dag("slow", { nodes: { slow } }), { provenance: new DagProvenance(watched), clock });
    const run = runner.run();
    await running.given;
    clock.advance(1_000);
    await written.given;
    const stored = (await journalOf(again(createStore, store), run.runId)).map(({ type }) => type);
    if (store.capabilities.reads === "strong") expectData(stored, ["run-started", "node-started"], "what is stored");
    goOn.give();
    await completed(run);
  },

  async "in all modes the record of a run is the same in the end"(createStore) {
    const store = createStore();
    const records: unknown[] = [];
    for (const durability of ["sync", "async", "exit"] as const) {
      const runner = new DagRunner(
        steps(() => {}),
        {
          provenance: new DagProvenance(store, { durability }),
          clock: new ManualClock(),
        },
      );
      const { runId } = await completed(runner.run());
      records.push((await journalOf(again(createStore, store), runId)).map(nameOf));
    }
    expectData(records[1], records[0], "the record of an async run");
    expectData(records[2], records[0], "the record of an exit run");
  },

  async "a run whose store takes no more is rejected, and its nodes go no further"(createStore) {
    const store = createStore();
    const full = storeAround(store, (method, call) =>
      method === "append" ? Promise.reject(new HeddleError("STORE_QUOTA", "It is full (injected by a case).")) : call(),
    );
    const started: string[] = [];
    const it = steps((label) => void started.push(label));
    const provenance = new DagProvenance(full, { durability: "sync" });
    const run = new DagRunner(it, { provenance, clock: new ManualClock() }).run({}, { runId: "r" });
    await rejects(run, "STORE_QUOTA");
    expectData(started, ["first"], "what was started");
    expectEqual(await again(createStore, store).head("r"), undefined, "the head of a run of which nothing was stored");
    // It was given back: there is room again, and nobody has to wait.
    const later = new DagProvenance(again(createStore, store));
    await completed(new DagRunner(it, { provenance: later, clock: new ManualClock() }).run({}, { runId: "r" }));
  },
});

function nameOf(event: { readonly type: string; readonly path?: string }): string {
  return event.path === undefined ? event.type : `${event.type} ${event.path}`;
}

function steps(begin: (label: string) => void | Promise<void>) {
  const first = node({
    output: Num,
    run: async () => {
      await begin("first");
      return 1;
    },
  });
  const second = node({ input: { n: Num }, output: Num, run: async ({ n }) => (await begin("second")) ?? n + 1 });
  return dag("steps", { nodes: { first, second }, edges: chain("first", "second") });
}

/** What another process can read of a run of two nodes when the second starts. */
async function storedBeforeSecond(createStore: CreateStore, durability: Durability): Promise<readonly string[]> {
  const store = createStore();
  const reader = again(createStore, store);
  let stored: readonly string[] = [];
  const it = steps(async (label) => {
    if (label === "second") stored = (await journalOf(reader, "r")).map(nameOf);
  });
  const provenance = new DagProvenance(store, { durability });
  await completed(new DagRunner(it, { provenance, clock: new ManualClock() }).run({}, { runId: "r" }));
  const all = (await journalOf(again(createStore, store), "r")).map(nameOf);
  const expected = [
    "run-started",
    ...["first", "second"].flatMap((path) => [`node-started ${path}`, `node-completed ${path}`]),
  ];
  expectData(all, [...expected, "run-completed"], "what is stored in the end");
  return stored;
}
