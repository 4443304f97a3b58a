// Whether the cost per node grows with the size of the dag: the largest size of the engine's tables over 1,000 nodes.

import { SHAPES } from "../graph.js";
import { count, printTable, ratio } from "../table.js";
import { CONTESTANTS, type Measured } from "./engine.js";

export function printGrowth(measured: Measured): void {
  const from = measured.sizes.find((size) => size === 1_000) ?? measured.sizes[0] ?? 0;
  const to = measured.sizes.at(-1) ?? 0;
  const title = `Growth: µs per node at ${count(to)} nodes over those at ${count(from)}`;
  const head = ["", ...SHAPES.flatMap((shape) => [`${shape}, run`, "build"])];
  const rows = CONTESTANTS.map((contestant) => [
    contestant.name,
    ...SHAPES.flatMap((shape) => {
      const [small, large] = [from, to].map((size) => measured.at(contestant, shape, size));
      if (large?.cannot) return [large.cannot, "–"];
      return [ratio(large?.run, small?.run), ratio(large?.build, small?.build)];
    }),
  ]);
  printTable(title, [], [head, ...rows]);
}
