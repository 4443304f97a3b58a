// Live heap per node, each number from a process that does nothing else.

import { resultOf } from "../child.js";
import type { HeapResult } from "../children/heap.js";
import type { Shape } from "../graph.js";
import { PLACES } from "../stores.js";
import { count, printTable } from "../table.js";

const HEAP_SHAPES: readonly Shape[] = ["chain", "wide"];

export async function heap(small: boolean): Promise<void> {
  const size = small ? 200 : 100_000;
  const head = ["bytes a node", ...HEAP_SHAPES.flatMap((shape) => [`${shape}: written`, "declared", "peak", "kept"])];
  const rows = [head];
  for (const place of [undefined, ...PLACES]) {
    const row = [place ? `recorded in ${place}` : "nothing recorded"];
    for (const shape of HEAP_SHAPES) {
      const found = await resultOf<HeapResult>("heap", { shape, size, place });
      row.push(...[found.written, found.declared, found.peak, found.kept].map((bytes) => count(Math.round(bytes))));
    }
    rows.push(row);
  }
  printTable(`Heap, ${count(size)} nodes`, NOTES, rows);
}

const NOTES = [
  "Written: nodes and edges as the user wrote them, labels not counted. Declared: what the dag made of them keeps, the nodes included. Peak: what a run adds to that, at the highest of six looks. Kept: what is left of it while the dag, the result, the runner and the store are held.",
];
