// The context: what a node's function gets as its second argument.

import { type Context, DagProvenance, DagRunner, dag, type JournalEvent, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test, vi } from "vitest";
import { journal } from "../support/store-with.js";

const Num = type<number>("Num");
const keep = () => new DagProvenance(memoryStore());

test("the context says which attempt of which node of which run this is", async () => {
  const seen: object[] = [];
  const look = node({
    run: (_, { runId, dag: name, label, path, attempt, epoch, signal, idempotencyKey }) => {
      seen.push({ runId, name, label, path, attempt, epoch, aborted: signal.aborted, idempotencyKey });
    },
  });
  const { runId } = await new DagRunner(dag("looks", { nodes: { "a/b": look } }), { provenance: keep() }).run();
  expect(seen).toEqual([
    {
      runId,
      name: "looks",
      label: "a/b",
      path: "a%2Fb",
      attempt: 1,
      epoch: 1,
      aborted: false,
      idempotencyKey: expect.stringContaining(runId),
    },
  ]);
});

test("without a record the epoch is 0", async () => {
  const look = node({ output: Num, run: (_, { epoch }) => epoch });
  expect(await new DagRunner(dag("looks", { nodes: { look } })).run()).toMatchObject({ outputs: { look: 0 } });
});

test("epoch and attempt grow over restarts; the idempotency key of a path stays", async () => {
  const seen: [string, number, number, string][] = [];
  const fails = node({
    retry: { attempts: 2 },
    run: (_, { label, epoch, attempt, idempotencyKey }) => {
      seen.push([label, epoch, attempt, idempotencyKey]);
      if (seen.length < 4) throw new Error("no");
    },
  });
  const runner = new DagRunner(dag("fails", { nodes: { first: fails, second: fails }, edges: [["first", "second"]] }), {
    provenance: keep(),
  });
  const { runId } = await runner.run();
  await runner.restart(runId);
  const [key, otherKey] = [seen[0]?.[3], seen[4]?.[3]];
  expect(seen).toEqual([
    ["first", 1, 1, key],
    ["first", 1, 2, key],
    ["first", 2, 3, key],
    ["first", 2, 4, key],
    ["second", 2, 1, otherKey],
  ]);
  expect(otherKey).not.toBe(key);
});

test("all fields may be taken apart", async () => {
  const asks = node({
    run: (_, { pause, progress, log }) => {
      progress(1, 2);
      log("half");
      pause("enough?");
    },
  });
  const provenance = keep();
  const result = await new DagRunner(dag("asks", { nodes: { asks } }), { provenance }).run();
  expect(result).toMatchObject({ status: "paused", pauses: [{ reason: "enough?" }] });
  const [execution] = (await provenance.inspect(result.runId)).executions;
  expect(execution?.attempts).toMatchObject([{ progress: { done: 1, total: 2 }, logs: [{ message: "half" }] }]);
});

test("progress and log lines are recorded for the execution they belong to, the latest progress and every line", async () => {
  const talk = node({
    run: (_, { label, progress, log }) => {
      for (let done = 1; done <= 3; done++) {
        progress(done, 3);
        log(`${label} ${done}`, { done, at: new Date(done) });
      }
    },
  });
  const provenance = keep();
  const { runId } = await new DagRunner(dag("talks", { nodes: { one: talk, two: talk } }), { provenance }).run();
  const { executions } = await provenance.inspect(runId);
  for (const { label, attempts } of executions) {
    expect(attempts).toMatchObject([
      {
        progress: { done: 3, total: 3 },
        logs: [{ message: `${label} 1` }, { message: `${label} 2` }, { message: `${label} 3` }],
      },
    ]);
  }
  const ref = executions[0]?.attempts[0]?.logs[1]?.data ?? "none";
  expect(await provenance.loadValue(runId, ref)).toEqual({ done: 2, at: new Date(2) });
});

