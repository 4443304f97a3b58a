// What it costs that nobody changes what others see: one producer, four consumers, nothing recorded and recorded in
// memory. Shared outputs (`share: true`) are frozen but not copied, so the difference to them is the price of copies.

import { type AnyNode, DagProvenance, DagRunner, dag, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";

const Value = type<unknown>("Value");
const CONSUMERS = ["a", "b", "c", "d"];
const ROUNDS = Number(process.env.ROUNDS ?? 200);

const rows = () =>
  Array.from({ length: 1_000 }, (_, i) => ({ id: i, name: `row ${i}`, cost: i / 3, tags: ["x", "y"] }));
const VALUES: Record<string, () => unknown> = {
  "a number": () => 1,
  "1,000 rows of 4 fields": rows,
  "the same with a Date": () => ({ at: new Date(0), rows: rows() }),
  "a Map of 1,000 rows": () => new Map(rows().map((row) => [row.id, row])),
  "1 MiB of bytes": () => new Uint8Array(1 << 20),
};

function runnerFor(make: () => unknown, share: boolean, recorded: boolean) {
  const produce = node({ output: Value, share, run: make });
  const consume: AnyNode = node({ input: { value: Value }, run: () => {} });
  const nodes = { produce, ...Object.fromEntries(CONSUMERS.map((label) => [label, consume])) };
  const edges = CONSUMERS.map((label) => ["produce", label] as const);
  return () => {
    const options = recorded ? { provenance: new DagProvenance(memoryStore()) } : {};
    return new DagRunner(dag("isolation", { nodes, edges }), options).run();
  };
}

async function microseconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) * 1_000;
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

async function measure(make: () => unknown): Promise<number[]> {
  const variants: (() => unknown)[] = [make];
  for (const recorded of [false, true])
    for (const share of [true, false]) variants.push(runnerFor(make, share, recorded));
  const times = variants.map((): number[] => []);
  for (let round = -10; round < ROUNDS; round++) {
    for (const [i, variant] of variants.entries()) {
      const time = await microseconds(variant);
      if (round >= 0) times[i]?.push(time);
    }
  }
  return times.map(median);
}

const table = [
  "| µs a run, median | made | shared | isolated | shared, recorded | isolated, recorded |",
  "|---|---|---|---|---|---|",
];
for (const [name, make] of Object.entries(VALUES)) {
  const times = await measure(make);
  table.push(`| ${name} | ${times.map((time) => time.toFixed(0)).join(" | ")} |`);
}
console.log(table.join("\n"));
