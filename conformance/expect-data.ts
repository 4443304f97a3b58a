// Events and heads are plain JSON: neither the order of their fields nor an absent one that is undefined means anything.

import { expectEqual } from "./expect-equal.js";

/** Throws an error that names the first place where two pieces of JSON differ. */
export function expectData(actual: unknown, expected: unknown, what: string): void {
  expectEqual(sorted(actual), sorted(expected), what);
}

/** A copy with the fields of all objects in one order, without those that are undefined. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sorted(field)]));
}
