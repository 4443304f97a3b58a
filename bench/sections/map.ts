// A map over many trivial elements beside p-map: the same async function, the same concurrency, every result checked.

import { DagProvenance, DagRunner, dag, list, map, node, type } from "heddle";
import { memoryStore } from "heddle/adapters/memory";
import pMap from "p-map";
import { resultOf } from "../child.js";
import type { MapHeap } from "../children/map-heap.js";
import type { InspectTimes } from "../children/map-inspect.js";
import { collect, type Effort, inTurns, milliseconds, perNode } from "../measure.js";
import { PLACES } from "../stores.js";
import { count, digits, printTable, ratio, spread } from "../table.js";

const CONCURRENCY = 16;
const Num = type<number>("Num");
const Nums = list(Num);
const add = async ({ x }: { readonly x: number }) => x + 1;
const one = node({ input: { x: Num }, output: Num, run: add });
const two = dag("two", { nodes: { one, again: one }, edges: [["one", "again"]] });

interface Variant {
  readonly name: string;
  /** Adds one to every element, or two. */
  readonly adds: number;
  prepare(elements: readonly number[]): () => Promise<readonly number[]>;
}

const mapped = (sub: typeof one | typeof two, isRecorded: boolean) => (elements: readonly number[]) => {
  const source = node({ output: Nums, run: () => elements as number[] });
  const each = map(sub as typeof one, { concurrency: CONCURRENCY });
  const over = dag("over", { nodes: { source, each }, edges: [["source", "each"]] });
  return async () => {
    const provenance = isRecorded ? { provenance: new DagProvenance(memoryStore()) } : {};
    const result = await new DagRunner(over, provenance).run();
    if (result.status !== "completed") throw new Error(`The map ended ${result.status}.`);
    return result.outputs.each;
  };
};

const VARIANTS: readonly Variant[] = [
  {
    name: "p-map",
    adds: 1,
    prepare: (elements) => () => pMap(elements, (x) => add({ x }), { concurrency: CONCURRENCY }),
  },
  { name: "heddle, a node", adds: 1, prepare: mapped(one, false) },
  { name: "heddle, a dag of two", adds: 2, prepare: mapped(two, false) },
  { name: "heddle, a node, recorded in memory", adds: 1, prepare: mapped(one, true) },
  { name: "heddle, a dag of two, recorded in memory", adds: 2, prepare: mapped(two, true) },
];

const EFFORTS: ReadonlyMap<number, Effort & { readonly runs: number }> = new Map([
  [1_000, { warmUps: 3, rounds: 15, runs: 20 }],
  [10_000, { warmUps: 2, rounds: 9, runs: 2 }],
  [100_000, { warmUps: 1, rounds: 5, runs: 1 }],
]);
const SMALL: typeof EFFORTS = new Map([[200, { warmUps: 1, rounds: 2, runs: 1 }]]);

/** From here on garbage is collected before a run. */
const LARGE = 10_000;

export async function maps(small: boolean): Promise<void> {
  const efforts = small ? SMALL : EFFORTS;
  const sizes = [...efforts.keys()];
  const times = new Map(VARIANTS.map((variant) => [variant, new Map(sizes.map((size) => [size, [] as number[]]))]));
  for (const [size, effort] of efforts) {
    console.error(`map: ${count(size)}`);
    const elements = Array.from({ length: size }, (_, i) => i);
    await inTurns(VARIANTS, effort, async (variant, kept) => {
      // As in the section "engine": small runs suffer from a collection just before them.
      if (size >= LARGE) collect();
      const run = variant.prepare(elements);
      check(variant, elements, await run());
      const ms = await milliseconds(async () => {
        for (let i = 0; i < effort.runs; i++) await run();
      });
      if (kept)
        times
          .get(variant)
          ?.get(size)
          ?.push(perNode({ size }, ms / effort.runs));
    });
  }
  const [base] = VARIANTS as [Variant];
  const head = ["µs an element", ...sizes.flatMap((size) => [count(size), `× ${base.name}`]), "largest / smallest"];
  const rows = VARIANTS.map((variant) => {
    const own = times.get(variant);
    const cells = sizes.flatMap((size) => [spread(own?.get(size)), ratio(own?.get(size), times.get(base)?.get(size))]);
    return [variant.name, ...cells, ratio(own?.get(sizes.at(-1) as number), own?.get(sizes[0] as number))];
  });
  printTable("Map over trivial async elements", [`${CONCURRENCY} elements at a time.`], [head, ...rows]);
  await heapOfMaps(small);
  await looksAtMaps(small ? 1_000 : 100_000);
}

function check({ name, adds }: Variant, elements: readonly number[], results: readonly number[]): void {
  if (results.length !== elements.length || results.some((result, i) => result !== (elements[i] as number) + adds))
    throw new Error(`${name} gave wrong results.`);
}

async function heapOfMaps(small: boolean): Promise<void> {
  const rows: string[][] = [["", "elements", "MB: input and results", "MB more at the peak", "journal, bytes a child"]];
  for (const place of [undefined, ...PLACES]) {
    for (const size of small ? [200] : [10_000, 1_000_000]) {
      if (place === "memory" && size > 100_000) continue;
      console.error(`map: heap of ${count(size)}, ${place ?? "nothing recorded"}`);
      const { held, peak, journal } = await resultOf<MapHeap>("map-heap", { size, place });
      const megabytes = (bytes: number) => digits(bytes / 2 ** 20);
      const stored = journal === undefined ? "–" : digits(journal / size);
      rows.push([place ?? "nothing recorded", count(size), megabytes(held), megabytes(peak), stored]);
    }
  }
  printTable("Heap of a map", HEAP_NOTES, rows);
}

const HEAP_NOTES = [
  "Live bytes, each number from a process that does nothing else: what the list of elements and the list of results take, and how much more a run took at the highest of ten looks. A record in memory of course grows with the elements.",
];

async function looksAtMaps(size: number): Promise<void> {
  const rows: string[][] = [["ms", "whole tree", "counts only", "first page", "next page", "output of the map"]];
  for (const place of PLACES) {
    console.error(`map: inspection of ${count(size)}, ${place}`);
    const { tree, counts, firstPage, nextPage, output } = await resultOf<InspectTimes>("map-inspect", { size, place });
    rows.push([place, ...[tree, counts, firstPage, nextPage, output].map(digits)]);
  }
  printTable(`Looking at a run with ${count(size)} children`, INSPECT_NOTES, rows);
}

const INSPECT_NOTES = ["Each but the next page reads the whole journal. A page is 100 children."];
