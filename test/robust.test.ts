// Nothing a node, a listener or a caller does may hang a run, fake its record or leak its lease.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Encoded,
  type JournalEvent,
  node,
  optional,
  type Store,
  type,
  type ValueLocation,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { ManualClock } from "./support/manual-clock.js";
import { journal, storeWith } from "./support/store-with.js";

const Any = type<unknown>("Any");
const Num = type<number>("Num");
const trap = () => {
  throw new Error("trapped");
};

const NASTY: Record<string, () => unknown> = {
  "an error with a getter that throws": () =>
    Promise.reject(Object.defineProperty(new Error("x"), "own", { enumerable: true, get: trap })),
  "an error whose code cannot be printed": () =>
    Promise.reject(Object.assign(new Error("x"), { code: Object.create(null) })),
  "a revoked proxy": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
  "a thenable that throws": () => ({ then: trap }),
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
  "a then that throws when it is read": () => Object.defineProperty({}, "then", { get: trap }),
};

test.each(Object.keys(NASTY))("%s fails its node, and the run can be restarted", async (name) => {
  const store = memoryStore();
  const provenance = new DagProvenance(store);
  const first = node({ output: Num, run: async () => 1 });
  let isNasty = true;
  const nasty = node({ input: { n: Num }, output: Any, run: () => (isNasty ? NASTY[name]?.() : "ok") });
  const runner = new DagRunner(dag("nasty", { nodes: { first, nasty }, edges: [["first", "nasty"]] }), { provenance });
  const result = await runner.run();
  expect(result).toMatchObject({ status: "failed", failedNode: "nasty" });
  isNasty = false;
  expect(await runner.restart(result.runId)).toMatchObject({ status: "completed", outputs: { nasty: "ok" } });
});

const busy = () => {
  const until = performance.now() + 15;
  while (performance.now() < until);
};
const busyDag = () => {
  const labels = Array.from({ length: 20 }, (_, i) => `n${i}`);
  const nodes = Object.fromEntries(labels.map((label) => [label, node({ run: busy })]));
  return dag("busy", { nodes, edges: chain(...labels) as [string, string][] });
};

test("synchronous nodes leave the event loop its turns: a timer can pause them, and a budget ends", async () => {
  const run = new DagRunner(busyDag()).run();
  setTimeout(() => run.pause(), 1);
  expect((await run).status).toBe("paused");
  const limited = await new DagRunner(busyDag()).run({}, { budget: { timeMs: 1 } });
  expect(limited.status).toBe("paused");
});

