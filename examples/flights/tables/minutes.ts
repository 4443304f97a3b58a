// How figures that are no whole numbers are written, the same way in every table.

import type { Interval } from "../statistics/bootstrap.js";

/** A number with so many decimals, and no minus before a zero. */
export function decimal(value: number, digits = 1): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** From the one end to the other. */
export function range({ low, high }: Interval, digits = 1): string {
  return `${decimal(low, digits)} to ${decimal(high, digits)}`;
}
