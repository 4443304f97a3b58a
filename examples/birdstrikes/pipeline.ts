// The dag: read → parse → clean and match, chunk by chunk → join → tables → report. Every edge is wired by type; each
// node only names a function.

import { type Context, chain, dag, list, map, node } from "heddle";
import { z } from "zod";
import { sumOf } from "../shared/groups.js";
import { Table } from "../shared/table.js";
import { locateStrikes } from "./airports.js";
import { cleanStrikes } from "./clean.js";
import * as csv from "./csv.js";
import { joinChunks } from "./join.js";
import { makeReport } from "./report.js";
import { Airports, AirportsCsv, CleanStrikes, LocatedStrikes, RawStrikes, Report, StrikesCsv } from "./schemas.js";
import * as tables from "./tables.js";

/** How a file is read is the business of the platform, and not recorded. */
export interface Files {
  readText(path: string, signal: AbortSignal): Promise<string>;
}

const readStrikes = node({
  input: { path: z.string() },
  output: StrikesCsv,
  run: async ({ path }, { readText, signal }: Context<Files>) => StrikesCsv.parse(await readText(path, signal)),
});

const readAirports = node({
  input: { path: z.string() },
  output: AirportsCsv,
  run: async ({ path }, { readText, signal }: Context<Files>) => AirportsCsv.parse(await readText(path, signal)),
});

const parseStrikes = node({
  input: { text: StrikesCsv },
  output: list(RawStrikes),
  run: ({ text }, ctx) => csv.parseStrikes(text, ctx),
});

const parseAirports = node({
  input: { text: AirportsCsv },
  output: Airports,
  run: ({ text }) => csv.parseAirports(text),
});

const clean = node({
  input: { raw: RawStrikes },
  output: CleanStrikes,
  run: ({ raw }) => cleanStrikes(raw),
});

const match = node({
  input: { cleaned: CleanStrikes, airports: Airports },
  output: LocatedStrikes,
  run: ({ cleaned, airports }) => locateStrikes(cleaned, airports.airports),
});

/** What is done with each chunk of strikes. The airports come from outside, once for all chunks. */
const chunk = dag("chunk", {
  nodes: { clean, airports: parseAirports, match },
  edges: [
    ["clean", "match"],
    ["airports", "match"],
  ],
});

/** One chunk after the other: whoever stops the run finds one half-way, not all. */
const chunks = map(chunk, { with: { airports: "parseAirports" }, concurrency: 1 });

const join = node({
  input: { chunks: list(LocatedStrikes) },
  output: LocatedStrikes,
  run: ({ chunks }, { log }) => {
    const located = joinChunks(chunks);
    const { rejected: findings, rowsRepaired: repaired } = located.cleaning;
    const rejected = sumOf(findings, (finding) => finding.rows);
    const names = located.places.flatMap((place) => (place.airport === null ? [place.name] : []));
    log(`${rejected} rows rejected, ${repaired} repaired`, { rejected, repaired });
    log(`airport names without a match: ${names.length}`, { names });
    return located;
  },
});

const bySpecies = node({
  input: { located: LocatedStrikes },
  output: Table,
  run: ({ located }) => tables.bySpecies(located.strikes),
});

const byAirport = node({
  input: { located: LocatedStrikes },
  output: Table,
  run: ({ located }) => tables.byAirport(located),
});

const byMonth = node({
  input: { located: LocatedStrikes },
  output: Table,
  run: ({ located }) => tables.byMonth(located.strikes),
});

const byCost = node({
  input: { located: LocatedStrikes },
  output: Table,
  run: ({ located }) => tables.byCost(located.strikes),
});

const report = node({
  input: { tables: list(Table), located: LocatedStrikes },
  output: Report,
  run: ({ tables, located }) => makeReport(tables, located),
});

/** Bird strikes of 1990 to 2002 at American airports, from two CSV files to one report. */
export const birdstrikes = dag("birdstrikes", {
  nodes: {
    readStrikes,
    readAirports,
    parseStrikes,
    parseAirports,
    chunks,
    join,
    bySpecies,
    byAirport,
    byMonth,
    byCost,
    report,
  },
  edges: [
    ...chain("readStrikes", "parseStrikes", "chunks", "join"),
    ["readAirports", "parseAirports"],
    ["join", "bySpecies"],
    ["join", "byAirport"],
    ["join", "byMonth"],
    ["join", "byCost"],
    ["bySpecies", "report"], // the tables appear in the order of these edges
    ["byAirport", "report"],
    ["byMonth", "report"],
    ["byCost", "report"],
    ["join", "report"],
  ],
});
