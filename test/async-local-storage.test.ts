import { DagRunner, dag, node, type } from "heddle";
import { asyncLocalStorage } from "heddle/adapters/async-local-storage";
import { expect, test } from "vitest";

const Where = type<string>("Where");

test("nested code knows on whose behalf it runs, also after awaiting, and nobody else's", async () => {
  const executor = asyncLocalStorage();
  const here = () => `${executor.current()?.runId} ${executor.current()?.label}`;
  const ask = node({
    output: Where,
    run: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return here();
    },
  });
  const sync = node({ output: Where, run: () => here() });
  const runner = new DagRunner(dag("who", { nodes: { ask, again: ask, sync } }), { executor });
  const [first, second] = await Promise.all([runner.run({}, { runId: "one" }), runner.run({}, { runId: "two" })]);
  expect(first.outputs).toEqual({ ask: "one ask", again: "one again", sync: "one sync" });
  expect(second.outputs).toEqual({ ask: "two ask", again: "two again", sync: "two sync" });
  expect(executor.current()).toBeUndefined();
});
