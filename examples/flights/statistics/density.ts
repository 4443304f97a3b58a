// A smooth curve in the place of a histogram: every value is spread out a little, so no edges of bins show.

import { type Counts, deviationOf, quantileOf } from "./counts.js";

/** The quartiles of a normal curve lie this many standard deviations apart. */
const NORMAL_QUARTILES = 1.349;

/** How far to spread values: the rule of thumb of Silverman (1986, equation 3.31), not misled by a few far values. */
export function bandwidthOf(counts: Counts): number {
  const spread = (quantileOf(counts, 0.75) - quantileOf(counts, 0.25)) / NORMAL_QUARTILES;
  return 0.9 * Math.min(deviationOf(counts), spread) * counts.total ** -0.2;
}

/** The share of values per unit near `at`, each value spread as a normal curve of this bandwidth. */
export function densityAt({ first, times, total }: Counts, at: number, bandwidth: number): number {
  const spread = times.reduce((sum, n, i) => sum + n * Math.exp(-0.5 * ((at - first - i) / bandwidth) ** 2), 0);
  return spread / (total * bandwidth * Math.sqrt(2 * Math.PI));
}
