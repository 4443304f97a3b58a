// Pools of worker threads: who does what, and what becomes of it when workers die.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { type NodeWorkerOptions, nodeWorkers } from "heddle/adapters/node-workers";
import { serve } from "heddle/worker";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { PROTOCOL } from "../../adapters/workers/protocol.js";
import { bundle } from "../processes/bundle.js";
import { temporaryDirectory } from "../support/stores.js";
import { busy, deaths, effects, exits, many, paying, risky, strangers, talking } from "./dags.js";

let file: string;

beforeAll(async () => {
  file = await bundle("../workers/serving.ts");
});

function pool(options: NodeWorkerOptions = {}, url: URL | string = file) {
  const executor = nodeWorkers(url, { size: 2, graceMs: 50, ...options });
  onTestFinished(() => executor.close());
  return executor;
}

/** A file for workers that does this. */
function fileWith(text: string): URL {
  const path = join(temporaryDirectory(), "worker.mjs");
  writeFileSync(path, text);
  return pathToFileURL(path);
}

describe("pitfall 6: a worker dies, and all that it had settles", () => {
  const run = (executor: ReturnType<typeof pool>, how: string) =>
    new DagRunner(deaths, { executor }).run({ die: { how } });

  test.each([
    ["exit", {}, /node "die".*exited with code 7/],
    ["memory", { thread: { resourceLimits: { maxOldGenerationSizeMb: 30 } } }, /node "die".*memory/],
  ] as const)("%s", async (how, options, message) => {
    const executor = pool(options);
    const result = await run(executor, how);
    expect(result).toMatchObject({
      status: "failed",
      failedNode: "die",
      error: { code: "WORKER_DIED", message: expect.stringMatching(message) },
    });
    expect(await run(executor, "not at all")).toMatchObject({ status: "completed" });
  });

  test.each(["stray", "later"])("%s: what runs beside it runs again, and counts once", async (how) => {
    const executor = pool({ size: 1 });
    const provenance = new DagProvenance(memoryStore());
    const beside = new DagRunner(many, { executor, provenance }).run({ give: { all: [5, 5, 5, 5, 5, 5] } });
    expect(await run(executor, how)).toMatchObject({ status: "completed" });
    const { runId, status } = await beside;
    expect(status).toBe("completed");
    const { executions } = await provenance.inspect(runId);
    expect(executions.map(({ attempts }) => attempts.length <= 1)).not.toContain(false);
  });

  test.each([
    ["is not there", new URL("file:///nowhere/worker.mjs"), /Cannot find module/],
    ["is no JavaScript", "const", /SyntaxError|Unexpected/],
    ["throws at its start", "throw new Error('at its start');", /at its start/],
    ["ends at once", "process.exit(2);", /exited with code 2 before it called serve\(\)/],
    ["serves nothing", "", /exited with code 0 before it called serve\(\)/],
    [
      "speaks another protocol",
      `import { parentPort } from "node:worker_threads"; parentPort.postMessage([["hello", { protocol: 99, served: [] }]]);`,
      new RegExp(`protocol 99 .* protocol ${PROTOCOL}`),
    ],
  ])("a file that %s: a clear error, and no end of workers is started", async (_, source, message) => {
    const executor = pool({}, typeof source === "string" ? fileWith(source) : source);
    for (const code of ["WORKER_", "WORKER_"]) {
      const result = await run(executor, "not at all");
      expect(result).toMatchObject({ status: "failed", error: { code: expect.stringContaining(code) } });
      expect((result as { error: Error }).error.message).toMatch(message);
    }
    await expect(executor.warmUp()).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });

  test.each([
    ["is not there", () => new URL("file:///nowhere/worker.mjs")],
    ["is no JavaScript", () => fileWith("const")],
    ["takes a module that is not there", () => fileWith('import "./nowhere.mjs";')],
  ])("a file that %s is loaded once", async (_, source) => {
    const started: unknown[] = [];
    const count = (worker: unknown) => started.push(worker);
    process.on("worker", count);
    onTestFinished(() => void process.off("worker", count));
    expect(await run(pool({ size: 1 }, source()), "not at all")).toMatchObject({ error: { code: "WORKER_DIED" } });
    expect(started.length).toBe(1);
  });

  test("a file that never calls serve() is given up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const running = run(pool({}, fileWith("setInterval(() => {}, 1_000);")), "not at all");
    await vi.advanceTimersByTimeAsync(21_000);
    const message = expect.stringMatching(/did not call serve\(\) within 20 s/);
    expect(await running).toMatchObject({ status: "failed", error: { code: "WORKER_DIED", message } });
  });

  test("a pool that is closed fails what it had, and what comes later", async () => {
    const executor = pool();
    const running = new DagRunner(busy, { executor }).run({ work: { ms: 10_000 } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    executor.close();
    for (const result of [await running, await run(executor, "not at all")]) {
      expect(result).toMatchObject({
        status: "failed",
        error: { code: "POOL_CLOSED", message: expect.stringContaining("closed") },
      });
    }
  });
});

test("where no worker can be made, that is the error", async () => {
  const executor = pool({ thread: { execArgv: ["--no-such-flag"] } });
  const result = await new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
  expect(result).toMatchObject({
    status: "failed",
    error: { code: "WORKER_DIED", message: expect.stringContaining("no-such-flag") },
  });
  await expect(executor.warmUp()).rejects.toMatchObject({
    code: "WORKER_DIED",
    message: expect.stringContaining("no-such-flag"),
  });
});

test("a pool that is closed before it was used starts nothing", async () => {
  const started: unknown[] = [];
  const count = (worker: unknown) => started.push(worker);
  process.on("worker", count);
  onTestFinished(() => void process.off("worker", count));
  const executor = pool();
  executor.close();
  const result = await new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
  expect(result).toMatchObject({
    status: "failed",
    error: { code: "POOL_CLOSED", message: expect.stringContaining("closed") },
  });
  await expect(executor.warmUp()).rejects.toMatchObject({ code: "POOL_CLOSED" });
  expect(started).toEqual([]);
});

test("a pool that was used and closed cannot be warmed up", async () => {
  const executor = pool();
  await executor.warmUp();
  executor.close();
  await expect(executor.warmUp()).rejects.toMatchObject({ code: "POOL_CLOSED" });
});

test("an error that nobody catches while no call runs is told on the console", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  onTestFinished(() => warn.mockRestore());
  const result = await new DagRunner(deaths, { executor: pool({ size: 1 }) }).run({ die: { how: "later" } });
  expect(result).toMatchObject({ status: "completed" });
  const error = expect.objectContaining({ message: "nobody catches that" });
  await vi.waitFor(() => expect(warn).toHaveBeenCalledWith(expect.any(String), error));
});

