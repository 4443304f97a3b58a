// The dag: read → parse → clean → tables → report. Every edge is wired by type; each node only names a function.

import { readFile } from "node:fs/promises";
import { chain, dag, list, node } from "heddle";
import { z } from "zod";
import { sumOf } from "../shared/groups.js";
import { Table } from "../shared/table.js";
import { locateStrikes } from "./airports.js";
import { cleanStrikes } from "./clean.js";
import * as csv from "./csv.js";
import { makeReport } from "./report.js";
import { Airports, AirportsCsv, CleanStrikes, LocatedStrikes, RawStrikes, Report, StrikesCsv } from "./schemas.js";
import * as tables from "./tables.js";

const readStrikes = node({
  input: { path: z.string() },
  output: StrikesCsv,
  run: async ({ path }, { signal }) => StrikesCsv.parse(await readFile(path, { encoding: "utf8", signal })),
});

const readAirports = node({
  input: { path: z.string() },
  output: AirportsCsv,
  run: async ({ path }, { signal }) => AirportsCsv.parse(await readFile(path, { encoding: "utf8", signal })),
});

const parseStrikes = node({
  input: { text: StrikesCsv },
  output: RawStrikes,
  run: ({ text }) => csv.parseStrikes(text),
});

const parseAirports = node({
  input: { text: AirportsCsv },
  output: Airports,
  run: ({ text }) => csv.parseAirports(text),
});

const clean = node({
  input: { raw: RawStrikes },
  output: CleanStrikes,
  run: ({ raw }, { progress, log }) => {
    const cleaned = cleanStrikes(raw, progress);
    const rejected = sumOf(cleaned.rejected, (finding) => finding.rows);
    log(`${rejected} rows rejected, ${cleaned.rowsRepaired} repaired`, { rejected, repaired: cleaned.rowsRepaired });
    return cleaned;
  },
});

const joinAirports = node({
  input: { cleaned: CleanStrikes, airports: Airports },
  output: LocatedStrikes,
  run: ({ cleaned, airports }, { log }) => {
    const located = locateStrikes(cleaned.strikes, airports.airports);
    const unmatched = located.places.filter((place) => place.airport === null);
    log(`airport names without a match: ${unmatched.length}`, { names: unmatched.map((place) => place.name) });
    return located;
  },
});

const bySpecies = node({
  input: { cleaned: CleanStrikes },
  output: Table,
  run: ({ cleaned }) => tables.bySpecies(cleaned.strikes),
});

const byAirport = node({
  input: { located: LocatedStrikes },
  output: Table,
  run: ({ located }) => tables.byAirport(located),
});

const byMonth = node({
  input: { cleaned: CleanStrikes },
  output: Table,
  run: ({ cleaned }) => tables.byMonth(cleaned.strikes),
});

const byCost = node({
  input: { cleaned: CleanStrikes },
  output: Table,
  run: ({ cleaned }) => tables.byCost(cleaned.strikes),
});

const report = node({
  input: { tables: list(Table), cleaned: CleanStrikes, located: LocatedStrikes },
  output: Report,
  run: ({ tables, cleaned, located }) => makeReport(tables, cleaned, located),
});

/** Bird strikes of 1990 to 2002 at American airports, from two CSV files to one report. */
export const birdstrikes = dag("birdstrikes", {
  nodes: {
    readStrikes,
    readAirports,
    parseStrikes,
    parseAirports,
    clean,
    joinAirports,
    bySpecies,
    byAirport,
    byMonth,
    byCost,
    report,
  },
  edges: [
    ...chain("readStrikes", "parseStrikes", "clean", "joinAirports", "byAirport"),
    ...chain("readAirports", "parseAirports", "joinAirports"),
    ["clean", "bySpecies"],
    ["clean", "byMonth"],
    ["clean", "byCost"],
    ["bySpecies", "report"], // the tables appear in the order of these edges
    ["byAirport", "report"],
    ["byMonth", "report"],
    ["byCost", "report"],
    ["clean", "report"],
    ["joinAirports", "report"],
  ],
});
