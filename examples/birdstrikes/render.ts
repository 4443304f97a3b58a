// Text for a terminal. No colours, so that a pipe or a file gets the same text.

import CliTable from "cli-table3";
import { shareOf, sumOf } from "./groups.js";
import type { Cell, ColumnKind, Finding, MatchedBy, Report, Table } from "./schemas.js";

const BAR_WIDTH = 20;

/** One line of the table of nodes. Without `outputBytes` nothing was produced or nothing is known of it. */
export interface NodeSummary {
  readonly label: string;
  readonly status: string;
  readonly attempts: number;
  readonly durationMs?: number | undefined;
  readonly outputBytes?: number | undefined;
  readonly why?: string | undefined;
}

/** The whole report as text. */
export function renderReport(report: Report): string {
  const own = [totals, costliest, cleaning, matching, unmatched, aliases].map((part) => part(report));
  return [...own, ...report.tables].map(renderTable).join("\n\n");
}

/** A table as text, with its title above and its note below. */
function renderTable({ title, columns, rows, note }: Table): string {
  const table = new CliTable({
    head: columns.map((column) => column.name),
    colAligns: columns.map(({ kind }) => (kind === "text" || kind === "bar" ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  const longest = columns.map((_, i) => Math.max(...rows.map((row) => Number(row[i]) || 0)));
  for (const row of rows) table.push(row.map((cell, i) => print(cell, columns[i]?.kind ?? "text", longest[i] ?? 0)));
  return [title, table.toString(), ...(note ? [note] : [])].join("\n");
}

/** What ran, in which state it ended, how long it took and how much it gave; `why` where any node has one. */
export function renderNodes(title: string, nodes: readonly NodeSummary[]): string {
  const withWhy = nodes.some((node) => node.why);
  return renderTable({
    title,
    columns: [
      { name: "Node", kind: "text" },
      { name: "Status", kind: "text" },
      { name: "Attempts", kind: "count" },
      { name: "Ms", kind: "count" },
      { name: "Output bytes", kind: "count" },
      ...(withWhy ? [{ name: "Why", kind: "text" as const }] : []),
    ],
    rows: nodes.map((node) => nodeRow(node, withWhy)),
    note: "",
  });
}

function nodeRow({ label, status, attempts, durationMs, outputBytes, why }: NodeSummary, withWhy: boolean): Cell[] {
  return [label, status, attempts, durationMs ?? null, outputBytes ?? null, ...(withWhy ? [why ?? null] : [])];
}

const PRINTERS: Readonly<Record<ColumnKind, (value: number, longest: number) => string>> = {
  text: String,
  count,
  decimal: (value) => value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
  dollars,
  share,
  bar: (value, longest) => "█".repeat(Math.round(BAR_WIDTH * shareOf(value, longest))),
};

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function dollars(value: number): string {
  return `$${count(value)}`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function print(cell: Cell, kind: ColumnKind, longest: number): string {
  if (cell === null) return "–";
  return typeof cell === "string" ? cell : PRINTERS[kind](cell, longest);
}

function totals({ totals }: Report): Table {
  const facts: readonly (readonly [string, string])[] = [
    ["Strikes", `${count(totals.strikes)}, from ${totals.firstDate} to ${totals.lastDate}`],
    ["Aircraft damaged", withShare(totals.damaged, totals.strikes)],
    ["Species identified", `${withShare(totals.identified, totals.strikes)}, ${totals.speciesIdentified} species`],
    ["With a cost", withShare(totals.withCost, totals.strikes)],
    [
      "Without a cost",
      `${withShare(totals.withoutCost, totals.strikes)}, ${totals.damagedWithoutCost} of them damaged`,
    ],
    ["Cost in all", `${dollars(totals.cost)}, median ${dollars(totals.medianCost)}`],
  ];
  return {
    title: "Bird strikes",
    columns: [
      { name: "Fact", kind: "text" },
      { name: "Value", kind: "text" },
    ],
    rows: facts,
    note: [
      "Damaged: minor, medium or substantial; codes that the column does not define are not counted.",
      "Costs are known for few strikes, so sums of cost are a lower bound.",
    ].join("\n"),
  };
}

function costliest({ costliest }: Report): Table {
  return {
    title: "The most costly strikes",
    columns: [
      { name: "Date", kind: "text" },
      { name: "Airport", kind: "text" },
      { name: "Aircraft", kind: "text" },
      { name: "Phase", kind: "text" },
      { name: "Species", kind: "text" },
      { name: "Cost", kind: "dollars" },
    ],
    rows: costliest.map(({ date, airport, aircraft, phase, species, cost }) => [
      date,
      airport,
      aircraft,
      phase,
      species,
      cost,
    ]),
    note: "",
  };
}

function cleaning({ cleaning, totals }: Report): Table {
  const rows = (what: string, findings: readonly Finding[]) =>
    findings.map(({ rule, rows, example }) => [what, rule, rows, example]);
  const rejected = sumOf(cleaning.rejected, (finding) => finding.rows);
  return {
    title: `Rows: ${count(cleaning.rowsRead)} read, ${count(rejected)} rejected, ${count(cleaning.rowsRepaired)} repaired`,
    columns: [
      { name: "", kind: "text" },
      { name: "Rule", kind: "text" },
      { name: "Rows", kind: "count" },
      { name: "Example", kind: "text" },
    ],
    rows: [
      ...rows("rejected", cleaning.rejected),
      ...rows("repaired", cleaning.repaired),
      ...rows("left open", cleaning.missing),
      ["kept", "equal to an earlier row: no key tells a repeat from a second strike", totals.repeatedRows, null],
    ],
    note: "",
  };
}

const STEP_NAMES: Readonly<Record<MatchedBy, string>> = {
  exact: "the same name, ignoring case",
  normalised: "the same name once written alike",
  alias: "the list of aliases",
  nothing: "not matched",
};

function matching({ match, totals }: Report): Table {
  return {
    title: "Airport names matched with airports.csv",
    columns: [
      { name: "By", kind: "text" },
      { name: "Names", kind: "count" },
      { name: "Rows", kind: "count" },
      { name: "Share", kind: "share" },
      { name: "Up to here", kind: "share" },
    ],
    rows: match.steps.map(({ matchedBy, names, rows, shareUpToHere }) => [
      STEP_NAMES[matchedBy],
      names,
      rows,
      shareOf(rows, totals.strikes),
      matchedBy === "nothing" ? null : shareUpToHere,
    ]),
    note: `Letter for letter, ${match.sameCase} rows match. The state must agree in every step.`,
  };
}

function unmatched({ unmatched }: Report): Table {
  return {
    title: "Airport names without a match",
    columns: [
      { name: "Name", kind: "text" },
      { name: "State", kind: "text" },
      { name: "Rows", kind: "count" },
      { name: "Why", kind: "text" },
    ],
    rows: unmatched.map(({ name, state, strikes, why }) => [name, state, strikes, why]),
    note: "",
  };
}

function aliases({ aliases }: Report): Table {
  return {
    title: "Aliases used",
    columns: [
      { name: "Name", kind: "text" },
      { name: "IATA", kind: "text" },
      { name: "Rows", kind: "count" },
      { name: "Why no rule finds it", kind: "text" },
    ],
    rows: aliases.map(({ name, airport, strikes, why }) => [name, airport?.iata ?? null, strikes, why]),
    note: "",
  };
}

function withShare(part: number, whole: number): string {
  return `${count(part)} (${share(shareOf(part, whole))})`;
}
