// The dag: four files → columns, those of the largest chunk by chunk → tables → report. The long nodes compute at a pace
// that leaves turns for others: to show how far they are, and to end when they are told to.

import { readFile } from "node:fs/promises";
import { type BaseContext, chain, dag, list, map, node } from "heddle";
import { z } from "zod";
import { paceOf } from "../shared/pace.js";
import { Table } from "../shared/table.js";
import * as csv from "./read-csv.js";
import * as json from "./read-json.js";
import { Airports, Fit, FlightRows, Flights, Report, Routes, Sample } from "./schemas.js";
import * as airportTables from "./tables/airports.js";
import * as curve from "./tables/curve.js";
import * as delays from "./tables/delays.js";
import * as distances from "./tables/distances.js";
import * as evening from "./tables/evening.js";
import * as kinds from "./tables/kinds.js";
import * as planes from "./tables/planes.js";
import * as predicting from "./tables/predictions.js";

const file = { path: z.string() };

const cutFlights = node({
  input: file,
  output: list(FlightRows),
  run: async ({ path }, ctx) => json.cutFlights(await textOf(path, ctx), ctx),
});

const readChunk = node({
  input: { rows: FlightRows },
  output: Flights,
  run: ({ rows }, ctx) => json.readFlights(rows, paceOf(ctx)),
});

/** One chunk after the other: whoever stops the run finds one half-way, not all. */
const chunks = map(readChunk, { concurrency: 1 });

const joinFlights = node({
  input: { chunks: list(Flights) },
  output: Flights,
  run: ({ chunks }) => json.joinFlights(chunks),
});

const readSample = node({
  input: file,
  output: Sample,
  run: async ({ path }, ctx) => json.readSample(await textOf(path, ctx), paceOf(ctx)),
});

const readRoutes = node({
  input: file,
  output: Routes,
  run: async ({ path }, ctx) => csv.readRoutes(await textOf(path, ctx), paceOf(ctx)),
});

const readAirports = node({
  input: file,
  output: Airports,
  run: async ({ path }, ctx) => csv.readAirports(await textOf(path, ctx), paceOf(ctx)),
});

const byHour = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }) => delays.byHour(flights),
});

const byDistance = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }) => delays.byDistance(flights),
});

const delayCurve = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }) => curve.delayCurve(flights),
});

const hourIntervals = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }, ctx) => delays.hourIntervals(flights, paceOf(ctx)),
});

const eveningTest = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }, ctx) => evening.eveningTest(flights, paceOf(ctx)),
});

const fitPlanes = node({
  input: { flights: Flights },
  output: Fit,
  run: ({ flights }) => planes.fitPlanes(flights),
});

const planeIntervals = node({
  input: { flights: Flights, fit: Fit },
  output: Table,
  run: ({ flights, fit }, ctx) => planes.planeIntervals(flights, fit, paceOf(ctx)),
});

const predictions = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }, ctx) => predicting.predictions(flights, paceOf(ctx)),
});

const flightKinds = node({
  input: { flights: Flights },
  output: Table,
  run: ({ flights }, ctx) => kinds.flightKinds(flights, paceOf(ctx)),
});

const latestAirports = node({
  input: { sample: Sample, airports: Airports },
  output: Table,
  run: ({ sample, airports }, ctx) => airportTables.latestAirports(sample, airports, paceOf(ctx)),
});

const busiestPairs = node({
  input: { routes: Routes, airports: Airports, sample: Sample },
  output: Table,
  run: ({ routes, airports, sample }) => distances.busiestPairs(routes, airports, sample),
});

const report = node({
  input: { tables: list(Table), flights: Flights, sample: Sample, routes: Routes, airports: Airports },
  output: Report,
  run: ({ tables, ...files }) => ({ intakes: Object.values(files).map(({ intake }) => intake), tables }),
});

/** Delays of American flights, from four files to one report. */
export const flights = dag("flights", {
  nodes: {
    cutFlights,
    chunks,
    joinFlights,
    readSample,
    readRoutes,
    readAirports,
    byHour,
    byDistance,
    delayCurve,
    hourIntervals,
    eveningTest,
    fitPlanes,
    planeIntervals,
    predictions,
    flightKinds,
    latestAirports,
    busiestPairs,
    report,
  },
  edges: [
    ...chain("cutFlights", "chunks", "joinFlights"),
    ["joinFlights", "byHour"],
    ["joinFlights", "hourIntervals"],
    ["joinFlights", "byDistance"],
    ["joinFlights", "delayCurve"],
    ["joinFlights", "eveningTest"],
    ["joinFlights", "fitPlanes"],
    ["joinFlights", "planeIntervals"],
    ["fitPlanes", "planeIntervals"],
    ["joinFlights", "predictions"],
    ["joinFlights", "flightKinds"],
    ["readSample", "latestAirports"],
    ["readAirports", "latestAirports"],
    ["readRoutes", "busiestPairs"],
    ["readAirports", "busiestPairs"],
    ["readSample", "busiestPairs"],
    ["byHour", "report"], // the tables appear in the order of these edges
    ["hourIntervals", "report"],
    ["byDistance", "report"],
    ["delayCurve", "report"],
    ["eveningTest", "report"],
    ["planeIntervals", "report"],
    ["predictions", "report"],
    ["flightKinds", "report"],
    ["latestAirports", "report"],
    ["busiestPairs", "report"],
    ["joinFlights", "report"],
    ["readSample", "report"],
    ["readRoutes", "report"],
    ["readAirports", "report"],
  ],
});

function textOf(path: string, { signal }: BaseContext): Promise<string> {
  return readFile(path, { encoding: "utf8", signal });
}
