// Which rows of a file can be used? A row that breaks a rule is left out, and counted at the first rule it breaks.

import type { MalformedRow } from "../shared/csv.js";
import type { Pace } from "../shared/pace.js";
import { Tally } from "../shared/tally.js";
import type { Intake } from "./schemas.js";

/** Rules by what is wrong with a row that breaks them; a rule is true of a row that keeps it. */
export type Rules<Row> = Readonly<Record<string, (row: Row) => boolean>>;

/** A file as its rows. */
export interface Source<Row> {
  readonly file: string;
  readonly rows: readonly Row[];
  /** Rows that could not even be read. */
  readonly malformed?: readonly MalformedRow[];
}

/** The rows that can be used, and what became of the others. */
export interface Sifted<Row> {
  readonly sound: readonly Row[];
  readonly intake: Intake;
}

const MALFORMED = "the row is no proper CSV";
const REPEATED = "equal to an earlier row: kept all the same";

/** Sifts the rows of a file. */
export async function sift<Row>(
  { file, rows, malformed }: Source<Row>,
  rules: Rules<Row>,
  pace: Pace,
): Promise<Sifted<Row>> {
  const names = [...(malformed ? [MALFORMED] : []), ...Object.keys(rules)];
  const rejected = new Tally(Object.fromEntries(names.map((rule) => [rule, rule])));
  const kept = new Tally({ [REPEATED]: REPEATED });
  for (const { row, problem } of malformed ?? []) rejected.add(MALFORMED, `row ${row}: ${problem}`);
  const sound: Row[] = [];
  const seen = new Set<string>();
  for (const [i, row] of rows.entries()) {
    const text = JSON.stringify(row);
    const broken = Object.keys(rules).find((rule) => !rules[rule]?.(row));
    if (broken !== undefined) rejected.add(broken, text);
    else sound.push(row);
    if (broken === undefined && seen.size === seen.add(text).size) kept.add(REPEATED, text);
    await pace(i + 1, rows.length);
  }
  return {
    sound,
    intake: { file, rows: rows.length + (malformed?.length ?? 0), rejected: rejected.list(), kept: kept.list() },
  };
}

/** Tells whether a cell is a whole number from `least` to `most`. */
export function isWhole(cell: unknown, least: number, most: number): cell is number {
  return Number.isInteger(cell) && Number(cell) >= least && Number(cell) <= most;
}

/** Tells whether a text is a number from `least` to `most`. */
export function isNumeric(cell: string, least: number, most: number): boolean {
  return cell.trim() !== "" && Number(cell) >= least && Number(cell) <= most;
}
