// An executor may run every node in another place, and take its time to find out where.

import { chain, DagProvenance, DagRunner, dag, type Executor, node, type Place, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");
const one = node({ output: Num, run: () => 1 });
const add = node({ input: { n: Num }, output: Num, run: ({ n }) => n + 1 });
const work = dag("work", { nodes: { one, add }, edges: chain("one", "add") });

/** Runs functions here, under another name. */
function placeNamed(name: string): Place {
  return { name, execute: ({ node: { run }, input, context }) => run(input, context) };
}

function executorWith(place: Executor["place"]): Executor {
  return { ...placeNamed("here"), ...(place ? { place } : {}) };
}

async function run(executor: Executor) {
  const provenance = new DagProvenance(memoryStore());
  const result = await new DagRunner(work, { executor, provenance }).run();
  const { executions } = await provenance.inspect(result.runId);
  return { result, places: executions.map(({ attempts }) => attempts[0]?.executor) };
}

test("the record says where each node ran, whether that was known at once or later", async () => {
  const place = (which: typeof one | typeof add) => (which === one ? placeNamed("there") : undefined);
  const late = async (which: typeof one) => placeNamed(which === one ? "far" : "farther");
  for (const [executor, places] of [
    [executorWith(undefined), ["here", "here"]],
    [executorWith((which) => place(which) ?? placeNamed("elsewhere")), ["there", "elsewhere"]],
    [executorWith(late as Executor["place"]), ["far", "farther"]],
  ] as const) {
    const { result, places: recorded } = await run(executor);
    expect(result).toMatchObject({ status: "completed", outputs: { add: 2 } });
    expect(recorded).toEqual(places);
  }
});

test("a place that cannot be found fails the node", async () => {
  const faults: readonly Executor["place"][] = [
    () => {
      throw new Error("nowhere");
    },
    () => Promise.reject(new Error("nowhere")),
  ];
  for (const fault of faults) {
    const { result, places } = await run(executorWith(fault));
    expect(result).toMatchObject({ status: "failed", failedNode: "one", error: { message: "nowhere" } });
    expect(places[0]).toBe("here");
  }
});

test("a run that is cancelled while a place is looked for starts nothing", async () => {
  const calls: string[] = [];
  let found!: (place: Place) => void;
  const executor = executorWith(() => new Promise<Place>((resolve) => (found = resolve)));
  const running = new DagRunner(work, { executor }).run();
  await new Promise((resolve) => setTimeout(resolve));
  running.cancel();
  found({ name: "late", execute: () => calls.push("called") });
  expect(await running).toMatchObject({ status: "cancelled" });
  expect(calls).toEqual([]);
});
