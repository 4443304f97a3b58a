// Text of CSV to rows of text. Papa Parse runs in browsers and workers as in Node, and it lists broken rows instead of
// giving up at the first.

import Papa from "papaparse";
import { AIRPORT_COLUMNS, type Airports, type MalformedRow, type RawStrikes, STRIKE_COLUMNS } from "./schemas.js";

type Row<Column extends string> = Record<Column, string>;

interface Parsed<Column extends string> {
  readonly rows: readonly Row<Column>[];
  readonly malformed: readonly MalformedRow[];
}

/** Reads the text of birdstrikes.csv. Throws if a column is missing. */
export function parseStrikes(csv: string): RawStrikes {
  return parseCsv(csv, STRIKE_COLUMNS);
}

/** Reads the text of airports.csv; NA becomes null. Throws if a column is missing. */
export function parseAirports(csv: string): Airports {
  const { rows, malformed } = parseCsv(csv, AIRPORT_COLUMNS);
  const airports = rows.map((row) => ({ ...row, city: known(row.city), state: known(row.state) }));
  return { airports, malformed };
}

function parseCsv<Column extends string>(csv: string, columns: readonly Column[]): Parsed<Column> {
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

function known(text: string): string | null {
  return text === "NA" ? null : text;
}
