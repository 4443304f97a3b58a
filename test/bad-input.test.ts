// What is wrong is refused early, all at once, with names and remedies.

import { chain, DagProvenance, DagRunner, dag, type Edge, list, node, optional, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { z } from "zod";
import { gate } from "./support/manual-clock.js";
import { until } from "./support/until.js";

const Num = type<number>("Num");
const Text = type<string>("Text");
const Any = type<unknown>("Any");
const one = node({ output: Num, run: () => 1 });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });

const fetchNode = node({ input: { url: z.url(), tries: z.number() }, output: Text, run: ({ url }) => url });
const readNode = node({
  input: { name: z.string(), size: optional(z.number()) },
  output: Text,
  run: ({ name }) => name,
});
const join = node({ input: { texts: list(Text) }, output: Text, run: ({ texts }) => texts.join() });
const joined = dag("joined", {
  nodes: { fetch: fetchNode, read: readNode, join },
  edges: [
    ["fetch", "join"],
    ["read", "join"],
  ],
});
const good = { fetch: { url: "https://a.example", tries: 1 }, read: { name: "b" } };

const simple = dag("simple", { nodes: { one, plusOne }, edges: chain("one", "plusOne") });
const simpleRunner = () => new DagRunner(simple, { provenance: new DagProvenance(memoryStore()) });

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("all faults of the inputs are reported at once, and nothing is recorded", async () => {
  const provenance = new DagProvenance(memoryStore());
  const run = new DagRunner(joined, { provenance }).run({
    fetch: { url: "no url", extra: 1 },
    read: { name: 5, size: "big" },
    join: { texts: [] },
    typo: {},
  } as never);
  await expect(run).rejects.toMatchObject({ code: "INVALID_INPUT" });
  const error = (await run.catch((thrown) => thrown)) as { faults: string[] };
  expect([...error.faults].sort()).toEqual([
    expect.stringMatching(/^"join" is fed by other nodes.*"fetch", "read"/),
    expect.stringMatching(/^"typo" is no node of this dag.*"fetch", "read"/),
    expect.stringMatching(/^Input "name" of source "read" is not valid/),
    expect.stringMatching(/^Input "size" of source "read" is not valid/),
    expect.stringMatching(/^Input "tries" of source "fetch" is missing/),
    expect.stringMatching(/^Input "url" of source "fetch" is not valid/),
    expect.stringMatching(/^Source "fetch" has no input "extra"/),
  ]);
  expect((await provenance.listRuns()).runs).toEqual([]);
});

