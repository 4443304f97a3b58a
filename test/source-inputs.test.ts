// What the caller gives to a run stays the caller's, and what the run took of it stays the run's.

import { deepStrictEqual } from "node:assert/strict";
import { DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { expect, test } from "vitest";
import { settled } from "./support/manual-clock.js";

const Any = type<unknown>("Any");

/** A run of one node that looks at its input, with a promise of what the caller may do meanwhile. */
function taking(act: (value: never, attempt: number) => unknown) {
  const take = node({
    input: { v: Any },
    retry: { attempts: 2 },
    run: async ({ v }, { attempt }) => {
      await settled();
      return act(v as never, attempt);
    },
  });
  const provenance = new DagProvenance(memoryStore());
  return { provenance, runner: new DagRunner(dag("taking", { nodes: { take } }), { provenance }) };
}

test("source inputs are copies: the caller's objects are neither changed nor frozen, and each attempt gets fresh ones", async () => {
  const make = () => ({ list: [{ n: 1 }], map: new Map([["k", { n: 1 }]]), bytes: Uint8Array.of(1) });
  const given = make();
  const { runner, provenance } = taking((v: typeof given, attempt) => {
    deepStrictEqual(v, make());
    v.list.push({ n: 2 });
    Object.assign(v.list[0] ?? {}, { n: 2 });
    Object.assign(v.map.get("k") ?? {}, { n: 2 });
    v.bytes.fill(2);
    if (attempt === 1) throw new Error("once more");
  });
  const result = await runner.run({ take: { v: given } });
  expect(result).toMatchObject({ status: "completed" });
  deepStrictEqual(given, make());
  expect([given, given.list, given.list[0], given.map.get("k")].some(Object.isFrozen)).toBe(false);
  deepStrictEqual(await provenance.loadInputs(result.runId, "take"), { v: make() });
});

test("source inputs are taken when the run starts: what the caller changes afterwards is not seen", async () => {
  const given = { list: [1], at: new Date(1) };
  let seen: unknown;
  const { runner, provenance } = taking((v) => {
    seen = v;
  });
  const run = runner.run({ take: { v: given } });
  given.list.push(2);
  given.at.setTime(2);
  const { runId } = await run;
  deepStrictEqual(seen, { list: [1], at: new Date(1) });
  const inputs = { take: { v: given } };
  const replay = runner.replay(runId, { inputs });
  given.list.push(3);
  deepStrictEqual(await provenance.loadInputs((await replay).runId, "take"), {
    v: { list: [1, 2], at: new Date(2) },
  });
  deepStrictEqual(seen, { list: [1, 2], at: new Date(2) });
});
