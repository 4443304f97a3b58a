// Random numbers from a seed, so that a run can be repeated to the last digit.

import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Draws a whole number from 0 up to `below`, which it never reaches; all are equally likely. */
export type Draw = (below: number) => number;

/** An endless row of draws, the same for the same seed. */
export function drawsFrom(seed: number): Draw {
  const generator = xoroshiro128plus(seed);
  return (below) => uniformInt(generator, 0, below - 1);
}
