// retry: how often, how long after, and for which errors a failed attempt is tried again.

import { DagProvenance, DagRunner, dag, node, type Retry, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { until } from "../support/until.js";

/** Runs a node that fails `failures` times under `retry`; gives the result, the delays between tries and the record. */
async function tryWith(retry: Retry, failures = Number.POSITIVE_INFINITY, runId = "run") {
  const clock = new ManualClock();
  const started: number[] = [];
  const flaky = node({
    retry,
    run: () => {
      started.push(clock.now());
      if (started.length <= failures) throw new Error(`failure ${started.length}`);
    },
  });
  const provenance = new DagProvenance(memoryStore());
  const run = new DagRunner(dag("flaky", { nodes: { flaky } }), { provenance, clock }).run({}, { runId });
  let ended = false;
  const end = run.finally(() => {
    ended = true;
  });
  await until(() => started.length > 0);
  while (!ended) await clock.advance(30_000);
  const result = await end;
  const [execution] = (await provenance.inspect(runId)).executions;
  const attempts = execution?.attempts ?? [];
  const delays = started.slice(1).map((at, i) => at - (started[i] ?? 0));
  return { result, delays, attempts, tries: started.length };
}

test("a node fails after its last attempt, and each attempt is recorded with its error", async () => {
  const { result, attempts } = await tryWith({ attempts: 3 });
  expect(result).toMatchObject({ status: "failed", failedNode: "flaky", error: { message: "failure 3" } });
  expect(attempts).toMatchObject([
    { attempt: 1, status: "failed", reason: "first run", error: { message: "failure 1" }, retryInMs: 0 },
    { attempt: 2, status: "failed", reason: "retry", error: { message: "failure 2" }, retryInMs: 0 },
    { attempt: 3, status: "failed", reason: "retry", error: { message: "failure 3" } },
  ]);
  expect(attempts[2]).not.toHaveProperty("retryInMs");
});

test("a node that succeeds in time completes", async () => {
  const { result, tries } = await tryWith({ attempts: 3 }, 2);
  expect(result).toMatchObject({ status: "completed" });
  expect(tries).toBe(3);
});

test("without retry there is one attempt", async () => {
  const { result, tries } = await tryWith({ attempts: 1 });
  expect(result).toMatchObject({ status: "failed" });
  expect(tries).toBe(1);
});

test("delays double, or grow by the factor given, up to the longest delay", async () => {
  expect((await tryWith({ attempts: 4, delayMs: 100 })).delays).toEqual([100, 200, 400]);
  expect((await tryWith({ attempts: 4, delayMs: 100, factor: 3 })).delays).toEqual([100, 300, 900]);
  expect((await tryWith({ attempts: 3, delayMs: 100, factor: 1 })).delays).toEqual([100, 100]);
  expect((await tryWith({ attempts: 4, delayMs: 100, maxDelayMs: 250 })).delays).toEqual([100, 200, 250]);
  expect((await tryWith({ attempts: 3, delayMs: 20_000 })).delays).toEqual([20_000, 30_000]);
});

test("jitter shortens delays by its share at most, and the same run has the same delays", async () => {
  const retry = { attempts: 20, delayMs: 1_000, factor: 1, jitter: 0.5 };
  const { delays } = await tryWith(retry);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
  expect(new Set(delays).size).toBeGreaterThan(10);
  expect((await tryWith(retry)).delays).toEqual(delays);
  expect((await tryWith(retry, undefined, "another")).delays).not.toEqual(delays);
});

test("when decides by error and attempt whether to try again", async () => {
  const asked: [string, number][] = [];
  const when = (error: Error, attempt: number) => {
    asked.push([error.message, attempt]);
    return attempt < 2;
  };
  const { result, tries } = await tryWith({ attempts: 5, when });
  expect(result).toMatchObject({ status: "failed", error: { message: "failure 2" } });
  expect(tries).toBe(2);
  expect(asked).toEqual([
    ["failure 1", 1],
    ["failure 2", 2],
  ]);
});

test("a when that throws fails the node", async () => {
  const when = () => {
    throw new Error("when is broken");
  };
  const { result, tries } = await tryWith({ attempts: 5, when });
  const message = expect.stringMatching(
    /`retry\.when` of node "flaky" threw "when is broken" when asked about the error/,
  );
  expect(result).toMatchObject({ status: "failed", failedNode: "flaky", error: { message, code: "NODE_THREW" } });
  expect(tries).toBe(1);
});

test("each attempt gets its inputs fresh, and the caller keeps his", async () => {
  const Rows = type<number[]>("Rows");
  const seen: number[][] = [];
  const spoils = node({
    input: { rows: Rows },
    retry: { attempts: 2 },
    run: ({ rows }) => {
      seen.push([...rows]);
      rows.push(99);
      if (seen.length === 1) throw new Error("again");
    },
  });
  const rows = [1];
  expect(await new DagRunner(dag("spoils", { nodes: { spoils } })).run({ spoils: { rows } })).toMatchObject({
    status: "completed",
  });
  expect(seen).toEqual([[1], [1]]);
  expect(rows).toEqual([1]);
});

test("other nodes go on while one waits for its retry", async () => {
  const clock = new ManualClock();
  const calls: string[] = [];
  const nodes = {
    flaky: node({
      retry: { attempts: 2, delayMs: 1_000 },
      run: (_, { attempt }) => {
        calls.push(`flaky ${attempt}`);
        if (attempt === 1) throw new Error("once");
      },
    }),
    steady: node({ run: () => void calls.push("steady") }),
    after: node({ run: () => void calls.push("after") }),
  };
  const run = new DagRunner(dag("two", { nodes, edges: [["steady", "after"]] }), { clock }).run();
  await until(() => calls.length === 3);
  expect(calls).toEqual(["flaky 1", "steady", "after"]);
  await clock.advance(1_000);
  expect(await run).toMatchObject({ status: "completed" });
  expect(calls.at(-1)).toBe("flaky 2");
});

test("a restart after the last attempt gives the node its attempts anew", async () => {
  let calls = 0;
  const fails = node({
    retry: { attempts: 2 },
    run: () => {
      if (++calls < 4) throw new Error("no");
    },
  });
  const runner = new DagRunner(dag("again", { nodes: { fails } }), { provenance: new DagProvenance(memoryStore()) });
  const { runId, status } = await runner.run();
  expect([status, calls]).toEqual(["failed", 2]);
  expect(await runner.restart(runId)).toMatchObject({ status: "completed" });
  expect(calls).toBe(4);
});
