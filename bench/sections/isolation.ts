// What it costs that nobody changes what others see: one producer, four consumers, nothing recorded and recorded in
// memory. Shared outputs (`share: true`) are frozen but not copied, so the difference to them is the price of copies.

import { type AnyNode, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import { inTurns, milliseconds } from "../measure.js";
import { printTable, spread } from "../table.js";

const Value = type<unknown>("Value");
const CONSUMERS = ["a", "b", "c", "d"];

const rows = () =>
  Array.from({ length: 1_000 }, (_, i) => ({ id: i, name: `row ${i}`, cost: i / 3, tags: ["x", "y"] }));
const VALUES: Record<string, () => unknown> = {
  "a number": () => 1,
  "1,000 rows of 4 fields": rows,
  "the same with a Date": () => ({ at: new Date(0), rows: rows() }),
  "a Map of 1,000 rows": () => new Map(rows().map((row) => [row.id, row])),
  "1 MiB of bytes": () => new Uint8Array(1 << 20),
};

export async function isolation(small: boolean): Promise<void> {
  const effort = small ? { warmUps: 1, rounds: 2 } : { warmUps: 10, rounds: 200 };
  const table = [["µs a run", "made", "shared", "isolated", "shared, recorded", "isolated, recorded"]];
  for (const [name, make] of Object.entries(VALUES)) {
    const variants = variantsOf(make);
    await inTurns(variants, effort, async ({ work, times }, kept) => {
      const ms = await milliseconds(work);
      if (kept) times.push(ms * 1_000);
    });
    table.push([name, ...variants.map(({ times }) => spread(times))]);
  }
  printTable("Isolation: a value for four consumers", [], table);
}

function variantsOf(make: () => unknown) {
  const works: (() => unknown)[] = [make];
  for (const recorded of [false, true]) {
    for (const share of [true, false]) works.push(runnerFor(make, share, recorded));
  }
  return works.map((work) => ({ work, times: [] as number[] }));
}

function runnerFor(make: () => unknown, share: boolean, recorded: boolean) {
  const produce = node({ output: Value, share, run: make });
  const consume: AnyNode = node({ input: { value: Value }, run: () => {} });
  const nodes = { produce, ...Object.fromEntries(CONSUMERS.map((label) => [label, consume])) };
  const edges = CONSUMERS.map((label) => ["produce", label] as const);
  return async () => {
    const options = recorded ? { provenance: new DagProvenance(memoryStore()) } : {};
    const { status } = await new DagRunner(dag("isolation", { nodes, edges }), options).run();
    if (status !== "completed") throw new Error(`Isolation: the run is ${status}.`);
  };
}