test.each([
  ["nothing", undefined],
  ["null", null],
  ["a number", 5],
  ["a list", [1]],
  ["null for a source", { ...good, fetch: null }],
  ["a number for a source", { ...good, fetch: 5 }],
  ["a list for a source", { ...good, fetch: ["https://a.example", 1] }],
])("inputs must be an object of objects: %s is refused", async (_, inputs) => {
  await expect(new DagRunner(joined).run(inputs as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("a nominal type accepts any value but not a missing one", async () => {
  const runner = new DagRunner(dag("nominal", { nodes: { plusOne } }));
  await expect(runner.run({ plusOne: {} } as never)).rejects.toMatchObject({
    faults: [expect.stringMatching(/"n" of source "plusOne" is missing/)],
  });
  await expect(runner.run({} as never)).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("nodes and the record get the validated value, also from an asynchronous schema", async () => {
  const trimmed = z.string().transform(async (text) => text.trim());
  const read = node({ input: { text: trimmed }, output: Text, run: ({ text }) => text });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(dag("trims", { nodes: { read } }), { provenance });
  const result = await runner.run({ read: { text: " a " } });
  expect(result).toMatchObject({ outputs: { read: "a" } });
  expect(await provenance.loadInputs(result.runId, "read")).toEqual({ text: "a" });
});

test("a validated output that does not fit fails its node", async () => {
  const wrong = node({ output: z.number(), validate: true, run: () => "5" as never });
  const result = await new DagRunner(dag("wrong", { nodes: { wrong } })).run();
  expect(result).toMatchObject({ status: "failed", error: { code: "INVALID_OUTPUT" } });
  expect(result).toMatchObject({ error: { message: expect.stringContaining('"wrong"') } });
});

// ---- names that do not exist

test("restart, replay and planReplay refuse a run that does not exist", async () => {
  const runner = simpleRunner();
  const notFound = { code: "RUN_NOT_FOUND", message: expect.stringContaining('"nope"') };
  await expect(runner.restart("nope")).rejects.toMatchObject(notFound);
  await expect(runner.replay("nope")).rejects.toMatchObject(notFound);
  await expect(runner.planReplay("nope")).rejects.toMatchObject(notFound);
});

test("without a record restart, replay and planReplay say that nothing was kept", async () => {
  const runner = new DagRunner(simple);
  const { runId } = await runner.run();
  const nothing = { code: "NOTHING_KEPT", message: expect.stringContaining("provenance") };
  await expect(runner.restart(runId)).rejects.toMatchObject(nothing);
  await expect(runner.replay(runId)).rejects.toMatchObject(nothing);
  await expect(runner.planReplay(runId)).rejects.toMatchObject(nothing);
});

test("questions about a run that does not exist, or about an unknown path, are answered clearly", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(simple, { provenance }).run();
  expect(await provenance.getRun("nope")).toBeUndefined();
  await expect(provenance.inspect("nope")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  await expect(provenance.loadOutput("nope", "one")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  await expect(provenance.loadOutput(runId, "typo")).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  await expect(provenance.loadInputs(runId, "typo")).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  await expect(provenance.loadInputs(runId, "plusOne", 2)).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
});

test("every verb refuses unknown paths and labels, naming them", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(simple, { provenance });
  const paused = runner.run();
  paused.pause();
  const { runId } = await paused;
  const unknownPath = { code: "UNKNOWN_PATH", message: expect.stringContaining('"typo"') };
  const unknownInput = { code: "INVALID_INPUT", message: expect.stringContaining('"typo"') };
  await expect(runner.restart(runId, { resume: { typo: 1 } })).rejects.toMatchObject(unknownPath);
  await expect(runner.replay(runId, { rerun: ["typo"] })).rejects.toMatchObject(unknownPath);
  await expect(runner.planReplay(runId, { rerun: ["typo"] })).rejects.toMatchObject(unknownPath);
  await expect(runner.run({ typo: {} } as never)).rejects.toMatchObject(unknownInput);
  await expect(runner.replay(runId, { inputs: { typo: {} } as never })).rejects.toMatchObject(unknownInput);
  await expect(runner.planReplay(runId, { inputs: { typo: {} } as never })).rejects.toMatchObject(unknownInput);
  expect((await provenance.listRuns()).runs).toHaveLength(1);
  expect(await provenance.getRun(runId)).toMatchObject({ status: "paused" });
});

test("replay refuses inputs for a node that is no source, and options that do not exist", async () => {
  const runner = simpleRunner();
  const { runId } = await runner.run();
  const replay = runner.replay(runId, { inputs: { plusOne: { n: 1 } } as never });
  await expect(replay).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(runner.replay(runId, { mode: "changed" as never })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  const onChange = "hope" as never;
  await expect(runner.replay(runId, { onChange })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  await expect(runner.restart(runId, { onChange })).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

// ---- names that exist already

test("the id of a completed run is in use", async () => {
  const runner = simpleRunner();
  await runner.run({}, { runId: "mine" });
  await expect(runner.run({}, { runId: "mine" })).rejects.toMatchObject({
    code: "RUN_EXISTS",
    message: expect.stringMatching(/"mine" exists already.*restart\("mine"\)/),
  });
});

test("the id of a running run is in use", async () => {
  const open = gate();
  let isRunning = false;
  const wait = node({
    run: () => {
      isRunning = true;
      return open.promise;
    },
  });
  const runner = new DagRunner(dag("waits", { nodes: { wait } }), { provenance: new DagProvenance(memoryStore()) });
  const running = runner.run({}, { runId: "mine" });
  await until(() => isRunning);
  await expect(runner.run({}, { runId: "mine" })).rejects.toMatchObject({ code: "RUN_EXISTS" });
  open.resolve();
  expect(await running).toMatchObject({ status: "completed" });
});

test("of two runs that start with one id at the same time exactly one is refused", async () => {
  let calls = 0;
  const count = node({ run: () => void calls++ });
  const runner = new DagRunner(dag("counts", { nodes: { count } }), { provenance: new DagProvenance(memoryStore()) });
  const ends = await Promise.allSettled([runner.run({}, { runId: "mine" }), runner.run({}, { runId: "mine" })]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const refused = ends.find((end) => end.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "RUN_EXISTS" });
  expect(calls).toBe(1);
});

test.each([[""], [5], [{}]])("the run id %j is refused", async (runId) => {
  const run = simpleRunner().run({}, { runId: runId as never });
  await expect(run).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

// ---- outputs that cannot be kept

class Money {
  readonly amount = 5;
}

test.each([
  ["a function", { rows: [{ cost: () => 5 }] }],
  ["an instance of Money", { rows: [{ cost: new Money() }] }],
  ["a symbol", { rows: [{ cost: Symbol("5") }] }],
])("an output with %s inside fails its node at once, naming label and place", async (what, output) => {
  let calls = 0;
  const price = node({
    output: Any,
    retry: { attempts: 3 },
    run: () => {
      calls++;
      return output;
    },
  });
  const prices = dag("prices", { nodes: { price } });
  const result = await new DagRunner(prices, { provenance: new DagProvenance(memoryStore()) }).run();
  expect(result).toMatchObject({ status: "failed", failedNode: "price", error: { code: "NOT_KEEPABLE" } });
  const { message } = (result as { error: Error }).error;
  expect(message).toContain('"price"');
  expect(message).toContain(".rows[0].cost");
  expect(message).toContain(what);
  expect(message).toContain("Give plain data");
  expect(calls).toBe(1);
});

test("without a record anything may be an output", async () => {
  const price = node({ output: Any, run: () => new Money() });
  const result = await new DagRunner(dag("prices", { nodes: { price } })).run();
  expect(result).toMatchObject({ status: "completed", outputs: { price: new Money() } });
});

// ---- definitions

test("a dag reports every fault at once, each with its labels and a remedy", () => {
  const nums = node({ output: list(Num), run: () => [1] });
  const text = node({ output: Text, run: () => "a" });
  const readText = node({ input: { text: Text }, run: () => {} });
  const sum = node({ input: { ns: list(Num) }, run: () => {} });
  const nodes = {
    one,
    two: one,
    nums,
    moreNums: nums,
    text,
    "7": one,
    broken: 5 as never,
    clash: plusOne,
    mixed: sum,
    lists: sum,
    starved: node({ input: { n: Num, text: Text }, run: () => {} }),
    deaf: readText,
    misfed: readText,
    x: plusOne,
    y: plusOne,
  };
  const edges: Edge[] = [
    ["one", "clash"],
    ["two", "clash"],
    ["one", "mixed"],
    ["nums", "mixed"],
    ["nums", "lists"],
    ["moreNums", "lists"],
    ["text", "starved"],
    ["text", "starved"],
    ["text", "deaf"],
    ["one", "deaf"],
    ["one", "misfed", "text"],
    ["text", "deaf", "typo"],
    ["one", "nowhere"],
    ["x", "y"],
    ["y", "x"],
    ["one"] as never,
  ];
  const error = thrownBy(() => dag("faulty", { nodes, edges })) as { code: string; message: string; faults: string[] };
  expect(error.code).toBe("INVALID_DAG");
  expect([...error.faults].sort()).toEqual(
    [
      /^Input "n" of node "clash" takes one value but is fed by "one", "two"\. Name the input/,
      /^Input "n" of node "starved" is fed by nothing\. Add an edge to "starved" from "7", "one", "two", "clash", "x", "y" \(returning Num\)/,
      /^Input "ns" of node "lists" takes one whole list but is fed by several: "nums", "moreNums"\. Keep one/,
      /^Input "ns" of node "mixed" is fed by lists \("nums"\) and by single elements \(of "one"\)\. Use one kind/,
      /^Input "text" of node "misfed" is fed by nothing\. Add an edge to "misfed" from "text" \(returning Text\)/,
      /^Label "7" looks like an integer.*Use for instance "n7"/,
      /^Node "broken" is no node \(number\)\. Make it with node/,
      /^The edge \["one", "deaf"\] feeds nothing.*"text".*Use the same schema object/,
      /^The edge \["one", "misfed", "text"\] cannot feed "text".*Use the same schema object/,
      /^The edge \["one","nowhere"\] names "nowhere".*Add the node or correct the label/,
      /^The edge \["text", "deaf", "typo"\] names an input that node "deaf" does not have\. Its inputs are "text"/,
      /^The edge \["text","starved"\] is declared twice\. Remove one/,
      /^The edges form a cycle: ("x" → "y" → "x"|"y" → "x" → "y")\. Remove one/,
      /^\["one"\] is no edge\. Write/,
    ].map((fault) => expect.stringMatching(fault)),
  );
  for (const fault of error.faults) expect(error.message).toContain(fault);
});

test.each([[""], ["__proto__"], ["42"], ["0"]])("the label %j is refused", (label) => {
  const nodes = Object.defineProperty({}, label, { value: one, enumerable: true });
  expect(thrownBy(() => dag("labels", { nodes }))).toMatchObject({ code: "INVALID_DAG" });
});

test("a dag has a name", () => {
  expect(thrownBy(() => dag("", { nodes: { one } }))).toMatchObject({ code: "INVALID_DAG" });
});

const run = () => {};
test.each([
  ["an unknown option", { run, retries: 3 }, "retries"],
  ["no function", {}, "run"],
  ["an input that is no schema", { run, input: { n: "number" } }, '"n"'],
  ["an output that is no schema", { run, output: "number" }, "output"],
  ["an optional output", { run, output: optional(Num) }, "optional"],
  ["validation without an output", { run, validate: true }, "validate"],
  ["a negative timeout", { run, timeoutMs: -1 }, "timeoutMs"],
  ["a timeout that is no number", { run, timeoutMs: "5" }, "timeoutMs"],
  ["no attempts", { run, retry: { attempts: 0 } }, "retry.attempts"],
  ["attempts that are no number", { run, retry: { attempts: Number.NaN } }, "retry.attempts"],
  ["a negative delay", { run, retry: { attempts: 2, delayMs: -1 } }, "retry.delayMs"],
  ["a negative factor", { run, retry: { attempts: 2, factor: -1 } }, "retry.factor"],
  ["a negative longest delay", { run, retry: { attempts: 2, maxDelayMs: -1 } }, "retry.maxDelayMs"],
  ["a jitter above 1", { run, retry: { attempts: 2, jitter: 1.5 } }, "retry.jitter"],
])("a node with %s is refused by name", (_, definition, name) => {
  expect(thrownBy(() => node(definition as never))).toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining(name),
  });
});

test("a durability that does not exist is refused by name", () => {
  expect(thrownBy(() => new DagProvenance(memoryStore(), { durability: "later" as never }))).toMatchObject({
    code: "INVALID_OPTION",
    message: expect.stringContaining("`later`"),
  });
});
