// What composites are when their run stops: paused, failed, cancelled or crashed.

import { type Context, DagProvenance, DagRunner, dag, list, map, node, type Store, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { faultyStore } from "../support/faulty-store.js";
import { gate, ManualClock, settled } from "../support/manual-clock.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");

/** A map of maps whose cell [1][0] does something, while [1][1] waits and the row [2] does not begin. */
function stopping(store: Store, cell: (ctx: Context) => unknown) {
  const waits = gate();
  const started: string[] = [];
  const child = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }, ctx) => {
      started.push(ctx.path);
      if (ctx.path === "grid[1][0]") {
        await until(() => started.includes("grid[1][1]"));
        cell(ctx);
      }
      if (ctx.path === "grid[1][1]") {
        ctx.signal.addEventListener("abort", () => waits.resolve());
        await waits.promise;
        ctx.signal.throwIfAborted();
      }
      return n;
    },
  });
  const give = node({ output: list(list(Num)), run: () => [[1], [2, 3], [4]] });
  const provenance = new DagProvenance(store, { durability: "sync" });
  const nodes = { give, grid: map(map(child), { concurrency: 1 }) };
  const made = dag("stops", { nodes, edges: [["give", "grid"]] });
  const runner = new DagRunner(made, { provenance, clock: new ManualClock() });
  const run = runner.run();
  const statuses = async (): Promise<Record<string, string>> => {
    const { executions } = await new DagProvenance(store).inspect(run.runId);
    return Object.fromEntries(executions.map(({ path, status }) => [path, status]));
  };
  return { made, provenance, run, started, statuses, waits };
}

const FIRST_ROW = { give: "completed", "grid[0]": "completed", "grid[0][0]": "completed" };

test("in a paused run the composites around the pause are paused", async () => {
  const { provenance, run, started, statuses, waits } = stopping(memoryStore(), (ctx) => ctx.pause("why?"));
  await until(() => started.includes("grid[1][1]"));
  waits.resolve();
  expect(await run).toMatchObject({ status: "paused" });
  const paused = { grid: "paused", "grid[1]": "paused", "grid[1][0]": "paused", "grid[1][1]": "completed" };
  expect(await statuses()).toEqual({ ...FIRST_ROW, ...paused });
  const { executions } = await provenance.inspect(run.runId);
  const children = executions.filter(({ composite }) => composite).map((one) => [one.path, one.children]);
  expect(children).toEqual([
    ["grid", { completed: 1, paused: 1 }],
    ["grid[0]", { completed: 1 }],
    ["grid[1]", { completed: 1, paused: 1 }],
  ]);
});

test("in a failed run the composites around the failure are failed", async () => {
  const { run, statuses } = stopping(memoryStore(), () => {
    throw new Error("broken");
  });
  expect(await run).toMatchObject({ status: "failed", failedNode: "grid[1][0]" });
  const failed = { grid: "failed", "grid[1]": "failed", "grid[1][0]": "failed", "grid[1][1]": "aborted" };
  expect(await statuses()).toEqual({ ...FIRST_ROW, ...failed });
});

test("in a cancelled run the composites that were open are aborted", async () => {
  const { run, started, statuses } = stopping(memoryStore(), () => {});
  await until(() => started.includes("grid[1][1]"));
  run.cancel();
  expect(await run).toMatchObject({ status: "cancelled" });
  const aborted = { grid: "aborted", "grid[1]": "aborted", "grid[1][0]": "completed", "grid[1][1]": "aborted" };
  expect(await statuses()).toEqual({ ...FIRST_ROW, ...aborted });
});

test("in a crashed run the composites that were open are running, and interrupted once it is restarted", async () => {
  const store = faultyStore(memoryStore());
  const { made, run, started, statuses, waits } = stopping(store, () => {});
  await until(() => started.includes("grid[1][1]"));
  await settled();
  store.dieAt(1);
  waits.resolve();
  await expect(run).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  store.revive();
  const open = await statuses();
  expect(open).toMatchObject({ ...FIRST_ROW, grid: "running", "grid[1]": "running" });
  const clock = new ManualClock(10_000_000);
  const again = new DagRunner(made, { provenance: new DagProvenance(store), clock }).restart(run.runId);
  expect(await again).toMatchObject({ status: "completed", outputs: { grid: [[1], [2, 3], [4]] } });
  const { executions } = await new DagProvenance(store).inspect(run.runId);
  expect(executions.find(({ path }) => path === "grid[1]")?.attempts).toMatchObject([
    { status: "interrupted" },
    { status: "completed" },
  ]);
});