test("several effects of unknown outcome may be answered one after the other", async () => {
  const clock = new ManualClock();
  const store = memoryStore();
  const provenance = new DagProvenance(store, { durability: "sync", leaseMs: 1_000 });
  const calls: string[] = [];
  const never = () => new Promise<number>(() => {});
  const isDead = { yes: true };
  const act = (label: string) =>
    node({ output: Num, effect: "ask", run: () => (calls.push(label) && isDead.yes ? never() : 1) });
  const acts = dag("acts", { nodes: { a: act("a"), b: act("b") } });
  // The first owner dies with both effects under way: its renewals no longer arrive.
  const dying = new DagProvenance(
    storeWith(store, () => ({ renew: async () => true })),
    { durability: "sync", leaseMs: 1_000 },
  );
  void new DagRunner(acts, { provenance: dying, clock }).run({}, { runId: "r" });
  while (calls.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(2_000);
  isDead.yes = false;
  const runner = new DagRunner(acts, { provenance, clock });
  expect(await runner.restart("r")).toMatchObject({ status: "paused", pauses: [{ path: "a" }, { path: "b" }] });
  expect(await runner.restart("r", { resume: { a: "run again" } })).toMatchObject({ pauses: [{ path: "b" }] });
  expect(await runner.restart("r", { resume: { b: { output: 5 } } })).toMatchObject({ outputs: { a: 1, b: 5 } });
  expect(calls).toEqual(["a", "b", "a"]);
});

test("a refused answer is used up: the next restart asks again", async () => {
  const even = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => (value === 2 ? { value: 2 } : { issues: [{ message: "not 2" }] }),
    },
  } as const;
  const ask = node({ output: Num, run: (_, ctx) => ctx.pause("number", undefined, even) as number });
  const runner = new DagRunner(dag("asks", { nodes: { ask } }), { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run();
  expect(await runner.restart(runId, { resume: { ask: 1 } })).toMatchObject({ pauses: [{ rejected: "not 2" }] });
  const again = await runner.restart(runId);
  expect(again.status === "paused" && again.pauses[0]).not.toHaveProperty("rejected");
  expect(await runner.restart(runId, { resume: { ask: 2 } })).toMatchObject({ outputs: { ask: 2 } });
});

test("what a reader of the record changes is not the record", async () => {
  const provenance = new DagProvenance(memoryStore());
  const fails = node({ run: () => trap() });
  const { runId } = await new DagRunner(dag("fails", { nodes: { fails } }), { provenance }).run();
  const read = async () => (await provenance.inspect(runId)).executions[0]?.attempts[0]?.error;
  Object.assign((await read()) ?? {}, { message: "changed" });
  expect(await read()).toMatchObject({ message: "trapped" });
});

/** A store that, like one on keys, finds a value only where it was put: in the run that recorded it, up to that event. */
function locatingStore(): Store {
  const inner = memoryStore();
  const placed = new Map<string, Set<string>>();
  const isThere = ({ hash, runId }: ValueLocation) => placed.get(hash)?.has(runId) === true;
  return storeWith(inner, () => ({
    append: (runId, at, batch) => {
      for (const hash of batch.values.keys()) placed.set(hash, (placed.get(hash) ?? new Set()).add(runId));
      return inner.append(runId, at, batch);
    },
    getValue: async (at) => (isThere(at) ? inner.getValue(at) : undefined),
    hasValues: async (at) => at.map(isThere),
  }));
}

const Text = type<string>("Text");
const write = node({ input: { text: Text }, output: Text, run: ({ text }) => text.repeat(2) });
const texts = dag("texts", { nodes: { a: write, b: write, c: write }, edges: chain("a", "b", "c") });

test("values are asked for where they were recorded, also through a replay of a replay", async () => {
  const provenance = new DagProvenance(locatingStore());
  const runner = new DagRunner(texts, { provenance });
  const long = "x".repeat(300);
  const first = await runner.run({ a: { text: long } });
  const second = await runner.replay(first.runId, { rerun: ["b"] });
  const third = await runner.replay(second.runId, { rerun: ["c"] });
  for (const { runId } of [first, second, third]) {
    expect(await provenance.loadInputs(runId, "b")).toEqual({ text: long.repeat(2) });
    expect(await provenance.loadInputs(runId, "c")).toEqual({ text: long.repeat(4) });
    expect(await provenance.loadOutput(runId, "c")).toEqual(long.repeat(8));
  }
});

test("a replay keeps the inputs of what it reuses when the replayed run is removed", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(texts, { provenance });
  const long = "y".repeat(300);
  const first = await runner.run({ a: { text: long } });
  const second = await runner.replay(first.runId, { rerun: ["a"], inputs: { a: { text: "z" } } });
  await provenance.removeRun(first.runId);
  expect(await provenance.loadInputs(second.runId, "b")).toEqual({ text: long.repeat(2) });
});

test("a recorded value that is gone fails its node, and the run has an end on record", async () => {
  const inner = memoryStore();
  let isGone = false;
  const store = storeWith(inner, () => ({
    getValue: async (at) => (isGone && at.seq > 0 ? undefined : inner.getValue(at)),
  }));
  const provenance = new DagProvenance(store);
  const first = node({ output: Text, run: () => "x".repeat(300) });
  const second = node({ input: { text: Text }, output: Text, run: (_, ctx) => String(ctx.pause("wait")) });
  const runner = new DagRunner(dag("gone", { nodes: { first, second }, edges: [["first", "second"]] }), { provenance });
  const { runId } = await runner.run();
  isGone = true;
  expect(await runner.restart(runId, { resume: { second: 1 } })).toMatchObject({
    status: "failed",
    failedNode: "second",
    error: { code: "VALUE_MISSING" },
  });
  expect((await provenance.getRun(runId))?.status).toBe("failed");
});

