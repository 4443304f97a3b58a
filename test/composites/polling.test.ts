// Looking at a run with composites while it goes on, again and again.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type RunInspection, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { describe, expect, test } from "vitest";
import { gate, ManualClock } from "../support/manual-clock.js";
import { STORES } from "../support/stores.js";
import { until } from "../support/until.js";

const Num = type<number>("Num");
const RUN = "the-run";
const MOST_LOOKS = 10_000;
const numbers = (count: number) => node({ output: list(Num), run: () => Array.from({ length: count }, (_, i) => i) });
const plusOne = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const completed = ({ executions }: RunInspection) => executions.filter(({ status }) => status === "completed").length;

/** A map whose elements wait for one another's gates. */
function waiting(count: number) {
  const gates = Array.from({ length: count }, () => gate());
  const started: string[] = [];
  const wait = node({
    input: { n: Num },
    output: Num,
    run: async ({ n }, { path, progress, log }) => {
      started.push(path);
      progress(1, 2);
      log("waiting");
      await gates[n]?.promise;
      return n;
    },
  });
  const sub = dag("sub", { nodes: { wait, plusOne }, edges: chain("wait", "plusOne") });
  const nodes = { give: numbers(count), each: map(sub) };
  return { gates, started, made: dag("waits", { nodes, edges: [["give", "each"]] }) };
}

describe.each(Object.entries(STORES))("%s", (_, create) => {
  test("several looks at once see what one look by somebody else sees, as the run goes on", async () => {
    const { gates, started, made } = waiting(4);
    const store = create();
    const provenance = new DagProvenance(store, { durability: "sync" });
    const run = new DagRunner(made, { provenance }).run({}, { runId: RUN });
    await until(() => started.length === gates.length);
    const kept: [RunInspection, string][] = [];
    for (const [i, one] of gates.entries()) {
      one.resolve();
      let fresh = await new DagProvenance(store).inspect(RUN);
      for (let round = 0; completed(fresh) < 1 + 2 * (i + 1); round++) {
        if (round === MOST_LOOKS) throw new Error("The run does not go on.");
        // Looks at a store in memory never leave the event loop a turn, which the run may need.
        await new Promise((resolve) => setImmediate(resolve));
        // Many looks while events arrive: none may fail, or see an event twice.
        const looks = await Promise.all([provenance.inspect(RUN), provenance.getRun(RUN), provenance.inspect(RUN)]);
        expect(looks[2].run.events).toBeGreaterThanOrEqual(looks[0].run.events);
        fresh = await new DagProvenance(store).inspect(RUN);
      }
      if (i < gates.length - 1) {
        const looks = await Promise.all([1, 2, 3].map(() => provenance.inspect(RUN)));
        for (const look of looks) if (look.run.events === fresh.run.events) expect(look).toEqual(fresh);
        expect(await provenance.loadOutput(RUN, `each[${i}]/plusOne`)).toBe(i + 1);
      }
      kept.push([fresh, JSON.stringify(fresh)]);
    }
    await run;
    expect(await provenance.inspect(RUN)).toEqual(await new DagProvenance(store).inspect(RUN));
    expect(completed(await provenance.inspect(RUN))).toBe(2 + 2 * gates.length);
    for (const [inspection, text] of kept) expect(JSON.stringify(inspection)).toBe(text);
  });

  test("looks at two runs in turn do not disturb each other", async () => {
    const provenance = new DagProvenance(create());
    const runs = [2, 3].map((count) => {
      const nodes = { give: numbers(count), each: map(plusOne) };
      return new DagRunner(dag("each", { nodes, edges: [["give", "each"]] }), { provenance }).run();
    });
    await Promise.all(runs);
    const looks = await Promise.all([0, 1, 0, 1, 1, 0].map((i) => provenance.inspect(runs[i]?.runId as string)));
    expect(looks.map(completed)).toEqual([4, 5, 4, 5, 5, 4]);
  });

  test("an inspection that was returned does not change when the run goes on, is restarted, or is looked at again", async () => {
    const provenance = new DagProvenance(create(), { durability: "sync" });
    const asks = node({
      input: { n: Num },
      output: Num,
      run: ({ n }, ctx) => n + (ctx.pause("n?", undefined, Num) as number),
    });
    const nodes = { give: numbers(3), each: map(asks) };
    const runner = new DagRunner(dag("asks", { nodes, edges: [["give", "each"]] }), { provenance });
    const paused = await runner.run({}, { runId: RUN });
    if (paused.status !== "paused") throw new Error(paused.status);
    const before = await provenance.inspect(RUN);
    const text = JSON.stringify(before);
    const resume = Object.fromEntries(paused.pauses.map(({ path }) => [path, 10]));
    await runner.restart(RUN, { resume });
    const after = await provenance.inspect(RUN);
    expect(JSON.stringify(after)).not.toBe(text);
    expect(JSON.stringify(before)).toBe(text);
  });
});

test("inspections that a reader spoils do not spoil later ones", async () => {
  const provenance = new DagProvenance(memoryStore());
  const { gates, made } = waiting(2);
  for (const one of gates) one.resolve();
  await new DagRunner(made, { provenance }).run({}, { runId: RUN });
  const first = await provenance.inspect(RUN);
  const text = JSON.stringify(first);
  const attempt = first.executions.find(({ path }) => path === "each[0]/wait")?.attempts[0];
  (attempt?.logs as unknown[]).length = 0;
  Object.assign(attempt?.progress as object, { done: 99 });
  (first.executions as unknown[]).length = 0;
  expect(JSON.stringify(await provenance.inspect(RUN))).toBe(text);
});

test.each([0, 1])(
  "a run that is removed and begun again under its name %i ms later is another run",
  async (laterMs) => {
    const clock = new ManualClock();
    const provenance = new DagProvenance(memoryStore());
    const runOf = (count: number) => {
      const nodes = { give: numbers(count), each: map(plusOne) };
      const made = dag(`each of ${count}`, { nodes, edges: [["give", "each"]] });
      return new DagRunner(made, { provenance, clock }).run({}, { runId: RUN });
    };
    await runOf(2);
    expect(completed(await provenance.inspect(RUN))).toBe(4);
    await provenance.removeRun(RUN);
    await clock.advance(laterMs);
    await runOf(5);
    const { run, executions } = await provenance.inspect(RUN);
    expect(run.dag).toBe("each of 5");
    expect(executions.map(({ path }) => path)).toEqual(["give", "each", ...[0, 1, 2, 3, 4].map((i) => `each[${i}]`)]);
    expect(await provenance.loadOutput(RUN, "each")).toEqual([1, 2, 3, 4, 5]);
  },
);
