// A pattern names what ran: not what never did because its element failed before.

import { DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Count = type<number>("Count");

test("a pattern that names what never ran in a failed element leaves its failure alone", async () => {
  const called: string[] = [];
  const split = node({ output: list(Count), run: () => [1, 2] });
  const first = node({
    input: { x: Count },
    output: Count,
    run: ({ x }, { path }) => {
      called.push(path);
      if (x === 2) throw new Error("picky");
      return x;
    },
  });
  const second = node({ input: { x: Count }, output: Count, run: ({ x }) => x });
  const inner = dag("inner", { nodes: { first, second }, edges: [["first", "second"]] });
  const each = map(inner, { onError: "collect" });
  const outer = dag("outer", { nodes: { split, each }, edges: [["split", "each"]] });
  const runner = new DagRunner(outer, { provenance: new DagProvenance(memoryStore()) });
  const { runId } = await runner.run();
  called.length = 0;
  await expect(runner.planReplay(runId, { rerun: ["each[1]/second"] })).rejects.toMatchObject({ code: "UNKNOWN_PATH" });
  await runner.replay(runId, { rerun: ["each[*]/second"] });
  expect(called).toEqual([]);
});
