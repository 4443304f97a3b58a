// What the Python original does badly (DEFECTS.md), row by row. Composites have their rows in their own tests.

import {
  chain,
  DagProvenance,
  DagRunner,
  dag,
  type Edge,
  type HeddleError,
  type JournalEvent,
  list,
  type Node,
  node,
  optional,
  type Store,
  type,
} from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { faultyStore } from "./support/faulty-store.js";
import { gate, ManualClock } from "./support/manual-clock.js";
import { storeWith } from "./support/store-with.js";
import { until } from "./support/until.js";
import { workOf } from "./support/work-count.js";

const Num = type<number>("Num");
const give = (value: number) => node({ output: Num, run: () => value });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });

/** A line a → b → c, with the labels of the functions that were called. */
function line({ b = (n: number): number => n + 1 } = {}) {
  const calls: string[] = [];
  const nodes = {
    a: node({
      output: Num,
      run: () => {
        calls.push("a");
        return 1;
      },
    }),
    b: node({
      input: { n: Num },
      output: Num,
      run: ({ n }) => {
        calls.push("b");
        return b(n);
      },
    }),
    c: node({
      input: { n: Num },
      output: Num,
      run: ({ n }) => {
        calls.push("c");
        return n * 10;
      },
    }),
  };
  return { dag: dag("line", { nodes, edges: chain("a", "b", "c") }), calls };
}

function faultsOf(declare: () => unknown): readonly string[] {
  try {
    declare();
  } catch (error) {
    return (error as HeddleError).faults;
  }
  return [];
}

test("defect 1: independent branches overlap", async () => {
  const started = new Set<string>();
  const open = gate();
  const branch = (label: string) =>
    node({
      run: async () => {
        started.add(label);
        await open.promise;
      },
    });
  const run = new DagRunner(dag("branches", { nodes: { left: branch("left"), right: branch("right") } })).run();
  await until(() => started.has("left") && started.has("right"));
  open.resolve();
  expect((await run).status).toBe("completed");
});

test("defect 4: the work per node does not grow with the size of the dag", async () => {
  const collect = node({ input: { ns: optional(list(Num)) }, output: Num, run: ({ ns = [] }) => ns.length });
  const build = (size: number) => {
    const nodes: Record<string, Node> = {};
    const edges: Edge[] = [];
    for (let i = 0; i < size; i++) {
      nodes[`n${i}`] = collect;
      for (let back = 1; back <= Math.min(3, i); back++) edges.push([`n${i - back}`, `n${i}`]);
    }
    return { nodes, edges };
  };
  const declareAndRun = (size: number) => {
    const definition = build(size);
    return workOf(async () => {
      const result = await new DagRunner(dag("long", definition)).run();
      expect(result).toMatchObject({ status: "completed", outputs: { [`n${size - 1}`]: 3 } });
    });
  };
  const small = await declareAndRun(2_000);
  const large = await declareAndRun(20_000);
  expect(small).toBeGreaterThan(2_000);
  expect(large / small).toBeLessThan(10.5);
});

test("defect 5: a cyclic dag does not build, and the cycle is printed", () => {
  const nodes = { a: plusOne, b: plusOne, c: plusOne };
  expect(() => dag("loop", { nodes, edges: [...chain("a", "b", "c"), ["c", "a"]] })).toThrow(
    /cycle: ("a" → "b" → "c" → "a"|"b" → "c" → "a" → "b"|"c" → "a" → "b" → "c")/,
  );
});

test("defect 6: no consumer can change what another sees or what is recorded", async () => {
  interface Table {
    readonly rows: { n: number }[];
    readonly index: Map<string, Date>;
  }
  const TableType = type<Table>("Table");
  const made = (): Table => ({ rows: [{ n: 1 }], index: new Map([["x", new Date(0)]]) });
  const seen: Table[] = [];
  const vandal = node({
    input: { table: TableType },
    run: ({ table }) => {
      seen.push(structuredClone(table));
      Reflect.set(table.rows[0] ?? {}, "n", 99);
      Reflect.deleteProperty(table, "rows");
      table.index.get("x")?.setTime(99);
      table.index.clear();
    },
  });
  const provenance = new DagProvenance(memoryStore());
  const nodes = { table: node({ output: TableType, run: made }), first: vandal, second: vandal };
  const edges = [...chain("table", "first", "second"), ["table", "second"]] as const;
  const { runId } = await new DagRunner(dag("vandals", { nodes, edges }), { provenance }).run();
  expect(seen).toEqual([made(), made()]);
  expect(await provenance.loadOutput(runId, "table")).toEqual(made());
});

