// concurrency: how many nodes of one run execute at a time.

import { DagRunner, dag, type Node, node } from "heddle";
import { expect, test } from "vitest";
import { gate } from "../support/manual-clock.js";
import { until } from "../support/until.js";

/** Many independent nodes that end when told, and how many of them run. */
function crowd(size: number) {
  const ends: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const member = node({
    run: async () => {
      most = Math.max(most, ++running);
      const end = gate();
      ends.push(end.resolve);
      await end.promise;
      running--;
    },
  });
  const nodes: Record<string, Node> = Object.fromEntries(Array.from({ length: size }, (_, i) => [`n${i}`, member]));
  return { ends, nodes, most: () => most, running: () => running };
}

test("no more nodes run at a time than the limit says, and no fewer while there is work", async () => {
  const { ends, nodes, most, running } = crowd(10);
  const run = new DagRunner(dag("crowd", { nodes }), { concurrency: 3 }).run();
  for (let ended = 0; ended < 10; ended++) {
    await until(() => running() === Math.min(3, 10 - ended));
    ends[ended]?.();
  }
  expect(await run).toMatchObject({ status: "completed" });
  expect(most()).toBe(3);
});

test("without a limit all that is ready runs", async () => {
  const { ends, nodes, running } = crowd(10);
  const run = new DagRunner(dag("crowd", { nodes })).run();
  await until(() => running() === 10);
  for (const end of ends) end();
  expect(await run).toMatchObject({ status: "completed" });
});

test("a limit of 1 runs a node at a time, in the order of declaration", async () => {
  const calls: string[] = [];
  const log = node({
    run: async (_, { label }) => {
      calls.push(`+${label}`);
      await Promise.resolve();
      calls.push(`-${label}`);
    },
  });
  await new DagRunner(dag("three", { nodes: { a: log, b: log, c: log } }), { concurrency: 1 }).run();
  expect(calls).toEqual(["+a", "-a", "+b", "-b", "+c", "-c"]);
});

test.each([[0], [-1], [Number.NaN], ["2"], [null]])("the limit %j is refused", (concurrency) => {
  const make = () => new DagRunner(dag("one", { nodes: { one: node({ run: () => {} }) } }), { concurrency } as never);
  expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
  expect(make).toThrow(/`concurrency` to be a whole number from 1 and up/);
});
