// The report as tables of text: what was read first, then the tables that nodes made.

import { sumOf } from "../shared/groups.js";
import { renderTables } from "../shared/render.js";
import { columns, type Table } from "../shared/table.js";
import type { Report } from "./schemas.js";

/** The whole report as text. */
export function renderReport({ intakes, tables }: Report): string {
  return renderTables([files(intakes), findings(intakes), ...tables]);
}

function files(intakes: Report["intakes"]): Table {
  return {
    title: "Flights in the United States, from four files",
    columns: columns({ File: "text", Rows: "count", "Left out": "count" }),
    rows: intakes.map(({ file, rows, rejected }) => [file, rows, sumOf(rejected, (finding) => finding.rows)]),
    note: [
      "The first two are samples of one source, the second with dates (January to March 2001) and airports.",
      "flights-airport.csv counts the flights of 2008.",
    ].join("\n"),
  };
}

function findings(intakes: Report["intakes"]): Table {
  return {
    title: "What was found in the rows",
    columns: columns({ File: "text", Rule: "text", Rows: "count" }),
    rows: intakes.flatMap(({ file, rejected, kept }) =>
      [...rejected, ...kept].map(({ rule, rows }) => [file, rule, rows]),
    ),
    note: intakes
      .flatMap(({ rejected }) => rejected.flatMap(({ example }) => example ?? []))
      .map((row) => `Left out, for example: ${row}`)
      .join("\n"),
  };
}