test("defect 7: a pause belongs to one run, counts before the first node, and in the last node is too late", async () => {
  const open = gate();
  let waits = 0;
  const waiting = node({
    output: Num,
    run: async () => {
      waits++;
      await open.promise;
      return 1;
    },
  });
  const runner = new DagRunner(dag("one", { nodes: { waiting } }));
  const untouched = runner.run();
  const early = runner.run();
  early.pause();
  const late = runner.run();
  await until(() => waits === 2);
  late.pause();
  open.resolve();
  expect((await untouched).status).toBe("completed");
  expect(await early).toMatchObject({ status: "paused", outputs: {} });
  expect(await late).toMatchObject({ status: "completed", outputs: { waiting: 1 } });
});

test("defect 9: the reason of a pause is kept, and the paused node is recorded as paused", async () => {
  const provenance = new DagProvenance(memoryStore());
  const ask = node({ run: (_, ctx) => void ctx.pause("needs a human") });
  const result = await new DagRunner(dag("asking", { nodes: { ask } }), { provenance }).run();
  expect(result).toMatchObject({ status: "paused", pauses: [{ path: "ask", reason: "needs a human" }] });
  const { run, executions } = await provenance.inspect(result.runId);
  expect(run.pauses).toEqual([{ path: "ask", reason: "needs a human" }]);
  expect(executions).toMatchObject([{ status: "paused", attempts: [{ pause: { reason: "needs a human" } }] }]);
});

test("defect 10: a cancelled run is cancelled, and the run of a dead owner can be restarted when its lease is over", async () => {
  const store = faultyStore(memoryStore());
  const clock = new ManualClock();
  const provenance = new DagProvenance(store, { leaseMs: 30_000 });
  const { dag: dagOf, calls } = line();
  const runner = new DagRunner(dagOf, { provenance, clock });

  const cancelled = runner.run();
  cancelled.cancel("not now");
  expect(await cancelled).toMatchObject({ status: "cancelled", reason: "not now" });
  expect(await provenance.getRun(cancelled.runId)).toMatchObject({ status: "cancelled" });
  expect(await runner.restart(cancelled.runId)).toMatchObject({ status: "completed", outputs: { c: 20 } });

  calls.length = 0;
  const sync = new DagRunner(dagOf, { provenance: new DagProvenance(store, { durability: "sync" }), clock });
  store.dieAt(3); // After the lease and what a did comes what b did.
  const died = sync.run();
  await expect(died).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(calls).toEqual(["a", "b"]);
  store.revive();
  expect(await provenance.getRun(died.runId)).toMatchObject({ status: "running" });
  await clock.advance(29_999);
  await expect(runner.restart(died.runId)).rejects.toMatchObject({ code: "RUN_OWNED" });
  await clock.advance(1);
  calls.length = 0;
  expect(await runner.restart(died.runId)).toMatchObject({ status: "completed", outputs: { c: 20 } });
  expect(calls).toEqual(["b", "c"]);
});

test("defect 11: there are retries, timeouts, cancellation, and a value handed back at resume", async () => {
  const clock = new ManualClock();
  const provenance = new DagProvenance(memoryStore());
  const calls: string[] = [];
  let isSlow = true;
  const nodes = {
    flaky: node({
      output: Num,
      retry: { attempts: 2, delayMs: 100 },
      run: (_, { attempt }) => {
        calls.push("flaky");
        if (attempt === 1) throw new Error("at first");
        return attempt;
      },
    }),
    asks: node({ input: { n: Num }, output: Num, run: ({ n }, ctx) => n + ctx.pause("how much?", undefined, Num) }),
    late: node({
      input: { n: Num },
      output: Num,
      timeoutMs: 100,
      run: ({ n }) => {
        calls.push("late");
        return isSlow ? gate<number>().promise : n;
      },
    }),
    endless: node({
      input: { n: Num },
      run: (_, { signal }) => {
        calls.push("endless");
        return new Promise((_, reject) => signal.addEventListener("abort", reject));
      },
    }),
  };
  const runner = new DagRunner(dag("all", { nodes, edges: chain("flaky", "asks", "late", "endless") }), {
    provenance,
    clock,
  });
  const run = runner.run();
  await until(() => calls.includes("flaky"));
  await clock.advance(100);
  expect(await run).toMatchObject({ status: "paused", pauses: [{ path: "asks" }] });
  const answered = runner.restart(run.runId, { resume: { asks: 40 } });
  await until(() => calls.includes("late"));
  await clock.advance(100);
  expect(await answered).toMatchObject({ status: "failed", failedNode: "late", error: { code: "TIMEOUT" } });
  isSlow = false;
  const last = runner.restart(run.runId);
  await until(() => calls.includes("endless"));
  last.cancel();
  expect(await last).toMatchObject({ status: "cancelled" });
  expect(await provenance.loadOutput(run.runId, "late")).toBe(42);
});

