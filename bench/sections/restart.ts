// Reading back what was stored, for a restart that executes one node. Linear, if the columns per completion stay level.

import { resultOf } from "../child.js";
import type { RestartRequest, RestartResult } from "../children/restart.js";
import type { Shape } from "../graph.js";
import { PLACES } from "../stores.js";
import { count, printTable, spread } from "../table.js";

type Rounds = Pick<RestartRequest, "warmUps" | "rounds">;

const RESTART_SHAPES: readonly Shape[] = ["chain", "wide"];
const EFFORTS: ReadonlyMap<number, Rounds> = new Map([
  [1_000, { warmUps: 3, rounds: 10 }],
  [10_000, { warmUps: 1, rounds: 4 }],
  [100_000, { warmUps: 0, rounds: 2 }],
]);
const SMALL: ReadonlyMap<number, Rounds> = new Map([100, 199].map((stored) => [stored, { warmUps: 1, rounds: 2 }]));

export async function restart(small: boolean): Promise<void> {
  const rows = [
    ["", ...RESTART_SHAPES.flatMap((shape) => [`${shape}: ms`, "µs a completion", "peak heap, bytes a completion"])],
  ];
  for (const place of PLACES) {
    for (const [stored, effort] of small ? SMALL : EFFORTS) {
      const row = [`${place}, ${count(stored)} stored`];
      for (const shape of RESTART_SHAPES) row.push(...(await cells({ place, shape, stored, ...effort })));
      rows.push(row);
    }
  }
  printTable("Restart of a run whose last node failed", NOTES, rows);
}

async function cells(request: RestartRequest): Promise<string[]> {
  const { ms, peakBytes } = await resultOf<RestartResult>("restart", request);
  const each = ms.map((time) => (time * 1_000) / request.stored);
  return [spread(ms), spread(each), count(Math.round(peakBytes / request.stored))];
}

const NOTES = [
  "The last node reads one output in a chain and all of them in the wide dag. Heap: live bytes above those before the restart, so a store in memory is not counted itself.",
];
