// The report as tables of text: its own figures first, then the tables that nodes made.

import { shareOf, sumOf } from "../shared/groups.js";
import { count, dollars, renderTables, share } from "../shared/render.js";
import { columns, type Table } from "../shared/table.js";
import { findingRows } from "../shared/tally.js";
import type { MatchedBy, Report } from "./schemas.js";

/** The whole report as text. */
export function renderReport(report: Report): string {
  const own = [totals, costliest, cleaning, matching, unmatched, aliases].map((part) => part(report));
  return renderTables([...own, ...report.tables]);
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
    columns: columns({ Fact: "text", Value: "text" }),
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
    columns: columns({
      Date: "text",
      Airport: "text",
      Aircraft: "text",
      Phase: "text",
      Species: "text",
      Cost: "dollars",
    }),
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
  const rejected = sumOf(cleaning.rejected, (finding) => finding.rows);
  return {
    title: `Rows: ${count(cleaning.rowsRead)} read, ${count(rejected)} rejected, ${count(cleaning.rowsRepaired)} repaired`,
    columns: columns({ "": "text", Rule: "text", Rows: "count", Example: "text" }),
    rows: [
      ...findingRows("rejected", cleaning.rejected),
      ...findingRows("repaired", cleaning.repaired),
      ...findingRows("left open", cleaning.missing),
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
    columns: columns({ By: "text", Names: "count", Rows: "count", Share: "share", "Up to here": "share" }),
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
    columns: columns({ Name: "text", State: "text", Rows: "count", Why: "text" }),
    rows: unmatched.map(({ name, state, strikes, why }) => [name, state, strikes, why]),
    note: "",
  };
}

function aliases({ aliases }: Report): Table {
  return {
    title: "Aliases used",
    columns: columns({ Name: "text", IATA: "text", Rows: "count", "Why no rule finds it": "text" }),
    rows: aliases.map(({ name, airport, strikes, why }) => [name, airport?.iata ?? null, strikes, why]),
    note: "",
  };
}

function withShare(part: number, whole: number): string {
  return `${count(part)} (${share(shareOf(part, whole))})`;
}