test("defect 12: replay names what it leaves stale", async () => {
  const { dag: dagOf, calls } = line();
  const runner = new DagRunner(dagOf, { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run();
  calls.length = 0;
  const replay = await runner.replay(runId, { rerun: ["a"] });
  expect(replay).toMatchObject({ status: "completed", stale: ["b", "c"] });
  expect(calls).toEqual(["a"]);
});

test("defect 13: replay refuses names of nodes that do not exist", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(line().dag, { provenance });
  const { runId } = await runner.run();
  await expect(runner.replay(runId, { rerun: ["a", "typo"] })).rejects.toMatchObject({
    code: "UNKNOWN_PATH",
    message: expect.stringContaining('"typo"'),
  });
  expect((await provenance.listRuns()).runs).toHaveLength(1);
});

test("defect 14: types survive the record, and what would not survive is refused", async () => {
  class Money {
    constructor(readonly amount: number) {}
  }
  const Any = type<unknown>("Any");
  const provenance = new DagProvenance(memoryStore());
  const runner = (made: unknown) => {
    const value = node({ output: Any, run: () => made });
    return new DagRunner(dag("typed", { nodes: { value } }), { provenance });
  };
  const value = { at: new Date(5), ids: new Map([[1n, new Uint8Array([1, 2])]]), match: /a/g };
  const { runId } = await runner(value).run();
  expect(await provenance.loadOutput(runId, "value")).toStrictEqual(value);
  expect(await runner(new Money(1)).run()).toMatchObject({ status: "failed", error: { code: "NOT_KEEPABLE" } });
});

test("defect 15: NaN, -0, undefined and sets are recorded as what they are", async () => {
  const Any = type<unknown>("Any");
  const made = [Number.NaN, -0, undefined, new Set([1, 2])];
  const value = node({ output: Any, run: () => made });
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(dag("odd", { nodes: { value } }), { provenance }).run();
  expect(await provenance.loadOutput(runId, "value")).toStrictEqual(made);
});

test("defect 16: an input that cannot be kept leaves no run behind; an output says where it cannot be kept", async () => {
  const Any = type<unknown>("Any");
  const provenance = new DagProvenance(memoryStore());
  const pass = node({ input: { value: Any }, output: Any, run: () => ({ rows: [{ format: () => {} }] }) });
  const runner = new DagRunner(dag("unkeepable", { nodes: { pass } }), { provenance });
  await expect(runner.run({ pass: { value: { deep: () => {} } } })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    faults: [expect.stringMatching(/"value".*"pass".*\.deep/)],
  });
  expect((await provenance.listRuns()).runs).toEqual([]);

  const failed = await runner.run({ pass: { value: 1 } });
  expect(failed).toMatchObject({
    status: "failed",
    failedNode: "pass",
    error: { code: "NOT_KEEPABLE", message: expect.stringMatching(/"pass".*\.rows\[0\]\.format/) },
  });
  expect(await provenance.getRun(failed.runId)).toMatchObject({ status: "failed", failedNode: "pass" });
});