test("a recorded value that is another than was stored is refused, and so is another description of a dag", async () => {
  const inner = memoryStore();
  const changed = new Map<string, Encoded>();
  const store = storeWith(inner, () => ({
    getValue: async (at) => changed.get(at.hash) ?? inner.getValue(at),
  }));
  const provenance = new DagProvenance(store);
  const bytes = node({ output: type<Uint8Array>("Bytes"), run: () => Uint8Array.of(1, 2, 3) });
  const { runId } = await new DagRunner(dag("bytes", { nodes: { bytes } }), { provenance }).run();
  for (const event of await journal(inner, runId)) {
    const hash = event.type === "run-started" ? event.fingerprint : (event as { output?: string }).output?.slice(1);
    if (hash === undefined) continue;
    const { text, parts } = (await inner.getValue({ hash, runId, seq: 9 })) as Encoded;
    changed.set(hash, { text: text.replace("bytes", "bites"), parts: parts.map(() => Uint8Array.of(1, 2, 4)) });
  }
  expect(changed.size).toBe(2);
  const refused = { code: "STORE_DAMAGED", message: expect.stringContaining(`run "${runId}"`) };
  await expect(provenance.loadOutput(runId, "bytes")).rejects.toMatchObject(refused);
  await expect(new DagProvenance(store).inspect(runId)).rejects.toMatchObject(refused);
});

test("inputs named like members of Object are unfed unless they are fed", async () => {
  const look = node({
    input: { constructor: optional(Num), toString: optional(Num) },
    output: Any,
    run: (input) => [input.constructor, input.toString],
  });
  const after = node({
    input: { any: Any, valueOf: optional(Num) },
    output: Any,
    run: (input) => [input.any, input.valueOf],
  });
  const runner = new DagRunner(dag("names", { nodes: { look, after }, edges: [["look", "after"]] }), {
    provenance: new DagProvenance(memoryStore()),
  });
  expect(await runner.run()).toMatchObject({ outputs: { after: [[undefined, undefined], undefined] } });
});

test("delays longer than a timer can hold do not fire at once", async () => {
  const slow = node({
    timeoutMs: Number.POSITIVE_INFINITY,
    run: () => new Promise<void>((resolve) => setImmediate(resolve)),
  });
  const provenance = new DagProvenance(memoryStore(), { leaseMs: 2 ** 40 });
  expect((await new DagRunner(dag("slow", { nodes: { slow } }), { provenance }).run()).status).toBe("completed");
});

test("a run that was never written gives its epoch to nobody else", async () => {
  const store = memoryStore();
  expect(await store.acquire("r", "a", 0, 10)).toMatchObject({ epoch: 1 });
  expect(await store.acquire("r", "b", 20, 10)).toMatchObject({ epoch: 2 });
  await store.release("r", 2);
  expect(await store.acquire("r", "c", 40, 10)).toMatchObject({ epoch: 3 });
});

test("an instance of a class of the user's is passed on as it is, also if it extends a built-in", async () => {
  class Index extends Map<string, number> {}
  const seen: unknown[] = [];
  const index = new Index([["a", 1]]);
  const make = node({ output: Any, run: () => ({ index, at: new Date(0) }) });
  const take = node({ input: { any: Any }, run: ({ any }) => void seen.push((any as { index: Index }).index) });
  await new DagRunner(dag("classes", { nodes: { make, take }, edges: [["make", "take"]] })).run();
  expect(seen[0]).toBe(index);
});

test("onEvent sees a run from its first event to its last", async () => {
  const events: JournalEvent["type"][] = [];
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(texts, { provenance, onEvent: ({ type: what }) => events.push(what) });
  const { runId } = await runner.run({ a: { text: "x" } });
  expect([events[0], events.at(-1)]).toEqual(["run-started", "run-completed"]);
  events.length = 0;
  await runner.replay(runId, { rerun: ["c"] });
  expect(events).toEqual([
    "run-started",
    "node-reused",
    "node-reused",
    "node-started",
    "node-completed",
    "run-completed",
  ]);
});
