// Text for a terminal. No colours, so that a pipe or a file gets the same text.

import CliTable from "cli-table3";
import { shareOf } from "./groups.js";
import type { Cell, ColumnKind, Table } from "./table.js";

const BAR_WIDTH = 20;

/** Kinds that are set to the left; all others are figures. */
const LEFT: readonly ColumnKind[] = ["text", "bar"];

/** Tables as text, an empty line between them. */
export function renderTables(tables: readonly Table[]): string {
  return tables.map(renderTable).join("\n\n");
}

/** A number with thousands separated. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** An amount of US dollars. */
export function dollars(value: number): string {
  return `$${count(value)}`;
}

/** A share of 0 to 1, in percent. */
export function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

/** A table as text, with its title above and its note below. */
function renderTable({ title, columns, rows, note }: Table): string {
  const table = new CliTable({
    head: columns.map((column) => column.name),
    colAligns: columns.map(({ kind }) => (LEFT.includes(kind) ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  const longest = columns.map((_, i) => Math.max(...rows.map((row) => Number(row[i]) || 0)));
  for (const row of rows) table.push(row.map((cell, i) => print(cell, columns[i]?.kind ?? "text", longest[i] ?? 0)));
  return [title, table.toString(), ...(note ? [note] : [])].join("\n");
}

const PRINTERS: Readonly<Record<ColumnKind, (value: number, longest: number) => string>> = {
  text: String,
  figure: String,
  count,
  decimal: (value) =>
    value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "negative" }),
  dollars,
  share,
  bar: (value, longest) => "█".repeat(Math.round(BAR_WIDTH * shareOf(value, longest))),
};

function print(cell: Cell, kind: ColumnKind, longest: number): string {
  if (cell === null) return "–";
  return typeof cell === "string" ? cell : PRINTERS[kind](cell, longest);
}