test("elements that end their worker fail alone", async () => {
  const executor = pool({ size: 1 });
  const provenance = new DagProvenance(memoryStore());
  const runner = new DagRunner(exits, { executor, provenance });
  await runner.run({ give: { all: Array(20).fill(1) } });
  const { runId } = await runner.run({ give: { all: [1, -2, -3, -4, 5, 6, 7, 8, 9] } });
  const { executions } = await provenance.inspect(runId);
  const failed = executions.filter(({ status }) => status === "failed").map(({ path }) => path);
  expect(failed.toSorted()).toEqual(["each[1]", "each[2]", "each[3]"]);
});

test("workers that serve other nodes than those before are refused", async () => {
  const text = (address: string) => `
    import { parentPort } from "node:worker_threads";
    const served = [{ dag: "d", address: "${address}" }];
    parentPort.postMessage([["hello", { protocol: ${PROTOCOL}, served }]]);
    parentPort.on("message", () => {});`;
  const source = fileWith(text("one"));
  const executor = pool({ size: 2 }, source);
  await executor.place?.(busy.nodes.work, busy.plan);
  writeFileSync(source, text("another"));
  const ended = once(process, "worker").then(([worker]) => once(worker, "exit"));
  await executor.warmUp();
  await ended;
  const result = await new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
  expect(result).toMatchObject({ status: "completed" });
});

