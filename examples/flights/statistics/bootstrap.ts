// How far would an estimate move, had other flights of the same kind been drawn? The bootstrap (Efron 1979) draws as
// many values as there are, with repeats, again and again, and looks at how the estimate spreads.

import type { Pace } from "../../shared/pace.js";
import { type Counts, rangeOf, rankOf } from "./counts.js";
import type { Draw } from "./random.js";

/** Where estimates lie that are not the least likely ones. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How to draw again. */
export interface Resampling {
  readonly times: number;
  readonly draw: Draw;
  readonly pace: Pace;
}

/** Draws from `values` again and again, and gives what `estimate` says of each draw. */
export async function resample<Estimate>(
  values: Int16Array,
  estimate: (counts: Counts) => Estimate,
  { times, draw, pace }: Resampling,
): Promise<Estimate[]> {
  const { first, last } = rangeOf(values);
  const counts = { first, times: new Uint32Array(last - first + 1), total: values.length };
  const estimates: Estimate[] = [];
  while (estimates.length < times) {
    drawAgain(values, counts, draw);
    estimates.push(estimate(counts));
    await pace(estimates.length, times);
  }
  return estimates;
}

/** Where the middle 95 % of estimates lie. */
export function intervalOf(estimates: readonly number[]): Interval {
  const sorted = Float64Array.from(estimates).sort();
  const at = (share: number) => sorted[rankOf(share, sorted.length) - 1] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975) };
}

function drawAgain(values: Int16Array, { first, times }: Counts, draw: Draw): void {
  times.fill(0);
  for (let i = 0; i < values.length; i++) {
    const place = (values[draw(values.length)] ?? 0) - first;
    times[place] = (times[place] ?? 0) + 1;
  }
}
