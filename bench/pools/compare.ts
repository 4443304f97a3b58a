// Measures a group, wherever its works are done, and prints its table.

import { inTurns } from "../measure.js";
import { printTable, ratio, spread } from "../table.js";
import type { Described } from "./group.js";

/** Measures the works of a group in turns, and prints their table. */
export async function compare(
  where: string,
  { title, columns, bases, notes, effort, names }: Described,
  sample: (name: string) => Promise<readonly number[]>,
): Promise<void> {
  console.error(`workers: ${title}, ${where}`);
  const times = new Map(names.map((name) => [name, columns.map((): number[] => [])]));
  await inTurns(names, effort, async (name, kept) => {
    const values = await sample(name);
    if (kept) for (const [column, value] of values.entries()) times.get(name)?.[column]?.push(value);
  });
  const known = bases.filter((base) => times.has(base));
  const rows = [...times].map(([name, own]) => [
    name,
    ...own.map(spread),
    ...known.map((base) => ratio(own[0], times.get(base)?.[0])),
  ]);
  printTable(`${title}, ${where}`, notes, [["", ...columns, ...known.map((base) => `× ${base}`)], ...rows]);
}
