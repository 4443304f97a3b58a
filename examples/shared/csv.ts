// Text of CSV to rows of text. Papa Parse runs in browsers and workers as in Node, and it lists broken rows instead of
// giving up at the first.

import Papa from "papaparse";
import { z } from "zod";

/** A row that is not as long as the header, or badly quoted. `row` counts from 1, the header included. */
export const MalformedRow = z.object({ row: z.number(), problem: z.string() });
export type MalformedRow = z.infer<typeof MalformedRow>;

type Row<Column extends string> = Record<Column, string>;

/** The rows that could be read, with the named columns alone, and those that could not. */
export interface Parsed<Column extends string> {
  readonly rows: readonly Row<Column>[];
  readonly malformed: readonly MalformedRow[];
}

/** Reads the named columns. Throws if one is missing. */
export function parseCsv<Column extends string>(csv: string, columns: readonly Column[]): Parsed<Column> {
  const { data, errors, meta } = Papa.parse<Row<string>>(csv, { header: true, delimiter: ",", skipEmptyLines: true });
  expectColumns(columns, meta.fields ?? []);
  const broken = new Map(errors.map(({ row = 0, message }) => [row, message]));
  return {
    rows: data.filter((_, i) => !broken.has(i)).map((row) => pick(row, columns)),
    malformed: [...broken].map(([i, problem]) => ({ row: i + 2, problem })), // the header is row 1
  };
}

function expectColumns(expected: readonly string[], found: readonly string[]): void {
  const missing = expected.filter((column) => !found.includes(column));
  if (missing.length > 0) {
    throw new Error(
      `The file has no column "${missing.join('", "')}". Its columns are: ${found.join(", ") || "none"}.`,
    );
  }
}

function pick<Column extends string>(row: Row<string>, columns: readonly Column[]): Row<Column> {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? ""])) as Row<Column>;
}