test("timers that are too long for the platform are as long as it has them", async () => {
  const executor = pool({ size: 1, idleMs: Number.POSITIVE_INFINITY, graceMs: Number.POSITIVE_INFINITY });
  const result = await new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
  expect(result).toMatchObject({ status: "completed" });
});

test("a run is cancelled while its worker still loads", async () => {
  const executor = pool({}, fileWith("await new Promise((resolve) => setTimeout(resolve, 600_000));"));
  const run = new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
  setTimeout(() => run.cancel(), 50);
  expect(await run).toMatchObject({ status: "cancelled" });
});

test.each([
  ["worker", "give", /output of node "give"/],
  ["here", "take", /input of node "take"/],
])("what cannot be cloned and cannot be looked at fails its node (%s)", async (from, failedNode, message) => {
  const runner = new DagRunner(strangers, { executor: pool() });
  const result = await runner.run({ give: { from }, give2: { from } });
  expect(result).toMatchObject({ status: "failed", failedNode, error: { code: "NOT_CLONEABLE" } });
  expect((result as { error: Error }).error.message).toMatch(message);
});

test("a log shows what its data were when it was written", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { runId } = await new DagRunner(talking, { executor: pool(), provenance }).run();
  const { executions } = await provenance.inspect(runId);
  const logs = executions[0]?.attempts[0]?.logs ?? [];
  expect(logs.map(({ message }) => message)).toEqual(["rows", "rows", "rows", "rows", "bare"]);
  const data = await Promise.all(logs.map(({ data }) => provenance.loadValue(runId, data as string)));
  expect(data).toEqual([[0], [1], [2], [3], expect.any(String)]);
});

describe("pitfall 7: one is cancelled, and the others do not notice", () => {
  test("calls that wait behind it in its worker run elsewhere, once each, and a late reply is ignored", async () => {
    const executor = pool({ size: 1 });
    const provenance = new DagProvenance(memoryStore());
    const options = { executor, provenance };
    // What is short is known now.
    await new DagRunner(many, options).run({ give: { all: Array(50).fill(0) } });
    const stuck = new DagRunner(many, options).run({ give: { all: [0, 0, -1] } });
    const others = Array.from({ length: 5 }, () =>
      new DagRunner(many, options).run({ give: { all: Array(40).fill(0) } }),
    );
    setTimeout(() => stuck.cancel(), 100);
    expect(await stuck).toMatchObject({ status: "cancelled" });
    for (const { status, runId } of await Promise.all(others)) {
      expect(status).toBe("completed");
      const { executions } = await provenance.inspect(runId);
      expect(executions.map(({ attempts }) => attempts.length <= 1)).not.toContain(false);
    }
  });

  test("an effect whose worker was taken away is not run twice", async () => {
    const executor = pool({ size: 1 });
    const provenance = new DagProvenance(memoryStore());
    const paying = new DagRunner(effects, { executor, provenance }).run();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const stray = await new DagRunner(deaths, { executor }).run({ die: { how: "stray" } });
    expect(stray).toMatchObject({ status: "completed" });
    const result = await paying;
    expect(result).toMatchObject({ status: "failed", failedNode: "pay", error: { code: "WORKER_DIED" } });
  });
});

test("an effect stands alone in its worker as long as there are others", async () => {
  const executor = pool({ size: 2 });
  const pays = new DagRunner(paying, { executor }).run();
  const waits = new DagRunner(risky, { executor }).run();
  expect(await waits).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
  expect(await pays).toMatchObject({ status: "completed", outputs: { pay: 5 } });
});

test("a long call makes no other wait while a worker is free", async () => {
  const executor = pool();
  await executor.warmUp();
  const threads = await Promise.all([300, 300].map((ms) => new DagRunner(busy, { executor }).run({ work: { ms } })));
  const [one, other] = threads.map((result) => (result as { outputs: { work: number } }).outputs.work);
  expect(one).not.toBe(other);
});

