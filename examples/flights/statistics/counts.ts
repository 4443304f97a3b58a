// Delays are whole minutes: counting how often each occurs gives every quantile in one walk, without sorting.

/** How often each whole number occurs: `times[i]` is for the number `first + i`. */
export interface Counts {
  readonly first: number;
  readonly times: Uint32Array;
  readonly total: number;
}

/** Counts whole numbers; of none, `total` is 0. */
export function countsOf(values: Int16Array): Counts {
  const { first, last } = rangeOf(values);
  const times = new Uint32Array(last - first + 1);
  for (const value of values) times[value - first] = (times[value - first] ?? 0) + 1;
  return { first, times, total: values.length };
}

/** The smallest number that at least `share` (0 to 1) of the values do not exceed; NaN of none. */
export function quantileOf({ first, times, total }: Counts, share: number): number {
  const rank = rankOf(share, total);
  let upToHere = 0;
  for (let i = 0; i < times.length && total > 0; i++) {
    upToHere += times[i] ?? 0;
    if (upToHere >= rank) return first + i;
  }
  return Number.NaN;
}

/** The mean; NaN of none. */
export function meanOf({ first, times, total }: Counts): number {
  return times.reduce((sum, n, i) => sum + n * (first + i), 0) / total;
}

/** The standard deviation over all values; NaN of none. */
export function deviationOf(counts: Counts): number {
  const mean = meanOf(counts);
  return Math.sqrt(counts.times.reduce((sum, n, i) => sum + n * (counts.first + i - mean) ** 2, 0) / counts.total);
}

/** The share of values from `least` up; NaN of none. */
export function shareFrom({ first, times, total }: Counts, least: number): number {
  return times.reduce((sum, n, i) => sum + (first + i >= least ? n : 0), 0) / total;
}

/** From the smallest to the largest value; from 0 to 0 of none. */
export function rangeOf(values: Int16Array): { readonly first: number; readonly last: number } {
  let [first, last] = [values[0] ?? 0, values[0] ?? 0];
  for (const value of values) {
    if (value < first) first = value;
    if (value > last) last = value;
  }
  return { first, last };
}

/** Which of `total` sorted values is the quantile, counted from 1. */
export function rankOf(share: number, total: number): number {
  return Math.min(Math.max(Math.ceil(share * total), 1), total);
}
