// Is the difference of two groups more than chance? If the groups did not matter, any other division of the same
// values into groups of these sizes would be as good: so divide again and again, and see how large differences get.

import type { Resampling } from "./bootstrap.js";
import type { Draw } from "./random.js";

/** The mean of `b` less the mean of `a`. */
export function differenceOfMeans(a: Int16Array, b: Int16Array): number {
  return sumUpTo(b, b.length) / b.length - sumUpTo(a, a.length) / a.length;
}

/** Divides the values of both groups at random, `times` over, and gives the difference of means of each division. */
export async function permutedDifferences(
  a: Int16Array,
  b: Int16Array,
  { times, draw, pace }: Resampling,
): Promise<number[]> {
  const all = new Int16Array([...a, ...b]);
  const sum = sumUpTo(all, all.length);
  const small = Math.min(a.length, b.length);
  const large = all.length - small;
  const sign = a.length === small ? 1 : -1;
  const differences: number[] = [];
  while (differences.length < times) {
    shuffleUpTo(all, small, draw);
    const ofSmall = sumUpTo(all, small);
    differences.push(sign * ((sum - ofSmall) / large - ofSmall / small));
    await pace(differences.length, times);
  }
  return differences;
}

/** How likely chance alone gives a difference at least as large, in either direction (Phipson and Smyth 2010). */
export function pValueOf(difference: number, permuted: readonly number[]): number {
  const asLarge = permuted.filter((one) => Math.abs(one) >= Math.abs(difference)).length;
  return (asLarge + 1) / (permuted.length + 1);
}

/** The first `length` steps of the shuffle of Fisher and Yates: what stands there is a random choice of all values. */
function shuffleUpTo(values: Int16Array, length: number, draw: Draw): void {
  for (let i = 0; i < length; i++) {
    const j = i + draw(values.length - i);
    const value = values[i] ?? 0;
    values[i] = values[j] ?? 0;
    values[j] = value;
  }
}

function sumUpTo(values: Int16Array, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[i] ?? 0;
  return sum;
}