test("log data that cannot be kept is replaced by a note, and the node goes on", async () => {
  const talk = node({ run: (_, { log }) => log("look", { deep: { draw: () => {} } }) });
  const provenance = keep();
  const result = await new DagRunner(dag("talks", { nodes: { talk } }), { provenance }).run();
  expect(result).toMatchObject({ status: "completed" });
  const [line] = (await provenance.inspect(result.runId)).executions[0]?.attempts[0]?.logs ?? [];
  expect(line?.message).toMatch(/^look \(data not kept: .*\.deep\.draw/);
  expect(line).not.toHaveProperty("data");
});

test("the runner adds fields of its own, which the node's types ask for", async () => {
  const api = { url: "https://a.example", calls: 0 };
  const call = node({
    output: Num,
    run: (_, ctx: Context<{ api: typeof api }>) => {
      ctx.api.calls++;
      return ctx.api.url.length + ctx.attempt;
    },
  });
  const calls = dag("calls", { nodes: { call } });
  const runner = new DagRunner(calls, { context: { api } });
  expect(await runner.run()).toMatchObject({ outputs: { call: 18 } });
  expect(api.calls).toBe(1);
  // @ts-expect-error The node needs `api`.
  new DagRunner(calls);
  // @ts-expect-error The node needs an `api` of another type.
  new DagRunner(calls, { context: { api: "https://a.example" } });
});

test("a node written in its place in the dag has the same types", async () => {
  const calls = dag("calls", {
    nodes: {
      give: node({ output: Num, run: () => 1 }),
      call: node({ input: { n: Num }, run: ({ n }, ctx: Context<{ api: string }>) => void ctx.api.repeat(n) }),
    },
    edges: [["give", "call"]],
  });
  // No source needs an input, so `run` needs none.
  expect(await new DagRunner(calls, { context: { api: "a" } }).run()).toMatchObject({ status: "completed" });
  // @ts-expect-error The node needs `api`.
  new DagRunner(calls);
});

test("the fields of the runner are never recorded", async () => {
  const store = memoryStore();
  const look = node({ output: Num, run: (_, ctx: Context<{ secret: string }>) => ctx.secret.length });
  const runner = new DagRunner(dag("looks", { nodes: { look } }), {
    provenance: new DagProvenance(store),
    context: { secret: "hunter2" },
  });
  const { runId } = await runner.run();
  expect(JSON.stringify(await journal(store, runId))).not.toContain("hunter2");
});

test.each([["runId"], ["signal"], ["pause"], ["idempotencyKey"], ["log"]])(
  "the runner may not take the built-in name %s",
  (field) => {
    const make = () =>
      new DagRunner(dag("one", { nodes: { one: node({ run: () => {} }) } }), { context: { [field]: 1 } });
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
    expect(make).toThrow(`"${field}"`);
  },
);

test("onEvent gets every event that the journal gets, in the same order", async () => {
  const store = memoryStore();
  const told: string[] = [];
  const onEvent = ({ type: what }: JournalEvent, runId: string) => told.push(`${runId} ${what}`);
  const asks = node({ output: Num, run: (_, { pause }) => pause("how much?", undefined, Num) });
  const twice = node({ input: { n: Num }, output: Num, run: ({ n }, { log }) => n * (log("twice") ?? 2) });
  const runner = new DagRunner(dag("asks", { nodes: { asks, twice }, edges: [["asks", "twice"]] }), {
    provenance: new DagProvenance(store),
    onEvent,
  });
  const journalOf = async (runId: string) => (await journal(store, runId)).map(({ type: what }) => `${runId} ${what}`);
  const { runId } = await runner.run();
  await runner.restart(runId, { resume: { asks: 4 } });
  expect(told).toEqual(await journalOf(runId));
  told.length = 0;
  const replay = await runner.replay(runId, { rerun: ["twice"] });
  expect(told).toEqual(await journalOf(replay.runId));
});

test("onEvent is told also where nothing is recorded", async () => {
  const told: string[] = [];
  const talk = node({ run: (_, { log }) => log("hello") });
  const onEvent = ({ type: what }: JournalEvent) => told.push(what);
  await new DagRunner(dag("talks", { nodes: { talk } }), { onEvent }).run();
  expect(told).toEqual(expect.arrayContaining(["node-started", "node-log", "node-completed", "run-completed"]));
});

test("a listener that throws or writes does not break the run, and does not go unnoticed", async () => {
  const broken = new Error("broken listener");
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  const onEvent = (event: JournalEvent) => {
    Object.assign(event, { attempt: 7, path: "elsewhere" });
    if (event.type === "node-completed") throw broken;
  };
  const provenance = keep();
  const one = node({ output: Num, run: () => 1 });
  const result = await new DagRunner(dag("one", { nodes: { one } }), { provenance, onEvent }).run();
  expect(result).toMatchObject({ status: "completed", outputs: { one: 1 } });
  expect(told.mock.calls).toEqual([[expect.stringContaining("onEvent"), broken]]);
  told.mockRestore();
  expect((await provenance.inspect(result.runId)).executions).toMatchObject([
    { path: "one", attempts: [{ attempt: 1 }] },
  ]);
});
