// restart({ rerun }) that names failed elements of an outer map and of an inner one together.

import { chain, DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";

const Num = type<number>("Num");

test("failed elements of an outer map and of a map inside another of its elements are executed again together", async () => {
  const calls: string[] = [];
  let broken = true;
  const first = node({
    input: { row: list(Num) },
    output: list(Num),
    run: ({ row }, { path }) => {
      calls.push(path);
      if (broken && row.length === 1) throw new Error("short");
      return row;
    },
  });
  const cell = node({
    input: { n: Num },
    output: Num,
    run: ({ n }, { path }) => {
      calls.push(path);
      if (broken && n === 1) throw new Error("one");
      return n;
    },
  });
  const cells = map(cell, { onError: "collect" });
  const sub = dag("sub", { nodes: { first, cells }, edges: chain("first", "cells") });
  const grid = node({ output: list(list(Num)), run: () => [[1, 2], [3]] });
  const nodes = { grid, rows: map(sub, { onError: "collect" }) };
  const runner = new DagRunner(dag("nested", { nodes, edges: [["grid", "rows"]] }), {
    provenance: new DagProvenance(memoryStore()),
  });
  const { runId, collected } = await runner.run();
  expect(collected.map(({ path }) => path).sort()).toEqual(["rows[0]/cells[0]", "rows[1]"]);
  calls.length = 0;
  broken = false;
  const result = await runner.restart(runId, { rerun: ["rows[0]/cells[0]", "rows[1]"] });
  expect([...calls].sort()).toEqual(["rows[0]/cells[0]", "rows[1]/cells[0]", "rows[1]/first"]);
  const value = <T>(one: T) => ({ status: "completed", value: one });
  expect(result).toMatchObject({
    status: "completed",
    outputs: { rows: [value([value(1), value(2)]), value([value(3)])] },
    collected: [],
  });
});