test("a call that turns out to be long lets those behind it go to a free worker", async () => {
  const executor = pool();
  const runner = new DagRunner(many, { executor });
  await runner.run({ give: { all: Array(50).fill(0) } });
  const started = performance.now();
  const result = await runner.run({ give: { all: [...Array(100).fill(0), 1_500, ...Array(100).fill(0)] } });
  expect(result).toMatchObject({ status: "completed", outputs: { sum: 1_500 } });
  console.log(`one long call among 200 short ones: ${Math.round(performance.now() - started)} ms`);
});

test("runs get their turn, however much another one has to do", async () => {
  const executor = pool({ size: 1 });
  const runner = new DagRunner(many, { executor });
  const order: string[] = [];
  const large = runner.run({ give: { all: Array(60).fill(10) } }).then(() => order.push("large"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const small = runner.run({ give: { all: [10, 10] } }).then(() => order.push("small"));
  await Promise.all([large, small]);
  expect(order).toEqual(["small", "large"]);
});

test("workers that have nothing to do are ended, and started again", async () => {
  const threadOf = async (executor: ReturnType<typeof pool>) => {
    const result = await new DagRunner(busy, { executor }).run({ work: { ms: 1 } });
    return (result as { outputs: { work: number } }).outputs.work;
  };
  const patient = pool({ size: 1 });
  expect(await threadOf(patient)).toBe(await threadOf(patient));
  const hasty = pool({ idleMs: 30, size: 1 });
  const first = await threadOf(hasty);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await threadOf(hasty)).not.toBe(first);
});

test("a process waits for its runs, and ends then, though workers are there", async () => {
  const program = await bundle("../workers/ending.ts");
  // Idle workers are kept for an hour there.
  const { stdout, status } = spawnSync(process.execPath, [program, file], { encoding: "utf8", timeout: 120_000 });
  expect([stdout.trim(), status]).toEqual(["completed", 0]);
});

test("the record tells apart how long a call waited for a worker and how long it took", async () => {
  const executor = pool({ size: 1 });
  const provenance = new DagProvenance(memoryStore());
  const runs = [1, 2].map(() => new DagRunner(busy, { executor, provenance }).run({ work: { ms: 200 } }));
  const inspected = await Promise.all(runs.map(async (run) => provenance.inspect((await run).runId)));
  const [first, second] = inspected.map(({ executions }) => executions[0]?.attempts[0]);
  const { startedAt = 0, endedAt = 0, waitedMs = 0, durationMs } = second ?? {};
  expect(first?.durationMs).toBeGreaterThanOrEqual(190);
  expect(waitedMs).toBeGreaterThanOrEqual(150);
  expect(durationMs).toBe(endedAt - startedAt - waitedMs);
});

test("a call whose pool is closed while it waits for a worker has waited, and took no time", async () => {
  const executor = pool({ size: 1 });
  const provenance = new DagProvenance(memoryStore());
  const runs = [1, 2].map(() => new DagRunner(busy, { executor, provenance }).run({ work: { ms: 600_000 } }));
  await vi.waitFor(async () => {
    const inspected = await Promise.all(runs.map(({ runId }) => provenance.inspect(runId)));
    expect(inspected.map(({ executions }) => executions[0]?.status)).toEqual(["running", "running"]);
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  executor.close();
  const [, { runId }] = (await Promise.all(runs)) as [unknown, { runId: string }];
  const [attempt] = (await provenance.inspect(runId)).executions[0]?.attempts ?? [];
  expect(attempt).toMatchObject({ status: "failed", waitedMs: expect.any(Number) });
  expect(attempt?.durationMs).toBeLessThan(attempt?.waitedMs as number);
});

test("an effect that is cancelled before a worker had time for it has not run", async () => {
  const executor = pool({ size: 1 });
  const provenance = new DagProvenance(memoryStore());
  let now = 1_000;
  const clock = { now: () => now, after: () => () => {} };
  const busyOne = new DagRunner(busy, { executor }).run({ work: { ms: 600_000 } });
  const waiting = new DagRunner(effects, { executor, provenance, clock }).run();
  await vi.waitFor(async () => expect((await provenance.inspect(waiting.runId)).executions[0]?.status).toBe("running"));
  now += 500;
  waiting.cancel();
  expect(await waiting).toMatchObject({ status: "cancelled" });
  const { executions } = await provenance.inspect(waiting.runId);
  const [attempt] = executions.find(({ path }) => path === "pay")?.attempts ?? [];
  expect(attempt).toMatchObject({ status: "aborted", ran: false, waitedMs: 500, durationMs: 0 });
  busyOne.cancel();
  await busyOne;
});

test.each([
  { size: 0 },
  { size: 1.5 },
  { size: Number.POSITIVE_INFINITY },
  { idleMs: -1 },
  { graceMs: Number.NaN },
  { threads: 2 },
])("options %o are refused", (options) => {
  expect(() => nodeWorkers(file, options)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});

test.each([undefined, "", "worker.js", "file:///worker.js", new URL("https://a.example/worker.js")])(
  "%s is no file for workers, and what is one is said",
  (given) => {
    const error = { code: "INVALID_OPTION", message: expect.stringMatching(/file of the workers.*new URL\("\.\//) };
    expect(() => nodeWorkers(given as never)).toThrow(expect.objectContaining(error));
  },
);

test("a context that would hide what every function has is refused, and the console tells who wrote", async () => {
  const text = (options: string) => `
    import { node, dag, type } from "heddle";
    import { serve } from "heddle/worker";
    const run = () => { console.log("in the worker"); return 1; };
    serve(dag("writing", { nodes: { write: node({ output: type("Num"), run }) }, edges: [] }), ${options});`;
  const writing = dag("writing", { nodes: { write: node({ output: type<number>("Num"), run: () => 1 }) }, edges: [] });
  const bundled = async (options: string) => {
    const path = join(temporaryDirectory(), "writing.ts");
    writeFileSync(path, text(options));
    return bundle(path);
  };
  const refused = pool({ size: 1 }, await bundled("{ context: { signal: 1 } }"));
  expect(await new DagRunner(writing, { executor: refused }).run()).toMatchObject({
    status: "failed",
    error: { message: expect.stringContaining('"signal"') },
  });
  const executor = pool({ size: 1, thread: { stdout: true } }, await bundled("{ console: true }"));
  const started = once(process, "worker");
  const run = new DagRunner(writing, { executor }).run();
  const [worker] = (await started) as [Worker];
  expect(await run).toMatchObject({ status: "completed" });
  const [line] = await once(worker.stdout, "data");
  expect(String(line)).toBe("[write] in the worker\n");
});

test("a file that calls serve() twice is told to call it once", async () => {
  const path = join(temporaryDirectory(), "twice.ts");
  writeFileSync(
    path,
    `import { node, dag, type } from "heddle";
    import { serve } from "heddle/worker";
    const nodes = { write: node({ output: type("Num"), run: () => 1 }) };
    for (const name of ["one", "two"]) serve(dag(name, { nodes, edges: [] }));`,
  );
  await expect(pool({}, await bundle(path)).warmUp()).rejects.toMatchObject({
    code: "WORKER_DIED",
    message: expect.stringContaining("Call serve() once, with all dags"),
  });
});

test.each([
  [],
  [undefined],
  [7],
  [null],
  ["text"],
  [{}],
  [busy, undefined],
  [busy, busy.nodes.work],
  [busy, { contxt: {} }],
])("serve() refuses %o, %o", (...given) => {
  const error = { code: "INVALID_OPTION", message: expect.stringMatching(/takes dags/) };
  expect(() => serve(...(given as never[]))).toThrow(expect.objectContaining(error));
});

test("serve() outside of a worker says so", () => {
  expect(() => serve(busy)).toThrow(/file of a worker/);
});
