// Times and what is said of them. All that is compared is measured in turns, in another order in every round.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Graph } from "./graph.js";
import { randomFrom } from "./graph.js";

/** How often to measure: rounds, after rounds whose times are dropped. */
export interface Effort {
  readonly warmUps: number;
  readonly rounds: number;
}

setFlagsFromString("--expose-gc");
/** Collects garbage now, so that nobody pays for that of another. */
export const collect = runInNewContext("gc") as () => void;

export async function milliseconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Calls `measure` for each variant in each round, the variants shuffled; `kept` is false while warming up. */
export async function inTurns<V>(
  variants: readonly V[],
  { warmUps, rounds }: Effort,
  measure: (variant: V, kept: boolean) => Promise<void>,
): Promise<void> {
  const random = randomFrom(warmUps + rounds);
  for (let round = -warmUps; round < rounds; round++) {
    const order = variants.map((variant) => ({ variant, at: random() })).sort((a, b) => a.at - b.at);
    for (const { variant } of order) await measure(variant, round >= 0);
  }
}

/** The value that so much of all values are at most: 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Microseconds per node from the milliseconds of whole runs. */
export function perNode(graph: Pick<Graph, "size">, ms: number): number {
  return (ms * 1_000) / graph.size;
}