test("defect 17: restarting a failed replay does not execute what it reused", async () => {
  let broken = false;
  const { dag: dagOf, calls } = line({
    b: (n) => {
      if (broken) throw new Error("broken");
      return n + 1;
    },
  });
  const runner = new DagRunner(dagOf, { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run();
  broken = true;
  const replay = await runner.replay(runId, { rerun: ["b"] });
  expect(replay).toMatchObject({ status: "failed", failedNode: "b" });
  broken = false;
  calls.length = 0;
  expect(await runner.restart(replay.runId)).toMatchObject({ status: "completed", outputs: { c: 20 } });
  expect(calls).toEqual(["b"]);
});

test("defect 19: attempts are appended, each with its error", async () => {
  const provenance = new DagProvenance(memoryStore());
  const errors = ["first", "second"];
  const { dag: dagOf } = line({
    b: (n) => {
      const message = errors.shift();
      if (message) throw new Error(message);
      return n;
    },
  });
  const runner = new DagRunner(dagOf, { provenance });
  const { runId } = await runner.run();
  await runner.restart(runId);
  await runner.restart(runId);
  const b = (await provenance.inspect(runId)).executions.find(({ path }) => path === "b");
  expect(b?.attempts).toMatchObject([
    { attempt: 1, status: "failed", error: { message: "first" } },
    { attempt: 2, status: "failed", error: { message: "second" } },
    { attempt: 3, status: "completed" },
  ]);
});

test("defect 20: a run knows its dag and its code, and restart refuses another dag", async () => {
  const provenance = new DagProvenance(memoryStore());
  const build = (version: string, b: () => number) =>
    dag("versions", { nodes: { a: give(1), b: node({ input: { n: Num }, version, run: b }) }, edges: [["a", "b"]] });
  const fail = () => {
    throw new Error("no");
  };
  const { runId } = await new DagRunner(build("1", fail), { provenance }).run();
  const { runId: otherCode } = await new DagRunner(
    build("1", () => 7),
    { provenance },
  ).run();
  const [run, other] = [await provenance.getRun(runId), await provenance.getRun(otherCode)];
  expect(run?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(other?.fingerprint).toBe(run?.fingerprint);
  expect(other?.code).not.toBe(run?.code);
  await expect(new DagRunner(build("2", fail), { provenance }).restart(runId)).rejects.toMatchObject({
    code: "DAG_CHANGED",
    message: expect.stringContaining('"b" has version 2, was 1'),
  });
});

test("defect 21: a replay is linked to its origin, and reused nodes keep inputs and edges", async () => {
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(line().dag, { provenance });
  const { runId } = await runner.run();
  const replay = await runner.replay(runId, { rerun: ["c"] });
  const [before, after] = [await provenance.inspect(runId), await provenance.inspect(replay.runId)];
  expect(after.run).toMatchObject({ replayOf: runId, replay: { rerun: ["c"], mode: "pinned" } });
  const [was, is] = [before.executions[1], after.executions[1]];
  expect(is).toMatchObject({ path: "b", status: "reused", reason: "reused", inputs: was?.inputs, output: was?.output });
  expect(is?.output?.origin.runId).toBe(runId);
  const pairs = ({ edges }: typeof before) => edges.map(({ from, to, input, value }) => ({ from, to, input, value }));
  expect(pairs(after)).toEqual(pairs(before));
  expect(pairs(after)).toHaveLength(2);
});

test("defect 22: without a record, restart says that nothing was kept and how to keep it", async () => {
  const runner = new DagRunner(line().dag);
  const { runId } = await runner.run();
  await expect(runner.restart(runId)).rejects.toMatchObject({
    code: "NOTHING_KEPT",
    message: expect.stringMatching(/Nothing was kept.*new DagProvenance\(/),
  });
});

test("defect 23: with two upstreams of one type, each parameter receives its own", async () => {
  const minus = node({ input: { a: Num, b: Num }, output: Num, run: ({ a, b }) => a - b });
  const nodes = { five: give(5), three: give(3), minus };
  const unnamed: Edge[] = [
    ["five", "minus"],
    ["three", "minus"],
  ];
  expect(faultsOf(() => dag("ambiguous", { nodes, edges: unnamed }))).toEqual([
    expect.stringMatching(
      /"a" of node "minus" takes one value but is fed by "five", "three".*\["five", "minus", "a"\]/,
    ),
    expect.stringMatching(/"b" of node "minus" takes one value but is fed by "five", "three"/),
  ]);
  const named = dag("named", {
    nodes,
    edges: [
      ["five", "minus", "b"],
      ["three", "minus", "a"],
    ],
  });
  expect(await new DagRunner(named).run()).toMatchObject({ outputs: { minus: -2 } });
  const half = dag("half named", {
    nodes,
    edges: [
      ["five", "minus"],
      ["three", "minus", "a"],
    ],
  });
  expect(await new DagRunner(half).run()).toMatchObject({ outputs: { minus: -2 } });
});

test("defect 24: an output that almost fits is a fault of the dag, with both labels", () => {
  const Other = type<number>("Num");
  const nodes = { almost: node({ output: Other, run: () => 1 }), plusOne };
  expect(faultsOf(() => dag("almost", { nodes, edges: [["almost", "plusOne"]] }))).toEqual([
    expect.stringMatching(/\["almost", "plusOne"\] feeds nothing/),
    expect.stringMatching(/"n" of node "plusOne" is fed by nothing/),
  ]);
});

test("defect 26: an edge declared twice is a fault", () => {
  const nodes = { one: give(1), total: node({ input: { ns: list(Num) }, run: () => {} }) };
  const edges: Edge[] = [
    ["one", "total"],
    ["one", "total"],
  ];
  expect(faultsOf(() => dag("twice", { nodes, edges }))).toEqual([
    expect.stringMatching(/\["one","total"\] is declared twice/),
  ]);
});

test("defect 28: an edge joins nodes of one dag only", () => {
  const elsewhere = dag("elsewhere", { nodes: { far: plusOne } });
  const edges: Edge[] = [["near", Object.keys(elsewhere.nodes)[0] as string]];
  expect(faultsOf(() => dag("here", { nodes: { near: give(1) }, edges }))).toEqual([
    expect.stringMatching(/\["near","far"\] names "far", but this dag has no such node/),
  ]);
});

test("defect 29: an edge counts as traversed when the downstream consumes it, with value and input", async () => {
  let broken = true;
  const nodes = {
    good: give(5),
    bad: node({
      output: Num,
      run: () => {
        if (broken) throw new Error("bad");
        return 3;
      },
    }),
    minus: node({ input: { a: Num, b: Num }, output: Num, run: ({ a, b }) => a - b }),
  };
  const provenance = new DagProvenance(memoryStore());
  const edges = [
    ["good", "minus", "a"],
    ["bad", "minus", "b"],
  ] as const;
  const runner = new DagRunner(dag("halves", { nodes, edges }), { provenance });
  const { runId } = await runner.run();
  const failed = await provenance.inspect(runId);
  expect(failed.executions.find(({ path }) => path === "good")).toMatchObject({ status: "completed" });
  expect(failed.edges).toEqual([]);

  broken = false;
  await runner.restart(runId);
  const { executions, edges: traversed } = await provenance.inspect(runId);
  const output = (path: string) => executions.find((one) => one.path === path)?.output?.ref;
  expect(traversed).toEqual([
    { from: "good", to: "minus", input: "a", value: output("good"), attempt: 1 },
    { from: "bad", to: "minus", input: "b", value: output("bad"), attempt: 1 },
  ]);
  expect(await provenance.loadInputs(runId, "minus")).toEqual({ a: 5, b: 3 });
});

test("defect 31: a payload is stored once for all nodes, inputs and replays, and goes with the last run", async () => {
  const Text = type<string>("Text");
  const large = "payload ".repeat(1_000);
  let stored = 0;
  const events: JournalEvent[] = [];
  const memory = memoryStore();
  const store: Store = storeWith(memory, (inner) => ({
    append: (runId, at, batch) => {
      stored += [...batch.values.values()].filter(({ text }) => text.includes(large)).length;
      events.push(...batch.events);
      return inner.append(runId, at, batch);
    },
  }));
  const provenance = new DagProvenance(store, { durability: "sync" });
  const pass = node({ input: { text: Text }, output: Text, run: ({ text }) => text });
  const nodes = { text: node({ output: Text, run: () => large }), left: pass, right: pass };
  const copies = dag("copies", {
    nodes,
    edges: [
      ["text", "left"],
      ["text", "right"],
    ],
  });
  const runner = new DagRunner(copies, { provenance });
  const { runId } = await runner.run();
  const replay = await runner.replay(runId);
  expect(stored).toBe(1);
  expect(JSON.stringify(events)).not.toContain("payload");

  await provenance.removeRun(runId);
  expect(await provenance.loadOutput(replay.runId, "left")).toBe(large);
  const output = (await provenance.inspect(replay.runId)).executions[0]?.output;
  const hash = output?.ref?.slice(1) ?? "";
  await provenance.removeRun(replay.runId);
  expect(await memory.hasValues([{ hash, runId, seq: 0 }])).toEqual([false]);
});

test("defect 32: a list output wired into a list input arrives as it is", async () => {
  const nodes = {
    numbers: node({ output: list(Num), run: () => [1, 2, 3] }),
    total: node({ input: { ns: list(Num) }, output: Num, run: ({ ns }) => ns.reduce((a, b) => a + b, 0) }),
  };
  const result = await new DagRunner(dag("lists", { nodes, edges: [["numbers", "total"]] })).run();
  expect(result).toMatchObject({ outputs: { total: 6 } });
});
